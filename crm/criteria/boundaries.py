"""Cases generated from the rules themselves: every threshold tried just below, exactly at, just above, and missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from crm.criteria import terms, wording
from crm.criteria.columns import dtype
from crm.criteria.engine import evaluate
from crm.criteria.terms import Cagr, Choice, Const, Figure, Product, Ratio, Sum, Value, Window
from crm.criteria.values import Firm
from crm.criteria.vectors import bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.packs import Pack
    from crm.criteria.program import Criterion, Program

Cells = dict[str, int]


class Unsolvable(ValueError):
    """No whole figures make the value exactly this."""


@dataclass(frozen=True, slots=True)
class Case:
    """One generated firm: cells, the criterion it is about, and what must come out."""

    criterion: Criterion
    where: str  # below | at | above | missing
    cells: Cells
    expected: bool | None


def rule_days(pack: Pack) -> list[date]:
    """Days on which the rules change: each set of rules is tried on one."""
    return list(pack.turning_days) or [date(2026, 1, 1)]


def cases(program: Program) -> list[Case]:
    """All cases of a day's rules."""
    return [case for leaf in program.criteria if leaf.in_force for case in _cases(leaf, program)]


def failures(program: Program, tried: list[Case]) -> list[str]:
    """What the engine says differently from what must come out."""
    if not tried:
        return []
    columns = {c.name: dtype(c) for c in program.columns}
    frame = pl.DataFrame({name: pl.Series([case.cells.get(name) for case in tried], dtype=kind) for name, kind in columns.items()})
    out = evaluate(program.pack, frame, program.on).frame
    made = []
    for i, case in enumerate(tried):
        got = out[f"c{case.criterion.number}"][i]
        if got is not case.expected:
            made.append(f"{program.on} {case.criterion.item} › {case.criterion.id} {case.where}：应为 {case.expected}，得到 {got}（{case.cells}）")
    return made


def _cases(leaf: Criterion, program: Program) -> Iterator[Case]:
    compare = wording.compared(leaf.term)
    if compare is None or not isinstance(compare.right, Const):
        return
    try:
        at = exact(compare.left, compare.right.value)
    except Unsolvable:
        return
    moving = _moving(compare.left)
    if not at or moving & _divisors(compare.left):  # moving one year's figure would move another year's ratio too
        return
    tries = {"at": at, "missing": {}}
    tries |= {where: {n: v + by * (n in moving) for n, v in at.items()} for where, by in (("below", -1), ("above", 1))}
    for where, cells in tries.items():
        if all(abs(v) <= bound(program.pack.measures[n.rsplit(".", 1)[0]].unit) for n, v in cells.items()):
            yield Case(leaf, where, cells, _expected(leaf, cells, where, compare.op, program))


def _expected(leaf: Criterion, cells: Cells, where: str, op: str, program: Program) -> bool | None:
    """From where the case stands and the operator alone; a condition `when` adds what it says of the firm."""
    passes = {">=": {"at", "above"}, ">": {"above"}, "<=": {"at", "below"}, "<": {"below"}, "==": {"at"}}[op]
    truth = None if where == "missing" else where in passes
    truth = not truth if leaf.veto and truth is not None else truth
    if leaf.when is None:
        return truth
    guard = Firm(program.on, cells, {}, {}, None).condition(leaf.when)
    return True if guard is False or truth is True else None if guard is None or truth is None else truth


def _moving(term: Value) -> set[str]:
    """The columns that raise the value when they rise, one for each value compared."""
    match term:
        case Figure():
            return {next(iter(terms.columns(term))).name}
        case Window(_, of) | Choice(("min" | "max"), of):
            return set().union(*map(_moving, of))
        case Choice(_, of):
            return _moving(of[0])
        case Ratio(inner, _) | Sum(inner, _) | Product(inner, _) | Cagr(_, inner, _):
            return _moving(inner)
    return set()


def _divisors(term: Value) -> set[str]:
    """Columns that stand in a divisor."""
    return {c.name for part in terms.walk(term) if isinstance(part, Ratio) for c in terms.columns(part.bottom)}


def exact(term: Value, target: Fraction) -> Cells:
    """Whole figures that make a value exactly `target`. Raises Unsolvable."""
    cells: Cells = {}
    _solve(term, target, cells)
    return cells


def _solve(term: Value, target: Fraction, cells: Cells) -> None:  # noqa: C901  (one case per kind)
    match term:
        case Figure(_, _, _, scale, _):
            name = next(iter(terms.columns(term))).name
            stored = target / scale
            if stored.denominator != 1 or cells.get(name, stored) != stored:
                raise Unsolvable
            cells[name] = int(stored)
        case Product(left, Const(factor)) if factor:
            _solve(left, target / factor, cells)
        case Sum(left, right, sign):
            _solve_sum(left, right, sign, target, cells)
        case Ratio(top, bottom):
            known = _known(bottom, cells)
            base = known if known is not None else Fraction(10**6 * target.denominator)
            if known is None:
                _solve(bottom, base, cells)
            _solve(top, target * base, cells)
        case Choice("coalesce", of):
            _solve(of[0], target, cells)
        case Choice(_, of) | Window(_, of):
            for other in of[1:]:
                _solve(other, target, cells)
            _solve(of[0], target, cells)
        case Cagr(years, last, first):
            base = Fraction(100 * (1 + target).denominator ** years)
            _solve(first, base, cells)
            _solve(last, base * (1 + target) ** years, cells)
        case _:
            raise Unsolvable


def _solve_sum(left: Value, right: Value, sign: int, target: Fraction, cells: Cells) -> None:
    if isinstance(right, Const):
        _solve(left, target - sign * right.value, cells)
        return
    known = _known(right, cells)
    if known is None:
        known = Fraction(0)
        _solve(right, known, cells)
    _solve(left, target - sign * known, cells)


def _known(term: Value, cells: Cells) -> Fraction | None:
    return Firm(date(2000, 1, 1), cells, {}, {}, None).value(term)
