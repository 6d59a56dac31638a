"""The language of conditions: what it says, what it refuses, and that it is exact."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.core.errors import Invalid
from crm.criteria import quantity
from crm.criteria.engine import evaluate
from crm.criteria.expressions import ExpressionError, Names, parse_condition, parse_value
from crm.criteria.values import Firm
from crm.criteria.vectors import BOUNDS, Compiler, Overflow
from tests.criteria.conftest import DAY

NAMES = Names(
    measures={"revenue": ("元", ("year", "month")), "rd": ("元", ("year",)), "profit": ("元", ("year",)), "staff": ("人", ("year", "at")), "score": ("分×100", ("year",))},
    titles=frozenset({"srdi"}), params={"line": "元"}, events={"accident": False}, flags={"brand": False},
)
LARGEST = BOUNDS["元"]
money = st.one_of(st.none(), st.integers(-LARGEST, LARGEST), st.sampled_from([0, 1, -1, 20_000_000, 19_999_999, LARGEST, -LARGEST]))


def vector(text: str, **cells: object) -> bool | None:
    """The condition by the engine, for one firm; `revenue_1` is the column revenue.y-1."""
    frame = pl.DataFrame({k.replace("_", ".y-"): pl.Series([v], dtype=pl.Int64) for k, v in cells.items()})
    return frame.select(Compiler(DAY).condition(parse_condition(text, NAMES))).item()


def scalar(text: str, **cells: object) -> bool | None:
    """The same for one firm by exact fractions."""
    firm = Firm(DAY, {k.replace("_", ".y-"): v for k, v in cells.items()}, {}, {}, None)  # type: ignore[misc]
    return firm.condition(parse_condition(text, NAMES))


@pytest.mark.parametrize(
    ("text", "value"),
    [("2000万元", 20_000_000), ("1,500.5万元", 15_005_000), ("3%", Fraction(3, 100)), ("75.01%", Fraction(7501, 10_000)), ("0.5亿元", 50_000_000), ("5.5分", Fraction(11, 2)), (300, 300), ("-20%", Fraction(-1, 5))],
)
def test_a_quantity_is_read_exactly(text, value):
    assert quantity.parse(text).value == value


@pytest.mark.parametrize("text", ["2000万", "三千元", "", "3 %%", "1e9元"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="不是数量"):
        quantity.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "revenue", "revenue >= 3%", "revenue >= 2000", "rd / revenue >= 3", "nobody > 1", "1 < revenue < 3", "revenue[1] > 1元", "each(2, revenue)", "max(each(2, revenue), rd) > 1元",
        "holds(nobody)", "event(nobody)", "flag(nobody)", "param(nobody) > 1", "__import__('os')", "revenue.real > 1元", "(lambda: 1)() > 1", "revenue * rd > 1元", "revenue ** 2 > 1元",
        "[x for x in revenue] > 1", "cagr(2, revenue) > rd", "each(0, revenue) > 1元", "industry(34)", "holds()", "revenue + staff > 1元", "not revenue", "'a' > 'b'", "True",
    ],
)
def test_what_the_language_does_not_know_is_refused(text):
    with pytest.raises(ExpressionError):
        parse_condition(text, NAMES)


@pytest.mark.parametrize(("revenue", "met"), [(20_000_000, True), (19_999_960, False), (None, None)])
def test_the_line_of_2000wan_is_met_exactly_on_it(revenue, met):
    assert vector("revenue >= 2000万元", revenue_1=revenue) is met


@pytest.mark.parametrize(("liabilities", "met"), [(75_000_000, True), (75_000_001, False)])
def test_a_ratio_is_compared_without_rounding(liabilities, met):
    assert vector("rd / revenue <= 75%", rd_1=liabilities, revenue_1=100_000_000) is met


@pytest.mark.parametrize("base", [0, -5])
def test_growth_on_a_base_of_zero_or_less_is_unknown(base):
    assert (vector("yoy(revenue) >= 5%", revenue_1=100, revenue_2=base), vector("cagr(2, revenue) >= 5%", revenue_1=100, revenue_3=base)) == (None, None)


@pytest.mark.parametrize(("last", "met"), [(11_025, True), (11_024, False), (-1, False)])
def test_compound_growth_is_compared_without_roots(last, met):
    assert vector("cagr(2, revenue) >= 5%", revenue_1=last, revenue_3=10_000) is met


@pytest.mark.parametrize(("first", "second", "met"), [(3, 3, True), (3, 2, False), (2, None, False), (3, None, None)])
def test_each_year_is_tested_and_a_missing_one_leaves_it_open(first, second, met):
    assert vector("each(2, rd / revenue) >= 3%", rd_1=first, rd_2=second, revenue_1=100, revenue_2=100) is met


@pytest.mark.parametrize(("brand", "holds", "told"), [(None, True, None), (None, False, False), (True, True, True), (True, None, None)])
def test_and_follows_three_valued_logic(brand, holds, told):
    frame = pl.DataFrame({"flag.brand": pl.Series([brand], dtype=pl.Boolean), "title.srdi": pl.Series([holds], dtype=pl.Boolean)})
    assert frame.select(Compiler(DAY).condition(parse_condition("flag(brand) and holds(srdi)", NAMES))).item() is told


TEXTS = [
    "revenue >= 2000万元", "rd / revenue >= 3%", "rd / revenue < 3%", "each(2, rd / revenue) >= 3%", "some(3, revenue) > 4亿元", "sum(2, rd) >= 1200万元", "mean(3, revenue) >= 4亿元",
    "yoy(revenue) >= 15%", "yoy(revenue) < -20%", "mean(2, yoy(revenue)) >= 5%", "cagr(2, revenue) >= 5%", "min(profit, rd) > 0", "max(profit, rd) <= 100万元", "coalesce(profit, rd) >= 1元",
    "(revenue - rd) / revenue >= 33.33%", "profit / (revenue + rd) >= 10%", "min(rd / revenue, profit / revenue) >= 1%", "revenue * 3 - rd >= 1元",
]


@pytest.mark.parametrize("text", TEXTS)
@settings(max_examples=30, deadline=None)
@given(cells=st.fixed_dictionaries({f"{m}_{y}": money for m in ("revenue", "rd", "profit") for y in (1, 2, 3)}))
def test_the_engine_is_exact_up_to_the_largest_figures(text, cells):
    assert vector(text, **cells) is scalar(text, **cells)


def test_an_expression_that_could_overflow_128_bits_is_refused():
    text = "rd / revenue + profit / revenue[-2] + rd[-3] / revenue[-3] >= 1%"
    with pytest.raises(Overflow):
        Compiler(DAY).condition(parse_condition(text, NAMES))


def test_a_figure_beyond_belief_is_refused(pack):
    with pytest.raises(Invalid, match=r"revenue\.y-1"):
        evaluate(pack, pl.DataFrame({"revenue.y-1": [LARGEST + 1]}), DAY)


def test_floats_are_refused(pack):
    with pytest.raises(Invalid, match="整数"):
        evaluate(pack, pl.DataFrame({"revenue.y-1": [float("nan")]}), DAY)


@pytest.mark.parametrize(("day", "happened"), [(date(2023, 6, 1), True), (date(2023, 5, 31), False), (date(1, 1, 1), False), (None, None)])
def test_an_event_counts_within_its_years_to_the_day(day, happened):
    frame = pl.DataFrame({"event.accident": pl.Series([day], dtype=pl.Date)})
    assert frame.select(Compiler(DAY).condition(parse_condition("event(accident, 3)", NAMES))).item() is happened


def test_a_measure_known_by_year_and_day_falls_back_to_the_day():
    assert parse_value("staff", NAMES).names == ("staff.y-1", "staff.at")
