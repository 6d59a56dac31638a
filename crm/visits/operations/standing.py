"""Where a firm stands, in the few tests that matter on a visit: what a record prints of the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.criteria.explain import STATE_LABELS, explain
from crm.criteria.store import verdict_of
from crm.ladder.models import Standing
from crm.ladder.places import ladder_of
from crm.visits.schemas import CriterionLine, LadderStatus, LadderTest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.explain import CriterionView, Explanation, ItemView, NodeView
    from crm.criteria.packs import Pack

NEAREST = 2  # tests printed beside the register's
STATES = {"met", "unmet", "unknown", "not_in_force"}


def ladder_status(session: Session, enterprise_id: int, pack: Pack) -> LadderStatus | None:
    """The stored verdicts in words, by the rules that gave them; None for a firm that was never evaluated."""
    found = verdict_of(session, enterprise_id, pack)
    if found is None:
        return None
    standing = session.get(Standing, enterprise_id)
    return status_of(explain(found.pack, found.row, found.as_of), standing.place if standing else None, found.as_of)


def status_of(explanation: Explanation, place: str | None, as_of: date) -> LadderStatus:
    """The same from an explanation in hand; `place` is the confirmed one, None before there is any."""
    tests = tuple(_test(item, explanation) for item in _chosen(explanation))
    return LadderStatus(ladder_of(explanation.pack).places.get(place or explanation.tier, ""), as_of, tests, explanation.pack.hash)


def _chosen(explanation: Explanation) -> list[ItemView]:
    """The register test, then what is nearest: first the items of open steps, then other titles not held."""
    found = {explanation.register.key: explanation.register} if explanation.register else {}
    steps = [s.item for s in explanation.steps if s.state in ("unmet", "unknown") and s.item is not None]
    titles = [t for t in explanation.titles if t.state in ("unmet", "unknown") and t.purpose != "review" and not t.held]
    for item in (*steps, *sorted(titles, key=lambda t: t.reach.key)):
        if len(found) <= NEAREST and item.tree is not None:
            found.setdefault(item.key, item)
    return list(found.values())


def _test(item: ItemView, explanation: Explanation) -> LadderTest:
    lines = tuple(_line(node) for node in _tops(item.tree) if node.state in STATES) if item.tree else ()
    scores = "；".join(f"{s.label} {s.text} 分" for s in item.scores if s.whole)
    source = f"{item.source.text}{'；' + '、'.join(item.source.labels) if item.source.labels else ''}"
    name = f"{item.label}（{scores}）" if scores else item.label
    return LadderTest(name, lines, f"{source}；按 {explanation.pack.id} {explanation.pack.hash[:8]}", item.source.status == "draft")


def _tops(tree: NodeView) -> Iterator[NodeView]:
    """The conditions a person would count: nested `all` groups without a name are opened."""
    if tree.kind != "all":
        yield tree
        return
    for child in tree.children:
        if child.kind == "all" and not child.label:
            yield from _tops(child)
        else:
            yield child


def _line(node: NodeView) -> CriterionLine:
    if node.criterion is not None:
        return _criterion(node.criterion, node.label)
    if len(node.children) == 1 and not node.label:
        return _line(node.children[0])
    leaves = list(_leaves(node))
    needed = {"any": "任一项", "at_least": f"至少 {node.n} 项", "none": "均无"}.get(node.kind, "各项")
    met = sum(leaf.state == "met" for leaf in leaves)
    near = max((leaf for leaf in leaves if leaf.state == "unmet" and leaf.gap), key=lambda c: c.per_mille or 0, default=None)
    gap = f"{near.label} 差{near.gap}" if near and node.state == "unmet" else ""
    label = node.label or "、".join(leaf.label for leaf in leaves[:4])
    clause = next((leaf.source.clause for leaf in leaves if leaf.source.clause), "") or ""
    return CriterionLine(label, node.state, f"{len(leaves)} 项中{needed}", f"{met} 项符合", gap, clause)


def _criterion(view: CriterionView, label: str | None) -> CriterionLine:
    gap = f"差 {view.gap}" if view.gap and view.state == "unmet" else ""
    actual = view.actual or ("无数据" if view.state == "unknown" else STATE_LABELS.get(view.state, ""))
    return CriterionLine(label or view.label, view.state, view.required or "", actual, gap, view.source.clause or "")


def _leaves(node: NodeView) -> Iterator[CriterionView]:
    if node.criterion is not None:
        yield node.criterion
    for child in node.children:
        yield from _leaves(child)
