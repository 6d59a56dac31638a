"""How far a firm is from an item: criteria short, criteria unknown, the one to look at first, and how much of the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.criteria.explain import CriterionView
    from crm.criteria.program import Branch


@dataclass(frozen=True, slots=True)
class Reach:
    """What lies between a firm and an item.

    missing: fewest criteria that must change; unknown: fewest that must become known; near: number of the criterion to look
    at first among those short (the one furthest from its line; yes/no ones last; None if none is short); per_mille: how
    much of the way that one is (1000 nothing to go, 0 while the rest is unknown).
    """

    missing: int = 0
    unknown: int = 0
    near: int | None = None
    per_mille: int = 1000

    @property
    def key(self) -> tuple[int, int, int]:
        """Smallest = best of alternatives: one that may turn out met goes before one that is known to fail."""
        return (self.missing, self.unknown, -self.per_mille)

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """Smallest = nearest of several items: met, then known to be short, then those only unknown figures leave open."""
        return (self.missing == 0 < self.unknown, self.missing + self.unknown, self.unknown, -self.per_mille)


def reach_of(branch: Branch, kids: list[Reach], state: str, leaf: CriterionView | None) -> Reach:
    """Reach of a node from its children's."""
    if state in {"met", "not_in_force"}:
        return Reach()
    if leaf is not None:
        return Reach(1, 0, leaf.number, leaf.per_mille or 0) if state == "unmet" else Reach(0, 1, None, 0)
    if branch.kind == "any":
        return min(kids, key=lambda r: r.key)
    if branch.kind == "at_least":
        chosen = sorted(kids, key=lambda r: r.key)[: branch.n]
        return _together(chosen)
    if branch.kind == "none" and all(b.criterion is None for b in branch.of):
        return Reach(1, 0, None, 0) if state == "unmet" else Reach(0, 1, None, 0)
    return _together(kids)


def _together(of: list[Reach]) -> Reach:
    short = [r for r in of if r.near is not None]
    nothing = Reach(per_mille=0 if any(r.missing or r.unknown for r in of) else 1000)
    worst = min(short, key=lambda r: (r.per_mille == 0, r.per_mille), default=nothing)
    return Reach(sum(r.missing for r in of), sum(r.unknown for r in of), worst.near, worst.per_mille)
