"""Months are taken out of cumulative figures without inventing any."""

from crm.reports.trend import monthly, months


def values(ytd, single=None, first="2026-01", last="2026-04"):
    return [m.value for m in monthly(ytd, single or {}, first, last)]


def test_months_are_the_differences_of_cumulative_figures():
    assert values({"2026-01": 10, "2026-02": 25, "2026-03": 45, "2026-04": 70}) == [10, 15, 20, 25]


def test_january_and_february_share_the_figure_reported_for_both():
    assert values({"2026-02": 25, "2026-03": 45, "2026-04": 70}) == [12, 13, 20, 25]


def test_the_shared_months_say_so():
    assert [m.is_shared for m in monthly({"2026-02": 25, "2026-03": 45}, {}, "2026-01", "2026-03")] == [True, True, False]


def test_a_missing_month_makes_the_next_one_missing_too():
    assert values({"2026-02": 20, "2026-04": 70}) == [10, 10, None, None]


def test_a_month_filed_alone_wins_over_the_difference():
    assert values({"2026-02": 20, "2026-03": 45}, {"2026-03": 26}, last="2026-03") == [10, 10, 26]


def test_a_month_filed_as_zero_is_zero_and_not_missing():
    assert values({"2026-01": 0, "2026-02": 0}, last="2026-02") == [0, 0]


def test_a_cumulative_figure_that_falls_gives_a_negative_month():
    assert values({"2026-01": 30, "2026-02": 20}, last="2026-02") == [30, -10]


def test_months_run_over_the_turn_of_the_year():
    assert months("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_january_filed_alone_is_not_shared_with_february():
    assert values({"2026-02": 25}, {"2026-01": 5}, last="2026-02") == [5, None]
