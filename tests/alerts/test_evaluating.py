"""Alerts of one firm: own season, boundaries, missing figures, January."""

from __future__ import annotations

from datetime import date

import pytest

from crm.alerts.evaluating import alerts
from crm.alerts.inputs import COLUMNS
from crm.alerts.season import data_month
from crm.criteria.engine import evaluate
from crm.criteria.facts import facts_frame, read_enterprise
from tests.city import shipped

ON = date(2025, 10, 20)


@pytest.fixture(scope="module")
def pack():
    return shipped("taizhou")["taizhou"]


def firm(pack, now, before=19_400_000, last=26_500_000, month="09", **more):
    ytd = {f"2024-{month}": {"revenue_main": before}, f"2025-{month}": {"revenue_main": now}}
    given = {"region": "331081", "industry": "3441", "year": {"2024": {"revenue_main": last}}, "ytd": ytd,
             "register": [{"entered_on": "2019-01-01", "exited_on": None, "entry": "first"}], "titles": [], "events": [], **more}
    return read_enterprise(given, pack)


def standing_alerts(pack, one, on=ON):
    return alerts(evaluate(pack, facts_frame([one], pack, on, COLUMNS), on), [one])[0]


def exit_risk(pack, one, on=ON):
    return [a for a in standing_alerts(pack, one, on) if a["rule"] == "exit_risk"]


def test_sales_40_percent_down_with_73_percent_of_the_year_gone_are_red(pack):
    assert exit_risk(pack, firm(pack, 11_800_000))[0]["level"] == "red"


def test_the_projection_follows_the_firms_own_season(pack):
    own_shape, rest_as_last_year = 16_118_557, 18_900_000
    assert own_shape < exit_risk(pack, firm(pack, 11_800_000))[0]["forecast"]["mid"] < rest_as_last_year


def test_a_firm_with_half_its_sales_after_september_is_not_warned_for_that(pack):
    assert exit_risk(pack, firm(pack, 15_000_000, before=14_500_000, last=30_000_000))[0]["level"] == "green"


def test_a_stop_is_red_whatever_the_figures_say(pack):
    stopped = firm(pack, 40_000_000, events=[{"kind": "suspended", "on": "2025-09-12"}])
    assert exit_risk(pack, stopped)[0]["level"] == "red"


def test_two_silent_months_are_red(pack):
    assert exit_risk(pack, firm(pack, 30_000_000, month="07"))[0]["headline"] == "连续 2 个月未报"


def test_in_february_nobody_misses_january(pack):
    one = read_enterprise({"industry": "3441", "region": "331081", "register": [{"entered_on": "2019-01-01"}], "titles": [], "events": []}, pack)
    assert exit_risk(pack, one, date(2026, 2, 20))[0]["level"] == "green"


def test_a_firm_outside_the_register_gets_no_exit_warning(pack):
    assert exit_risk(pack, firm(pack, 11_800_000, register=[])) == []


def test_a_firm_outside_that_will_reach_its_line_is_near(pack):
    found = [a for a in standing_alerts(pack, firm(pack, 16_000_000, register=[])) if a["rule"] == "near_threshold"]
    assert found[0]["level"] == "orange"


def test_january_is_never_the_data_month():
    assert [data_month(day) for day in (date(2026, 2, 20), date(2026, 3, 20), date(2026, 11, 14))] == [(2025, 12), (2026, 2), (2026, 9)]


def test_no_figures_for_the_year_are_grey_never_green(pack):
    one = read_enterprise({"industry": "3441", "region": "331081", "year": {"2024": {"revenue_main": 26_500_000}}, "register": [{"entered_on": "2019-01-01"}], "events": []}, pack)
    assert exit_risk(pack, one)[0]["level"] == "grey"


def test_two_months_without_power_are_told(pack):
    dark = firm(pack, 20_000_000)
    dark.month.update({"2025-08": {"electricity": 0}, "2025-09": {"electricity": 0}})
    assert exit_risk(pack, dark)[0]["evidence"]["months_without_power"] == 2


