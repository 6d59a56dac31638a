"""The forecast of a year's end, on single firms: figures in 元, the day is given."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.alerts.forecasting import Outlook, forecast, signs
from crm.alerts.forecasting.history import History
from crm.alerts.forecasting.model import distribution, stored

WAN = 10_000
LINE = 2000 * WAN
ROWS = {"firm": pl.Int64, "year": pl.Int64, "month": pl.Int64, "value": pl.Int64}


def ask(*filed: dict[tuple[int, int], float], totals: dict[int, float] | None = None, on: date = date(2025, 10, 20), months: dict[tuple[int, int], float] | None = None, **about: Any) -> Outlook:
    """A forecast of firms given as (year, month) -> 累计 in 万元; every firm has the same totals and attributes."""
    rows = [(firm, year, month, round(value * WAN)) for firm, one in enumerate(filed) for (year, month), value in one.items()]
    whole = [(firm, year, round(value * WAN)) for firm in range(len(filed)) for year, value in (totals or {}).items()]
    single = [(0, year, month, round(value * WAN)) for (year, month), value in (months or {}).items()]
    firms = pl.DataFrame({"row": list(range(len(filed))), **{name: [value] * len(filed) for name, value in about.items()}})
    return forecast(
        pl.DataFrame(rows, schema=ROWS, orient="row"), pl.DataFrame(whole, schema={k: v for k, v in ROWS.items() if k != "month"}, orient="row"), firms, on,
        months=pl.DataFrame(single, schema=ROWS, orient="row"),
    )


def mid(outlook: Outlook) -> float:
    """The middle forecast of the first firm, 万元."""
    return outlook.frame()["mid"][0] / WAN


def below(outlook: Outlook, line: float = LINE) -> float:
    """The first firm's probability of ending below."""
    return float(outlook.probability_below(line)[0])


def test_a_seasonal_firm_with_48_percent_of_last_year_by_september_and_the_same_now_is_not_in_danger():
    assert below(ask({(2024, 9): 1272, (2025, 9): 1272}, totals={2024: 2650})) < 0.4


def test_a_firm_with_73_percent_by_september_last_year_and_40_percent_less_now_is_in_danger():
    assert below(ask({(2024, 9): 1934.5, (2025, 9): 1160.7}, totals={2024: 2650})) > 0.9


def test_two_years_that_agree_on_a_late_season_are_believed_more_than_one():
    one = ask({(2024, 9): 1272, (2025, 9): 1272}, totals={2024: 2650})
    two = ask({(2023, 9): 1272, (2024, 9): 1272, (2025, 9): 1272}, totals={2023: 2650, 2024: 2650})
    assert mid(one) < mid(two) < 2650 * 1.05


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.2, 0.9), month=st.sampled_from([6, 9, 10]))
def test_a_season_two_years_agree_on_is_the_firms_own_however_unusual(share, month):
    filed = {(year, month): 4000 * share for year in (2023, 2024, 2025)}
    assert 0.88 < mid(ask(filed, totals={2023: 4000, 2024: 4000}, on=date(2025, month + 1, 20))) / 4000 < 1.12


def test_a_firm_that_sells_seven_tenths_in_the_last_quarter_each_year_ends_near_its_last_year():
    filed = {(2023, 9): 1170.0, (2024, 9): 1200.0, (2025, 9): 1230.0}
    assert mid(ask(filed, totals={2023: 3900, 2024: 4000}, industry="3441")) == pytest.approx(4000, rel=0.05)


def test_seen_once_so_late_a_season_is_half_believed():
    filed = {(2024, 9): 1200.0, (2025, 9): 1230.0}
    assert 2700 < mid(ask(filed, totals={2024: 3900})) < 3800


def test_a_loss_that_all_firms_share_weighs_less_than_one_alone():
    fallen = {(2024, 3): 500.0, (2025, 3): 400.0}
    alone, among = ask(fallen, totals={2024: 2100}, on=date(2025, 4, 20)), ask(*[fallen] * 60, totals={2024: 2100}, on=date(2025, 4, 20))
    assert mid(alone) < mid(among)


