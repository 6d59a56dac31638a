"""The narrow rows lists and boards are drawn from, made from an evaluation of many firms at once."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from crm.core.money import WAN
from crm.criteria import wording
from crm.criteria.engine import MET, Evaluation
from crm.criteria.expressions import unit_of
from crm.criteria.packs import REGISTER
from crm.criteria.terms import SIZES, Is, Not, Short, walk
from crm.ladder.reach import Plan, apart, line, rank, value

if TYPE_CHECKING:

    from crm.criteria.packs import Pack
    from crm.criteria.program import Program
    from crm.criteria.schema import Step
    from crm.criteria.terms import Condition

STATES = ("unmet", "met", "unknown", "not_in_force", "not_applicable")
STEP_KEYS = ("state", "proposes", "item", "missing", "unknown", "per_mille")
SHOULD_REGISTER = "should_register"
NEAR_ENOUGH = 500
"""Per mille of the way from which a firm outside the register counts as near its line; our default, not policy."""
HUNDRED, MILLION, SHOWN = 100, 10**6, 100
SHARED = pl.QueryOptFlags.none()
SHARED.comm_subexpr_elim = True  # the same criterion stands in many items; the other passes cost more than they save here
_SLOT = 64  # items of a step's `via`, at most


def standings(evaluation: Evaluation) -> pl.DataFrame:
    """One row per firm, columns as Standing has them (without what moves, visits and alerts decide), and `near_unknown`.

    The near item is one known to be short: of the board group's own title if it is, else the nearest on the step's way.
    `steps` is JSON text: step -> state, proposes, item, missing, unknown, per_mille. `pools` and `titles` are JSON text.
    The item of a step that asks for more than the register is told of firms that are `under_way` only.
    """
    frame = _with_reaches(evaluation)
    book = evaluation.pack.book
    tests = [test.key for test in evaluation.program.register]
    register_item = pl.col("#register").replace_strict(list(range(len(tests))), tests, default=None, return_dtype=pl.String) if tests else pl.lit(None, pl.String)
    titles = {c.key: pl.col(c.name) for c in evaluation.program.columns if c.kind == "title"}
    made = frame.select(
        "enterprise_id", region_code=pl.col("region"), tier=pl.col("tier"),
        size_class=pl.col("#size").replace_strict(list(range(len(SIZES))), list(SIZES), default=None, return_dtype=pl.String),
        in_register=_flag(frame, "register.in"),
        should_register=(pl.col(f"s:{SHOULD_REGISTER}") == MET) if f"s:{SHOULD_REGISTER}" in frame.columns else pl.lit(value=False),
        register_item=register_item, register_state=pl.col(f"s:{REGISTER}").replace_strict(list(range(len(STATES))), list(STATES), return_dtype=pl.String),
        pools=_json_list({pool.id: pl.col(f"s:{pool.id}") == MET for pool in book.pools}), titles=_json_list(titles),
        steps=_steps_json(evaluation), **_board(evaluation), revenue_year=pl.when(pl.col("revenue.y-1").is_not_null()).then(evaluation.on.year - 1),
        revenue_last=pl.col("revenue.y-1"), **{f"proposes.{step.id}": pl.col(f"proposes.{step.id}") for step in evaluation.pack.steps},
    )
    return made.with_columns(near_text=texts(evaluation, frame, made["near_number"])).drop("near_number")


def under_way(evaluation: Evaluation) -> pl.Expr:
    """Whether a firm is above the first place, in the register, or holds a title or a listing stage."""
    held = [pl.col(c.name).fill_null(value=False) for c in evaluation.program.columns if c.kind in ("title", "stage")]
    return pl.any_horizontal(pl.col("tier") != evaluation.pack.ladder[0].id, _flag(evaluation.frame, "register.in"), *held)


def _tier(evaluation: Evaluation) -> pl.Expr:
    tier = pl.lit(evaluation.pack.ladder[0].id)
    for place in evaluation.pack.ladder:
        if place.requires is not None:
            tier = pl.when(pl.col(f"s:place.{place.id}") == MET).then(pl.lit(place.id)).otherwise(tier)
    return tier


def _with_reaches(evaluation: Evaluation) -> pl.DataFrame:
    """The evaluation's frame with `tier`, and by step `best:`, `near:` (reach and item), `proposes.` and `group.`.

    Most firms have not set foot on the ladder; how far each of them is from every title would cost more than all the rest.
    """
    frame = evaluation.frame.with_columns(tier=_tier(evaluation)).with_row_index("#row")
    steps = evaluation.pack.steps
    first = tuple(step for step in steps if set(step.via) <= {REGISTER})
    parts = [(frame.filter(~under_way(evaluation)), first), (frame.filter(under_way(evaluation)), steps)]
    made = [_reached(part, evaluation, asked) for part, asked in parts if part.height] or [_reached(frame, evaluation, first)]
    added = {f"{name}{step.id}": kind for step in steps for name, kind in _ADDED.items()}
    whole = (part.with_columns(pl.lit(None, kind).alias(name) for name, kind in added.items() if name not in part.columns) for part in made)
    return pl.concat(part.select(*frame.columns, *added) for part in whole).sort("#row").drop("#row")


_ADDED = {"best:": pl.Int64, "near:": pl.Int64, "proposes.": pl.Boolean, "group.": pl.String}


def _reached(frame: pl.DataFrame, evaluation: Evaluation, asked: tuple[Step, ...]) -> pl.DataFrame:
    """The frame with what `_with_reaches` adds; best and near of the steps asked for only."""
    lazy, present = frame.lazy(), frozenset(name for name in frame.columns if name.startswith("title.") or name.endswith(".missing"))
    for stage in _stages(evaluation.pack, evaluation.program, tuple(step.id for step in asked), present):
        lazy = lazy.with_columns(stage)
    return lazy.collect(optimizations=SHARED)


@lru_cache(maxsize=32)
def _stages(pack: Pack, program: Program, ids: tuple[str, ...], present: frozenset[str]) -> list[list[pl.Expr]]:
    """Expressions, each stage looking at columns of those before it; `present`: titles and counts the frame has. Kept: making them costs more than a few firms."""
    bare, asked = Evaluation(pack, program.on, program, pl.DataFrame()), [step for step in pack.steps if step.id in ids]
    own = [test.key for test in program.register]
    reached = dict.fromkeys([*(key for step in asked for key in step.via if key != REGISTER), *own])
    plan = Plan(program.on)
    for key in reached:
        plan.add(program.by_key[key].tree, f"reach:{key}")
    mine: pl.Expr = pl.lit(None, pl.Int64)
    for index, key in enumerate(own):
        mine = pl.when(pl.col("#register") == index).then(pl.col(f"reach:{key}")).otherwise(mine)
    every = dict.fromkeys([key for step in pack.steps for key in step.via] + [REGISTER])
    short = {key: apart(pl.col(f"reach:{key}")).missing if key in reached or key == REGISTER else pl.lit(None, pl.Int64) for key in every}
    ways = dict.fromkeys(key for step in asked for key in step.via)
    return [
        *plan.levels,
        [mine.alias(f"reach:{REGISTER}")],
        [value.alias(f"reach.{key}.missing") for key, value in short.items() if f"reach.{key}.missing" not in present],
        [e for key in ways for e in (_open(key, present, bare).alias(f"#open:{key}"), rank(pl.col(f"reach:{key}")).alias(f"#rank:{key}"))],
        [_first(step, short=short).alias(f"#{kind}:{step.id}") for step in asked for kind, short in _KINDS.items()],
        [_chosen(step, f"#{kind}:{step.id}").alias(f"{kind}:{step.id}") for step in asked for kind in _KINDS],
        [expr for step in pack.steps for expr in _groups(step, bare)],
        [_near(step) for step in asked],
    ]


def _groups(step: Step, evaluation: Evaluation) -> list[pl.Expr]:
    """Whether the step's condition proposes a move, the firm's group on the board and the title that group is about."""
    program, compiler = evaluation.program, evaluation.compiler
    proposal = program.proposals[step.id]
    proposes = compiler.condition(proposal).fill_null(value=False) if proposal is not None else pl.lit(value=False)
    group: pl.Expr = pl.lit(None, pl.String)
    target: pl.Expr = pl.lit(None, pl.Int64)
    for name, test in reversed(program.groups[step.id]):
        here = compiler.condition(test).fill_null(value=False) if test is not None else pl.lit(value=True)
        group = pl.when(here).then(pl.lit(name)).otherwise(group)
        target = pl.when(here).then(_target(step, test)).otherwise(target)
    return [proposes.alias(f"proposes.{step.id}"), group.alias(f"group.{step.id}"), target.alias(f"target:{step.id}")]


def _target(step: Step, test: Condition | None) -> pl.Expr:
    """Place in `via` of the title a board group is about: the one it counts what is short of, or says is not held."""
    parts = list(walk(test)) if test is not None else []
    named = [t.item for t in parts if isinstance(t, Short)]
    named += [t.of.column.key for t in parts if isinstance(t, Not) and isinstance(t.of, Is) and t.of.column.kind == "title"]
    place = next((step.via.index(name) for name in named if name in step.via), None)
    return pl.lit(place, pl.Int64)


_KINDS = {"best": False, "near": True}
"""What is chosen on a step's way, and whether only among what is known to be short."""


