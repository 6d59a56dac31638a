"""What a change would do before anybody publishes it: a pack with some numbers or conditions replaced, and who is touched.

`other = overlay(pack, {"register.industry.line": "1500万元", "srdi.debt": "liabilities_total / assets_total <= 70%"}, on)`, then
`found = impact(evaluate(pack, facts, on), evaluate(other, facts, on))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import polars as pl

from crm.core.errors import Invalid, NotFound
from crm.criteria import quantity
from crm.criteria.book import SECTIONS, field_of
from crm.criteria.expressions import ExpressionError, parse_condition
from crm.criteria.packing import LETTERS, STATES
from crm.criteria.packs import Pack
from crm.criteria.schema import CriterionOverride, Node, Parameter
from crm.criteria.terms import SIZES
from crm.criteria.trees import replace_node, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from crm.criteria.engine import Evaluation

_STATES = tuple(STATES[letter] for letter in LETTERS)
_MET = _STATES.index("met")
_WHY = "试算"


def overlay(pack: Pack, changes: Mapping[str, str], on: date) -> Pack:
    """The pack with parameters (id: quantity) or conditions (id: expression) replaced as of `on`. Nothing is written anywhere.

    Raises NotFound for an id the pack does not have, Invalid for a text that cannot be read, another unit, or no effect.
    """
    merged: dict[str, dict[str, Any]] = {section: {e.id: e for e in getattr(pack.book, field_of(section))} for section in SECTIONS}
    for name, text in changes.items():
        if name in pack.parameters:
            merged["parameters"][name] = _valued(pack.parameters[name], text, on)
        else:
            _condition(pack, merged, name, text)
    values = {field_of(section): tuple(entries.values()) for section, entries in merged.items()}
    return Pack.from_document(pack.book.model_copy(update=values).canonical())


def _valued(parameter: Parameter, text: str, on: date) -> Parameter:
    current = [v for v in parameter.values if v.from_ <= on]
    if not current or current[-1].value is None:
        raise Invalid(f"参数 {parameter.id} 在 {on} 没有现行数值，不能试算")
    try:
        given, before = quantity.parse(text), quantity.parse(current[-1].value)
    except ValueError as error:
        raise Invalid(f"{parameter.id}：{error}") from None
    if given.unit != before.unit:
        raise Invalid(f"{parameter.id} 的单位是 {before.unit or '个数'}，给的是 {given.unit or '个数'}；现值 {current[-1].value}")
    if given == before:
        raise Invalid(f"{parameter.id} 现值就是 {current[-1].value}，没有变化")
    changed = current[-1].model_copy(update={"value": text, "basis": "default", "document": None, "clause": None, "quote": None})
    return parameter.model_copy(update={"values": tuple(changed if v is current[-1] else v for v in parameter.values)})


def _condition(pack: Pack, merged: dict[str, dict[str, Any]], name: str, text: str) -> None:
    node = next((n for n in _leaves(pack) if n.id == name), None)
    if node is None:
        near = get_close_matches(name, dict.fromkeys([*pack.parameters, *(n.id for n in _leaves(pack) if n.id)]), 3)
        raise NotFound(f"{pack.id} 没有参数或条件 {name!r}" + (f"；相近的有：{'、'.join(near)}" if near else ""))
    try:
        parse_condition(text, pack.names)
    except ExpressionError as error:
        raise Invalid(f"{name}：{error}") from None
    fields = {key: getattr(node, key) for key in Node.model_fields} | {"test": text}
    if trouble := replace_node(merged, CriterionOverride(**fields, reason=_WHY, source=_WHY)):
        raise Invalid(f"{name}：{trouble}")


def _leaves(pack: Pack) -> Iterator[Node]:
    book = pack.book
    trees = [rule for title in book.titles for rule in title.rules]
    for tree in (*trees, *book.register_, *book.pools, *book.levels, *book.notes):
        yield from (node for node, _ in walk(tree) if node.test is not None)


@dataclass(frozen=True)
class Impact:
    """Who is touched.

    `moves` has one row per firm and item whose state differs: row (of the facts), item, before, after (state names, before
    null where the pack gained the item), region (county, null = unknown), size (micro … large, unknown).
    """

    firms: int
    moves: pl.DataFrame

    def counts(self, by: str | None = None) -> pl.DataFrame:
        """Per item (and `by` region or size): how many enter (become met), leave, change otherwise."""
        met_after, met_before = (pl.col(end).eq_missing("met") for end in ("after", "before"))
        keys = ["item"] if by is None else ["item", by]
        return self.moves.group_by(keys, maintain_order=True).agg(
            enters=(met_after & ~met_before).sum(), leaves=(met_before & ~met_after).sum(), other=(~met_after & ~met_before).sum()
        )

    @property
    def touched(self) -> int:
        """Firms with at least one item that differs."""
        return self.moves["row"].n_unique()


_SHAPE = {"row": pl.UInt32, "item": pl.String, "before": pl.String, "after": pl.String}


def impact(before: Evaluation, after: Evaluation) -> Impact:
    """Compare two evaluations of the same firms in the same order; items are matched by key."""
    size = before.frame.height
    parts = [pl.DataFrame(schema=_SHAPE)]
    for key in after.pack.items:
        now = after.frame[f"s:{key}"]
        was = before.frame[f"s:{key}"] if f"s:{key}" in before.frame.columns else None
        rows = (pl.Series(range(size), dtype=pl.UInt32).filter(now != was)) if was is not None else pl.Series(range(size), dtype=pl.UInt32).filter(now == _MET)
        if len(rows):
            ends = {"before": was.gather(rows) if was is not None else pl.Series([None] * len(rows), dtype=pl.UInt8), "after": now.gather(rows)}
            named = {end: codes.replace_strict(list(range(len(_STATES))), list(_STATES), default=None, return_dtype=pl.String) for end, codes in ends.items()}
            parts.append(pl.DataFrame({"row": rows, "item": [key] * len(rows), **named}, schema=_SHAPE))
    moves = pl.concat(parts)
    frame = before.frame
    region = frame["region"].str.head(6) if "region" in frame.columns else pl.Series([None] * size, dtype=pl.String)
    sizes = frame["#size"].replace_strict(list(range(len(SIZES))), list(SIZES), default="unknown", return_dtype=pl.String)
    return Impact(size, moves.with_columns(region=region.gather(moves["row"]), size=sizes.gather(moves["row"])))
