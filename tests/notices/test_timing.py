"""Quiet hours and digest times: across midnight, in any zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm.core.clock import SHANGHAI
from crm.notices.timing import Timing

ZONES = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]).map(ZoneInfo)
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
QUIET = st.one_of(st.none(), st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]))
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
TIMINGS = st.builds(Timing, QUIET, st.lists(CLOCKS, min_size=1, max_size=4, unique=True).map(tuple), st.booleans(), ZONES)
HERE = Timing((time(21), time(7, 30)), (time(8, 30),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(("clock", "quiet"), [("20:59", False), ("21:00", True), ("23:59", True), ("00:00", True), ("07:29", True), ("07:30", False)])
def test_quiet_hours_across_midnight_begin_with_their_first_minute_and_end_before_the_last(clock, quiet):
    assert HERE.is_quiet(at(f"2026-07-01T{clock}")) is quiet


@pytest.mark.parametrize(("clock", "quiet"), [("11:59", False), ("12:00", True), ("13:59", True), ("14:00", False)])
def test_quiet_hours_within_a_day(clock, quiet):
    assert Timing((time(12), time(14)), ()).is_quiet(at(f"2026-07-01T{clock}")) is quiet


@pytest.mark.parametrize(("sent", "leaves"), [("2026-12-31T23:00", "2027-01-01T07:30"), ("2027-01-01T00:10", "2027-01-01T07:30"), ("2026-12-31T12:00", "2026-12-31T12:00")])
def test_a_message_in_quiet_hours_leaves_at_their_end(sent, leaves):
    assert HERE.leaves_at(at(sent), urgent=True) == at(leaves)


def test_a_digest_time_that_is_now_is_not_the_next_one():
    assert HERE.next_digest(at("2026-07-01T08:30")) == at("2026-07-02T08:30")


@settings(max_examples=150, deadline=None)
@given(TIMINGS, MOMENTS, st.booleans())
def test_a_message_never_leaves_early_nor_in_quiet_hours_nor_later_than_a_day_and_the_clock_change(timing, moment, urgent):
    leaves = timing.leaves_at(moment, urgent=urgent)
    free = urgent and timing.urgent_any_time
    clock = leaves.astimezone(timing.zone)
    changed = clock.utcoffset() != moment.astimezone(timing.zone).utcoffset()
    assert moment <= leaves <= moment + timedelta(hours=26)
    assert free or changed or not timing.is_quiet(leaves)


@settings(max_examples=150, deadline=None)
@given(TIMINGS, MOMENTS, st.integers(0, 96), st.integers(0, 96))
def test_digest_times_of_two_spans_are_those_of_the_whole(timing, moment, first, second):
    middle, end = moment + timedelta(hours=first), moment + timedelta(hours=first + second)
    assert timing.digests(moment, middle) + timing.digests(middle, end) == timing.digests(moment, end)


@settings(max_examples=100, deadline=None)
@given(TIMINGS, MOMENTS)
def test_there_is_always_a_next_digest_within_two_days(timing, moment):
    found = timing.next_digest(moment)
    assert moment < found <= moment + timedelta(days=2)


@settings(max_examples=100, deadline=None)
@given(TIMINGS, MOMENTS)
def test_each_digest_time_comes_once_a_day_where_no_clock_changes(timing, moment):
    assume(timing.zone.key in ("Asia/Shanghai", "UTC", "Asia/Kathmandu"))
    assert len(timing.digests(moment, moment + timedelta(days=7))) == 7 * len(timing.digest_times)
