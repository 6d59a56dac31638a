"""Periods as offices write them."""

from __future__ import annotations

import pytest

from crm.indicators.periods import Period, parse_period, year_of


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2024年度", Period("year", "2024")),
        ("2024", Period("year", "2024")),
        ("２０２４年9月", Period("month", "2024-09")),
        ("202409", Period("month", "2024-09")),
        ("2024年1-2月", Period("month", "2024-02", "ytd")),
        ("2024年1—9月份", Period("month", "2024-09", "ytd")),
        ("2024年9月累计", Period("month", "2024-09", "ytd")),
        ("2024年2月当月", Period("month", "2024-02", "period")),
        ("2024年上半年", Period("month", "2024-06", "ytd")),
        ("2024-06-30", Period("day", "2024-06-30")),
        ("9月", Period("month", "2025-09")),
        ("1-9月", Period("month", "2025-09", "ytd")),
    ],
)
def test_a_period_is_read(text: str, period: Period) -> None:
    assert parse_period(text, 2025) == period


@pytest.mark.parametrize("text", ["2024年13月", "2024-02-30", "收入", "1234567", "20", "3024"])
def test_what_is_no_period_is_none(text: str) -> None:
    assert parse_period(text, 2025) is None


def test_a_month_without_a_year_needs_one() -> None:
    assert parse_period("9月") is None


def test_a_year_end_stands_for_its_year() -> None:
    assert year_of("2019-12-31") == Period("year", "2019")


def test_another_day_stands_for_no_year() -> None:
    assert year_of("2019-06-30") is None
