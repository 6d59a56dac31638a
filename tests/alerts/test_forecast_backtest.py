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
from crm.alerts.forecasting.fitting import usual, witness
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
def test_no_more_of_its_deciles_are_off_than_luck_explains(by_september):
    found = by_september["drop"]["model"]
    assert found.outside <= found.outside_by_chance + 2


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


def test_an_odd_year_weighs_like_the_others_and_falls_as_often():
    growth, years = np.array([*np.linspace(-0.6, 0.6, 400), *np.linspace(-0.6, 0.0, 600), *np.linspace(0.0, 0.6, 200)]), np.repeat([2014, 2015], [400, 800])
    often = usual(growth, years)
    weight = witness(growth, years, often)
    odd = years == 2015
    assert (weight[odd].sum(), (weight * odd * (growth < -0.105)).sum() / weight[odd].sum()) == pytest.approx((600, often[:4].sum()), rel=0.01)


@pytest.fixture(scope="module")
def small_city():
    return measure_city(6_000, seed=3, noise=1.0, months=(3,))["3"]["below_2000wan"]


def test_chances_of_a_city_that_learned_are_no_further_off_than_luck_explains(small_city):
    assert small_city["model"].outside <= small_city["model"].outside_by_chance + 2


def test_few_firms_red_in_march_go_on(small_city):
    assert small_city["model"].red_wrong <= 0.1 * small_city["model"].red + 1


def test_a_city_that_learned_from_its_last_year_is_told_better_than_by_listed_firms(small_city):
    assert small_city["model"].brier < small_city["stored"].brier


def test_what_was_learned_reads_back_as_it_was_kept():
    made = city(600, seed=3, noise=1.0)
    own = learn(made.completed(), ["3441"] * 600, made.year - 1, {})
    again = Parameters.from_dict(own.as_dict())
    assert (again.as_dict(), sorted(again.industries)) == (own.as_dict(), ["34"])