def test_a_level_says_that_it_is_a_default_and_no_policy(pack):
    assert exit_risk(pack, firm(pack, 11_800_000))[0]["basis"] == "系统默认，非政策"


# rules without a forecast


def told(pack, one, rule, on=ON):
    return [(a["subject"], a["level"]) for a in standing_alerts(pack, one, on) if a["rule"] == rule]


def test_a_title_that_ends_soon_is_told_in_the_answer(pack):
    held = firm(pack, 20_000_000, titles=[{"title": "hnte", "granted_on": "2022-12-08", "valid_to": "2025-12-08", "kind": "first"}])
    assert told(pack, held, "title_expiring") == [("hnte", "orange")]


def test_a_month_past_its_deadline_is_told_in_the_answer(pack):
    assert told(pack, firm(pack, 30_000_000, month="08"), "filing_missing") == [("monthly", "yellow")]


def test_a_falling_total_is_told_in_the_answer(pack):
    one = firm(pack, 19_000_000)
    one.ytd["2025-08"] = {"revenue_main": 20_000_000}
    assert told(pack, one, "figure_suspicious") == [("2025-09.revenue_main", "orange")]


def test_a_firm_that_left_and_is_back_at_its_line_is_told_in_the_answer(pack):
    one = firm(pack, 16_000_000, last=20_000_000, register=[{"entered_on": "2019-01-01", "exited_on": "2024-03-01"}])
    assert told(pack, one, "re_entry_window") == [("register", "orange")]


def test_an_answer_is_plain_data(pack):
    import orjson

    one = firm(pack, 30_000_000, month="08", titles=[{"title": "hnte", "granted_on": "2022-12-08", "valid_to": "2025-12-08", "kind": "first"}])
    assert orjson.dumps(standing_alerts(pack, one))


# levels by probability


def test_the_seasonal_firm_of_the_issue_is_not_red(pack):
    assert exit_risk(pack, firm(pack, 12_720_000, before=12_720_000, last=26_500_000))[0]["level"] != "red"


def test_a_firm_that_lost_nine_tenths_is_red_from_june_on_and_not_in_march(pack):
    months = {"03": date(2025, 4, 20), "06": date(2025, 7, 20)}
    seen = [exit_risk(pack, firm(pack, 600_000, before=6_000_000, last=21_000_000, month=month), on)[0]["level"] for month, on in months.items()]
    assert seen == ["orange", "red"]


def test_a_firm_that_passes_a_line_it_never_reached_is_told_so(pack):
    one = firm(pack, 104_000_000, before=60_000_000, last=80_000_000)
    assert told(pack, one, "first_crossing") == [("revenue.100000000", "orange")]


def test_a_firm_that_reached_the_line_years_ago_does_not_cross_it_for_the_first_time(pack):
    one = firm(pack, 104_000_000, before=60_000_000, last=80_000_000)
    one.year["2019"] = {"revenue_main": 100_000_000}
    assert told(pack, one, "first_crossing") == []


def test_a_firm_in_the_register_is_told_of_the_next_revenue_line(pack):
    assert told(pack, firm(pack, 72_000_000, before=60_000_000, last=80_000_000), "near_threshold") == [("revenue.100000000", "yellow")]


@pytest.mark.parametrize(("entered", "asked"), [("2024-03-01", True), ("2023-12-31", False)])
def test_the_second_year_is_asked_of_firms_that_entered_last_year(pack, entered, asked):
    one = firm(pack, 11_800_000, register=[{"entered_on": entered, "exited_on": None, "entry": "first"}])
    assert bool(told(pack, one, "newly_entered_at_risk")) is asked


def test_a_late_season_of_two_years_keeps_a_firm_out_of_danger(pack):
    one = firm(pack, 8_000_000, before=7_900_000, last=26_000_000)
    one.year["2023"], one.ytd["2023-09"] = {"revenue_main": 25_500_000}, {"revenue_main": 7_800_000}
    assert exit_risk(pack, one)[0]["level"] == "green"
