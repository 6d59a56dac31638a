"""An item's conditions as rows of a table: what is short first, alternatives kept together under what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.explain import CriterionView, Explanation, ItemView, NodeView

ORDER = {"unmet": 0, "unknown": 1, "met": 2, "not_in_force": 3, "not_applicable": 4}
FAR = 2
"""Conditions short, or not known, beyond which a title is not shown first."""
STATES = ("met", "unmet", "unknown", "not_in_force")


@dataclass(frozen=True, slots=True)
class Line:
    """A row: a criterion, or the head of a group of alternatives. `is_spare`: the group is met without it."""

    state: str
    label: str
    depth: int
    criterion: CriterionView | None
    is_spare: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One item with its rows and counts over the top-level conditions."""

    item: ItemView
    lines: list[Line]
    counts: dict[str, int]

    @property
    def key(self) -> str:
        """Anchor and value of ?item=."""
        return self.item.key.replace(".", "-")


def table(item: ItemView) -> Table:
    """The rows of one item."""
    tops = _tops(item.tree) if item.tree else []
    counts = dict.fromkeys(STATES, 0)
    for node in tops:
        counts[node.state] = counts.get(node.state, 0) + 1
    lines = [line for node in sorted(tops, key=lambda n: ORDER.get(n.state, 5)) for line in _lines(node, 0, spare=False)]
    return Table(item, lines, counts)


def tables(explanation: Explanation) -> list[Table]:
    """The register test and every title with a rule that the firm could win or must keep, the nearest first."""
    items = [explanation.register] if explanation.register is not None else []
    items += [t for t in explanation.titles if t.state not in {"not_in_force", "not_applicable"} and (t.purpose == "review") == bool(t.held)]
    return [table(item) for item in sorted(items, key=_nearness)]


def split(found: list[Table], asked: str) -> tuple[list[Table], list[Table]]:
    """Those worth reading first, with the one asked for, and the rest: far from, or hardly anything is known."""
    near = [t for t in found if t.key == asked or t.item.purpose is None or t.item.held or max(t.item.reach.missing, t.item.reach.unknown) <= FAR]
    near = near or found[:1]
    return near, [t for t in found if t not in near]


def _nearness(item: ItemView) -> tuple[int, int, int]:
    """Within reach first: unmet with few conditions short, then missing data, then what is met already."""
    rank = {"unmet": 0, "unknown": 1, "met": 2}.get(item.state, 3)
    return (rank if item.reach.missing <= 2 or rank else 1, item.reach.missing, item.reach.unknown)  # two conditions are within reach


def _tops(tree: NodeView) -> list[NodeView]:
    """The conditions a person would count: `all` groups without a name are opened."""
    if tree.kind != "all":
        return [tree]
    return [top for child in tree.children for top in (_tops(child) if child.kind == "all" and not child.label else [child])]


def _lines(node: NodeView, depth: int, *, spare: bool) -> Iterator[Line]:
    if node.criterion is not None:
        yield Line(node.state, node.label or node.criterion.label, depth, node.criterion, spare)
        return
    if len(node.children) == 1 and not node.label:
        yield from _lines(node.children[0], depth, spare=spare)
        return
    yield Line(node.state, node.label or _words(node), depth, None, spare)
    met = spare or (node.state == "met" and node.kind in {"any", "at_least"})
    for child in sorted(node.children, key=lambda n: ORDER.get(n.state, 5)):
        yield from _lines(child, depth + 1, spare=met)


def _words(node: NodeView) -> str:
    return {
        "any": "以下任一项", "at_least": f"以下至少 {node.n} 项", "none": "不得有以下情形", "all": "以下各项",
    }.get(node.kind, "条件")
