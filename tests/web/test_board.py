"""The board: columns by step, moves proposed by staff, decided by managers, taken back; reasons where the rules say otherwise."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.ladder.models import Move, Standing
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, counted, firm, met

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def column(text: str, step: str) -> str:
    return text.split(f'data-step="{step}"')[1].split("</section>", maxsplit=1)[0]


def propose(client: FlaskClient, enterprise_id: Any, place: str = "above_size", **more: Any) -> Any:
    return client.post("/board/moves", json={"enterprise_id": enterprise_id, "to_place": place, **more})


def moves(session: Session) -> list[tuple[str, str]]:
    session.expire_all()
    return [(m.state, m.to_place) for m in session.scalars(select(Move).order_by(Move.id))]


def test_each_firm_stands_in_the_column_of_its_next_step(session: Session, sign_in: SignIn) -> None:
    firm(session, "小厂")
    firm(session, "优厂", place="strong")
    text = sign_in("manager", WENLING).get("/board/").get_data(as_text=True)
    assert ("小厂" in column(text, "step_up"), "优厂" in column(text, "go_public"), "优厂" in column(text, "step_up")) == (True, True, False)


def test_a_card_carries_the_verdict_on_every_place(session: Session, sign_in: SignIn) -> None:
    firm(session, **met())
    text = sign_in("manager", WENLING).get("/board/").get_data(as_text=True)
    verdicts = json.loads(unescape(re.search(r'data-verdicts="([^"]+)"', text)[1]))
    assert verdicts["above_size"] == {"against": False, "text": "规则结论：符合"}


def test_a_group_shows_a_few_cards_and_gives_the_rest_by_key(session: Session, sign_in: SignIn) -> None:
    for n in range(5):
        firm(session, f"第{n}厂", near_ratio=900 - n)
    counted(session)
    client = sign_in("manager", WENLING)
    text = client.get("/board/").get_data(as_text=True)
    more = unescape(re.search(r'href="(/board/cards[^"]+)"', text)[1])
    rest = client.get(more).get_data(as_text=True)
    assert (text.count('class="kcard"'), rest.count('class="kcard"')) == (3, 2)


def test_the_board_stays_within_its_query_budget(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for n in range(8):
        firm(session, f"第{n}厂")
    client = sign_in("manager", "331000")
    client.get("/board/")
    with statements(clean_engine) as sent:
        client.get("/board/")
    assert len(sent) <= 12


def test_a_move_the_rules_support_is_proposed_without_a_reason(session: Session, sign_in: SignIn) -> None:
    made = firm(session, **met())
    propose(sign_in("officer", WENLING), made.id)
    assert moves(session) == [("proposed", "above_size")]


def test_a_move_against_the_rules_asks_for_a_reason(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    answer = propose(sign_in("officer", WENLING), made.id)
    assert (answer.status_code, answer.get_json()["field"], moves(session)) == (422, "reason", [])


def test_with_a_reason_a_move_against_the_rules_is_proposed(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    propose(sign_in("officer", WENLING), made.id, reason="统计部门已口头答复")
    assert session.scalars(select(Move)).one().against_verdict


def test_a_firm_has_one_open_move_at_a_time(session: Session, sign_in: SignIn) -> None:
    made, client = firm(session, **met()), sign_in("officer", WENLING)
    answers = [propose(client, made.id).status_code for _ in range(2)]
    assert (answers, len(moves(session))) == ([201, 409], 1)


def test_the_proposer_takes_a_move_back(session: Session, sign_in: SignIn) -> None:
    made, client = firm(session, **met()), sign_in("officer", WENLING)
    move = propose(client, made.id).get_json()["id"]
    client.post(f"/board/moves/{move}/withdraw", json={})
    assert moves(session) == [("withdrawn", "above_size")]


def test_a_manager_confirms_with_one_click(session: Session, sign_in: SignIn) -> None:
    made = firm(session, **met())
    move = propose(sign_in("officer", WENLING), made.id).get_json()["id"]
    sign_in("manager", WENLING).post(f"/board/moves/{move}/confirm", json={})
    session.expire_all()
    assert session.get(Standing, made.id).place == "above_size"


def test_a_confirmed_move_can_be_undone(session: Session, sign_in: SignIn) -> None:
    made, manager = firm(session, **met()), sign_in("manager", WENLING)
    move = propose(manager, made.id).get_json()["id"]
    for act in ("confirm", "undo"):
        manager.post(f"/board/moves/{move}/{act}", json={})
    session.expire_all()
    assert session.get(Standing, made.id).place == "small"


def test_rejecting_needs_a_reason(session: Session, sign_in: SignIn) -> None:
    made, manager = firm(session, **met()), sign_in("manager", WENLING)
    move = propose(manager, made.id).get_json()["id"]
    answer = manager.post(f"/board/moves/{move}/reject", json={"reason": " "})
    assert (answer.status_code, moves(session)) == (422, [("proposed", "above_size")])


@pytest.mark.parametrize("act", ["confirm", "reject", "undo"])
def test_an_officer_decides_nothing(session: Session, sign_in: SignIn, act: str) -> None:
    made, client = firm(session, **met()), sign_in("officer", WENLING)
    move = propose(client, made.id).get_json()["id"]
    answer = client.post(f"/board/moves/{move}/{act}", json={"reason": "试试"})
    assert (answer.status_code, moves(session)) == (403, [("proposed", "above_size")]) or answer.status_code == 302


def test_a_firm_elsewhere_cannot_be_moved(session: Session, sign_in: SignIn) -> None:
    away = firm(session, region=LUQIAO, **met())
    answer = propose(sign_in("manager", WENLING), away.id)
    assert (answer.status_code, moves(session)) == (404, [])


def test_a_move_elsewhere_cannot_be_confirmed(session: Session, sign_in: SignIn) -> None:
    away = firm(session, region=LUQIAO, **met())
    move = propose(sign_in("officer", LUQIAO), away.id).get_json()["id"]
    answer = sign_in("manager", WENLING).post(f"/board/moves/{move}/confirm", json={})
    assert (answer.status_code, moves(session)) == (404, [("proposed", "above_size")])


@pytest.mark.parametrize(
    "body", [{}, [], {"enterprise_id": "x", "to_place": "strong"}, {"enterprise_id": 1}, {"enterprise_id": "٣", "to_place": "strong"}, {"enterprise_id": 9**30, "to_place": "strong"},
             {"enterprise_id": 1, "to_place": "moon"}, {"enterprise_id": 1, "to_place": "strong", "reason": ["x"]}, {"enterprise_id": 1, "to_place": "strong", "reason": "x" * 5000}],
)
def test_odd_messages_are_refused_and_change_nothing(session: Session, sign_in: SignIn, body: Any) -> None:
    firm(session)
    answer = sign_in("manager", WENLING).post("/board/moves", json=body)
    assert 400 <= answer.status_code < 500
    assert moves(session) == []


@pytest.mark.parametrize("path", ["/board/cards", "/board/cards?step=moon", "/board/cards?step=step_up&group=%00", "/near/?near=9&step=x&after=z", "/board/waiting?after=zzz", "/board/?region=%27&level=blue"])
def test_odd_addresses_are_no_server_error(sign_in: SignIn, path: str) -> None:
    assert sign_in("manager", WENLING).get(path).status_code < 500


def test_what_waits_is_listed_with_who_proposed_it(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    client = sign_in("manager", WENLING)
    propose(client, made.id, reason="已有入库批复")
    text = client.get("/board/waiting").get_data(as_text=True)
    assert all(part in text for part in (made.name, "与评估结论不同", "人工提出", "已有入库批复"))


def test_the_near_list_puts_the_nearest_first(session: Session, sign_in: SignIn) -> None:
    firm(session, "远厂", near_ratio=500)
    firm(session, "近厂", near_ratio=990)
    firm(session, "两条厂", near_missing=2, near_ratio=995)
    text = sign_in("manager", WENLING).get("/near/").get_data(as_text=True)
    assert text.index("近厂") < text.index("远厂")
    assert "两条厂" not in text


def test_further_cards_opened_on_their_own_are_a_whole_page(session: Session, sign_in: SignIn) -> None:
    firm(session, "单开厂", near_ratio=900)
    client = sign_in("manager", WENLING)
    path = "/board/cards?step=step_up"
    assert ["<nav" in client.get(path, headers=headers).get_data(as_text=True) for headers in ({}, {"X-Fragment": "cards"})] == [True, False]
