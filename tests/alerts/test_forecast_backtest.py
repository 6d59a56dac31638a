"""The forecast against the simple methods on real series, where they are present; the fit on made-up ones, anywhere."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.forecast import back_test, measure_city, read_panel
from bench.forecast_city import city
from bench.forecast_scores import score
from crm.alerts.calibration import learn
from crm.alerts.forecasting import forecast
from crm.alerts.forecasting.model import Parameters, stored

if TYPE_CHECKING:
    from pathlib import Path

SIMPLE = ("linear", "pooled_share", "own_shape", "rest_as_last_year", "blend")


@pytest.fixture(scope="module")
def by_september(shared: Path):
    """Every year 2016–2021 forecast from earlier years and other firms, with data to September."""
    return back_test(read_panel(shared / "data" / "panel" / "quarterly_cumulative_revenue.csv.gz"), 9, split=True, use_stored=False)


@pytest.mark.shared
@pytest.mark.parametrize("event", ["drop", "line"])
def test_it_tells_falls_better_than_any_simple_method(by_september, event):
    methods = by_september[event]
    assert methods["model"].f1 > max(methods[name].f1 for name in SIMPLE)


@pytest.mark.shared
@pytest.mark.parametrize("event", ["drop", "line"])
def test_its_probabilities_are_truer_than_any_simple_methods(by_september, event):
    methods = by_september[event]
    assert methods["model"].brier < min(methods[name].brier for name in SIMPLE)


@pytest.mark.shared
def test_four_years_in_five_end_within_the_range(by_september):
    assert 0.77 < by_september["drop"]["model"].inside < 0.83


@pytest.mark.parametrize("month", [3, 9, 11])
def test_four_firms_in_five_of_a_made_up_city_end_within_the_range(month):
    made = city(6000, seed=7, noise=1.0)
    seen = forecast(*made.asked(month), date(made.year, month + 1, 10))
    known = seen.month > 0
    inside = (made.ended >= seen.spread.quantile(0.1)) & (made.ended <= seen.spread.quantile(0.9))
    assert 0.75 < inside[known].mean() < 0.85


def test_parameters_survive_being_written_and_read():
    again = Parameters.from_dict(stored().as_dict())
    assert all(np.array_equal(again.knots[case][month].location, knot.location) for case, knots in stored().knots.items() for month, knot in knots.items())


def test_a_forecast_that_is_always_right_scores_full():
    ended, line = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    perfect = score(ended, ended, np.array([1.0, 0.0]), line, np.array([2020, 2020]), ended, ended)
    assert (perfect.f1, perfect.brier, perfect.median_error) == (1.0, 0.0, 0.0)


def test_a_city_that_learned_from_its_last_year_is_told_better_than_by_listed_firms():
    found = measure_city(3_000, seed=3, noise=1.0)["3"]["below_2000wan"]
    assert found["model"].brier < found["stored"].brier


def test_what_was_learned_reads_back_as_it_was_kept():
    made = city(600, seed=3, noise=1.0)
    own = learn(made.completed(), ["3441"] * 600, made.year - 1, {})
    again = Parameters.from_dict(own.as_dict())
    assert (again.as_dict(), sorted(again.industries)) == (own.as_dict(), ["34"])
