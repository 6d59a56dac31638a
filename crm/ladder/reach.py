"""How far many firms are from an item, vectorised: the same answer as crm.criteria.reach gives for one.

A reach is one whole number, smaller = nearer: ((missing × 1000 + unknown) × 1001 + (1000 − per mille)) × 4096 + (criterion
number + 1, 0 = none). Met and not in force are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from crm.criteria import wording
from crm.criteria.engine import holds
from crm.criteria.terms import Cagr, Const, ScoreOf, Window
from crm.criteria.vectors import Compiler, Overflow

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.program import Branch, Criterion

NEAR, PART, MANY = 4096, 1001, 1000
WHOLE = 1000  # per mille


@dataclass(frozen=True, slots=True)
class Parts:
    """A packed reach taken apart."""

    missing: pl.Expr
    unknown: pl.Expr
    per_mille: pl.Expr
    near: pl.Expr  # criterion number, -1 = none


def apart(packed: pl.Expr) -> Parts:
    """The four figures of a packed reach."""
    above = packed // NEAR
    counts = above // PART
    return Parts(counts // MANY, counts % MANY, WHOLE - above % PART, packed % NEAR - 1)


def pack(missing: pl.Expr, unknown: pl.Expr, per_mille: pl.Expr, near: pl.Expr) -> pl.Expr:
    """One number from four."""
    return ((missing * MANY + unknown) * PART + (WHOLE - per_mille)) * NEAR + near + 1


class Plan:
    """The reaches of several trees as columns, children before parents: every node is worked out once."""

    def __init__(self, on: date) -> None:
        self._on = on
        self.levels: list[list[pl.Expr]] = []

    def add(self, tree: Branch | None, name: str) -> None:
        """Have the packed reach of `tree` in the column `name`."""
        if tree is None:
            self._put(_number(0), name, 0)
        else:
            self._add(tree, name)

    def run(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame with all columns added, level by level."""
        for level in self.levels:
            frame = frame.with_columns(level)
        return frame

    def _add(self, branch: Branch, name: str) -> int:
        truth = holds(branch)
        if truth is None:
            return self._put(_number(0), name, 0)
        if branch.criterion is not None:
            return self._put(_leaf(branch.criterion, self._on), name, 0)
        names = [f"{name}/{index}" for index in range(len(branch.of))]
        depth = 1 + max(self._add(kid, own) for kid, own in zip(branch.of, names, strict=True))
        return self._put(pl.when(truth.fill_null(value=False)).then(_number(0)).otherwise(_open(branch, truth, [pl.col(n) for n in names])), name, depth)

    def _put(self, expr: pl.Expr, name: str, depth: int) -> int:
        while len(self.levels) <= depth:
            self.levels.append([])
        self.levels[depth].append(expr.cast(pl.Int64).alias(name))
        return depth


def _open(branch: Branch, truth: pl.Expr, kids: list[pl.Expr]) -> pl.Expr:
    """Reach of a node that is not met, from its children's."""
    if branch.kind == "any":
        return pl.min_horizontal(kids)
    if branch.kind == "at_least":
        ranked = pl.concat_list(kids).list.sort()
        return _together([ranked.list.get(n) for n in range(branch.n)])
    if branch.kind == "none" and all(kid.criterion is None for kid in branch.of):
        return pl.when(truth.is_null()).then(_fixed(0, 1)).otherwise(_fixed(1, 0))
    return _together(kids)


def value(leaf: Criterion, on: date) -> pl.Expr | None:
    """What the criterion compares with its line, as a float in the base unit: for bars and gaps, never for verdicts."""
    compare = wording.compared(leaf.term)
    if compare is None or not isinstance(compare.right, Const):
        return None
    left, low = compare.left, compare.op in (">=", ">")
    if isinstance(left, ScoreOf):
        return pl.col(f"score.{left.id}.hi") / 100
    compiler = Compiler(on)
    try:
        if isinstance(left, Cagr):
            last, first = (_float(compiler, term) for term in (left.last, left.first))
            return pl.when((first > 0) & (last >= 0)).then((last / first) ** (1 / left.years) - 1)
        values = [_float(compiler, term) for term in (left.of if isinstance(left, Window) else (left,))]
    except (TypeError, Overflow):
        return None
    lowest = low == (not (isinstance(left, Window) and left.how == "some"))
    return pl.min_horizontal(values) if lowest else pl.max_horizontal(values)


def line(leaf: Criterion) -> tuple[float, str] | None:
    """(the line, >= or <=) a criterion compares with."""
    compare = wording.compared(leaf.term)
    return None if compare is None or not isinstance(compare.right, Const) else (float(compare.right.value), compare.op)


def _float(compiler: Compiler, term: object) -> pl.Expr:
    made = compiler.value(term)  # type: ignore[arg-type]  # a part of a comparison is a value
    top = made.num if isinstance(made.num, pl.Expr) else pl.lit(made.num)
    bottom = made.den if isinstance(made.den, pl.Expr) else pl.lit(made.den)
    return top.cast(pl.Float64) / bottom.cast(pl.Float64) * float(made.scale)


def way(leaf: Criterion, on: date) -> pl.Expr | None:
    """Per mille of the way to its line, of firms that have not fulfilled the criterion; None for a yes or no."""
    seen, asked = value(leaf, on), line(leaf)
    if seen is None or asked is None:
        return None
    number, op = asked
    ratio = seen / number if op in (">=", ">") else number / seen
    return pl.when(ratio.is_finite() & (seen > 0)).then((ratio * WHOLE).clip(0, WHOLE - 1).cast(pl.Int64)).otherwise(0).fill_null(0)


def _leaf(leaf: Criterion, on: date) -> pl.Expr:
    column = pl.col(f"c{leaf.number}")
    part = way(leaf, on)
    short = pack(_number(1), _number(0), _number(0) if part is None else part, _number(leaf.number))
    return pl.when(column.is_null()).then(_fixed(0, 1)).when(~column).then(short).otherwise(_number(0))


def _together(of: list[pl.Expr]) -> pl.Expr:
    parts = [apart(packed) for packed in of]
    last = WHOLE * NEAR  # a criterion that says nothing of the way is looked at after those that do
    found = [pl.when(p.near >= 0).then(p.per_mille * NEAR + p.near + 1 + pl.when(p.per_mille == 0).then(last).otherwise(0)) for p in parts]
    missing, unknown = (pl.sum_horizontal([getattr(p, name) for p in parts]) for name in ("missing", "unknown"))
    nothing = pl.when(missing + unknown > 0).then(0).otherwise(last)
    worst = pl.coalesce(pl.min_horizontal(found), nothing)
    worst = pl.when((worst > last) & (missing > 0)).then(worst - last).otherwise(worst)
    return pack(missing, unknown, worst // NEAR, worst % NEAR - 1)


def rank(packed: pl.Expr) -> pl.Expr:
    """Smallest = nearest of several items: met, then known to be short, then those only unknown figures leave open."""
    parts = apart(packed)
    open_ = ((parts.missing == 0) & (parts.unknown > 0)).cast(pl.Int64) * MANY * MANY
    return (open_ + (parts.missing + parts.unknown) * MANY + parts.unknown) * PART + WHOLE - parts.per_mille


def _number(value: int) -> pl.Expr:
    return pl.lit(value, pl.Int64)


def _fixed(missing: int, unknown: int) -> pl.Expr:
    return pack(_number(missing), _number(unknown), _number(0), _number(-1))
