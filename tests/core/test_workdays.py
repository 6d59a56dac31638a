"""Counting work days over holidays, make-up days and years that nobody has published yet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.core import workdays
from crm.core.workdays import Due, add, between, is_provisional, works

LAST = workdays.published()[1]
DAYS = st.dates(date(2020, 1, 1), date(LAST + 3, 12, 31))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 10, 1), False),  # National Day
        (date(2025, 10, 8), False),  # its last day off
        (date(2025, 10, 9), True),
        (date(2025, 9, 28), True),  # a Sunday made up
        (date(2025, 10, 11), True),  # a Saturday made up
        (date(2026, 2, 14), True),  # a Saturday made up before Spring Festival
        (date(2026, 2, 16), False),
    ],
)
def test_a_holiday_is_free_and_a_make_up_day_is_not(day, expected):
    assert works(day) is expected


def test_seven_work_days_over_national_day_end_after_it():
    assert add(date(2025, 9, 26), 7) == Due(date(2025, 10, 13), False)


def test_one_work_day_before_a_make_up_sunday_ends_on_it():
    assert add(date(2025, 9, 27), 1).on == date(2025, 9, 28)


def test_no_work_days_from_a_holiday_is_the_next_work_day():
    assert add(date(2025, 10, 1), 0).on == date(2025, 10, 9)


def test_beyond_the_published_years_weekends_count_and_the_day_is_provisional():
    assert add(date(LAST + 1, 12, 28), 0).is_provisional


def test_a_count_that_crosses_into_an_unpublished_year_is_provisional():
    assert add(date(LAST, 12, 30), 5).is_provisional


def test_a_year_before_the_first_published_is_provisional():
    assert is_provisional(date(workdays.published()[0] - 1, 6, 1))


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="negative"):
        add(date(2025, 1, 2), -1)


@given(DAYS, st.integers(1, 60))
def test_the_day_reached_lies_as_many_work_days_away_as_were_added(day, days):
    assert between(day, add(day, days).on) == days


@given(DAYS, st.integers(1, 60))
def test_the_day_reached_is_a_work_day(day, days):
    assert works(add(day, days).on)


@given(DAYS, st.integers(0, 90))
def test_between_is_antisymmetric(day, days):
    assert between(day + timedelta(days=days), day) == -between(day, day + timedelta(days=days))
