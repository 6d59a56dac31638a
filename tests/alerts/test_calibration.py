"""The forecast's parameters learned from the instance's own completed year."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select

from crm.alerts import calibration, pace
from crm.alerts.calibration import calibrate, in_force, is_due
from crm.alerts.forecasting.model import stored
from crm.alerts.models import ForecastPace, ForecastParameters
from tests.city import AT, ON


@pytest.fixture
def few(monkeypatch):
    """A city of 120 firms may learn."""
    monkeypatch.setattr(calibration, "FEWEST", 20)


def test_too_few_firms_teach_nothing(city):
    calibrate(city, ON, AT)
    assert in_force(city, ON) is stored()


def test_what_was_learned_is_in_force_from_the_next_year_on(city, few):
    calibrate(city, ON, AT)
    assert (in_force(city, ON).note["learned_from"], in_force(city, ON.replace(year=ON.year - 1)) is stored()) == (ON.year - 1, True)


def test_a_year_is_learned_once(city, few):
    calibrate(city, ON, AT)
    assert (is_due(city, ON), city.scalar(select(func.count()).select_from(ForecastParameters))) == (False, 1)


@pytest.mark.parametrize(("month", "due"), [(2, False), (3, True)])
def test_last_years_totals_are_awaited(city, month, due):
    assert is_due(city, ON.replace(month=month)) is due


def test_parameters_of_an_older_form_are_learned_anew(city, few):
    calibrate(city, ON, AT)
    kept = city.scalars(select(ForecastParameters)).one()
    kept.body = kept.body | {"form": 1}
    city.flush()
    assert (in_force(city, ON) is stored(), is_due(city, ON)) == (True, True)


@pytest.fixture
def asked(city, monkeypatch):
    """The paces kept by a measurement where twenty firms are enough."""
    monkeypatch.setattr(pace, "FEWEST", 20)
    city.execute(delete(ForecastPace))

    def measured(on=ON):
        pace.measure(city, on, AT)
        return city.scalars(select(ForecastPace)).all()

    return measured


def test_the_pace_is_that_of_the_newest_month_most_firms_show(asked):
    kept = asked()
    assert [(one.year, one.month, one.firms >= 20, abs(one.growth) < 5000) for one in kept] == [(ON.year, ON.month - 1, True, True)]


def test_a_pace_measured_again_is_kept_once(asked):
    asked()
    assert len(asked()) == 1


def test_a_forecast_of_january_has_no_pace(city, asked):
    asked()
    assert pace.pace_of(city, ON.replace(month=1)) is None


def test_too_few_firms_show_no_pace(city):
    city.execute(delete(ForecastPace))
    pace.measure(city, ON.replace(year=ON.year + 1), AT)
    assert pace.pace_of(city, ON.replace(year=ON.year + 1)) is None
