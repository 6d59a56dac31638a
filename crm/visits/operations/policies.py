"""Policies worth mentioning to a firm: what it is near to, and the money its city offers for that.

An id is `title.srdi` or `award.first_entry`; the pack gives the words. Nothing here says that a firm is entitled to anything:
that is for the awards page and, where the text leaves it open, for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crm.criteria.explain import Explanation, ItemView
    from crm.criteria.packs import Pack
    from crm.criteria.schema.plans import Award

SHOWN = 8
"""Policies offered for a firm; beyond that nobody reads them out."""
NEAR_CRITERIA, TITLES = 3, 4
"""A title short of more criteria than this is not offered, and no more titles than that. Our own defaults, not policy."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One line to tick. `why` says in a few words why it is offered; `draft` when its document is not in force."""

    id: str
    title: str
    why: str
    draft: bool = False


def worth_mentioning(explanation: Explanation) -> tuple[Policy, ...]:
    """The next step first, then titles in reach, each followed by what the city pays for it."""
    pack, found = explanation.pack, {}
    awards = _awards_by_title(pack)
    for step in explanation.steps:
        if step.state in ("unmet", "unknown") and step.item is not None and step.item.state != "met" and step.from_place == explanation.tier:
            found[f"step.{step.id}"] = Policy(f"step.{step.id}", f"{step.label}培育", _why(step.item))
    if explanation.tier == pack.ladder[0].id:
        found |= {f"award.{a.id}": _award(pack, a, "首次上规后") for a in pack.book.awards if a.trigger is not None and a.trigger.kind == "first_entry"}
    near = [t for t in explanation.titles if t.state in ("met", "unmet", "unknown") and t.purpose == "award" and not t.held and t.reach.missing <= NEAR_CRITERIA and _known(t)]
    for item in sorted(near, key=lambda t: t.reach.rank)[:TITLES]:
        found[f"title.{item.title.id}"] = Policy(f"title.{item.title.id}", f"申报{item.title.short or item.title.label}", _why(item), item.source.status == "draft")
        found |= {f"award.{a.id}": _award(pack, a, f"认定{item.title.short or item.title.label}后") for a in awards.get(item.title.id, ())}
    return tuple(found.values())[:SHOWN]


def explained(pack: Pack, ids: Iterable[str]) -> list[dict[str, Any]]:
    """What a record prints of the policies that were explained: [{"id", "title", "draft"}]. Ids the pack does not know are left out."""
    awards, titles = {a.id: a for a in pack.book.awards}, {t.id: t for t in pack.book.titles}
    steps = {s.id: s.label for s in pack.steps}
    found: list[dict[str, Any]] = []
    for key in ids:
        kind, _, name = key.partition(".")
        if kind == "award" and name in awards:
            found.append({"id": key, "title": awards[name].label, "draft": _is_draft(pack, awards[name])})
        elif kind == "title" and name in titles:
            found.append({"id": key, "title": f"申报{titles[name].short or titles[name].label}", "draft": False})
        elif kind == "step" and name in steps:
            found.append({"id": key, "title": f"{steps[name]}培育", "draft": False})
    return found


def _awards_by_title(pack: Pack) -> dict[str, list[Award]]:
    found: dict[str, list[Award]] = {}
    for award in pack.book.awards:
        if award.trigger is not None and award.trigger.title is not None:
            found.setdefault(award.trigger.title, []).append(award)
    return found


def _award(pack: Pack, award: Award, after: str) -> Policy:
    amount = f"，{award.amount}" if award.amount else ""
    return Policy(f"award.{award.id}", award.label, f"{after}{amount}", _is_draft(pack, award))


def _is_draft(pack: Pack, award: Award) -> bool:
    document = pack.documents.get(award.document or "")
    return document is not None and document.status == "draft"


def _known(item: ItemView) -> bool:
    return any(c.state in ("met", "unmet") for c in item.criteria)


def _why(item: ItemView) -> str:
    if item.state == "met":
        return "条件已符合"
    if item.reach.missing == 0:
        return f"还缺 {item.reach.unknown} 项数据"
    near = f"，{item.near.label}差{item.near.gap}" if item.near is not None and item.near.gap else ""
    return f"差 {item.reach.missing} 条{near}"
