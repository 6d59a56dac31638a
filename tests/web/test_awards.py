"""The page 奖补 and a firm's: who may claim what and why, deciding by form, the file, the query budget."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.core.clock import now, today
from crm.ladder.operations import enter
from crm.programmes.models import AwardDecision, AwardPayout, AwardRuling
from crm.security.access import Access
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

LAST = today().year - 1
BOSS = Access(None, "m", frozenset({"manager"}), ("331000",))


@pytest.fixture
def entered(session: Session) -> list[int]:
    """Two firms first entered last year, in two counties."""
    city(session)
    made = [firm(session, "首次厂").id, firm(session, "别县厂", LUQIAO).id]
    for one in made:
        enter(session, BOSS, one, on=today().replace(year=LAST, month=3, day=1), at=now())
    session.commit()
    return made


def decide(client: FlaskClient, firm_id: int, **more: str):
    body = {"enterprise_id": str(firm_id), "award": "first_entry", "year": str(LAST), "state": "granted", "reason": "纪要", **more}
    return client.post("/awards/decide", data=body)


def test_the_page_lists_who_may_claim_and_why(entered: list[int], sign_in: SignIn) -> None:
    text = sign_in("manager", "331000").get(f"/awards/?year={LAST}").get_data(as_text=True)
    assert ("首次厂" in text, f"{LAST + 1} 年仍在库" in text, "草案" in text) == (True, True, True)


def test_the_page_ends_at_the_jurisdiction(entered: list[int], sign_in: SignIn) -> None:
    assert "别县厂" not in sign_in("manager", WENLING).get(f"/awards/?year={LAST}").get_data(as_text=True)


def test_sums_by_county_are_in_yuan(entered: list[int], sign_in: SignIn) -> None:
    text = sign_in("manager", "331000").get(f"/awards/?year={LAST}").get_data(as_text=True)
    assert text.split('id="h-region"')[1].split("</section>")[0].count("60,000") == 2


def test_an_officer_sees_the_firms_page_but_not_the_list(entered: list[int], sign_in: SignIn) -> None:
    client = sign_in("officer", WENLING)
    assert (client.get(f"/enterprises/{entered[0]}/awards").status_code, client.get("/awards/").status_code) == (200, 403)


def test_the_firms_page_says_why_the_others_are_not_due(entered: list[int], sign_in: SignIn) -> None:
    assert "没有小巨人的认定记录" in sign_in("officer", WENLING).get(f"/enterprises/{entered[0]}/awards").get_data(as_text=True)


def test_a_manager_decides_by_form(entered: list[int], sign_in: SignIn, session: Session) -> None:
    decide(sign_in("manager", WENLING), entered[0])
    assert session.scalars(select(AwardDecision.amount)).all() == [60_000]


def test_a_decision_without_a_reason_is_refused_in_words(entered: list[int], sign_in: SignIn, session: Session) -> None:
    answer = decide(sign_in("manager", WENLING), entered[0], reason="")
    assert (answer.status_code, session.scalars(select(AwardDecision)).all()) == (422, [])


def test_odd_forms_are_refused(entered: list[int], sign_in: SignIn) -> None:
    client = sign_in("manager", WENLING)
    odd: tuple[dict[str, str], ...] = ({"amount": "六万"}, {"year": "MMXXV"}, {"award": "moon"}, {"state": "maybe"}, {"amount": "9" * 30})
    assert [decide(client, entered[0], **body).status_code // 100 for body in odd] == [4] * len(odd)


def test_a_payout_is_recorded_on_the_decision(entered: list[int], sign_in: SignIn, session: Session) -> None:
    client = sign_in("manager", WENLING)
    decide(client, entered[0])
    made = session.scalar(select(AwardDecision.id))
    client.post(f"/awards/decisions/{made}/pay", data={"amount": "60,000", "paid_on": today().isoformat()})
    assert session.scalars(select(AwardPayout.amount)).all() == [60_000]


def test_the_city_rules_a_question_once(entered: list[int], sign_in: SignIn, session: Session) -> None:
    body = {"pack": "taizhou", "question": "award.issued_text", "option": "照此兑现", "reason": "会议"}
    sign_in("manager", "331000").post("/awards/rulings", data=body)
    assert session.scalars(select(AwardRuling.option)).all() == ["照此兑现"]


def test_the_file_holds_the_list(entered: list[int], sign_in: SignIn) -> None:
    from python_calamine import CalamineWorkbook

    body = sign_in("manager", WENLING).get(f"/awards/export?year={LAST}").data
    rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert [(row[1], row[6]) for row in rows[1:]] == [("首次厂", 60_000)]


def test_the_page_stays_within_its_query_budget(entered: list[int], sign_in: SignIn, clean_engine: Engine) -> None:
    client = sign_in("manager", "331000")
    client.get(f"/awards/?year={LAST}")
    with statements(clean_engine) as sent:
        client.get(f"/awards/?year={LAST}")
    assert len(sent) <= 15
