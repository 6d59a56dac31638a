"""Evaluates a pack over a facts frame: one firm or a million, the same expressions.

    evaluation = evaluate(pack, facts, on)      # facts: one row per firm, columns as crm.criteria.columns says

Nothing here asks what day it is, reads a database or knows a city.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any

import polars as pl
import polars.selectors as cs

from crm.core.errors import Invalid
from crm.criteria import packing
from crm.criteria.codes import first, matches
from crm.criteria.columns import dtype
from crm.criteria.packs import REGISTER
from crm.criteria.terms import Code, Met, walk
from crm.criteria.vectors import Compiler, bound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from fractions import Fraction

    from crm.criteria.packs import Pack
    from crm.criteria.program import Branch, Program, RunItem, Scored, SizeTest
    from crm.criteria.terms import Value

UNMET, MET, UNKNOWN, NOT_IN_FORCE, NOT_APPLICABLE = range(5)
"""Codes of an item's state; their letters are `packing.LETTERS`."""


@dataclass(frozen=True)
class Evaluation:
    """What came out. `frame` has one row per firm, in the order given:

    every column the facts had that no rule reads (keys: uscc, enterprise_id …), the required fact columns, `c{n}` for
    criterion n (true = fulfilled, or not asked of this firm), `i:{key}` (true/false/null) and `s:{key}` (UInt8 state code) per item,
    `score.{id}.lo` / `.hi` (分×100), `#size` (0 micro … 3 large, null unknown), `#register` (index of the register test
    that applies, -1 none, null unknown).
    """

    pack: Pack
    on: date
    program: Program
    frame: pl.DataFrame

    @property
    def compiler(self) -> Compiler:
        """For further conditions over the frame (board groups, proposals of a move): knows its code columns."""
        return Compiler(self.on, dict(_stages(self.program).codes))

    def rows(self) -> pl.DataFrame:
        """The frame as VerdictRow columns; see crm.criteria.store."""
        return packing.rows(self)


def evaluate(pack: Pack, facts: pl.DataFrame, on: date) -> Evaluation:
    """Evaluate every item of the pack for every row. Raises Invalid if a figure is out of bounds or a column's type is wrong."""
    program = pack.program(on)
    stages = _stages(program)
    lazy = _prepared(program, facts).with_columns(_codes(program, facts, stages.codes)).lazy()
    for stage in stages.expressions:
        lazy = lazy.with_columns(stage)
    return Evaluation(pack, on, program, lazy.drop(cs.starts_with("#b")).collect())


@dataclass(frozen=True)
class _Stages:
    """A program's expressions, each stage looking only at columns of the stages before it."""

    expressions: tuple[list[pl.Expr], ...]
    codes: dict[Code, str]


@lru_cache(maxsize=32)
def _stages(program: Program) -> _Stages:
    compiler, bands = Compiler(program.on), _Bands()
    scores = _scores(program, compiler, bands)
    stages = [[_size(program.sizes, compiler).alias("#size")], bands.tests, scores]
    for level in _levels(program):
        stages += [_leaves(level, compiler), _states(level, program)]
    for test in program.tests:
        for code in walk(test) if test is not None else ():
            if isinstance(code, Code):
                compiler.condition(code)
    return _Stages(tuple(s for s in stages if s), compiler.codes)


def _prepared(program: Program, facts: pl.DataFrame) -> pl.DataFrame:
    """Facts with every required column present and typed, bounds checked."""
    given = facts.schema  # asked for once: it is made anew each time
    missing = [pl.lit(None, dtype(c)).alias(c.name) for c in program.columns if c.name not in given]
    casts = [pl.col(c.name).cast(dtype(c)) for c in program.columns if c.name in given and given[c.name] != dtype(c)]
    floats = [c.name for c in program.columns if c.name in given and given[c.name].is_float()]
    if floats:
        raise Invalid(f"事实列应为整数：{', '.join(floats)}")
    frame = facts.with_columns(missing + casts) if missing or casts else facts
    figures = [c for c in program.columns if c.kind in {"year", "before", "at", "ytd", "ytd_prior"}]
    limits = {c.name: bound(program.pack.measures[c.key].unit) for c in figures}
    if not limits or not len(frame):
        return frame
    ends = [frame.select(list(limits)).max().row(0), frame.select(list(limits)).min().row(0)]
    if beyond := [n for n, *found in zip(limits, *ends, strict=True) if any(value is not None and abs(value) > limits[n] for value in found)]:
        raise Invalid(f"数值大得不可信，请核对单位：{', '.join(beyond)}")
    return frame