def _open(key: str, columns: frozenset[str], evaluation: Evaluation) -> pl.Expr:
    """Whether an item can be on the way: it has a rule, is not held, and something is known of it."""
    here = (pl.col(f"s:{key}") <= 2) & pl.col(f"reach:{key}").is_not_null()
    held = f"title.{key.removesuffix('.review')}"
    if held in columns:
        here &= ~pl.col(held).fill_null(value=False)
    if known := _known(evaluation, key):
        here &= pl.any_horizontal(known)
    return here


def _first(step: Step, *, short: bool) -> pl.Expr:
    """Place in `via` of the nearest item that is open and, with `short`, known to be short."""
    ranked = []
    for index, key in enumerate(step.via):
        here = pl.col(f"#open:{key}")
        if short:
            here &= apart(pl.col(f"reach:{key}")).missing > 0
        ranked.append(pl.when(here).then(pl.col(f"#rank:{key}") * _SLOT + index))
    return pl.min_horizontal(ranked) % _SLOT if ranked else pl.lit(None, pl.Int64)


def _chosen(step: Step, place: str) -> pl.Expr:
    """Reach × 64 + place in `via` of the item whose place stands in a column: a column of its own, or the plan grows with the square of the way."""
    found: pl.Expr = pl.lit(None, pl.Int64)
    for index, key in enumerate(step.via):
        found = pl.when(pl.col(place) == index).then(pl.col(f"reach:{key}") * _SLOT + index).otherwise(found)
    return found


