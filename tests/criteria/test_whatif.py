"""What a change would do: only the firms it touches, and nothing when it cannot be read."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crm.core.errors import Invalid, NotFound
from crm.criteria.differences import differences
from crm.criteria.engine import evaluate
from crm.criteria.whatif import impact, overlay
from tests.criteria.conftest import DAY, population


@pytest.fixture(scope="module")
def firms(pack):
    """Three industrial firms just below, on and above 2000万元, of two counties, not in the register."""
    frame = population(pack.program(DAY), 3, 1)
    revenue = pl.Series([19_999_999, 20_000_000, 30_000_000], dtype=pl.Int64)
    return frame.with_columns(
        revenue.alias("revenue_main.y-1"), revenue.alias("revenue.y-1"), pl.lit("3441").alias("industry"),
        pl.Series("region", ["331081", "331003001", None], dtype=pl.String), pl.lit(value=False).alias("register.in"), pl.lit(50, pl.Int64).alias("employees.y-1"),
    )


def moved(pack, firms, changes, item="register"):
    found = impact(evaluate(pack, firms, DAY), evaluate(overlay(pack, changes, DAY), firms, DAY))
    return found.moves.filter(pl.col("item") == item)


def test_a_lower_line_lets_in_the_firm_between_the_two(pack, firms):
    assert moved(pack, firms, {"line": "1500万元"}).select("row", "before", "after", "region", "size").rows() == [(0, "unmet", "met", "331081", "small")]


def test_a_higher_line_puts_out_the_firms_between_the_two(pack, firms):
    counts = impact(evaluate(pack, firms, DAY), evaluate(overlay(pack, {"line": "2500万元"}, DAY), firms, DAY)).counts("region")
    assert counts.filter(pl.col("item") == "register").rows(named=True) == [{"item": "register", "region": "331003", "enters": 0, "leaves": 1, "other": 0}]


def test_a_condition_can_be_replaced_by_its_id(pack, firms):
    assert moved(pack, firms, {"a": "revenue_main >= 3亿元"}, "step_up.revenue_band")["after"].to_list() == ["unmet"]


def test_firms_nothing_changed_for_are_not_touched(pack, firms):
    assert impact(evaluate(pack, firms, DAY), evaluate(pack, firms, DAY)).touched == 0


def test_the_pack_itself_stays_as_it_was(pack):
    before = pack.hash
    assert (overlay(pack, {"line": "1500万元"}, DAY).hash != before, pack.book.digest()) == (True, before)


def test_what_was_tried_is_told_as_a_difference_and_as_no_policy(pack):
    (told,) = differences(pack, overlay(pack, {"line": "1500万元"}, DAY))
    assert {name: after for name, _, after in told.fields} | {"value": "1500万元", "basis": "default"} == {name: after for name, _, after in told.fields}


@pytest.mark.parametrize(("changes", "error"), [
    ({"lime": "1500万元"}, NotFound),
    ({"line": "1500人"}, Invalid),
    ({"line": "很多"}, Invalid),
    ({"line": "2000万元"}, Invalid),
    ({"a": "revenue_mian >= 1"}, Invalid),
    ({"a": "revenue_main >= 1000万元"}, Invalid),
])
def test_what_cannot_be_tried_is_refused(pack, changes, error):
    with pytest.raises(error):
        overlay(pack, changes, DAY)


def test_a_parameter_with_no_value_on_the_day_cannot_be_tried(pack):
    with pytest.raises(Invalid):
        overlay(pack, {"line": "1500万元"}, date(1990, 1, 1))
