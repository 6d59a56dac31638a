"""Today: an officer's due visits, late cases, new alerts and quiet firms; a place's picture for a manager."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from crm.alerts.models import Alert
from crm.cases.models import Case
from crm.core.clock import now, today
from crm.jobs.models import WorkerBeat
from crm.security.models import User
from crm.visits.models import Visit
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


def today_of(client: FlaskClient) -> str:
    answer = client.get("/today/")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def section(text: str, name: str) -> str:
    return text.split(f'id="{name}"')[1].split("</section>", maxsplit=1)[0]


@pytest.fixture
def officer(session: Session, sign_in: SignIn) -> tuple[FlaskClient, int]:
    client = sign_in("officer", WENLING)
    return client, session.scalars(select(User.id)).one()


def visit(session: Session, firm_id: int, author: int, *, days_ago: int, next_in: int | None = None) -> None:
    session.add(Visit(
        uuid=str(uuid4()), enterprise_id=firm_id, kind="onsite", started_at=now() - timedelta(days=days_ago), author_id=author, created_at=now(),
        next_on=None if next_in is None else today() + timedelta(days=next_in), next_step="带银行上门", policies=[], fields={},
    ))
    session.commit()


def case(session: Session, firm_id: int, *, due_in: int, **values: Any) -> None:
    session.add(Case(uuid=str(uuid4()), enterprise_id=firm_id, title="变压器增容", due_on=today() + timedelta(days=due_in), opened_at=now(), **{"state": "open", **values}))
    session.commit()


def alert(session: Session, firm_id: int, **values: Any) -> None:
    given = {"rule": "exit_risk", "subject": "register", "level": "red", "state": "open", "headline": "全年预计低于起点", "evidence": {}, "raised_on": today(), "seen_on": today()}
    session.add(Alert(enterprise_id=firm_id, **{**given, **values}))
    session.commit()


def test_an_officer_without_firms_is_told_what_to_do(sign_in: SignIn) -> None:
    assert "还没有企业归您联系" in today_of(sign_in("officer", WENLING))


@pytest.mark.parametrize(("next_in", "shown"), [(-3, True), (0, True), (7, True), (8, False), (None, False)])
def test_a_visit_is_due_from_a_week_before_its_day(session: Session, officer: Any, next_in: int | None, shown: bool) -> None:
    client, me = officer
    visit(session, firm(session, officer=me).id, me, days_ago=20, next_in=next_in)
    assert ("带银行上门" in section(today_of(client), "due")) == shown


def test_a_later_visit_settles_the_one_before(session: Session, officer: Any) -> None:
    client, me = officer
    made = firm(session, officer=me)
    visit(session, made.id, me, days_ago=20, next_in=-3)
    visit(session, made.id, me, days_ago=1)
    assert made.name not in section(today_of(client), "due")


@pytest.mark.parametrize(("values", "shown"), [({"due_in": -1}, True), ({"due_in": 0}, False), ({"due_in": -1, "state": "closed"}, False)])
def test_a_case_is_late_the_day_after_its_day(session: Session, officer: Any, values: dict[str, Any], shown: bool) -> None:
    client, me = officer
    case(session, firm(session, officer=me).id, **values)
    assert ("变压器增容" in section(today_of(client), "cases")) == shown


@pytest.mark.parametrize(("state", "shown"), [("open", True), ("acknowledged", False), ("snoozed", False), ("resolved", False)])
def test_only_alerts_nobody_took_on_are_new(session: Session, officer: Any, state: str, shown: bool) -> None:
    client, me = officer
    alert(session, firm(session, officer=me).id, state=state)
    assert ("全年预计低于起点" in section(today_of(client), "new")) == shown


@pytest.mark.parametrize(("days", "shown"), [(None, True), (91, True), (90, False), (3, False)])
def test_a_firm_is_quiet_after_ninety_days(session: Session, officer: Any, days: int | None, shown: bool) -> None:
    client, me = officer
    made = firm(session, officer=me, last_visit_on=None if days is None else today() - timedelta(days=days))
    assert (made.name in section(today_of(client), "quiet")) == shown


def test_other_officers_firms_are_not_mine(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, "我的厂", officer=me)
    alert(session, firm(session, "别人的厂").id)
    assert "别人的厂" not in today_of(client)


def test_a_firm_given_to_me_but_moved_out_of_my_place_is_not_shown(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, "我的厂", officer=me)
    alert(session, firm(session, "迁走的厂", LUQIAO, officer=me).id)
    assert "迁走的厂" not in today_of(client)


def test_a_manager_sees_the_counties_below(session: Session, sign_in: SignIn) -> None:
    firm(session)
    firm(session, region=LUQIAO, place="strong")
    counted(session)
    text = today_of(sign_in("manager", "331000"))
    assert "温岭市" in text
    assert "路桥区" in text


def test_a_manager_confirms_a_move_from_today(session: Session, sign_in: SignIn) -> None:
    made = firm(session, **met())
    counted(session)
    client = sign_in("manager", WENLING)
    client.post("/board/moves", json={"enterprise_id": made.id, "to_place": "above_size"})
    assert "/confirm" in today_of(client)
    assert made.name in today_of(client)


def test_before_the_first_evaluation_a_manager_is_told_what_to_do(sign_in: SignIn) -> None:
    assert "还没有可以看的评估结果" in today_of(sign_in("manager", WENLING))


def test_red_alerts_elsewhere_stay_there(session: Session, sign_in: SignIn) -> None:
    alert(session, firm(session, "路桥丙厂", LUQIAO).id)
    firm(session)
    counted(session)
    assert "路桥丙厂" not in today_of(sign_in("manager", WENLING))


@pytest.mark.parametrize(("age", "alive"), [(None, False), (61, False), (30, True)])
def test_the_frame_says_when_no_worker_was_seen_for_a_minute(session: Session, sign_in: SignIn, age: int | None, alive: bool) -> None:
    if age is not None:
        session.add(WorkerBeat(worker="w1", at=now() - timedelta(seconds=age), is_leader=True, started_at=now()))
        session.commit()
    assert ("没有后台进程在运行" not in today_of(sign_in("manager", WENLING))) == alive


@pytest.mark.parametrize("role", ["officer", "manager"])
def test_today_stays_within_its_query_budget(session: Session, sign_in: SignIn, clean_engine: Engine, role: str) -> None:
    client = sign_in(role, WENLING)
    me = session.scalars(select(User.id)).one()
    for n in range(4):
        made = firm(session, f"第{n}厂", officer=me, **met())
        alert(session, made.id)
        visit(session, made.id, me, days_ago=20, next_in=0)
        case(session, made.id, due_in=-2)
    counted(session)
    today_of(client)
    with statements(clean_engine) as sent:
        today_of(client)
    assert len(sent) <= 12