def test_the_chance_from_which_a_fall_is_said_rises_to_a_half_at_the_years_end():
    said = [float(stored().falls_from(month)) for month in range(2, 13)]
    assert (said, said[-1]) == (sorted(said), 0.5)


def test_nothing_ends_below_what_is_in():
    seen = ask({(2025, 11): 1999}, {(2025, 11): 2000}, on=date(2025, 12, 20)).frame()
    assert (seen["low"] >= seen["so_far"]).all()


def test_december_is_the_year_itself():
    parts = [np.array([[0, *[np.nan] * 11, total]]) for total in (1999.0, 2500.0, np.nan, np.nan)]
    past = History(np.stack(parts, axis=1), np.zeros(1, dtype=np.int8))
    curve = stored().curve[None, :]
    assert distribution(signs.read(past, curve), stored()).quantile(0.9)[0] == 1999.0


def test_a_line_that_is_reached_exactly_is_not_below():
    assert below(ask({(2024, 6): 900, (2025, 6): 2000}, totals={2024: 2100})) == 0.0


def test_a_firm_without_a_figure_this_year_is_unknown_and_never_zero():
    seen = ask({(2024, 9): 1500}, totals={2024: 2100})
    assert (seen.frame()["mid"][0], np.isnan(below(seen))) == (None, True)


def test_figures_of_months_that_are_not_over_are_not_looked_at():
    assert ask({(2025, 9): 1500, (2025, 10): 9000}, totals={2024: 2100}).month[0] == 9


def test_the_total_of_the_year_asked_about_is_not_looked_at():
    known = {(2024, 9): 1500, (2025, 9): 1500}
    assert mid(ask(known, totals={2024: 2100, 2025: 9000})) == mid(ask(known, totals={2024: 2100}))


def test_february_counts_as_two_months():
    assert 0.95 < mid(ask({(2024, 2): 300, (2025, 2): 300}, totals={2024: 2040}, on=date(2025, 3, 20))) / 2040 < 1.15


def test_a_new_firm_is_forecast_with_less_certainty_than_one_with_a_season():
    new, old = ask({(2025, 6): 1000}, on=date(2025, 7, 20)).frame(), ask({(2024, 6): 1000, (2025, 6): 1000}, totals={2024: 2100}, on=date(2025, 7, 20)).frame()
    assert (new["high"] / new["low"])[0] > (old["high"] / old["low"])[0]


def test_the_range_narrows_towards_the_end_of_the_year():
    filed = {(year, month): 175.0 * month for year in (2024, 2025) for month in range(2, 12)}
    widths = [(f["high"] - f["low"])[0] for f in (ask(filed, totals={2024: 2100}, on=date(2025, month + 1, 20)).frame() for month in range(2, 12))]
    assert widths == sorted(widths, reverse=True)


def test_a_gap_in_last_years_months_is_bridged_along_the_season():
    whole = ask({(2024, 8): 1400, (2024, 9): 1575, (2024, 10): 1750, (2025, 9): 1575}, totals={2024: 2100})
    gap = ask({(2024, 8): 1400, (2024, 10): 1750, (2025, 9): 1575}, totals={2024: 2100})
    assert abs(mid(gap) / mid(whole) - 1) < 0.02


def test_a_months_figure_filed_as_cumulative_is_added_up_and_said():
    right = ask({(2024, 8): 1400, (2025, 7): 1225, (2025, 8): 1400}, totals={2024: 2100})
    wrong = ask({(2024, 8): 1400, (2025, 7): 1225, (2025, 8): 175}, totals={2024: 2100})
    assert (mid(wrong), wrong.notes[0]) == (mid(right), ["added_up"])


def test_a_small_correction_downwards_is_taken_as_it_is():
    seen = ask({(2024, 8): 1400, (2025, 7): 1225, (2025, 8): 1200}, totals={2024: 2100})
    assert (seen.frame()["so_far"][0], seen.notes[0]) == (1200 * WAN, [])


