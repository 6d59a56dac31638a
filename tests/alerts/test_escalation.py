"""Nobody handled it: after so many work days the next level is asked, once, however many nights did not run."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.alerts.escalation import escalate
from crm.alerts.models import Alert, AlertEvent
from crm.alerts.nightly import Loud
from crm.alerts.notifying import tell
from crm.core.outbound import Outbound
from crm.enterprises.models import Enterprise
from crm.jobs.chain import Chain
from crm.jobs.handlers import STEPS
from crm.notices import wishes
from crm.notices.models import Notice, Outbox
from crm.security.vault import Vault
from tests.alerts.test_states import instant
from tests.conftest import make_user
from tests.world import make_regions

MONDAY = date(2026, 3, 2)


@pytest.fixture
def posted(session):
    """What stands in people's bells, in order."""
    return lambda: session.scalars(select(Notice).order_by(Notice.id)).all()


@pytest.fixture
def people(session, app):
    make_regions(session)
    made = {"officer": make_user(session, "officer", ("331081",)).id, "county": make_user(session, "manager", ("331081",)).id, "city": make_user(session, "manager", ("331000",)).id}
    make_user(session, "manager", ("331082",))  # another county hears nothing
    make_user(session, "auditor", ("331081",))
    return made


def alert(session, people, number=1, officer=True, **values):
    firm = Enterprise(
        uscc=f"91331081MA2AAAA{number:03d}", name=f"第{number}厂", name_key="厂", region_code="331081100", officer_id=people["officer"] if officer else None,
        created_at=instant(MONDAY), updated_at=instant(MONDAY),
    )
    session.add(firm)
    session.flush()
    base = {"rule": "exit_risk", "subject": "register", "level": "red", "state": "open", "headline": "低于起点", "evidence": {}, "raised_on": MONDAY, "seen_on": MONDAY, "waiting_since": MONDAY}
    made = Alert(enterprise_id=firm.id, **{**base, **values})
    session.add(made)
    session.flush()
    return made


def level_after(session, packs, made, *days):
    for day in days:
        escalate(session, packs, MONDAY + timedelta(days=day), instant(MONDAY + timedelta(days=day)))
    session.expire_all()
    return session.get(Alert, made.id).escalation


@pytest.mark.parametrize(("values", "nights", "level"), [
    ({}, [1], 0), ({}, [2], 1), ({}, [2, 3], 1), ({}, [2, 4], 2), ({}, [30], 1), ({}, [30, 30], 1), ({}, [2, 4, 60], 2),
    ({"level": "orange"}, [6], 0), ({"level": "orange"}, [7], 1), ({"level": "yellow"}, [18], 0), ({"level": "yellow"}, [21], 1), ({"level": "grey"}, [90], 0),
    ({"state": "acknowledged"}, [2], 0), ({"state": "acknowledged"}, [7], 1), ({"state": "in_hand"}, [90], 0), ({"state": "snoozed"}, [90], 0), ({"state": "muted"}, [90], 0), ({"state": "resolved"}, [90], 0),
])
def test_an_alert_goes_up_after_its_work_days_and_once_a_night_at_most(session, packs, people, posted, values, nights, level):
    """2 March 2026 is a Monday: five work days later is the next Monday."""
    assert level_after(session, packs, alert(session, people, **values), *nights) == level


def test_a_holiday_is_no_work_day(session, packs, people, posted):
    """From 30 September 2026 the second work day is 9 October: the holiday lasts to the 7th."""
    made = alert(session, people, waiting_since=date(2026, 9, 30))
    for day, level in ((date(2026, 10, 8), 0), (date(2026, 10, 9), 1)):
        escalate(session, packs, day, instant(day))
        session.expire_all()
        assert session.get(Alert, made.id).escalation == level


def test_first_the_county_then_the_city_is_told(session, packs, people, posted):
    level_after(session, packs, alert(session, people), 2, 4)
    assert [notice.user_id for notice in posted()] == [people["county"], people["city"]]


def test_every_step_up_stands_in_the_history(session, packs, people, posted):
    made = alert(session, people)
    level_after(session, packs, made, 2)
    event = session.scalars(select(AlertEvent).where(AlertEvent.alert_id == made.id)).one()
    assert (event.kind, event.state, event.detail) == ("escalated", "open", {"to": 1, "people": [people["county"]]})


@pytest.mark.parametrize(("level", "officer", "who"), [("red", True, "officer"), ("orange", True, "officer"), ("red", False, "county"), ("yellow", True, None), ("grey", True, None)])
def test_a_new_red_or_orange_alert_is_told_to_the_officer_else_to_the_county(session, people, posted, level, officer, who):
    made = alert(session, people, level=level, officer=officer)
    tell(session, [Loud(made.id, "raised")], MONDAY, instant(MONDAY))
    assert [notice.user_id for notice in posted()] == ([people[who]] if who else [])


def test_many_alerts_of_one_night_are_one_notice_with_counts(session, people, posted):
    loud = [Loud(alert(session, people, number, level=("red", "orange")[number % 2]).id, "raised") for number in range(7)]
    tell(session, loud, MONDAY, instant(MONDAY))
    assert [notice.title for notice in posted()] == ["今晚有 7 条预警需要您看：红 4 条，橙 3 条"]


@pytest.mark.parametrize("together", [True, False])
def test_a_notice_of_many_alerts_names_the_firm_when_it_is_one(session, people, posted, together):
    """So that it is not sent to somebody whose jurisdiction the firm has left."""
    rules = ("exit_risk", "newly_entered_at_risk", "filing_missing", "title_expiring", "visit_overdue", "case_overdue")
    first = alert(session, people)
    rest = [alert(session, people, number, rule=rule) for number, rule in enumerate(rules[1:], 2)]
    if together:
        for other in rest:
            other.enterprise_id = first.enterprise_id
        session.flush()
    tell(session, [Loud(made.id, "raised") for made in (first, *rest)], MONDAY, instant(MONDAY))
    assert [notice.enterprise_id for notice in posted()] == [first.enterprise_id if together else None]


def test_what_goes_up_a_level_stands_in_the_same_nights_digest(session, packs, people, posted):
    """The county's manager reads one mail in the morning: the night's steps, in their order."""
    day = MONDAY + timedelta(days=7)
    wishes.set_channel(session, people["county"], "email", mode="digest", at=instant(MONDAY), doors=wishes.Doors(Vault("k"), Outbound()), address="z@example.gov.cn")
    alert(session, people, level="orange")
    chain = Chain(session, packs, day, instant(day))
    for step in STEPS:
        if step in ("escalate", "digests"):
            getattr(chain, step)()
    assert session.scalars(select(Outbox.state).order_by(Outbox.id)).all() == ["bundled", "queued"]


def test_the_same_night_told_again_says_nothing_twice(session, people, posted):
    loud = [Loud(alert(session, people).id, "raised")]
    for _ in range(2):
        tell(session, loud, MONDAY, instant(MONDAY))
    assert len(posted()) == 1
