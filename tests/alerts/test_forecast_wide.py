"""The forecast as alert rules read it: one row per firm."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from crm.alerts.forecasting.model import stored
from crm.alerts.forecasting.wide import project

ON = date(2025, 10, 20)
KINDS = {"ytd": pl.Int64, "ytd_month": pl.Int64, "ytd_prior": pl.Int64, "last_year": pl.Int64, "year_before": pl.Int64, "ytd_before": pl.Int64, "line": pl.Int64, "stopped_by": pl.String, "stopped_on": pl.Date}


def projected(**figures: Any) -> dict[str, Any]:
    """One firm's row after the forecast."""
    given = {"ytd": 11_607_000, "ytd_month": 9, "ytd_prior": 19_345_000, "last_year": 26_500_000, "year_before": None, "ytd_before": None, "line": 20_000_000, "stopped_by": None, "stopped_on": None}
    return project(pl.DataFrame([given | figures], schema=KINDS), ON).row(0, named=True)


def test_a_firm_40_percent_down_ends_below_its_line():
    assert projected()["below_line"] > 0.9


def test_a_late_season_as_last_year_ends_above_its_line():
    assert projected(ytd=12_720_000, ytd_prior=12_720_000)["projected"] >= 20_000_000


def test_a_late_season_two_years_agree_on_is_believed_at_night_too():
    late = {"ytd": 12_300_000, "ytd_prior": 12_000_000, "last_year": 40_000_000, "year_before": 39_000_000}
    assert projected(**late, ytd_before=11_700_000)["projected"] == pytest.approx(40_000_000, rel=0.05)


def test_a_year_in_which_all_lose_a_fifth_is_made_up_sooner_than_a_loss_of_ones_own():
    frame = pl.DataFrame([dict.fromkeys(KINDS) | {"ytd": 8_000_000, "ytd_month": 6, "ytd_prior": 10_000_000, "last_year": 21_000_000, "line": 20_000_000}], schema=KINDS)
    alone, shared = (project(frame, ON, replace(stored(), pace=pace))["projected"][0] for pace in (None, -0.2))
    assert alone < shared


def test_a_firm_without_figures_is_null_not_zero():
    one = projected(ytd=None, ytd_month=None, ytd_prior=None)
    assert (one["projected"], one["below_line"], one["method"]) == (None, None, None)


def test_no_line_means_no_probability():
    assert projected(line=None)["below_line"] is None


def test_an_abnormal_listing_does_not_end_the_years_sales():
    assert projected(stopped_by="abnormal_listed", stopped_on=date(2025, 9, 1)) | {"stopped_by": None, "stopped_on": None} == projected()


def test_a_closure_does():
    assert projected(stopped_by="closed", stopped_on=date(2025, 9, 1))["projected_high"] == 11_607_000


def test_decembers_cumulative_is_the_year():
    one = projected(ytd=19_999_999, ytd_month=12, ytd_prior=26_500_000)
    assert (one["projected_low"], one["projected_high"], one["below_line"]) == (19_999_999, 19_999_999, 1.0)
