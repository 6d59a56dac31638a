"""A profile as geometry: inside its frame, open where nothing is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.reports.radar import NARROW, WIDE, Axis, radar

shares = st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda p: (min(p) / 9, max(p) / 9))
axes = st.lists(shares.map(lambda share: Axis("专 1/4 缺2项", "主导产品所属领域", share)), min_size=3, max_size=8)
SIX = [Axis("专", "专业化", (0.5, 0.5))] * 6


def wide_text(text):
    """A Chinese character is 12 px wide at most, as set."""
    return 12 * len(text)


def reach(chart):
    """x and y of everything drawn, labels with their width."""
    found = [*chart.dots, *chart.spokes, *(end for line in (*chart.lines, *chart.open) for end in line)]
    for x, y, anchor, head, label in chart.labels:
        width = max(wide_text(label), 7 * len(head))
        left = x - width / 2 if anchor == "t-c" else x - width if anchor == "t-r" else x
        found += [(left, y - 12), (left + width, y + 18)]
    return found


@pytest.mark.parametrize("frame", [WIDE, NARROW])
@given(axes)
def test_everything_drawn_lies_inside_the_frame(frame, drawn):
    chart = radar(drawn, frame)
    if chart is not None:
        assert all(0 <= x <= frame.width and 0 <= y <= frame.height for x, y in reach(chart))


@given(axes)
def test_only_what_is_known_has_a_corner(drawn):
    chart = radar(drawn)
    assert (len(chart.dots) if chart else 0) == sum(axis.share is not None for axis in drawn)


def test_an_unknown_axis_opens_the_outline_on_both_sides():
    chart = radar([Axis("专", "专业化", None), *SIX[1:]])
    assert (len(chart.lines), chart.area, len(chart.open)) == (4, "", 1)


def test_a_dimension_without_conditions_is_not_drawn_as_unknown():
    assert radar([Axis("品", "主导产品", None, asked=False), *SIX[1:]]).open == []


def test_a_share_of_nothing_for_certain_is_the_centre():
    assert radar([Axis("专", "专业化", (0.0, 0.0)), *SIX[1:]]).dots[0] == (WIDE.width / 2, WIDE.height / 2)


def test_nothing_known_is_no_picture():
    assert radar([Axis("专", "专业化", None)] * 6) is None
