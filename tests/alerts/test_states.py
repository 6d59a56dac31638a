"""Any sequence of nights and people's acts leaves an alert that its history explains."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.alerts.attaching import attach, detach, finish_task
from crm.alerts.models import CLOSED, LIVE, Alert, AlertEvent, AlertLink, AlertMute
from crm.alerts.nightly import RANK, Night
from crm.alerts.operations import acknowledge, assign, mute, note, release, reopen, resolve, snooze, undo
from crm.alerts.watches import Watched
from crm.core.db import make_engine
from crm.core.errors import CrmError
from crm.criteria.schema import AlertRule
from crm.enterprises.models import Enterprise
from crm.regions.models import Region
from crm.schema import metadata
from crm.security.access import Access
from crm.security.models import User

RULE = "visit_overdue"
START = date(2026, 3, 2)
LEVELS = ("red", "orange", "yellow")
HOLD = 2


def pack(hold: int = HOLD) -> SimpleNamespace:
    """A pack with one rule, whose levels are whatever a test says."""
    levels = [{"level": level, "text": level} for level in LEVELS]
    one = AlertRule.model_validate({"id": RULE, "label": "久未走访", "basis": "default", "levels": tuple(levels), "settings": {"hold": f"{hold}日"}})
    return SimpleNamespace(id="p", hash="h", alerts={RULE: one})


def instant(on: date, hour: int = 3) -> datetime:
    return datetime(on.year, on.month, on.day, hour, tzinfo=UTC)


def found(firm: int, level: str | None) -> Watched:
    """One row at a level; None: the rule finds nothing."""
    schema = {"enterprise_id": pl.Int64, "subject": pl.String, "level": pl.String, "text": pl.String, "at": pl.Int64, "never": pl.Boolean, "last_visit_on": pl.Date}
    rows = [] if level is None else [(firm, "visit", level, f"{level}的理由", LEVELS.index(level), True, None)]
    return Watched(RULE, pl.DataFrame(rows, schema=schema, orient="row"))


def a_night(session: Session, firm: int, level: str | None, on: date, hold: int = HOLD) -> Night:
    night = Night(session, pack(hold), on, instant(on))  # type: ignore[arg-type]
    empty = pl.DataFrame(schema={"enterprise_id": pl.Int64, "rule": pl.String, "subject": pl.String, "level": pl.String})
    night.compare(empty, [firm], [found(firm, level)])
    session.expire_all()
    return night


def settle(session: Session) -> tuple[int, int, int]:
    """A firm, a manager and an officer."""
    session.add(Region(code="331081", name="温岭市", level="county", parent_code=None))
    users = [User(first_name=n, last_name="", username=n, email=f"{n}@example.test", active=True) for n in ("甲", "乙")]
    firm = Enterprise(uscc="91331081MA2AAAAA1X", name="砚江", name_key="砚江", region_code="331081", created_at=instant(START), updated_at=instant(START))
    session.add_all([*users, firm])
    session.flush()
    return firm.id, users[0].id, users[1].id


@pytest.fixture(scope="module")
def engine_for_machines(tmp_path_factory):
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('states')}/m.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


class Life(RuleBasedStateMachine):
    """One matter of one firm over some weeks."""

    engine = None

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()  # type: ignore[attr-defined]
        self.outer = self.connection.begin()
        self.session = Session(self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        self.firm, manager, officer = settle(self.session)
        self.people = [Access(manager, "甲", frozenset({"manager"}), ("331081",)), Access(officer, "乙", frozenset({"officer"}), ("331081",))]
        self.on, self.hour = START, 3

    def teardown(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    def alert(self) -> Alert | None:
        return self.session.scalars(select(Alert).order_by(Alert.id.desc())).first()

    def now(self) -> datetime:
        self.hour = min(self.hour + 1, 15)  # stays within the day in Shanghai
        return instant(self.on, self.hour)

    @rule(level=st.sampled_from([*LEVELS, None]), days=st.integers(1, 9))
    def night(self, level: str | None, days: int) -> None:
        """A night; between two some may not have run."""
        self.on, self.hour = self.on + timedelta(days=days), 3
        before = self.alert()
        snoozed = (before.state, before.level, before.id) if before is not None else None
        night = a_night(self.session, self.firm, level, self.on)
        for loud in night.loud:
            heard = self.session.get(Alert, loud.alert_id)
            assert heard.state != "muted"
            assert not self.session.scalars(select(AlertMute).where(AlertMute.ended_at.is_(None), AlertMute.until > self.on)).all()
        if snoozed and level and snoozed[0] == "snoozed" and RANK[level] < RANK[snoozed[1]]:
            assert self.session.get(Alert, snoozed[2]).state == "open"

    @precondition(lambda self: self.alert() is not None and self.alert().state not in CLOSED)
    @rule(days=st.integers(5, 40), quiet=st.booleans())
    def put_aside(self, days: int, quiet: bool) -> None:
        """Muted or put off for a while, so that nights go over it."""
        alert, until, at = self.alert(), self.on + timedelta(days=days), self.now()
        (mute if quiet else snooze)(self.session, self.people[0], alert.id, until=until, at=at, reason="以后再说")
        self.session.expire_all()

    @precondition(lambda self: self.alert() is not None)
    @rule(who=st.integers(0, 1), act=st.sampled_from(["take", "give", "release", "snooze", "mute", "resolve", "reopen", "task", "detach", "done", "undo", "note"]), days=st.integers(0, 12))
    def act(self, who: int, act: str, days: int) -> None:
        """Somebody does something, or is told why not; a refusal changes nothing."""
        session, by, alert, at = self.session, self.people[who], self.alert(), self.now()
        before, events = (alert.state, alert.version), len(session.scalars(select(AlertEvent.id)).all())
        until = self.on + timedelta(days=days)
        link = session.scalars(select(AlertLink.id).where(AlertLink.alert_id == alert.id)).first() or 0
        verbs = {
            "take": lambda: acknowledge(session, by, alert.id, at=at), "give": lambda: assign(session, by, alert.id, to=self.people[1].user_id, at=at),
            "release": lambda: release(session, by, alert.id, at=at), "snooze": lambda: snooze(session, by, alert.id, until=until, at=at, reason="等"),
            "mute": lambda: mute(session, by, alert.id, until=until, at=at, reason="不管"), "resolve": lambda: resolve(session, by, alert.id, at=at, reason="好了"),
            "reopen": lambda: reopen(session, by, alert.id, at=at), "task": lambda: attach(session, by, alert.id, at=at, task="去看", due_on=until),
            "detach": lambda: detach(session, by, alert.id, link, at=at), "done": lambda: finish_task(session, by, alert.id, link, at=at),
            "undo": lambda: undo(session, by, alert.id, at=at), "note": lambda: note(session, by, alert.id, at=at, text="记"),
        }
        try:
            with session.begin_nested():
                verbs[act]()
        except CrmError:
            session.expire_all()
            assert (alert.state, alert.version, len(session.scalars(select(AlertEvent.id)).all())) == (*before, events)
        session.expire_all()

    @invariant()
    def one_stands_at_most(self) -> None:
        standing = [a for a in self.session.scalars(select(Alert)) if a.state in LIVE]
        assert len(standing) <= 1

    @invariant()
    def history_explains_the_state(self) -> None:
        for alert in self.session.scalars(select(Alert)):
            last = self.session.scalars(select(AlertEvent).where(AlertEvent.alert_id == alert.id).order_by(AlertEvent.id.desc())).first()
            assert (last.state, last.level) == (alert.state, alert.level)

    @invariant()
    def a_state_has_what_belongs_to_it(self) -> None:
        for alert in self.session.scalars(select(Alert)):
            live_mute = self.session.scalars(select(AlertMute).where(AlertMute.ended_at.is_(None))).first()
            assert (alert.snoozed_until is not None) == (alert.state == "snoozed")
            assert (alert.resolved_at is not None) == (alert.state in CLOSED)
            assert alert.state != "muted" or (live_mute is not None and live_mute.until == alert.muted_until)
            assert alert.state not in ("acknowledged", "in_hand") or alert.owner_id is not None


def test_any_sequence_of_nights_and_acts_keeps_the_invariants(engine_for_machines):
    Life.engine = engine_for_machines
    limits = settings(max_examples=60, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Life, settings=limits)


@pytest.fixture
def firm(session):
    made, *users = settle(session)
    return SimpleNamespace(id=made, manager=Access(users[0], "甲", frozenset({"manager"}), ("331081",)), officer=Access(users[1], "乙", frozenset({"officer"}), ("331081",)))


def the_alert(session):
    return session.scalars(select(Alert).order_by(Alert.id.desc())).first()


def test_a_muted_matter_that_comes_again_is_raised_muted(session, firm):
    a_night(session, firm.id, "orange", START, 0)
    mute(session, firm.manager, the_alert(session).id, until=START + timedelta(days=30), at=instant(START, 5), reason="搬迁中")
    a_night(session, firm.id, None, START + timedelta(days=1), 0)
    night = a_night(session, firm.id, "red", START + timedelta(days=2), 0)
    assert (the_alert(session).state, night.changes.raised, night.loud) == ("muted", 1, [])


@pytest.mark.parametrize(("days", "state"), [(29, "muted"), (30, "open"), (47, "open")])
def test_a_mute_ends_on_its_day_or_the_first_night_after(session, firm, days, state):
    a_night(session, firm.id, "orange", START, 0)
    mute(session, firm.manager, the_alert(session).id, until=START + timedelta(days=30), at=instant(START, 5), reason="搬迁中")
    a_night(session, firm.id, "orange", START + timedelta(days=days), 0)
    assert the_alert(session).state == state


def test_an_alert_with_a_visit_is_in_hand_and_opens_again_when_it_worsens(session, firm):
    a_night(session, firm.id, "yellow", START, 0)
    attach(session, firm.officer, the_alert(session).id, at=instant(START, 5), task="下周走访", due_on=START + timedelta(days=7))
    in_hand = the_alert(session).state
    a_night(session, firm.id, "red", START + timedelta(days=1), 0)
    assert (in_hand, the_alert(session).state) == ("in_hand", "open")


@pytest.mark.parametrize("verb", [
    lambda s, a, i, at: mute(s, a, i, until=START + timedelta(days=9), at=at, reason="r"), lambda s, a, i, at: assign(s, a, i, to=1, at=at),
], ids=["mute", "assign"])
def test_officers_neither_mute_nor_assign(session, firm, verb):
    from crm.core.errors import Forbidden

    a_night(session, firm.id, "red", START, 0)
    with pytest.raises(Forbidden):
        verb(session, firm.officer, the_alert(session).id, instant(START, 5))
    assert the_alert(session).state == "open"


def test_an_alert_is_not_given_to_somebody_who_cannot_see_the_firm(session, firm):
    from crm.core.errors import Invalid

    a_night(session, firm.id, "red", START, 0)
    with pytest.raises(Invalid, match="看不到这家企业"):
        assign(session, firm.manager, the_alert(session).id, to=firm.officer.user_id, at=instant(START, 5))  # no jurisdiction on record


def test_somebody_elses_visit_is_not_attached(session, firm):
    from crm.core.errors import NotFound
    from crm.visits.models import Visit

    other = Enterprise(uscc="91331081MA2AAAAA2X", name="别家", name_key="别家", region_code="331081", created_at=instant(START), updated_at=instant(START))
    session.add(other)
    session.flush()
    visit = Visit(uuid="v", enterprise_id=other.id, kind="onsite", started_at=instant(START), author_id=firm.officer.user_id, created_at=instant(START), policies=[], fields={})
    session.add(visit)
    a_night(session, firm.id, "red", START, 0)
    session.flush()
    with pytest.raises(NotFound):
        attach(session, firm.officer, the_alert(session).id, at=instant(START, 5), visit_id=visit.id)


def test_of_two_people_at_once_the_second_is_told(clean_engine, firm, session):
    from crm.core.errors import Conflict

    a_night(session, firm.id, "red", START, 0)
    session.commit()
    seen = the_alert(session)
    shown = seen.version
    acknowledge(session, firm.officer, seen.id, at=instant(START, 5), version=shown)
    session.commit()
    with Session(clean_engine) as second, pytest.raises(Conflict):
        acknowledge(second, firm.manager, seen.id, at=instant(START, 5), version=shown)


def test_two_that_read_the_same_version_do_not_both_write(clean_engine, firm, session):
    """SQLite has no row locks: the version alone must decide."""
    from crm.alerts.states import change
    from crm.core.errors import Conflict

    a_night(session, firm.id, "red", START, 0)
    session.commit()
    with Session(clean_engine) as one, Session(clean_engine) as two:
        mine, theirs = one.get(Alert, the_alert(session).id), two.get(Alert, the_alert(session).id)
        change(one, mine, "acknowledged", at=instant(START, 5), by=None, state="acknowledged", owner_id=firm.officer.user_id)
        one.commit()
        with pytest.raises(Conflict):
            change(two, theirs, "acknowledged", at=instant(START, 5), by=None, state="acknowledged", owner_id=firm.manager.user_id)


def test_undoing_is_only_for_the_one_who_did_it(session, firm):
    from crm.core.errors import Conflict

    a_night(session, firm.id, "red", START, 0)
    snooze(session, firm.officer, the_alert(session).id, until=START + timedelta(days=9), at=instant(START, 5), reason="等")
    with pytest.raises(Conflict):
        undo(session, firm.manager, the_alert(session).id, at=instant(START, 6))
    undo(session, firm.officer, the_alert(session).id, at=instant(START, 5))
    assert (the_alert(session).state, the_alert(session).owner_id) == ("open", None)
