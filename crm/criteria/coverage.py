"""Which clauses of a document a pack makes use of: as a criterion, a number, a target, a task, an award; and which it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm.criteria.trees import inherit, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Document, Item, Sourced, Title

KINDS = {
    "criterion": "条件", "score": "评分项", "parameter": "参数", "register": "规上起点", "size": "划型", "pool": "培育库", "level": "层级", "note": "提示",
    "alert": "预警", "award": "奖补", "target": "目标", "task": "任务", "cluster": "产业集群", "window": "申报窗口", "campaign": "走访计划",
}


DEPTHS = (
    ("条件、参数或分档", {"criterion", "score", "parameter", "register", "size", "pool", "level", "note", "alert", "window"}),
    ("奖补", {"award"}), ("目标", {"target"}), ("产业集群", {"cluster"}), ("只作任务", {"task", "campaign"}),
)
"""What a clause became, the most computable first; a clause counts once, under the first it is used for."""


@dataclass(frozen=True, slots=True)
class Use:
    """An entry that rests on a clause."""

    kind: str
    id: str
    label: str


@dataclass(frozen=True, slots=True)
class ClauseCoverage:
    """A listed clause and what rests on it; nothing rests on it and no `reason` says why = open."""

    id: str
    text: str
    uses: tuple[Use, ...]
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Neither used nor explained."""
        return not self.uses and not self.reason


@dataclass(frozen=True, slots=True)
class DocumentCoverage:
    """A document that lists its clauses. `unlisted`: clauses entries name that the list does not have."""

    document: Document
    clauses: tuple[ClauseCoverage, ...]
    unlisted: tuple[str, ...]

    @property
    def covered(self) -> int:
        """Clauses something rests on."""
        return sum(bool(c.uses) for c in self.clauses)

    @property
    def reasoned(self) -> int:
        """Clauses nothing can be computed from, with the reason."""
        return sum(not c.uses and c.reason is not None for c in self.clauses)

    @property
    def open(self) -> tuple[ClauseCoverage, ...]:
        """Clauses still to be done."""
        return tuple(c for c in self.clauses if c.is_open)

    @property
    def depths(self) -> dict[str, int]:
        """How many clauses became what, each counted once."""
        made = dict.fromkeys((name for name, _ in DEPTHS), 0)
        for clause in self.clauses:
            kinds = {use.kind for use in clause.uses}
            found = next((name for name, of in DEPTHS if kinds & of), None)
            if found is not None:
                made[found] += 1
        return made

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        clauses = [{"id": c.id, "text": c.text, "reason": c.reason, "uses": [{"kind": u.kind, "id": u.id, "label": u.label} for u in c.uses]} for c in self.clauses]
        return {
            "document": self.document.id, "title": self.document.title, "listed": len(self.clauses), "covered": self.covered, "reasoned": self.reasoned, "open": len(self.open), "depths": self.depths,
            "clauses": clauses, "unlisted": list(self.unlisted),
        }

    def lines(self, *, everything: bool = False) -> list[str]:
        """For a terminal: the figure, then what is not covered (or every clause)."""
        depths = "、".join(f"{name} {count}" for name, count in self.depths.items() if count)
        head = f"列出 {len(self.clauses)} 条，已用 {self.covered} 条{f'（{depths}）' if depths else ''}，说明原因 {self.reasoned} 条，未用 {len(self.open)} 条"
        made = [f"{self.document.number or self.document.title}：{head}"]
        for clause in self.clauses:
            if clause.is_open:
                made.append(f"  未用 {clause.id}　{clause.text}")
            elif everything and clause.uses:
                made.append(f"  已用 {clause.id}　{'；'.join(f'{KINDS[u.kind]} {u.label}' for u in clause.uses)}")
            elif everything:
                made.append(f"  不计算 {clause.id}　{clause.text}：{clause.reason}")
        return made + [f"  清单里没有、却被引用：{name}" for name in self.unlisted]


