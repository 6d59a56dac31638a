"""Plans on the web: a preview that writes nothing, a campaign, an officer's own plan, standing in, files, budgets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from crm.core.clock import now, today
from crm.enterprises.models import Enterprise
from crm.security.audit import AuditEntry
from crm.security.models import User
from crm.visits.models import Visit
from crm.visits.plans.models import Absence, Assignment, Campaign
from tests.web.counting import statements
from tests.web.firms import WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

BUDGET = 12


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


@pytest.fixture
def manager(sign_in: SignIn) -> FlaskClient:
    return sign_in("manager", WENLING)


@pytest.fixture
def officer(sign_in: SignIn) -> FlaskClient:
    return sign_in("officer", WENLING)


def me(session: Session, role: str = "officer") -> int:
    return session.scalars(select(User.id).where(User.username.startswith(role)).order_by(User.id)).first() or 0


def asked(**changes: Any) -> dict[str, Any]:
    base = {
        "name": "万名干部助万企", "region": WENLING, "from_on": today().isoformat(), "to_on": (today() + timedelta(days=29)).isoformat(), "per_firm": "1", "visited": "", "alerted": "",
        "keep_officer": "y", "nearest": "y",
    }
    return base | changes


def started(session: Session, manager: FlaskClient, firms: int = 3, **changes: Any) -> Campaign:
    for n in range(firms):
        firm(session, f"第{n}机械厂")
    answer = manager.post("/plans/", data=asked(**changes))
    assert answer.status_code == 303, answer.get_data(as_text=True)[-3000:]
    session.expire_all()
    return session.scalars(select(Campaign)).one()


def visited(session: Session, enterprise_id: int) -> None:
    session.add(Visit(uuid=str(uuid4()), enterprise_id=enterprise_id, kind="onsite", started_at=now() - timedelta(seconds=1), author_id=me(session), created_at=now(), policies=[], fields={}))
    session.commit()


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)[-2000:]
    return answer.get_data(as_text=True)


def test_without_campaigns_a_manager_is_told_what_to_do(manager: FlaskClient) -> None:
    assert "新建第一个计划" in text_of(manager, "/plans/")


def test_without_a_part_in_any_an_officer_is_told_what_to_do(officer: FlaskClient) -> None:
    assert "没有分给您的走访计划" in text_of(officer, "/plans/")


def test_a_preview_says_how_many_and_writes_nothing(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    firm(session, "大川机械厂")
    page = manager.get("/plans/new", query_string=asked(preview="1")).get_data(as_text=True)
    assert ("大川机械厂" in page, session.scalar(select(func.count()).select_from(Campaign))) == (True, 0)


def test_firms_nobody_can_take_are_named_with_the_reason(session: Session, manager: FlaskClient) -> None:
    firm(session, "大川机械厂")
    assert "1 家没有能看到它的参加干部" in manager.get("/plans/new", query_string=asked(preview="1")).get_data(as_text=True)


@pytest.mark.parametrize(("change", "said"), [
    ({"name": ""}, "请给计划起个名字"), ({"to_on": "2020-01-01"}, "结束日期早于开始日期"), ({"to_on": ""}, "请选择结束日期"), ({"from_on": "0001-01-01"}, "日期不对"),
    ({"per_firm": "0"}, "请填 1 到"), ({"per_firm": "x"}, "per_firm-e"), ({"region": "331082"}, "region-e"), ({"unvisited_days": "99999", "visited": "days"}, "请填 1 到 3650"),
    ({"alerted": "purple"}, "alerted-e"), ({"visited": "often"}, "visited-e"), ({"places": "moon"}, "places-e"),
])  # fmt: skip
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_cannot_be_is_said_under_its_field_and_the_rest_is_kept(manager: FlaskClient, change: dict[str, str], said: str, method: str) -> None:
    sent = asked(preview="1", per_officer="17", **change)
    answer = manager.get("/plans/new", query_string=sent) if method == "get" else manager.post("/plans/", data=sent)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, said in page, 'value="17"' in page) == (422, True, True)


def test_an_address_that_leaves_conditions_out_is_a_plan_without_them(manager: FlaskClient) -> None:
    few = {key: value for key, value in asked(preview="1").items() if key not in {"alerted", "visited", "keep_officer", "nearest"}}
    assert manager.get("/plans/new", query_string=few).status_code == 200


def test_a_template_of_the_pack_brings_its_source_and_no_number(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager, template="tz.visit.hello_small")
    assert made.source is not None
    assert (made.source["clause"], made.source["status"]) == ("四（二）", "draft")


def test_an_officer_sees_own_visits_and_a_new_one_is_done_without_a_tick(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    started(session, manager)
    key = session.scalars(select(Assignment.enterprise_id)).first() or 0
    before = text_of(officer, "/plans/")
    officer.post("/visits/", data={"enterprise": str(key), "kind": "onsite", "started_at": f"{today()}T00:00", "uuid": str(uuid4())})
    assert (f"enterprise={key}&amp;campaign=" in before, f"enterprise={key}&amp;campaign=" in text_of(officer, "/plans/")) == (True, False)


def test_the_visit_form_says_which_campaign_the_firm_is_in(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    started(session, manager)
    key = session.scalars(select(Assignment.enterprise_id)).first()
    assert "保存后自动算完成一次" in text_of(officer, f"/visits/new?enterprise={key}")


def test_what_is_due_today_stands_on_today(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    started(session, manager)
    for row in session.scalars(select(Assignment)):
        row.due_on = today()
    session.commit()
    assert "今天该去 3 家" in text_of(officer, "/today/")


@pytest.mark.parametrize(("state", "shown"), [("done", 1), ("todo", 2), ("late", 1), ("", 3), ("odd", 3)])
def test_the_list_is_narrowed_by_the_address(session: Session, manager: FlaskClient, officer: FlaskClient, state: str, shown: int) -> None:
    made = started(session, manager)
    rows = session.scalars(select(Assignment).order_by(Assignment.id)).all()
    visited(session, rows[0].enterprise_id)
    rows[1].due_on = today() - timedelta(days=1)
    session.commit()
    assert text_of(manager, f"/plans/{made.id}?state={state}").split("计划里的企业")[1].count("机械厂</a>") == shown


def test_a_done_line_leads_to_its_visit(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager, firms=1)
    visited(session, session.scalars(select(Assignment.enterprise_id)).one())
    assert f"/visits/{session.scalars(select(Visit.uuid)).one()}" in text_of(manager, f"/plans/{made.id}")


@pytest.mark.parametrize("by", ["officer", "place", "tier"])
def test_coverage_counts_every_visit_once_however_it_is_grouped(session: Session, manager: FlaskClient, officer: FlaskClient, by: str) -> None:
    made = started(session, manager)
    visited(session, session.scalars(select(Assignment.enterprise_id)).first() or 0)
    assert "1 / 3" in text_of(manager, f"/plans/{made.id}?by={by}")


def test_the_file_holds_the_filtered_list_and_is_logged(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager)
    visited(session, session.scalars(select(Assignment.enterprise_id)).first() or 0)
    lines = manager.get(f"/plans/{made.id}/export?state=todo").get_data(as_text=True).splitlines()
    logged = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign.export")).one()
    assert (len(lines), (logged.detail or {})["rows"]) == (3, 2)


def test_giving_to_nobody_is_refused(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager)
    assert manager.post(f"/plans/{made.id}/reassign", data={"ids": "1", "officer_id": ""}).status_code == 422


def test_sharing_out_again_says_that_nothing_is_missing(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager)
    manager.post(f"/plans/{made.id}/assign")
    assert "没有要补的" in text_of(manager, f"/plans/{made.id}")


def test_ended_it_is_gone_from_the_officers_plan(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager)
    manager.post(f"/plans/{made.id}/end")
    assert "没有分给您的走访计划" in text_of(officer, "/plans/")


def test_an_officer_away_and_the_one_who_stands_in_are_both_told(session: Session, sign_in: SignIn, manager: FlaskClient, officer: FlaskClient) -> None:
    other = sign_in("officer", WENLING, username="second")
    substitute = session.scalars(select(User.id).where(User.username == "second")).one()
    away = {"user": str(me(session)), "substitute": str(substitute), "from_on": today().isoformat(), "to_on": today().isoformat(), "reason": "培训"}
    assert officer.post("/absences/", data=away).status_code == 303
    assert ("外出，期间到期的走访由" in text_of(officer, "/today/"), "代办" in text_of(other, "/plans/"), "培训" in text_of(manager, "/absences/")) == (True, True, True)


@pytest.mark.parametrize("change", [{"to_on": ""}, {"to_on": "never"}, {"substitute": ""}, {"substitute": "999999999"}, {"reason": " "}, {"user": "x"}])
def test_an_absence_that_cannot_be_is_refused_and_nothing_kept(session: Session, officer: FlaskClient, change: dict[str, str]) -> None:
    sent = {"user": str(me(session)), "substitute": str(me(session)), "from_on": today().isoformat(), "to_on": today().isoformat(), "reason": "培训"}
    assert (officer.post("/absences/", data=sent | change).status_code, session.scalar(select(func.count()).select_from(Absence))) == (422, 0)


@pytest.mark.parametrize(("role", "path"), [("manager", "/plans/"), ("manager", "/plans/{id}"), ("officer", "/plans/"), ("manager", "/plans/new"), ("officer", "/absences/"), ("officer", "/today/")])
def test_pages_stay_within_their_query_budget(session: Session, manager: FlaskClient, officer: FlaskClient, clean_engine: Engine, role: str, path: str) -> None:
    made = started(session, manager, firms=6)
    visited(session, session.scalars(select(Assignment.enterprise_id)).first() or 0)
    session.add(Absence(user_id=me(session), substitute_id=me(session, "manager"), from_on=today(), to_on=today(), reason="培训", created_at=now()))
    session.commit()
    client, address = {"manager": manager, "officer": officer}[role], path.format(id=made.id)
    text_of(client, address)
    with statements(clean_engine) as sent:
        text_of(client, address)
    assert len(sent) <= BUDGET, "\n".join(sent)


def test_a_phone_carries_the_firms_a_campaign_gives_to_whoever_does_not_look_after_them(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    started(session, manager, firms=2)
    rows = session.scalars(select(Assignment).order_by(Assignment.id)).all()
    for row in rows:
        row.due_on = today()
    session.commit()
    visited(session, rows[0].enterprise_id)
    lines = officer.get("/m/bundle", headers={"Accept": "application/json"}).json["firms"]
    assert [(line["id"], line["plan"], line["other"]) for line in lines] == [(rows[1].enterprise_id, [["万名干部助万企", today().isoformat(), None, 1, 1]], True)]


def test_visits_of_a_campaign_are_listed_and_each_says_it_counts(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager, firms=2)
    other = firm(session, "计划外机械厂")
    visited(session, session.scalars(select(Assignment.enterprise_id)).first() or 0)
    visited(session, other.id)
    listed = text_of(manager, f"/visits/?whose=all&campaign={made.id}")
    shown = text_of(manager, f"/visits/{session.scalars(select(Visit.uuid).order_by(Visit.id)).first()}")
    assert ("计划外机械厂" in listed, listed.count("机械厂</a>"), "计入万名干部助万企" in shown) == (False, 1, True)


def test_a_campaign_elsewhere_narrows_no_list(session: Session, manager: FlaskClient, officer: FlaskClient, sign_in: SignIn) -> None:
    made = started(session, manager)
    assert sign_in("manager", "331004").get(f"/visits/?campaign={made.id}").status_code == 404


def test_an_officer_who_was_switched_off_is_shown_to_be_replaced(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    made = started(session, manager)
    session.get_one(User, me(session)).active = False
    session.commit()
    assert text_of(manager, f"/plans/{made.id}").count("已看不到这家") == 3


def test_a_phone_carries_what_a_colleague_promised_for_the_days_away(session: Session, officer: FlaskClient, sign_in: SignIn) -> None:
    other = sign_in("officer", WENLING, username="second")
    mine = firm(session, "大川机械厂", officer=me(session))
    session.add(Visit(uuid=str(uuid4()), enterprise_id=mine.id, kind="onsite", started_at=now(), next_on=today(), author_id=me(session), created_at=now(), policies=[], fields={}))
    substitute = session.scalars(select(User.id).where(User.username == "second")).one()
    session.add(Absence(user_id=me(session), substitute_id=substitute, from_on=today(), to_on=today(), reason="培训", created_at=now()))
    session.commit()
    (line,) = other.get("/m/bundle", headers={"Accept": "application/json"}).json["firms"]
    assert (line["id"], line["other"], line["handed"][:2]) == (mine.id, True, [today().isoformat()] * 2)


def test_what_a_colleague_promised_stands_on_the_substitutes_today_only(session: Session, officer: FlaskClient, sign_in: SignIn) -> None:
    other = sign_in("officer", WENLING, username="second")
    mine = firm(session, "大川机械厂", officer=me(session))
    session.add(Visit(uuid=str(uuid4()), enterprise_id=mine.id, kind="onsite", started_at=now(), next_on=today(), next_step="带银行上门", author_id=me(session), created_at=now(), policies=[], fields={}))
    substitute = session.scalars(select(User.id).where(User.username == "second")).one()
    session.add(Absence(user_id=me(session), substitute_id=substitute, from_on=today(), to_on=today(), reason="培训", created_at=now()))
    session.commit()
    assert ["带银行上门" in text_of(client, "/today/") for client in (other, officer)] == [True, False]


def test_todays_visits_are_in_the_order_of_the_way_and_each_firm_once(session: Session, manager: FlaskClient, officer: FlaskClient) -> None:
    started(session, manager, per_firm="2")
    rows = session.scalars(select(Assignment).order_by(Assignment.enterprise_id, Assignment.turn)).all()
    keys = sorted({row.enterprise_id for row in rows})
    for row in rows:
        row.due_on = today()
        session.get_one(Enterprise, row.enterprise_id).longitude = 121.3
    for key, latitude in zip(keys, (28.3, 28.5, 28.4), strict=True):
        session.get_one(Enterprise, key).latitude = latitude
    session.commit()
    route = text_of(officer, "/plans/").split('id="route"')[1].split("</ol>")[0]
    assert [int(part.split('"')[0]) for part in route.split('href="/enterprises/')[1:]] == [keys[0], keys[2], keys[1]]
