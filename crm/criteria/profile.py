"""A title's profile of one firm, as 专精特新链品: how many conditions of each dimension are met, and how many nobody can tell yet.

It repeats states already decided and decides nothing. What is unknown widens the share to an interval; it is never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.criteria.explain import source_of

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.packs import Pack
    from crm.criteria.program import Program
    from crm.criteria.views import CriterionView, ItemView, NodeView, Source

OTHER = "其他"


@dataclass(frozen=True, slots=True)
class Side:
    """One dimension: its conditions as they stand, a group of alternatives counting as one."""

    id: str
    mark: str
    label: str
    nodes: tuple[NodeView, ...]

    @property
    def total(self) -> int:
        """Conditions in force that apply to the firm."""
        return len(self.nodes)

    @property
    def met(self) -> int:
        """Those it meets."""
        return sum(node.state == "met" for node in self.nodes)

    @property
    def known(self) -> int:
        """Those it meets or fails for certain."""
        return sum(node.state in {"met", "unmet"} for node in self.nodes)

    @property
    def share(self) -> tuple[float, float] | None:
        """Least and largest share met; None when nothing is known or nothing is asked."""
        return (self.met / self.total, (self.met + self.total - self.known) / self.total) if self.known else None

    @property
    def text(self) -> str:
        """'2/3', '1/3 缺1项', '缺数据', '无条件'."""
        if not self.total:
            return "无条件"
        if not self.known:
            return "缺数据"
        missing = self.total - self.known
        return f"{self.met}/{self.total}" + (f" 缺{missing}项" if missing else "")


@dataclass(frozen=True, slots=True)
class ProfileView:
    """The dimensions in the pack's order, what belongs to none, and who says that the conditions are grouped so."""

    sides: tuple[Side, ...]
    other: Side
    source: Source

    @property
    def text(self) -> str:
        """'专业化 2/3，精细化 缺数据，…'."""
        return "，".join(f"{side.label} {side.text}" for side in self.sides)


def profile(pack: Pack, view: ItemView, on: date) -> ProfileView | None:
    """The profile of an item as explained; None when the pack groups none of its conditions on the day."""
    program: Program = pack.program(on)
    drawn = program.by_key[view.key].profile
    if drawn is None or view.tree is None:
        return None
    nodes = [node for node in view.tree.children if node.state != "not_in_force"]
    sides = tuple(Side(d.id, d.mark, d.label, tuple(n for n in nodes if n.id in d.of or (n.criterion and n.criterion.id in d.of))) for d in drawn.dimensions)
    placed = {id(node) for side in sides for node in side.nodes}
    other = Side("other", "", OTHER, tuple(n for n in nodes if id(n) not in placed))
    return ProfileView(sides, other, source_of(pack, drawn, on))


def leaves(node: NodeView) -> list[CriterionView]:
    """The single criteria of a condition."""
    own = [node.criterion] if node.criterion is not None else []
    return own + [leaf for child in node.children for leaf in leaves(child)]
