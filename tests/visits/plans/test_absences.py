"""Standing in: from the first to the last day, with the right to see, and back by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.security.models import User, UserRegion
from crm.visits.plans import operations as plans
from crm.visits.plans.absences import absences, record_absence, take_back
from crm.visits.plans.models import Assignment
from crm.visits.plans.queries import due
from tests.visits.plans.conftest import AT, COUNTY, ELSEWHERE, LAST, ON, TOWN
from tests.world import digest

FROM, TO = ON + timedelta(days=7), ON + timedelta(days=11)


@pytest.fixture
def away(place):
    """林 has one firm due on each of the days before, at, in, at the end and after the absence; 陈 stands in."""
    campaign = plans.create(place.session, place.boss, place.plan(officers=(place.lin.user_id,)), on=ON, at=AT)
    place.firm(9)
    plans.assign(place.session, place.boss, campaign.id, on=ON, at=AT)
    rows = place.session.scalars(select(Assignment).order_by(Assignment.id)).all()
    for row, day in zip(rows, (FROM - timedelta(days=1), FROM, FROM + timedelta(days=2), TO, TO + timedelta(days=1)), strict=True):
        row.due_on = day
    place.session.flush()
    place.absence = leave(place)
    return place


def leave(place, who=None, user=None, substitute=None, since=FROM, until=TO, on=ON):
    user, substitute = user or place.lin, substitute or place.chen
    return record_absence(place.session, who or user, user.user_id, substitute.user_id, since, until, "培训", on=on, at=AT)


def days(place, who, on):
    return [d.due_on for d in due(place.session, who, on, until=LAST)]


def test_both_ends_of_the_absence_are_the_substitutes(away):
    assert days(away, away.chen, FROM) == [FROM, FROM + timedelta(days=2), TO]


def test_what_is_due_the_day_before_and_the_day_after_stays(away):
    assert days(away, away.lin, FROM) == [FROM - timedelta(days=1), TO + timedelta(days=1)]


def test_on_the_last_day_it_is_still_the_substitutes(away):
    assert FROM in days(away, away.chen, TO)


def test_the_day_after_everything_is_back(away):
    assert (days(away, away.chen, TO + timedelta(days=1)), len(days(away, away.lin, TO + timedelta(days=1)))) == ([], 5)


def test_it_is_known_whom_one_stands_in_for(away):
    assert {d.for_officer for d in due(away.session, away.chen, FROM, until=LAST)} == {away.lin.user_id}


def test_taken_back_it_is_the_officers_again_and_stays_on_file(away):
    take_back(away.session, away.lin, away.absence.id, at=AT)
    assert (days(away, away.chen, FROM), [a.ended_by for a in absences(away.session, away.lin)]) == ([], [away.lin.user_id])


def test_a_substitute_who_lost_the_right_to_see_hands_it_back(away):
    away.session.get(UserRegion, (away.chen.user_id, COUNTY)).code = ELSEWHERE
    away.session.flush()
    assert len(days(away, away.lin, FROM)) == 5


def test_a_substitute_who_was_switched_off_hands_it_back(away):
    away.session.get(User, away.chen.user_id).active = False
    away.session.flush()
    assert len(days(away, away.lin, FROM)) == 5


def test_a_manager_speaks_for_whom_he_oversees(place):
    assert leave(place, who=place.boss).created_by == place.boss.user_id


REFUSED = {
    "an officer for a colleague": (Forbidden, lambda p: leave(p, who=p.chen)),
    "a manager from elsewhere": (NotFound, lambda p: leave(p, who=p.user("外", "manager", ELSEWHERE))),
    "for oneself": (Invalid, lambda p: leave(p, substitute=p.lin)),
    "by one who sees less": (Invalid, lambda p: leave(p, substitute=p.user("镇", "officer", TOWN))),
    "the wrong way round": (Invalid, lambda p: leave(p, since=TO, until=FROM)),
    "in the past": (Invalid, lambda p: leave(p, on=TO + timedelta(days=1))),
    "touching the one there is": (Conflict, lambda p: leave(p, since=TO, until=LAST)),
    "by one who is away": (Conflict, lambda p: leave(p, user=p.chen, substitute=p.lin)),
    "of one who stands in": (Conflict, lambda p: leave(p, user=p.chen, substitute=p.boss)),
    "taken back by a stranger": (NotFound, lambda p: take_back(p.session, p.chen, p.absence.id, at=AT)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_leaves_the_database_as_it_was(away, case):
    error, act = REFUSED[case]
    away.session.commit()
    before = {k: v for k, v in digest(away.session).items() if not k.startswith(("ab_", "user_"))}
    with pytest.raises(error):
        act(away)
    away.session.rollback()
    assert {k: v for k, v in digest(away.session).items() if not k.startswith(("ab_", "user_"))} == before


def test_taken_back_twice_is_refused(away):
    take_back(away.session, away.lin, away.absence.id, at=AT)
    with pytest.raises(Conflict):
        take_back(away.session, away.lin, away.absence.id, at=AT)


def test_the_day_after_an_absence_a_new_one_may_begin(away):
    assert leave(away, since=TO + timedelta(days=1), until=LAST).id