def coverage(pack: Pack) -> list[DocumentCoverage]:
    """Every document of the pack (and what it extends) that lists its clauses."""
    used: dict[str, list[tuple[str, Use]]] = {}
    for kind, name, label, source in _entries(pack):
        if source.document and source.clause:
            used.setdefault(source.document, []).append((source.clause, Use(kind, name, label)))
    return [_of(document, used.get(document.id, [])) for document in pack.book.documents if document.clauses]


def _of(document: Document, used: list[tuple[str, Use]]) -> DocumentCoverage:
    found: dict[str, dict[Use, None]] = {clause.id: {} for clause in document.clauses}
    unlisted: dict[str, None] = {}
    for clause, use in used:
        places = [place for part in re.split("[、，；]", clause) if (place := _place(part, found)) is not None]
        for place in places:
            found[place][use] = None
        if not places:
            unlisted[clause] = None
    clauses = tuple(ClauseCoverage(c.id, c.text, tuple(found[c.id]), c.reason) for c in document.clauses)
    return DocumentCoverage(document, clauses, tuple(unlisted))


def _place(clause: str, listed: dict[str, Any]) -> str | None:
    """The listed clause it is, or lies in: '二（一）2 第3句' lies in '二（一）2', '二（一）10' does not lie in '二（一）1'."""
    name = re.sub(r"\s+", "", clause)
    inside = [c for c in listed if name.startswith(bare := re.sub(r"\s+", "", c)) and not name[len(bare) : len(bare) + 1].isdigit()]
    return max(inside, key=len, default=None)


def _entries(pack: Pack) -> Iterator[tuple[str, str, str, Sourced]]:
    """(kind, id, label, completed source) of everything that may name a clause."""
    for title in pack.book.titles:
        yield from _of_title(title)
    yield from _of_ladder(pack)
    yield from _of_plans(pack)


def _of_ladder(pack: Pack) -> Iterator[tuple[str, str, str, Sourced]]:
    book = pack.book
    for kind, items in (("register", book.register_), ("pool", book.pools), ("level", book.levels), ("note", book.notes)):
        for item in items:
            yield from _of_item(kind, item)
    for place in book.places:
        for node, source in walk(place.requires) if place.requires is not None else ():
            yield "criterion", node.id or place.id, node.label or place.label, source


def _of_plans(pack: Pack) -> Iterator[tuple[str, str, str, Sourced]]:
    book = pack.book
    for parameter in book.parameters:
        for value in parameter.values:
            yield "parameter", parameter.id, parameter.label, value
    for kind, entries in (("size", book.size_class), ("alert", book.alerts), ("task", book.tasks), ("cluster", book.clusters), ("window", book.application_windows)):
        for entry in entries:
            yield kind, entry.id, entry.label, entry
    for campaign in book.visit.campaigns if book.visit is not None else ():
        yield "campaign", campaign.id, campaign.label, campaign
    for award in book.awards:
        yield "award", award.id, award.label, award
        for node, source in walk(award.requires, award) if award.requires is not None else ():
            yield "award", node.id or award.id, award.label, source
    for target in book.targets:
        yield "target", target.id, target.label, target
        for stated in target.values:
            yield "target", target.id, target.label, inherit(target, stated)


def _of_title(title: Title) -> Iterator[tuple[str, str, str, Sourced]]:
    for rule in title.rules:
        for node, source in walk(rule):
            if node.test is not None:
                yield "criterion", node.id or title.id, node.label or title.label, source
        if rule.score is not None:
            outer = inherit(rule, rule.score)
            for part in rule.score.parts:
                for item in part.items:
                    yield "score", rule.score.id, item.label or part.label, inherit(outer, item)


def _of_item(kind: str, item: Item) -> Iterator[tuple[str, str, str, Sourced]]:
    for node, source in walk(item):
        if node.test is not None or node is item:
            yield kind if node is item else "criterion", node.id or item.id, node.label or item.label, source
