"""What of a title can still change this year: figures of closed years cannot, counts of today, titles and answers can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.criteria.terms import ScoreOf, columns, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.explain import CriterionView, ItemView, NodeView
    from crm.criteria.packs import Pack
    from crm.criteria.program import Criterion, Program
    from crm.criteria.terms import Column

CLOSED = ("year", "before")
"""Kinds of columns that hold figures of whole calendar years."""
WORDS = {
    "now": "今年还能变", "next": "今年已定，等下一年度的数", "ask": "补上数据就能判断", "fixed": "不会变",
}


@dataclass(frozen=True, slots=True)
class Prospect:
    """A criterion that is short or unknown, and when it can turn: `now`, `next` year's figures, `ask` (a figure is missing) or `fixed`."""

    view: CriterionView
    when: str
    why: str

    @property
    def text(self) -> str:
        """When, in words."""
        return WORDS[self.when]


@dataclass(frozen=True, slots=True)
class Distance:
    """An item of a firm: what is short, what is unknown, and when each can turn."""

    item: ItemView
    short: tuple[Prospect, ...]
    unknown: tuple[Prospect, ...]

    @property
    def asks(self) -> tuple[str, ...]:
        """What to ask the firm for, each once."""
        return tuple(dict.fromkeys(q for p in (*self.short, *self.unknown) for q in p.view.asks))

    @property
    def this_year(self) -> bool | None:
        """Whether the item is still within reach this year: no, where more is settled against it than its alternatives allow.

        None while that hangs on missing figures or on alternatives.
        """
        settled = sum(p.when in {"next", "fixed"} for p in self.short)
        if self.item.reach.missing == len(self.short) and settled:
            return False
        return None if self.unknown or settled else True


def distance(pack: Pack, item: ItemView, program: Program) -> Distance:
    """How far a firm is from an item, criterion by criterion, short ones first."""
    views = [v for v in (_open(item.tree) if item.tree is not None else ()) if v.applies]
    made = [_prospect(v, program.criteria[v.number], program, pack) for v in views]
    short = sorted((p for p in made if p.view.state == "unmet"), key=lambda p: -(p.view.per_mille or 0))
    return Distance(item, tuple(short), tuple(p for p in made if p.view.state == "unknown"))


def _open(node: NodeView) -> Iterator[CriterionView]:
    """Criteria that still decide something: an alternative beside one that is met does not."""
    if node.state not in {"unmet", "unknown"}:
        return
    if node.criterion is not None:
        yield node.criterion
    for child in node.children:
        yield from _open(child)


def turns(leaf: Criterion, program: Program, pack: Pack) -> tuple[str, str]:
    """When a criterion a firm does not fulfil can turn, and why: by the columns it looks at, the same for every firm."""
    asked = _columns(leaf, program)
    years = sorted({program.on.year + c.offset for c in asked if c.kind in CLOSED})
    if any(c.kind not in CLOSED and c.kind != "identity" for c in asked) or (years and max(years) >= program.on.year):
        return "now", ""
    if years:
        return "next", f"看 {'、'.join(map(str, years))} 年的数，{max(years)} 年已过；{max(years) + 2} 年起看 {max(years) + 1} 年的数"
    if any(c.key == "registered_on" for c in asked):
        return "now", "随时间满足"
    return "fixed", f"{'、'.join(_name(c, pack) for c in asked) or leaf.label}不随年度变化"


def _prospect(view: CriterionView, leaf: Criterion, program: Program, pack: Pack) -> Prospect:
    return Prospect(view, "ask", "") if view.state == "unknown" else Prospect(view, *turns(leaf, program, pack))


def _columns(leaf: Criterion, program: Program) -> list[Column]:
    """Fact columns behind a criterion, those of the score it asks for included."""
    found = set(columns(leaf.term))
    for scale in (program.scale[t.id] for t in walk(leaf.term) if isinstance(t, ScoreOf)):
        for scored in scale.items:
            found |= {c for part in (scored, *scored.of) for line in part.lines if line.term is not None for c in columns(line.term)}
    return sorted(found)


def _name(column: Column, pack: Pack) -> str:
    measure = pack.measures.get(column.key)
    return measure.label if measure else {"industry": "行业", "region": "属地", "kind": "单位类型"}.get(column.key, column.key)
