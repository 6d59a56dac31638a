"""Terms for one firm, as exact fractions: what an explanation shows. States come from the engine; figures from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from crm.criteria.codes import first, matches
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
from crm.criteria.vectors import years_before

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from crm.criteria.cells import Cell
    from crm.criteria.program import Scored, SizeTest

_COMPARE = {
    ">=": Fraction.__ge__, ">": Fraction.__gt__, "<=": Fraction.__le__, "<": Fraction.__lt__, "==": Fraction.__eq__,
}


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Firm:
    """One firm's facts on a day: cells by column name, states of items, score intervals (分×100), size level."""

    on: date
    cells: Mapping[str, Cell]
    items: Mapping[str, bool | None]
    scores: Mapping[str, tuple[int, int]]
    size: int | None
    short: Mapping[str, int] = field(default_factory=dict)  # criteria short, by item

    def value(self, term: Value) -> Fraction | None:
        """The number, or None if it cannot be known."""
        match term:
            case Const(value, _):
                return value
            case Figure():
                known = next((c for name in term.names if (c := self.cells.get(name)) is not None), None)
                return None if known is None else int(known) * term.scale  # type: ignore[arg-type]  # figures are integers
            case Sum(left, right, sign):
                return _both(self.value(left), self.value(right), lambda a, b: a + sign * b)
            case Product(left, right):
                return _both(self.value(left), self.value(right), lambda a, b: a * b)
            case Ratio(top, bottom):
                return _both(self.value(top), self.value(bottom), lambda a, b: a / b if b > 0 else None)
            case Choice("coalesce", of):
                return next((v for v in map(self.value, of) if v is not None), None)
            case Choice(how, of):
                values = [self.value(v) for v in of]
                there = [v for v in values if v is not None]
                return None if len(there) < len(values) else min(there) if how == "min" else max(there)
            case Short(item):
                return Fraction(self.short[item]) if item in self.short else None
            case Since(column, unit):
                return self.since(self.cells.get(column.name), unit)
        return None

    def since(self, day: Cell, unit: str) -> Fraction | None:
        """Full days or years from a day."""
        if day is None:
            return None
        if unit == "日":
            return Fraction((self.on - day).days)  # type: ignore[operator]  # identity days are dates
        return Fraction(self.on.year - day.year - ((day.month, day.day) > (self.on.month, self.on.day)))  # type: ignore[union-attr]

    def condition(self, term: Condition) -> bool | None:  # noqa: C901, PLR0912  (one case per kind)
        """True, False or None for unknown."""
        match term:
            case Compare(op, Window(how, of), right):
                parts = [self.condition(Compare(op, v, right)) for v in of]
                return all_of(parts) if how == "each" else any_of(parts)
            case Compare(op, Cagr(years, last, first_), Const(rate, _)):
                growth = Fraction((1 + rate) ** years)
                return _both(self.value(last), self.value(first_), lambda a, b: _COMPARE[op](a, b * growth) if b > 0 else None)
            case Compare(op, ScoreOf(name), Const(line, _)):
                return self.score(op, name, line * 100)
            case Compare(op, left, right):
                return _both(self.value(left), self.value(right), _COMPARE[op])
            case Both(how, of):
                parts = [self.condition(c) for c in of]
                return all_of(parts) if how == "and" else any_of(parts)
            case Not(of):
                return not_(self.condition(of))
            case Surely(of):
                return self.condition(of) is True
            case Is(column, missing_no):
                return _bool(self.cells.get(column.name), missing_no=missing_no)
            case Happened(column, years, missing_no):
                day = self.cells.get(column.name)
                if day is None:
                    return False if missing_no else None
                return day.year > 1 if years is None else day >= years_before(self.on, years)  # type: ignore[union-attr, operator]
            case DayFrom(column):
                day = self.cells.get(column.name)
                return None if day is None else day >= term.first(self.on)  # type: ignore[operator]  # identity days are dates
            case Code(column, specs):
                code = self.cells.get(column.name)
                return matches(None if code is None else str(code), specs)
            case SizeAtMost(level):
                return None if self.size is None else self.size <= level
            case Met(item):
                return self.items.get(item)
        return None

    def score(self, op: str, name: str, line: Fraction) -> bool | None:
        """An interval against a line."""
        if name not in self.scores:
            return None
        ends = {_COMPARE[op](Fraction(end), line) for end in self.scores[name]}
        return ends.pop() if len(ends) == 1 else None

    def points(self, scored: Scored) -> tuple[int, int]:
        """Fewest and most points (分×100) an item of a score can have."""
        if scored.kind == "best":
            ends = [self.points(s) for s in scored.of]
            return max(e[0] for e in ends), max(e[1] for e in ends)
        tests = [(True if line.term is None else self.condition(line.term), line.points) for line in scored.lines]
        if scored.kind == "sum":
            return min(sum(p for t, p in tests if t), scored.max), min(sum(p for t, p in tests if t is not False), scored.max)
        reachable = []
        for test, points in tests:
            if test is not False:
                reachable.append(points)
            if test:
                break
        return min(reachable, default=0), max(reachable, default=0)

    def level(self, sizes: tuple[SizeTest, ...]) -> int | None:
        """划型: 0 micro … 3 large."""
        industry = self.cells.get("industry")
        row = first(None if industry is None else str(industry), [(s.industries, s.unless) for s in sizes])
        if row is None or row < 0:
            return None
        levels = [None if (v := self.value(value)) is None else sum(v >= b for b in bounds) for value, bounds in sizes[row].lines]
        known = [x for x in levels if x is not None]
        return min(known) if len(known) == len(levels) or 0 in known else None


def all_of(parts: list[bool | None]) -> bool | None:
    """Kleene and."""
    return False if False in parts else None if None in parts else True


def any_of(parts: list[bool | None]) -> bool | None:
    """Kleene or."""
    return True if True in parts else None if None in parts else False


def not_(part: bool | None) -> bool | None:
    """Kleene not."""
    return None if part is None else not part


def _both(a: Fraction | None, b: Fraction | None, then: Callable[[Fraction, Fraction], _T | None]) -> _T | None:
    return None if a is None or b is None else then(a, b)


def _bool(cell: Cell, *, missing_no: bool) -> bool | None:
    return (False if missing_no else None) if cell is None else bool(cell)