def _codes(program: Program, facts: pl.DataFrame, asked: dict[Code, str]) -> list[pl.Expr]:
    """Columns that answer the questions about codes, asked once per distinct code.

    `#register` and `#sizerow`: which register test and which row of 划型 the industry leads to; then one yes/no column per
    question of the rules.
    """
    tests = [(name, of) for name, of in (("#register", program.register), ("#sizerow", program.sizes))]
    names = {c.column.name for c in asked} | ({"industry"} if any(of for _, of in tests) else set())
    values: dict[str, list[str | None]] = {n: facts[n].cast(pl.String).unique().to_list() if n in facts.columns else [None] for n in names}
    made = []
    for name, of in tests:
        rows = [(t.industries, t.unless) for t in of]
        made.append(_table("industry", values["industry"], [first(c, rows) for c in values["industry"]], pl.Int32()).alias(name) if of else pl.lit(-1, pl.Int32).alias(name))
    for code, name in asked.items():
        column = code.column.name
        made.append(_table(column, values[column], [matches(c, code.specs) for c in values[column]], pl.Boolean()).alias(name))
    return made


def _table(column: str, codes: list[str | None], answers: list[Any], kind: pl.DataType) -> pl.Expr:
    """Each code's answer, looked up."""
    return pl.col(column).replace_strict(codes, pl.Series(answers, dtype=kind), return_dtype=kind)


def _size(sizes: tuple[SizeTest, ...], compiler: Compiler) -> pl.Expr:
    """划型: of each row the lowest level over its lines; unknown unless every line that could lower it is known.

    A value is compared once with the bounds its firm's row names, not once per row.
    """
    if not sizes:
        return pl.lit(None, pl.Int8)
    asked: dict[Value, dict[int, tuple[Fraction, ...]]] = {}
    for i, row in enumerate(sizes):
        for value, bounds in row.lines:
            asked.setdefault(value, {})[i] = bounds
    place = pl.when(pl.col("#sizerow") >= 0).then(pl.col("#sizerow")).cast(pl.UInt32)
    levels, known = [], []
    for value, rows in asked.items():
        vec = compiler.value(value)
        if not isinstance(vec.den, int) or isinstance(vec.num, int):
            raise Invalid("划型的指标应是单个数值，不能是比例")
        lines = [[ceil(rows[i][k] * vec.den / vec.scale) if i in rows else None for i in range(len(sizes))] for k in range(3)]
        passed = [(vec.num >= pl.lit(pl.Series(line, dtype=pl.Int64)).gather(place)).cast(pl.Int8) for line in lines]
        levels.append(passed[0] + passed[1] + passed[2])
        known.append(levels[-1].is_not_null() | ~pl.col("#sizerow").is_in(list(rows)))
    low = pl.min_horizontal(levels)  # skips nulls: one known line at micro decides, any other null does not
    return pl.when(pl.all_horizontal(known) | (low == 0)).then(low)


@dataclass
class _Bands:
    """Tests of score bands, each computed once as a column of its own: nesting them would double with every band."""

    tests: list[pl.Expr] = field(default_factory=list)

    def column(self, test: pl.Expr) -> pl.Expr:
        name = f"#b{len(self.tests)}"
        self.tests.append(test.alias(name))
        return pl.col(name)


def _scores(program: Program, compiler: Compiler, bands: _Bands) -> list[pl.Expr]:
    made, known = [], {}
    for scored in (s for scale in program.scales if scale.whole for s in scale.items):
        known[id(scored)] = _ends(scored, compiler, bands)
    for scale in program.scales:
        ends = [known[id(s)] for s in scale.items]
        for end, name in ((0, "lo"), (1, "hi")):
            made.append(sum((e[end] for e in ends[1:]), ends[0][end]).cast(pl.Int32).alias(f"score.{scale.id}.{name}"))
    return made


def _ends(scored: Scored, compiler: Compiler, bands: _Bands) -> tuple[pl.Expr, pl.Expr]:
    """Fewest and most points an item can have, given what is unknown."""
    zero = pl.lit(0, pl.Int32)
    if scored.kind == "best":
        ends = [_ends(s, compiler, bands) for s in scored.of]
        return pl.max_horizontal([e[0] for e in ends]), pl.max_horizontal([e[1] for e in ends])
    points_of = [(line.term, line.points) for line in scored.lines]
    tests = [
        (bands.column(compiler.condition(term)) if term is not None else pl.lit(value=True), pl.lit(points, pl.Int32)) for term, points in points_of
    ]
    if scored.kind == "sum":
        low = sum((pl.when(t).then(p).otherwise(zero) for t, p in tests), zero)
        high = sum((pl.when(t.fill_null(value=True)).then(p).otherwise(zero) for t, p in tests), zero)
        return pl.min_horizontal(low, scored.max), pl.min_horizontal(high, scored.max)
    ordered = [p for _, p in points_of]
    if ordered == sorted(ordered, reverse=True):  # the first band surely met is the least the item can have, the first that may be met the most
        return _first(tests, zero), _first([(t.fill_null(value=True), p) for t, p in tests], zero)
    reached, before = [], pl.lit(value=False)  # a band is reachable if it may be met and none before it surely is
    for test, points in tests:
        reached.append(pl.when(test.fill_null(value=True) & ~before).then(points))
        before = before | test.fill_null(value=False)
    return pl.min_horizontal(reached), pl.max_horizontal(reached)