def test_a_figure_in_the_wrong_unit_is_left_out_and_said():
    seen = ask({(2024, 7): 1225, (2025, 7): 1225, (2025, 8): 14_000_000}, totals={2024: 2100})
    assert (seen.month[0], seen.notes[0]) == (7, ["left_out"])


def test_a_first_figure_a_thousand_times_last_years_is_left_out():
    assert ask({(2024, 2): 300, (2025, 2): 3_000_000}, totals={2024: 2100}, on=date(2025, 3, 20)).month[0] == 0


def test_single_months_stand_in_for_a_missing_cumulative():
    seen = ask({(2024, 9): 1575, (2025, 8): 1400}, totals={2024: 2100}, months={(2025, 9): 175})
    assert (seen.month[0], seen.frame()["so_far"][0]) == (9, 1575 * WAN)


def test_a_firm_that_stopped_sells_until_that_month_and_no_longer():
    stopped = ask({(2024, 8): 1400, (2025, 8): 1400}, totals={2024: 2100}, stopped_on=date(2025, 9, 12)).frame()
    assert (stopped["mid"][0], stopped["high"][0]) == (1400 * WAN, 1400 * WAN)


def test_months_between_the_last_figure_and_the_stop_still_count():
    seen = ask({(2024, 6): 1050, (2025, 6): 1050}, totals={2024: 2100}, stopped_on=date(2025, 9, 12))
    assert 1300 < mid(seen) < 1500


def test_a_stop_after_the_day_is_not_known_yet():
    known = {(2024, 8): 1400, (2025, 8): 1400}
    assert mid(ask(known, totals={2024: 2100}, stopped_on=date(2025, 11, 1))) == mid(ask(known, totals={2024: 2100}))


def test_electricity_that_halves_lowers_the_rest_of_the_year_a_little():
    known = {(2024, 8): 1400, (2025, 8): 1400}
    assert 0.95 < mid(ask(known, totals={2024: 2100}, electricity_yoy=0.5)) / mid(ask(known, totals={2024: 2100})) < 1.0


def test_needed_per_month_is_rounded_up_and_zero_once_reached():
    seen = ask({(2025, 9): 1160.7})
    assert (seen.needed_per_month(LINE)[0], seen.needed_per_month(1000 * WAN)[0]) == (2_797_667, 0)


def test_an_industrys_season_counts_where_enough_firms_show_it():
    late = [{(2024, 6): 400.0, (2025, 6): 400.0} for _ in range(200)] + [{(2025, 6): 400.0}]
    with_industry, without = (ask(*late, totals={2024: 2000}, on=date(2025, 7, 20), **about).frame()["mid"][200] for about in ({"industry": "3441"}, {}))
    assert with_industry > without


@pytest.mark.parametrize("month", [2, 3, 6, 9, 11])
def test_the_probability_of_ending_below_low_mid_and_high_is_a_tenth_a_half_and_nine(month):
    seen = ask({(2024, month): 170.0 * month, (2025, month): 150.0 * month}, totals={2024: 2100}, on=date(2025, month + 1, 20))
    frame = seen.frame()
    assert [round(below(seen, frame[name][0]), 2) for name in ("low", "mid", "high")] == [0.1, 0.5, 0.9]


def test_the_probability_rises_with_the_line():
    seen = ask({(2024, 6): 1000, (2025, 6): 800}, totals={2024: 2100}, on=date(2025, 7, 20))
    chances = [below(seen, line * WAN) for line in range(700, 4000, 50)]
    assert chances == sorted(chances)


def test_a_firms_forecast_does_not_change_with_its_size():
    small, large = ({(2024, 6): size, (2025, 6): 0.8 * size} for size in (1000, 500_000))
    assert mid(ask(large, totals={2024: 1_050_000}, on=date(2025, 7, 20))) / mid(ask(small, totals={2024: 2100}, on=date(2025, 7, 20))) == pytest.approx(500, rel=1e-6)


def test_no_figure_at_all_breaks_nothing():
    assert ask({}, {(2025, 6): 0.0}, {(2024, 6): 0.0, (2025, 6): 5.0}, totals={2024: 0}).frame().height == 3
