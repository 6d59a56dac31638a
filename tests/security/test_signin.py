"""Lockout and passwords, below the web."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.core.errors import Conflict, Invalid
from crm.regions.models import Region
from crm.security import audit
from crm.security.models import LoginAttempt, UserProfile, UserRegion
from crm.security.passwords import check_rules, random_password, set_password
from crm.security.signin import Limits, reserve, settle
from crm.security.users import add_user, set_active, set_regions, set_roles, unlock

AT = datetime(2026, 10, 20, 1, 0, tzinfo=UTC)
GOOD = "Blue-river-2026"
LIMITS = Limits(failures=3, minutes=15)


@pytest.fixture
def user(session):
    session.add_all([Role(name="officer"), Role(name="administrator"), Region(code="331081", name="温岭市", level="county")])
    session.flush()
    made = add_user(session, "lin", "林助", GOOD, role="officer", regions=["331081"], at=AT)
    session.commit()
    return made


def attempt(session, username, password, minutes=0, ip="10.0.0.9"):
    at = AT + timedelta(minutes=minutes)
    reserved = reserve(session, username, ip, at)
    session.commit()
    outcome = settle(session, reserved, username, password, LIMITS)
    session.commit()
    return outcome


def test_the_right_password_signs_in(session, user):
    assert attempt(session, "lin", GOOD).user is user


def test_each_failure_says_how_many_are_left(session, user):
    assert [attempt(session, "lin", "wrong").left for _ in range(3)] == [2, 1, 0]


def test_after_three_failures_even_the_right_password_is_refused_until_the_lock_opens(session, user):
    for _ in range(3):
        attempt(session, "lin", "wrong")
    outcome = attempt(session, "lin", GOOD, minutes=14)
    assert (outcome.user, outcome.opens_at) == (None, AT + timedelta(minutes=15))


def test_the_lock_opens_by_itself(session, user):
    for _ in range(3):
        attempt(session, "lin", "wrong")
    assert attempt(session, "lin", GOOD, minutes=15).user is user


def test_refused_tries_do_not_lengthen_the_lock(session, user):
    for _ in range(3):
        attempt(session, "lin", "wrong")
    for minute in range(1, 15):
        attempt(session, "lin", "wrong", minutes=minute)
    assert attempt(session, "lin", GOOD, minutes=16).user is user


def test_an_unknown_name_is_answered_like_a_known_one(session, user):
    known = [attempt(session, "lin", "wrong", ip="1.1.1.1") for _ in range(4)]
    unknown = [attempt(session, "nobody", "wrong", ip="1.1.1.2") for _ in range(4)]
    assert known == unknown


def test_width_and_case_of_the_name_do_not_open_a_second_count(session, user):
    for name in ("lin", "LIN", "ｌｉｎ"):
        attempt(session, name, "wrong")
    assert attempt(session, "lin", GOOD).user is None


def test_an_address_that_fails_on_many_names_is_locked(session, user):
    limits = Limits(failures=5, minutes=15, per_address=4)
    for number in range(4):
        settle(session, reserve(session, f"guess{number}", "9.9.9.9", AT), f"guess{number}", "x", limits)
    outcome = settle(session, reserve(session, "lin", "9.9.9.9", AT), "lin", GOOD, limits)
    assert outcome.opens_at is not None


def test_a_success_starts_the_count_again(session, user):
    attempt(session, "lin", "wrong")
    attempt(session, "lin", GOOD)
    assert attempt(session, "lin", "wrong").left == 2


def test_a_switched_off_user_is_refused_like_a_wrong_password(session, user):
    session.get(UserProfile, user.id)
    user.active = False
    session.commit()
    outcome = attempt(session, "lin", GOOD)
    assert (outcome.user, outcome.left) == (None, 2)


def test_twenty_guesses_at_once_are_checked_three_times_only(session, user, clean_engine):
    checked = []

    def guess():
        with Session(clean_engine, expire_on_commit=False) as own:
            reserved = reserve(own, "lin", "10.0.0.9", AT)
            own.commit()
            outcome = settle(own, reserved, "lin", "wrong", LIMITS)
            own.commit()
            checked.append(reserved.outcome)
            assert outcome.user is None

    threads = [threading.Thread(target=guess) for _ in range(20)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert (len(checked), checked.count("failed")) == (20, 3)


def test_the_names_typed_are_not_kept(session, user):
    attempt(session, "hunter2-my-password", "wrong")
    kept = session.scalars(select(LoginAttempt)).one().name_key + audit.entries(session, action="sign_in_failed")[0].actor
    assert "hunter2" not in kept


def test_sign_in_failure_and_lock_are_in_the_trail(session, user):
    for _ in range(4):
        attempt(session, "lin", "wrong")
    attempt(session, "lin", GOOD, minutes=20)
    actions = [e.action for e in audit.entries(session) if e.action.startswith("sign_in")]
    assert actions == ["sign_in", "sign_in_refused", "sign_in_failed", "sign_in_failed", "sign_in_failed"]


def test_an_administrator_unlocks_a_name(session, user):
    for _ in range(3):
        attempt(session, "lin", "wrong")
    unlock(session, user)
    assert attempt(session, "lin", GOOD).user is user


@pytest.mark.parametrize("password", ["Short-1", "alllowercase1", "Xlin-2026-abcdef", "Password123!", "Aa1!" * 40, "A1-aaaaaaaaa"])
def test_a_weak_password_is_refused(password):
    with pytest.raises(Invalid):
        check_rules(password, "lin")


def test_a_random_password_meets_the_rules():
    for _ in range(50):
        check_rules(random_password(), "officer")


def test_a_password_used_before_is_refused(session, user):
    set_password(session, user, "Green-hill-2026", AT)
    with pytest.raises(Invalid, match="用过"):
        set_password(session, user, GOOD, AT)


def test_a_new_password_raises_the_session_version(session, user):
    before = session.get(UserProfile, user.id).session_version
    set_password(session, user, "Green-hill-2026", AT)
    assert session.get(UserProfile, user.id).session_version == before + 1


def test_a_name_taken_is_a_conflict(session, user):
    with pytest.raises(Conflict):
        add_user(session, "lin", "又一人", GOOD + "x", role="officer", at=AT)


def test_an_unknown_region_is_refused_and_the_old_ones_stay(session, user):
    with pytest.raises(Invalid, match="990000"):
        set_regions(session, user, ["990000"])
    assert session.scalars(select(UserRegion.code)).all() == ["331081"]


def test_the_last_administrator_cannot_be_switched_off(session, user):
    set_roles(session, user, ["administrator"])
    session.flush()
    with pytest.raises(Conflict):
        set_active(session, user, False)


def test_nothing_of_the_password_reaches_the_trail(session, user):
    set_password(session, user, "Green-hill-2026", AT)
    session.commit()
    told = [str(e.detail) for e in audit.entries(session)]
    assert not any("scrypt" in text or "Green" in text for text in told)
    assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 0
