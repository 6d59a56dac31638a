"""Terms as Polars expressions over the facts frame: exact integers, Kleene logic on nulls.

A value is numerator ÷ denominator × scale, with the scale kept aside as an exact fraction and the denominator > 0 or null.
Every value carries a bound on its numerator and denominator; where a cross product could leave 64 bits it is done in 128.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING, Any

import polars as pl

from crm.criteria.terms import (
    Both,
    Cagr,
    Choice,
    Code,
    Compare,
    Condition,
    Const,
    DayFrom,
    Figure,
    Happened,
    Is,
    Met,
    Not,
    Product,
    Ratio,
    ScoreOf,
    Short,
    Since,
    SizeAtMost,
    Sum,
    Surely,
    Value,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from crm.criteria.terms import Cagr as _Cagr

BOUNDS = {"元": 10**15}
"""No figure of a firm exceeds this (1,000 万亿元; larger ones are refused when facts are read)."""
BOUND = 10**12
"""The same for every other unit."""
_INT64, _INT128 = 2**63 - 1, 2**127 - 1
Num = pl.Expr | int


def bound(unit: str) -> int:
    """Largest absolute value a measure of the unit may have."""
    return BOUNDS.get(unit, BOUND)


@dataclass(frozen=True, slots=True)
class Vec:
    """num ÷ den × scale; `top`, `low` bound |num| and den."""

    num: Num
    den: Num
    scale: Fraction
    top: int
    low: int = 1


class Overflow(ValueError):
    """An expression multiplies so much that even 128 bits could overflow."""


def _mul(a: Num, b: Num, limit: int) -> Num:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if limit > _INT128:
        raise Overflow("相乘的大数太多，无法保证精确；请拆成几个条件")
    if isinstance(a, int):
        a, b = b, a
    if isinstance(b, int) and b == 1:
        return a
    if limit > _INT64 and isinstance(a, pl.Expr):
        a = a.cast(pl.Int128)
        b = pl.lit(b, pl.Int128) if isinstance(b, int) else b.cast(pl.Int128)
    return a * b


def _lit(a: Num) -> pl.Expr:
    return a if isinstance(a, pl.Expr) else pl.lit(a, pl.Int64 if abs(a) <= _INT64 else pl.Int128)


_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    ">=": lambda a, b: a >= b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
}


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the terms of one day. `codes` collects the code questions, each answered in a column of its own."""

    on: date
    codes: dict[Code, str] = field(default_factory=dict)

    # values

    def value(self, term: Value) -> Vec:  # noqa: C901  (one case per kind)
        """A value that is one number per firm."""
        match term:
            case Const(value, _):
                return Vec(value.numerator, 1, Fraction(1, value.denominator), abs(value.numerator))
            case Figure(_, _, unit, scale):
                first, *rest = [pl.col(name) for name in term.names]
                return Vec(pl.coalesce(first, *rest) if rest else first, 1, scale, bound(unit))
            case Sum(left, right, sign):
                return self.total(self.value(left), self.value(right), sign)
            case Product(left, right):
                a, b = self.value(left), self.value(right)
                top, low = a.top * b.top, a.low * b.low
                return Vec(_mul(a.num, b.num, top), _mul(a.den, b.den, low), a.scale * b.scale, top, low)
            case Ratio(top, bottom):
                return self.ratio(self.value(top), self.value(bottom))
            case Choice("coalesce", of):
                first_, *others = self.common([self.value(v) for v in of])
                if all(isinstance(v.den, int) and v.den == first_.den for v in others) and isinstance(first_.den, int):
                    return Vec(pl.coalesce(*(_lit(v.num) for v in (first_, *others))), first_.den, first_.scale, max(v.top for v in (first_, *others)), first_.low)
                nums, dens = [_lit(v.num) for v in (first_, *others)], [_lit(v.den) for v in (first_, *others)]
                known = [pl.when(n.is_not_null() & d.is_not_null()) for n, d in zip(nums, dens, strict=True)]
                num = pl.coalesce(*(k.then(n) for k, n in zip(known, nums, strict=True)))
                den = pl.coalesce(*(k.then(d) for k, d in zip(known, dens, strict=True)))
                return Vec(num, den, first_.scale, max(v.top for v in (first_, *others)), max(v.low for v in (first_, *others)))
            case Choice(how, of):
                made, *rest_ = [self.value(v) for v in of]
                for other in rest_:
                    made = self.better(made, other, "<=" if how == "min" else ">=")
                return made
            case Short(item):
                return Vec(pl.col(f"reach.{item}.missing").cast(pl.Int64), 1, Fraction(1), 10**6)
            case Since(column, unit):
                return Vec(self.since(pl.col(column.name), unit), 1, Fraction(1), 10**7)
        raise TypeError(f"{type(term).__name__} is no single value")

    def value_of(self, number: Fraction) -> Vec:
        """A plain number."""
        return self.value(Const(number))

    def since(self, day: pl.Expr, unit: str) -> pl.Expr:
        """Full days or years from a day column."""
        if unit == "日":
            return (pl.lit(self.on) - day).dt.total_days().cast(pl.Int64)
        later = (day.dt.month().cast(pl.Int64) * 100 + day.dt.day()) > self.on.month * 100 + self.on.day
        return self.on.year - day.dt.year().cast(pl.Int64) - later.cast(pl.Int64)

    def common(self, values: list[Vec]) -> list[Vec]:
        """The values brought to one scale."""
        known = [v.scale for v in values]
        unit = Fraction(gcd(*(s.numerator * _others(known, s) for s in known)), _product(known))
        made = []
        for v in values:
            factor = int(v.scale / unit)
            top = v.top * factor
            made.append(Vec(_mul(v.num, factor, top), v.den, unit, top, v.low))
        return made

    def total(self, a: Vec, b: Vec, sign: int) -> Vec:
        """a + b or a − b."""
        a, b = self.common([a, b])
        if isinstance(a.den, int) and isinstance(b.den, int) and a.den == b.den:
            return Vec(_plus(a.num, b.num, sign, a.top + b.top), a.den, a.scale, a.top + b.top, a.low)
        x, y = _mul(a.num, b.den, a.top * b.low), _mul(b.num, a.den, b.top * a.low)
        top = a.top * b.low + b.top * a.low
        return Vec(_plus(x, y, sign, top), _mul(a.den, b.den, a.low * b.low), a.scale, top, a.low * b.low)

    def ratio(self, a: Vec, b: Vec) -> Vec:
        """a ÷ b, null where b ≤ 0."""
        top, low = a.top * b.low, a.low * b.top
        den = _mul(a.den, b.num, low)
        if b.scale <= 0:
            raise Overflow("除数不能乘以零或负数")
        positive = pl.when(_lit(den) > 0).then(_lit(den))
        return Vec(_mul(a.num, b.den, top), positive, a.scale / b.scale, top, low)

    def better(self, a: Vec, b: Vec, op: str) -> Vec:
        """The smaller or the larger of two; unknown if either is."""
        a, b = self.common([a, b])
        first = self.compare_values(op, a, b)

        def pick(x: Num, y: Num) -> pl.Expr:
            return pl.when(first).then(_lit(x)).when(~first).then(_lit(y))

        return Vec(pick(a.num, b.num), pick(a.den, b.den), a.scale, max(a.top, b.top), max(a.low, b.low))

    def compare_values(self, op: str, a: Vec, b: Vec) -> pl.Expr:
        """a op b by cross-multiplication; denominators are positive."""
        x, y = a.scale.numerator * b.scale.denominator, b.scale.numerator * a.scale.denominator
        shared = gcd(x, y) or 1
        x, y = x // shared, y // shared
        left = _mul(_mul(a.num, x, a.top * x), b.den, a.top * x * b.low)
        right = _mul(_mul(b.num, y, b.top * y), a.den, b.top * y * a.low)
        return _COMPARE[op](_lit(left), _lit(right))

    # conditions

    def condition(self, term: Condition) -> pl.Expr:  # noqa: C901, PLR0912  (one case per kind)
        """A yes/no/unknown column."""
        match term:
            case Compare(op, Window(how, of), right):
                parts = [self.condition(Compare(op, v, right)) for v in of]
                return pl.all_horizontal(parts) if how == "each" else pl.any_horizontal(parts)
            case Compare(op, Cagr() as left, Const(value, _)):
                return self.growth(op, left, value)
            case Compare(op, ScoreOf(name), Const(value, _)):
                return _interval(op, pl.col(f"score.{name}.lo"), pl.col(f"score.{name}.hi"), value * 100)
            case Compare(op, left, right):
                return self.compare_values(op, self.value(left), self.value(right))
            case Both("and", of):
                return pl.all_horizontal([self.condition(c) for c in of])
            case Both(_, of):
                return pl.any_horizontal([self.condition(c) for c in of])
            case Not(of):
                return ~self.condition(of)
            case Surely(of):
                return self.condition(of).fill_null(value=False)
            case Is(column, missing_no):
                return _default(pl.col(column.name), missing_no=missing_no)
            case Happened(column, years, missing_no):
                since = years_before(self.on, years) if years is not None else None
                day = pl.col(column.name)
                return _default(day >= since if since else day.dt.year() > 1, missing_no=missing_no)
            case DayFrom(column):
                return pl.col(column.name) >= term.first(self.on)
            case Code():
                return pl.col(self.codes.setdefault(term, f"#k{len(self.codes)}"))
            case SizeAtMost(level):
                return pl.col("#size") <= level
            case Met(item):
                return pl.col(f"i:{item}")
        raise TypeError(f"{term!r} is no condition")

    def growth(self, op: str, term: _Cagr, rate: Fraction) -> pl.Expr:
        """(last / first)^(1/n) − 1 op rate, as last op first × (1 + rate)^n: no roots, exact."""
        last, first = self.value(term.last), self.value(term.first)
        positive = Vec(pl.when(_lit(first.num) > 0).then(_lit(first.num)), first.den, first.scale * (1 + rate) ** term.years, first.top, first.low)
        return self.compare_values(op, last, positive)


