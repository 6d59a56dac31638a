"""Levels that do not flicker: a chance between the condition to enter a level and the one to stay changes nothing."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.alerts.levels import level_of, named_for_levels
from crm.alerts.models import LEVELS
from crm.alerts.nightly import kept
from tests.city import shipped

ON = date(2026, 10, 20)
PERMILLE = st.integers(0, 1000)


@pytest.fixture(scope="module")
def levels():
    """Per mille of ending below -> (level entered, level stayed at), of the shipped pack in October."""
    rule = shipped("taizhou")["taizhou"].alerts["exit_risk"]
    figures = {"stopped": [False] * 1001, "no_data": [False] * 1001, "in_register": [True] * 1001, "months_used": [9] * 1001, "months_missing": [0] * 1001, "below": list(range(1001))}
    named = named_for_levels(pl.DataFrame(figures).with_columns(**{name: pl.lit(None, pl.Int64) for name in ("ytd", "ytd_prior", "electricity", "electricity_before", "insured", "insured_before", "months_without_power")}))
    found = [named.select(at=level_of(rule, ON, staying=staying))["at"] for staying in (False, True)]
    return [tuple(rule.levels[at].level for at in pair) for pair in zip(*found, strict=True)]


def after(levels, level, chances):
    """Where a firm ends that starts at a level and whose chance takes these values, night by night."""
    seen = [level]
    for chance in chances:
        entered, stays = levels[chance]
        seen.append(kept({"level": entered, "text": "", "stay_level": stays, "stay_text": ""}, seen[-1])["level"])
    return seen


@pytest.mark.parametrize(("level", "low", "high"), [("red", 750, 849), ("orange", 420, 499), ("yellow", 180, 249)])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_chance_wandering_within_the_band_never_changes_the_level(levels, level, low, high, data):
    chances = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=20))
    assert set(after(levels, level, chances)) == {level}


@settings(max_examples=50, deadline=None)
@given(start=st.sampled_from(LEVELS[:4]), one=PERMILLE, other=PERMILLE)
def test_a_higher_chance_never_gives_a_better_level(levels, start, one, other):
    low, high = (LEVELS.index(after(levels, start, [chance])[-1]) for chance in sorted((one, other)))
    assert high <= low


def test_a_firm_enters_no_level_by_the_weaker_condition(levels):
    assert after(levels, "green", [800])[-1] == "orange"


def test_the_level_falls_once_the_chance_leaves_the_band(levels):
    assert after(levels, "red", [749])[-1] == "orange"


def test_grey_is_not_softened_by_a_level_a_firm_was_at():
    assert kept({"level": "grey", "text": "", "stay_level": "grey", "stay_text": ""}, "red")["level"] == "grey"