def _first(tests: list[tuple[pl.Expr, pl.Expr]], none: pl.Expr) -> pl.Expr:
    """Points of the first band whose test is true."""
    made = none
    for test, points in reversed(tests):
        made = pl.when(test).then(points).otherwise(made)
    return made


def _levels(program: Program) -> list[list[RunItem]]:
    """Items in groups such that each asks only about items of earlier groups."""
    asked = {item.key: _asks(item) for item in program.items}
    asked[REGISTER] = {r.key for r in program.register}
    done: set[str] = set()
    levels = []
    while left := [i for i in program.items if i.key not in done]:
        ready = [i for i in left if asked[i.key] <= done]
        done |= {i.key for i in ready}
        levels.append(ready)
    return levels


def _asks(item: RunItem) -> set[str]:
    leaves = item.tree.leaves if item.tree else ()
    return {t.item for leaf in leaves for term in (leaf.term, leaf.when) if term for t in walk(term) if isinstance(t, Met)}


def _leaves(items: list[RunItem], compiler: Compiler) -> list[pl.Expr]:
    made = []
    for leaf in (leaf for item in items if item.tree for leaf in item.tree.leaves):
        if not leaf.in_force:
            made.append(pl.lit(None, pl.Boolean).alias(f"c{leaf.number}"))
            continue
        test = compiler.condition(leaf.term)
        test = ~test if leaf.veto else test
        made.append((test if leaf.when is None else ~compiler.condition(leaf.when) | test).alias(f"c{leaf.number}"))
    return made


def _states(items: list[RunItem], program: Program) -> list[pl.Expr]:
    made = []
    for item in items:
        if item.key == REGISTER:
            made += _register(program)
            continue
        truth = holds(item.tree) if item.tree is not None else None
        made.append((pl.lit(None, pl.Boolean) if truth is None else truth).alias(f"i:{item.key}"))
        state = pl.lit(NOT_IN_FORCE, pl.UInt8) if truth is None else _code(truth)
        if item.industries:
            own = program.register.index(item)
            state = pl.when(pl.col("#register") == own).then(state).when(pl.col("#register").is_null()).then(UNKNOWN).otherwise(NOT_APPLICABLE)
        made.append(state.cast(pl.UInt8).alias(f"s:{item.key}"))
    return made


def _code(truth: pl.Expr) -> pl.Expr:
    return pl.when(truth).then(pl.lit(MET, pl.UInt8)).when(truth.is_null()).then(pl.lit(UNKNOWN, pl.UInt8)).otherwise(pl.lit(UNMET, pl.UInt8))


def _register(program: Program) -> list[pl.Expr]:
    """The firm's own register test. No test for its industry: not in force, and not met for whoever asks."""
    truth, state = pl.lit(None, pl.Boolean), pl.lit(UNKNOWN, pl.UInt8)
    for i, item in enumerate(program.register):
        here = pl.col("#register") == i
        truth = pl.when(here).then(pl.col(f"i:{item.key}")).otherwise(truth)
        state = pl.when(here).then(pl.col(f"s:{item.key}")).otherwise(state)
    none = pl.col("#register") == -1
    truth = pl.when(none).then(pl.lit(value=False)).otherwise(truth)
    return [truth.alias(f"i:{REGISTER}"), pl.when(none).then(pl.lit(NOT_IN_FORCE, pl.UInt8)).otherwise(state).alias(f"s:{REGISTER}")]


def holds(tree: Branch) -> pl.Expr | None:
    """Truth of a node from its criteria's columns; None when a rule it needs is not in force."""
    if tree.criterion is not None:
        return pl.col(f"c{tree.criterion.number}") if tree.criterion.in_force else None
    kids = [holds(b) for b in tree.of]
    known = [k for k in kids if k is not None]
    match tree.kind:
        case "all":
            return pl.all_horizontal(known) if len(known) == len(kids) else None
        case "any":
            return pl.any_horizontal(known) if known else None
        case "none":
            fine = [k if b.criterion is not None else ~k for k, b in zip(kids, tree.of, strict=True) if k is not None]
            return pl.all_horizontal(fine) if len(fine) == len(kids) else None
        case _:
            return _enough(known, tree.n) if len(known) >= tree.n else None


def _enough(of: Iterable[pl.Expr], n: int) -> pl.Expr:
    nodes = list(of)
    sure = pl.sum_horizontal([k.fill_null(value=False).cast(pl.UInt8) for k in nodes])
    possible = pl.sum_horizontal([k.fill_null(value=True).cast(pl.UInt8) for k in nodes])
    return pl.when(sure >= n).then(pl.lit(value=True)).when(possible < n).then(pl.lit(value=False))