def _plus(a: Num, b: Num, sign: int, limit: int) -> Num:
    if isinstance(a, int) and isinstance(b, int):
        return a + sign * b
    if limit > _INT64:
        a, b = _lit(a).cast(pl.Int128), _lit(b).cast(pl.Int128)
    return a + b if sign > 0 else a - b


def _others(all_: list[Fraction], own: Fraction) -> int:
    """Product of the other denominators."""
    return _product(all_) // own.denominator


def _product(of: list[Fraction]) -> int:
    made = 1
    for fraction in of:
        made *= fraction.denominator
    return made


def _default(column: pl.Expr, *, missing_no: bool) -> pl.Expr:
    return column.fill_null(value=False) if missing_no else column


def _interval(op: str, low: pl.Expr, high: pl.Expr, line: Fraction) -> pl.Expr:
    """A score between low and high against a line: met, unmet, or unknown while the line lies between."""
    at = pl.lit(int(line), pl.Int64)
    if op == "==":
        return pl.when(low == high).then(low == at).when((at < low) | (at > high)).then(pl.lit(value=False))
    worst, best = (low, high) if op in {">=", ">"} else (high, low)
    compare = _COMPARE[op]
    return pl.when(compare(worst, at)).then(pl.lit(value=True)).when(~compare(best, at)).then(pl.lit(value=False))


def years_before(day: date, years: int) -> date:
    """The same day `years` earlier; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
