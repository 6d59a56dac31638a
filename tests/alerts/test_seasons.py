"""The same months two years ago, read of firms with an unusual season only."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from sqlalchemy import select

from crm.alerts.seasons import earlier, unusual
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from tests.city import AT

ON = date(2026, 10, 20)


def facts(firm: int = 1, *, month: int | None = 9, prior: int | None = 12_000_000, last: int | None = 40_000_000, before: int | None = 39_000_000) -> pl.DataFrame:
    """One firm's row of a facts frame; 元."""
    row = {"enterprise_id": firm, "revenue.ytd_month": month, "revenue.ytd_prior": prior, "revenue.y-1": last, "revenue.y-2": before}
    return pl.DataFrame([row], schema=dict.fromkeys(row, pl.Int64))


@pytest.mark.parametrize(
    ("given", "found"),
    [({}, 1), ({"prior": 30_000_000}, 0), ({"prior": 40_000_000}, 0), ({"prior": None}, 0), ({"before": None}, 0), ({"before": 0}, 0), ({"month": None}, 0), ({"month": 12}, 0)],
)
def test_two_years_are_compared_where_the_season_departs_and_both_are_on_file(given, found):
    assert unusual(facts(**given), "revenue").height == found


def test_without_the_columns_nobody_is_unusual():
    assert unusual(pl.DataFrame({"enterprise_id": [1]}), "revenue").height == 0


@pytest.fixture
def firm(city):
    """A firm with 累计 of two years ago from two sources."""
    key = city.scalar(select(Enterprise.id).limit(1))
    for month, source, value in (("09", "visit", 9), ("09", "statistics", 11_700_000), ("08", "statistics", 5)):
        city.add(Filing(enterprise_id=key, period_kind="month", period=f"2024-{month}", form="ytd", source=source, recorded_at=AT, revenue=value))
    city.flush()
    return key


def test_the_month_of_this_years_newest_is_read_from_the_best_source(city, firm):
    assert earlier(city, facts(firm), ON).rows() == [(firm, 11_700_000, None)]


def test_of_a_usual_season_nothing_is_read(city, firm):
    assert earlier(city, facts(firm, prior=30_000_000), ON).is_empty()
