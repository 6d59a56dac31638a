"""The year as it runs: what is drawn, what is needed, and that nothing missing becomes zero."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.reports.charts import NARROW, WIDE
from crm.reports.fan import Outlook, fan_chart

THIS = {2: 2_000_000, 3: 3_100_000, 9: 11_800_000}


def outlook(**given):
    return Outlook(**{"year": 2026, "this": THIS, "last": {9: 19_400_000, 12: 26_500_000}, "low": 15_000_000, "mid": 16_100_000, "high": 17_400_000, "line": 20_000_000, **given})


def test_what_the_months_left_must_bring():
    assert outlook().needed == 2_733_334


def test_a_line_that_is_reached_needs_nothing():
    assert outlook(line=10_000_000).needed == 0


@pytest.mark.parametrize("given", [{"line": None}, {"this": {12: 16_000_000}}])
def test_without_a_line_or_months_left_nothing_is_asked(given):
    assert outlook(**given).needed is None


def test_missing_months_are_passed_over_and_not_drawn_as_zero():
    assert len(fan_chart(outlook()).this.split()) == 1 + len(THIS)


def test_without_last_year_no_line_is_drawn_for_it():
    assert fan_chart(outlook(last={})).last == ""


def test_a_finished_year_has_no_band():
    assert fan_chart(outlook(this={12: 16_000_000})).band == ""


@settings(max_examples=60)
@given(st.dictionaries(st.integers(1, 12), st.integers(0, 10**12), min_size=1), st.tuples(*[st.integers(0, 10**12)] * 4), st.sampled_from([WIDE, NARROW]))
def test_every_point_lies_inside_the_frame(this, ends, frame):
    low, mid, high = sorted(ends[:3])
    chart = fan_chart(outlook(this=this, low=low, mid=mid, high=high, line=ends[3] or None), frame)
    points = re.findall(r"([\d.]+),([\d.]+)", f"{chart.this} {chart.last} {chart.band} {chart.middle}")
    assert all(frame.left <= float(x) <= frame.width - frame.right and frame.top <= float(y) <= frame.height - frame.bottom for x, y in points)
