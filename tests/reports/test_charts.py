"""Charts as geometry: broken where a figure is missing, in round units, inside the frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.reports.charts import NARROW, WIDE, line_chart, scale
from crm.reports.trend import Month

WAN = 10_000


def series(*values):
    return [Month(f"2026-{i:02d}", v) for i, v in enumerate(values, 1)]


def test_one_figure_is_no_line():
    assert line_chart(series(None, 5 * WAN, None)) is None


def test_a_missing_month_breaks_the_line():
    assert len(line_chart(series(5 * WAN, 6 * WAN, None, 7 * WAN, 8 * WAN)).lines) == 2


def test_a_month_without_neighbours_is_a_dot():
    assert len(line_chart(series(5 * WAN, 6 * WAN, None, 7 * WAN, None, 8 * WAN, 9 * WAN)).dots) == 1


def test_figures_under_a_hundred_million_are_in_wan():
    assert line_chart(series(500 * WAN, 600 * WAN)).unit == "万元"


def test_figures_from_a_hundred_million_are_in_yi():
    assert line_chart(series(5_000 * WAN, 12_000 * WAN)).unit == "亿元"


def test_the_last_figure_is_named():
    assert line_chart(series(500 * WAN, 626 * WAN + 8_000, None)).last[2] == "2月 626.8"


@given(st.lists(st.one_of(st.none(), st.integers(-10**13, 10**13)), min_size=2, max_size=12))
def test_every_point_lies_inside_the_frame(values):
    for frame in (WIDE, NARROW):
        chart = line_chart(series(*values), frame)
        points = [tuple(map(float, p.split(","))) for line in (chart.lines if chart else []) for p in line.split()]
        assert all(0 <= x <= frame.width and 0 <= y <= frame.height for x, y in points)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 1), (438, 703), (-50, 900), (9_999_999, 10_000_001)])
def test_the_scale_covers_the_figures(low, high):
    first, step, count = scale(low, high)
    assert first <= low <= high <= first + step * count
