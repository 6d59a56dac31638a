"""A calendar under a private address: real iCalendar, only what its user may see today, worth nothing once ended."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from icalendar import Calendar
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm.cases.models import Case, CaseUnit
from crm.core.clock import now, start_of, today
from crm.enterprises.models import EnterpriseEvent
from crm.ladder.models import TitleGrant
from crm.security.calendars import renew
from crm.security.models import AuditEntry, CalendarKey, Unit, UnitMember, User, UserProfile, UserRegion
from crm.visits.models import Visit
from crm.visits.plans.models import Absence, Assignment, Campaign
from tests.conftest import make_user
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, firm

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from sqlalchemy import Engine

SOON = timedelta(days=3)


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


@pytest.fixture
def officer(session: Session, sign_in: Any) -> tuple[FlaskClient, int]:
    return sign_in("officer", WENLING), session.scalars(select(User.id)).one()


def address(client: FlaskClient) -> str:
    """A new private address, as the page shows it."""
    answer = client.post("/account/calendar", data={"act": "renew"})
    assert answer.status_code == 200
    return "/calendar/" + answer.get_data(as_text=True).split("/calendar/")[1].split('"')[0]


def events(client: FlaskClient, path: str) -> list[Any]:
    answer = client.get(path)
    assert answer.status_code == 200
    return list(Calendar.from_ical(answer.data).walk("VEVENT"))


def titles(client: FlaskClient, path: str) -> list[str]:
    return [str(event["SUMMARY"]) for event in events(client, path)]


def visit(session: Session, firm_id: int, author: int, next_on: date | None, step: str = "带银行上门", at: datetime | None = None) -> Visit:
    made = Visit(uuid=str(uuid.uuid4()), enterprise_id=firm_id, kind="onsite", started_at=at or now(), author_id=author, created_at=now(), next_step=step, next_on=next_on, policies=[], fields={})
    session.add(made)
    session.commit()
    return made


def case(session: Session, firm_id: int, due_on: date | None, **given: Any) -> Case:
    made = Case(uuid=str(uuid.uuid4()), enterprise_id=firm_id, title="张三 13857612345 要变压器", opened_at=now(), due_on=due_on, **given)
    session.add(made)
    session.commit()
    return made


# ── what is in it ──────────────────────────────────────────────────────


def test_a_next_step_is_an_all_day_entry_with_firm_reason_and_link(session: Session, officer: Any, settings: Any) -> None:
    client, me = officer
    key = firm(session, officer=me).id
    made = visit(session, key, me, today() + SOON)
    (event,) = events(client, address(client))
    link = f"{settings.base_url}/enterprises/{key}"
    assert (event["UID"], event.decoded("DTSTART"), event.decoded("DTEND"), str(event["SUMMARY"]), str(event["DESCRIPTION"]), str(event["URL"])) == (
        f"step-{made.uuid}@127.0.0.1", today() + SOON, today() + SOON + timedelta(days=1), "走访跟进：台州砚江机械有限公司", f"带银行上门\n{link}", link,
    )


def test_instants_are_utc_so_no_time_zone_can_shift_a_day(session: Session, officer: Any) -> None:
    client, me = officer
    visit(session, firm(session, officer=me).id, me, today())
    body = client.get(address(client)).data
    (event,) = Calendar.from_ical(body).walk("VEVENT")
    assert ({event.decoded(name).utcoffset() for name in ("DTSTAMP", "LAST-MODIFIED")}, b"VTIMEZONE" in body, type(event.decoded("DTSTART"))) == ({timedelta(0)}, False, date)


def test_phone_numbers_stay_at_home(session: Session, officer: Any) -> None:
    client, me = officer
    key = firm(session, officer=me).id
    visit(session, key, me, today(), step="打 13857612345 或 0576-86123456 找王总")
    case(session, key, today())
    body = client.get(address(client)).get_data(as_text=True).replace("\r\n ", "")
    assert [number in body for number in ("13857612345", "86123456", "张三", "王总")] == [False, False, False, True]


def test_the_same_matter_keeps_its_uid_and_its_sequence_rises(session: Session, officer: Any) -> None:
    client, me = officer
    made, path = visit(session, firm(session, officer=me).id, me, today()), address(client)
    before = events(client, path)[0]
    made.next_on = today() + SOON
    session.commit()
    after = events(client, path)[0]
    assert (before["UID"] == after["UID"], before["SEQUENCE"], after["SEQUENCE"]) == (True, 0, 1)


@pytest.mark.parametrize(("days", "shown"), [(-61, False), (-60, True), (0, True), (400, True), (401, False)])
def test_it_looks_sixty_days_back_and_four_hundred_ahead(session: Session, officer: Any, days: int, shown: bool) -> None:
    client, me = officer
    visit(session, firm(session, officer=me).id, me, today() + timedelta(days=days))
    assert bool(events(client, address(client))) is shown


def test_a_later_visit_takes_the_promise_out(session: Session, officer: Any) -> None:
    client, me = officer
    key = firm(session, officer=me).id
    visit(session, key, me, today(), at=now() - timedelta(days=2))
    visit(session, key, me, None)
    assert events(client, address(client)) == []


def test_a_colleagues_firms_are_the_colleagues_business(session: Session, officer: Any) -> None:
    client, _ = officer
    other = make_user(session, "officer", (WENLING,), "other").id
    key = firm(session, officer=other).id
    visit(session, key, other, today())
    case(session, key, today())
    assert events(client, address(client)) == []


def test_a_firm_that_left_the_jurisdiction_leaves_the_calendar(session: Session, officer: Any) -> None:
    client, me = officer
    visit(session, firm(session, officer=me).id, me, today())
    path = address(client)
    session.execute(update(UserRegion).where(UserRegion.user_id == me).values(code=LUQIAO))
    session.commit()
    assert events(client, path) == []


@pytest.mark.parametrize(("stage", "days", "said"), [
    ("received", {"accept_by": SOON}, "受理诉求"), ("handling", {"due_on": SOON}, "诉求到期"), ("deferred", {"recheck_on": SOON}, "复查暂缓的诉求"),
])  # fmt: skip
def test_a_case_stands_on_the_day_its_stage_is_due(session: Session, officer: Any, stage: str, days: dict[str, timedelta], said: str) -> None:
    client, me = officer
    made = Case(uuid=str(uuid.uuid4()), enterprise_id=firm(session, officer=me).id, title="x", opened_at=now(), stage=stage, **{k: today() + v for k, v in days.items()})
    session.add(made)
    session.commit()
    assert [(str(e["SUMMARY"]), e.decoded("DTSTART")) for e in events(client, address(client))] == [(f"{said}：台州砚江机械有限公司", today() + SOON)]


def test_a_closed_case_is_gone(session: Session, officer: Any) -> None:
    client, me = officer
    case(session, firm(session, officer=me).id, today(), state="closed", stage="closed")
    assert events(client, address(client)) == []


@pytest.mark.parametrize(("stage", "shown"), [("received", 1), ("review", 1), ("handling", 0)])
def test_a_manager_sees_what_waits_for_a_manager(session: Session, sign_in: Any, stage: str, shown: int) -> None:
    case(session, firm(session).id, today(), stage=stage, accept_by=today())
    client = sign_in("manager", "331000")
    assert len(events(client, address(client))) == shown


@pytest.mark.parametrize(("feedback", "shown"), [(None, 1), ("done", 0)])
def test_a_department_sees_what_it_has_not_answered(session: Session, sign_in: Any, feedback: str | None, shown: int) -> None:
    client = sign_in("department")
    unit = Unit(name="供电公司", region_code=WENLING)
    made = case(session, firm(session).id, today(), stage="handling")
    session.add(unit)
    session.flush()
    session.add_all([UnitMember(user_id=session.scalars(select(User.id)).one(), unit_id=unit.id),
                     CaseUnit(case_id=made.id, unit_id=unit.id, is_lead=True, dispatched_at=now(), feedback_at=now() if feedback else None)])  # fmt: skip
    session.commit()
    assert len(events(client, address(client))) == shown


def grant(session: Session, firm_id: int, valid_to: date) -> None:
    session.add(TitleGrant(enterprise_id=firm_id, title="srdi", granted_on=today() - timedelta(days=800), valid_to=valid_to, recorded_at=now()))
    session.commit()


def test_a_title_of_my_firm_stands_on_its_last_day(session: Session, officer: Any) -> None:
    client, me = officer
    grant(session, firm(session, officer=me).id, today() + SOON)
    found = [(str(e["SUMMARY"]), e.decoded("DTSTART")) for e in events(client, address(client)) if "到期" in e["SUMMARY"]]
    assert [(text.split("到期：")[1], day) for text, day in found] == [("台州砚江机械有限公司", today() + SOON)]


def test_the_yearly_update_is_there_until_somebody_says_it_was_made(session: Session, officer: Any) -> None:
    client, me = officer
    key, path = firm(session, officer=me).id, address(client)
    grant(session, key, today() + timedelta(days=900))
    before = {e.decoded("DTSTART").year for e in events(client, path) if "年度信息" in e["SUMMARY"]}
    session.add_all(EnterpriseEvent(enterprise_id=key, kind="title_updated.srdi", on=date(year, 3, 1), source="manual", recorded_at=now()) for year in before)
    session.commit()
    assert (bool(before), titles(client, path)) == (True, [])


def assign(session: Session, firm_id: int, officer_id: int, due_on: date) -> None:
    plan = Campaign(name="万名干部助万企", region_code=WENLING, from_on=today() - SOON, to_on=today() + 10 * SOON, opens_at=start_of(today() - SOON), closes_at=start_of(today() + 11 * SOON),
                    rule={}, created_at=now(), per_firm=1)  # fmt: skip
    session.add(plan)
    session.flush()
    session.add(Assignment(campaign_id=plan.id, enterprise_id=firm_id, officer_id=officer_id, due_on=due_on, created_at=now()))
    session.commit()


def test_an_assigned_visit_stands_on_its_day_and_leads_to_the_form(session: Session, officer: Any, settings: Any) -> None:
    client, me = officer
    key = firm(session).id
    assign(session, key, me, today() + SOON)
    (event,) = events(client, address(client))
    assert (str(event["SUMMARY"]), event.decoded("DTSTART"), str(event["URL"]).startswith(f"{settings.base_url}/visits/new?enterprise={key}&campaign=")) == ("走访：台州砚江机械有限公司", today() + SOON, True)


def test_while_i_am_away_my_visit_is_in_the_calendar_of_who_stands_in(session: Session, officer: Any, sign_in: Any) -> None:
    client, me = officer
    other = sign_in("officer", WENLING, username="other")
    substitute = session.scalars(select(User.id).where(User.username == "other")).one()
    assign(session, firm(session).id, me, today() + SOON)
    session.add(Absence(user_id=me, substitute_id=substitute, from_on=today(), to_on=today() + 2 * SOON, reason="学习", created_at=now()))
    session.commit()
    assert (titles(client, address(client)), titles(other, address(other))) == ([], ["代办走访：台州砚江机械有限公司"])


# ── who may read it ────────────────────────────────────────────────────


def test_it_needs_no_sign_in(session: Session, officer: Any, app: Any) -> None:
    assert app.test_client().get(address(officer[0])).status_code == 200


def test_nothing_of_the_address_is_on_file(session: Session, officer: Any) -> None:
    token = address(officer[0]).removeprefix("/calendar/").removesuffix(".ics")
    session.rollback()
    row = session.scalars(select(CalendarKey)).one()
    trail = [repr(e.detail) + (e.subject_id or "") for e in session.scalars(select(AuditEntry))]
    assert (len(token) >= 43, token in row.digest, any(token in line for line in trail)) == (True, False, False)


def test_the_account_page_never_shows_it_again(officer: Any) -> None:
    client, _ = officer
    token = address(client).removeprefix("/calendar/").removesuffix(".ics")
    assert token not in client.get("/account/").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/calendar/x.ics", "/calendar/" + "a" * 43 + ".ics", "/calendar/" + "a" * 5000 + ".ics", "/calendar/%00.ics", "/calendar/%E5%8E%82.ics"])
def test_an_address_nobody_has_is_not_there(client: FlaskClient, app: Any, path: str) -> None:
    assert client.get(path).status_code == 404


def _renewed(session: Session, client: FlaskClient, me: int) -> None:
    address(client)


def _revoked(session: Session, client: FlaskClient, me: int) -> None:
    client.post("/account/calendar", data={"act": "revoke"})


def _switched_off(session: Session, client: FlaskClient, me: int) -> None:
    session.execute(update(User).where(User.id == me).values(active=False))
    session.commit()


def _password_reset(session: Session, client: FlaskClient, me: int) -> None:
    session.execute(update(UserProfile).where(UserProfile.user_id == me).values(must_change_password=True))
    session.commit()


def _only_audits(session: Session, client: FlaskClient, me: int) -> None:
    auditor = make_user(session, "auditor", (), "auditor")
    user = session.get(User, me)
    user.roles = list(auditor.roles)
    session.commit()


@pytest.mark.parametrize("end", [_renewed, _revoked, _switched_off, _password_reset, _only_audits])
def test_the_address_is_worth_nothing_any_more(session: Session, officer: Any, app: Any, end: Any) -> None:
    client, me = officer
    path = address(client)
    end(session, client, me)
    answer = app.test_client().get(path)
    assert (answer.status_code, "失效" in answer.get_data(as_text=True)) == (404, True)


def test_after_ending_it_a_new_one_can_be_made(officer: Any) -> None:
    client, _ = officer
    client.post("/account/calendar", data={"act": "revoke"})
    assert client.get(address(client)).status_code == 200


def test_an_auditor_has_no_calendar(session: Session, sign_in: Any) -> None:
    client = sign_in("auditor")
    answer = client.post("/account/calendar", data={"act": "renew"})
    session.rollback()
    assert (answer.status_code in {302, 403}, session.scalars(select(CalendarKey)).all(), "日历订阅" in client.get("/account/").get_data(as_text=True)) == (True, [], False)


def test_of_two_made_at_once_one_counts(session: Session, officer: Any, app: Any, clean_engine: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from crm.security.access import Access

    client, me = officer
    address(client)

    def make(_: int) -> str:
        with Session(clean_engine) as own:
            token = renew(own, Access(me, "officer", frozenset({"officer"})), now())
            own.commit()
            return token

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))
    assert sorted(app.test_client().get(f"/calendar/{token}.ics").status_code for token in made) == [200, 404, 404, 404]


# ── how it travels ─────────────────────────────────────────────────────


def test_nothing_new_is_answered_with_nothing(session: Session, officer: Any) -> None:
    client, me = officer
    visit(session, firm(session, officer=me).id, me, today())
    path = address(client)
    again = client.get(path, headers={"If-None-Match": client.get(path).headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_it_is_kept_by_no_cache_on_the_way_and_names_itself_to_nobody(officer: Any) -> None:
    client, _ = officer
    answer = client.get(address(client))
    assert (answer.mimetype, answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("text/calendar", "private, no-cache", "same-origin")


def test_it_takes_as_many_queries_for_ten_firms_as_for_one(session: Session, officer: Any, app: Any, clean_engine: Engine) -> None:
    client, me = officer
    path, sizes, calendar = address(client), [], app.test_client()
    for many in (1, 9):
        for n in range(many):
            key = firm(session, f"第{many}{n}厂", officer=me).id
            visit(session, key, me, today())
            case(session, key, today())
            grant(session, key, today() + SOON)
            assign(session, key, me, today())
        calendar.get(path)
        with statements(clean_engine) as seen:
            calendar.get(path)
        sizes.append(len(seen))
    assert sizes[0] == sizes[1] <= 11, "\n".join(s[:150] for s in seen)