def _near(step: Step) -> pl.Expr:
    """What a card shows first: the group's own title while it is short, else the nearest that is."""
    made = pl.col(f"near:{step.id}")
    for index, key in enumerate(step.via):
        here = (pl.col(f"target:{step.id}") == index) & (apart(pl.col(f"reach:{key}")).missing > 0)
        made = pl.when(here).then(pl.col(f"reach:{key}") * _SLOT + index).otherwise(made)
    return made.alias(f"near:{step.id}")


def _known(evaluation: Evaluation, key: str) -> list[pl.Expr]:
    """For each criterion of an item whether something is known; of the register test that of the firm's own."""
    if key == REGISTER:
        return [pl.col(f"s:{key}") != 2]
    tree = evaluation.program.by_key[key].tree
    return [pl.col(f"c{leaf.number}").is_not_null() if leaf.in_force else pl.lit(value=True) for leaf in (tree.leaves if tree else ())]


def _item(step: Step, kind: str) -> pl.Expr:
    """Item that `best:` or `near:` chose."""
    keys = list(step.via) or [""]
    return (pl.col(f"{kind}:{step.id}") % _SLOT).replace_strict(list(range(len(keys))), keys, default=None, return_dtype=pl.String)


def _steps_json(evaluation: Evaluation) -> pl.Expr:
    parts: list[pl.Expr] = []
    states = pl.Series([f'"{state}"' for state in STATES])
    for index, step in enumerate(evaluation.pack.steps):
        found = apart(pl.col(f"best:{step.id}") // _SLOT)
        parts += [pl.lit(f'{"," if index else "{"}"{step.id}":{{"state":'), pl.lit(states).gather(pl.col(f"s:place.{step.to}").cast(pl.UInt32))]
        parts += [pl.lit(',"proposes":'), pl.col(f"proposes.{step.id}").cast(pl.String)]
        parts += [pl.lit(',"item":'), ('"' + _item(step, "best") + '"').fill_null("null")]
        for name in ("missing", "unknown", "per_mille"):
            parts += [pl.lit(f',"{name}":'), getattr(found, name).cast(pl.String).fill_null("null")]
        parts.append(pl.lit("}"))
    return pl.concat_str([*parts, pl.lit("}")]) if parts else pl.lit("{}")


def _board(evaluation: Evaluation) -> dict[str, pl.Expr]:
    """Column and group on the board (of several the latest step), and the nearest item there; without a column, of the step up from the tier."""
    steps = evaluation.pack.steps
    step: pl.Expr = pl.lit(None, pl.String)
    group: pl.Expr = pl.lit(None, pl.String)
    best: pl.Expr = pl.lit(None, pl.Int64)
    item: pl.Expr = pl.lit(None, pl.String)
    for one in steps:  # where the firm stands by its tier, if nothing below says more
        here = pl.col("tier") == one.from_
        best, item = pl.when(here).then(pl.col(f"near:{one.id}")).otherwise(best), pl.when(here).then(_item(one, "near")).otherwise(item)
    for one in steps:
        here = pl.col(f"group.{one.id}").is_not_null()
        step, group = pl.when(here).then(pl.lit(one.id)).otherwise(step), pl.when(here).then(pl.col(f"group.{one.id}")).otherwise(group)
        best, item = pl.when(here).then(pl.col(f"near:{one.id}")).otherwise(best), pl.when(here).then(_item(one, "near")).otherwise(item)
    found = apart(best // _SLOT)
    told = (found.missing > 0) & (step.is_not_null() | (item != REGISTER) | (found.per_mille >= NEAR_ENOUGH))
    return {
        "active_step": step, "board_group": group, "near_item": pl.when(told).then(item), "near_missing": pl.when(told).then(found.missing),
        "near_ratio": pl.when(told).then(found.per_mille), "near_unknown": pl.when(told).then(found.unknown), "near_number": pl.when(told).then(found.near),
    }


def texts(evaluation: Evaluation, frame: pl.DataFrame, numbers: pl.Series) -> pl.Series:
    """'研发费用占比 差0.24个百分点' for each row with the number of a criterion it falls short of; one expression per criterion that occurs."""
    program, on = evaluation.program, evaluation.on
    told: list[str | None] = [None] * frame.height
    rows = pl.DataFrame({"row": range(frame.height), "number": numbers}).filter(pl.col("number") >= 0)
    for (number,), part in rows.group_by("number"):
        leaf = program.criteria[int(number)]
        seen, asked = value(leaf, on), line(leaf)
        where = part["row"].to_list()
        values = frame[where].select(seen.alias("v"))["v"].to_list() if seen is not None and asked is not None else [None] * len(where)
        compare = wording.compared(leaf.term)
        unit = (unit_of(compare.right, evaluation.pack.names) or unit_of(compare.left, evaluation.pack.names)) if compare is not None else ""
        for row, amount in zip(where, values, strict=True):
            told[row] = _text(leaf.label, amount, asked, unit)
    return pl.Series("near_text", told, dtype=pl.String)


def _text(label: str, amount: float | None, asked: tuple[float, str] | None, unit: str) -> str:
    if amount is None or asked is None:
        return f"{label} 未达"[:120]
    short = round(abs(asked[0] - amount) * MILLION)
    if unit == "元" and short >= WAN * MILLION:
        short = round(Fraction(short, HUNDRED * MILLION)) * HUNDRED * MILLION  # two decimals of 万元 are enough on a card
    elif unit == "%":
        short = -(-short // SHOWN) * SHOWN  # rounded up to the hundredth of a point that is shown
    return f"{label} 差{_gap(short, unit)}"[:120]


@lru_cache(maxsize=50_000)
def _gap(millionths: int, unit: str) -> str:
    """Many firms are short of the same: each amount is put into words once."""
    return wording.gap(Fraction(millionths, MILLION), unit)


def _json_list(flags: dict[str, pl.Expr]) -> pl.Expr:
    if not flags:
        return pl.lit("[]")
    names = [pl.when(test.fill_null(value=False)).then(pl.lit(f'"{name}"')) for name, test in flags.items()]
    return pl.lit("[") + pl.concat_str(names, separator=",", ignore_nulls=True) + pl.lit("]")


def _flag(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).fill_null(value=False) if name in frame.columns else pl.lit(value=False)


__all__ = ["NEAR_ENOUGH", "STATES", "STEP_KEYS", "standings", "texts"]
