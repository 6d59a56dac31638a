"""What an explanation is made of: one firm's items, criteria, scores and steps, as pages, records and commands show them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from crm.criteria import wording
from crm.criteria.schema import BASIS_LABELS, STATUS_LABELS

if TYPE_CHECKING:
    from datetime import date
    from fractions import Fraction

    from crm.criteria.cells import Cell
    from crm.criteria.packs import Pack
    from crm.criteria.reach import Reach
    from crm.criteria.schema import Note, Title

STATE_LABELS = {"met": "符合", "unmet": "未达", "unknown": "缺数据", "not_in_force": "无现行规定", "not_applicable": "不适用"}


@dataclass(frozen=True, slots=True)
class Source:
    """Who says so."""

    document: str | None  # number, else title
    title: str | None
    clause: str | None
    quote: str | None
    status: str | None  # on the day: draft | in_force | superseded | repealed | ended
    basis: str | None
    checked_on: date | None

    @property
    def labels(self) -> tuple[str, ...]:
        """What must be said beside it: 草案, 二手来源, 待确认, 系统默认（非政策）. Nothing for text in force, read."""
        status = STATUS_LABELS.get(self.status or "", "") if self.status != "in_force" else ""
        return tuple(text for text in (status, BASIS_LABELS.get(self.basis or "", "")) if text)

    @property
    def text(self) -> str:
        """'工信部企业〔2026〕2号 附件1 三'."""
        return " ".join(part for part in (self.document, self.clause) if part) or "系统默认，非政策"


@dataclass(frozen=True, slots=True)
class CriterionView:
    """One criterion of one firm."""

    id: str
    number: int
    label: str
    state: str
    actual: str | None
    required: str | None
    gap: str | None
    period: str
    source: Source
    asks: tuple[str, ...]  # what to ask the firm for, when unknown
    per_mille: int | None  # of the way; None when it cannot be said
    applies: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node of an item's tree, with its state."""

    kind: str  # leaf | all | any | none | at_least
    n: int
    label: str | None
    state: str
    children: tuple[NodeView, ...]
    criterion: CriterionView | None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A score or part: points as 分, an interval while items are unknown."""

    id: str
    label: str
    max: Fraction
    low: Fraction
    high: Fraction
    whole: bool
    items: tuple[tuple[str, Fraction, Fraction, Fraction], ...]  # label, low, high, max

    @property
    def text(self) -> str:
        """'65' or '45–65'."""
        low, high = (wording.amount(end, "") for end in (self.low, self.high))
        return low if low == high else f"{low}–{high}"


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item: register test, pool, level, note, place or title, with its distance."""

    key: str
    label: str
    state: str
    source: Source
    tree: NodeView | None
    criteria: tuple[CriterionView, ...]  # those that apply to this firm
    scores: tuple[ScoreView, ...]
    reach: Reach
    near: CriterionView | None
    purpose: str | None = None
    held: bool | None = None  # titles: held on the day
    title: Title | None = None

    @property
    def text(self) -> str:
        """Short: '研发费用占比 差0.24个百分点', '差 2 条 …', '缺 3 项数据', '已符合'."""
        return short_text(self)

    @property
    def asks(self) -> tuple[str, ...]:
        """What to ask the firm for, each once."""
        return tuple(dict.fromkeys(q for c in self.criteria for q in c.asks))


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the ladder: state of the place it leads to, and the nearest item on the way."""

    id: str
    label: str
    from_place: str
    to_place: str
    state: str
    item: ItemView | None
    group: str | None
    proposes: bool  # the pack says a move may be proposed

    @property
    def text(self) -> str:
        """What the card shows."""
        if self.state == "met":
            return "已达到"
        return f"{self.item.label}：{self.item.text}" if self.item else ""


@dataclass(frozen=True)
class Explanation:
    """Everything about one firm under one pack on one day."""

    pack: Pack
    on: date
    tier: str
    size_class: str | None
    register: ItemView | None  # the firm's own register test; None when no test is for its industry, or it is unknown which
    register_state: str
    items: dict[str, ItemView]
    steps: tuple[StepView, ...]
    notes: tuple[Note, ...]
    cells: dict[str, Cell]

    @cached_property
    def titles(self) -> tuple[ItemView, ...]:
        """Titles with a rule, award and review."""
        return tuple(v for v in self.items.values() if v.title is not None)

    @cached_property
    def pools(self) -> tuple[ItemView, ...]:
        """Pools of the ladder."""
        return tuple(self.items[p.id] for p in self.pack.book.pools)

    @cached_property
    def levels(self) -> tuple[ItemView, ...]:
        """Named levels beside the places."""
        return tuple(self.items[i.id] for i in self.pack.book.levels)

    @cached_property
    def asks(self) -> tuple[str, ...]:
        """Everything worth asking this firm for: what keeps register test and titles unknown."""
        views = [v for v in (self.register, *self.titles) if v is not None and v.state == "unknown"]
        return tuple(dict.fromkeys(q for v in views for q in v.asks))


def short_text(view: ItemView) -> str:
    """One line about an item: how far, or what is missing."""
    if view.state in {"not_in_force", "not_applicable"}:
        return STATE_LABELS[view.state]
    if view.state == "met":
        return "已符合"
    if view.near is None:
        return f"缺 {view.reach.unknown} 项数据" if view.reach.unknown else STATE_LABELS[view.state]
    text = f"{view.near.label} 差{view.near.gap}" if view.near.gap else f"{view.near.label} 未达"
    return text if view.reach.missing <= 1 else f"差 {view.reach.missing} 条，先看 {text}"
