"""The answer of `run.py evaluate`: explanations as plain data, in the shape docs/packs.md promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.criteria.profile import profile
from crm.criteria.prospects import distance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from crm.criteria.engine import Evaluation
    from crm.criteria.explain import CriterionView, Explanation, ItemView, NodeView, Source, StepView
    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack
    from crm.criteria.program import Program

    Part = Callable[[Evaluation, list[Enterprise]], list[list[dict[str, Any]]]]
"""What a higher layer adds to the results (alerts, awards): from the whole evaluation, a list for each firm in order."""


def answer(pack: Pack, on: date, firms: list[Enterprise], explanations: list[Explanation], parts: dict[str, list[list[dict[str, Any]]]]) -> dict[str, Any]:
    """The whole document: pack, its hash, the day, one result per firm in the order given. `parts`: name -> a list per firm."""
    results = [
        result(firm, seen, {name: lists[n] for name, lists in parts.items()})
        for n, (firm, seen) in enumerate(zip(firms, explanations, strict=True))
    ]
    return {"pack": pack.id, "compiled": f"sha256:{pack.hash}", "as_of": on.isoformat(), "results": results}


def result(firm: Enterprise, seen: Explanation, parts: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One firm."""
    program = seen.pack.program(seen.on)
    register = {"id": seen.register.key if seen.register else None, "state": seen.register_state, "criteria": _criteria(seen.register)}
    return {
        "uscc": firm.uscc,
        "name": firm.name,
        "tier": seen.tier,
        "size_class": seen.size_class,
        "register": register,
        "pools": [_item(v) for v in seen.pools],
        "levels": [_item(v) for v in seen.levels],
        "titles": [_title(v) | {"distance": _distance(seen.pack, v, program), "profile": _profile(seen, v)} for v in seen.titles],
        "steps": [_step(s) for s in seen.steps],
        "clusters": [{"id": c.id, "label": c.label, "kind": c.kind, "basis": c.industries_basis} for c in seen.pack.clusters_of(firm.industry, seen.on)],
        **parts,
        "moves": _moves(seen),
        "asks": list(seen.asks),
        "notes": [n.id for n in seen.notes],
        "note_texts": [n.text for n in seen.notes],
    }


def _item(view: ItemView) -> dict[str, Any]:
    return {"id": view.key, "label": view.label, "state": view.state, "criteria": _criteria(view)}


def _title(view: ItemView) -> dict[str, Any]:
    assert view.title is not None  # Explanation.titles gives only titles
    whole = next((s for s in view.scores if s.whole), None)
    score = None if whole is None else {"low": _number(whole.low), "high": _number(whole.high), "max": _number(whole.max), "parts": [
        {"id": s.id, "label": s.label, "low": _number(s.low), "high": _number(s.high), "max": _number(s.max)} for s in view.scores if not s.whole
    ]}
    return {
        "id": view.title.id, "purpose": view.purpose, "label": view.label, "held": view.held, "state": view.state,
        "score": score, "missing": view.reach.missing, "unknown": view.reach.unknown, "text": view.text,
        "source": _source(view.source) if view.tree is not None else None, "criteria": _criteria(view),
    }


def _distance(pack: Pack, view: ItemView, program: Program) -> dict[str, Any] | None:
    """What lies between the firm and the title: each short or unknown criterion and when it can turn. None when nothing does."""
    if view.state not in {"unmet", "unknown"}:
        return None
    far = distance(pack, view, program)
    return {
        "this_year": far.this_year,
        "short": [{"id": p.view.id, "gap": p.view.gap, "per_mille": p.view.per_mille, "turns": p.when, "why": p.why or p.text} for p in far.short],
        "unknown": [{"id": p.view.id, "asks": list(p.view.asks)} for p in far.unknown],
    }


def _profile(seen: Explanation, view: ItemView) -> dict[str, Any] | None:
    """The dimensions of a title with how many of their conditions are met and known; None where the pack has none."""
    found = profile(seen.pack, view, seen.on)
    if found is None:
        return None
    sides = [{"id": s.id, "label": s.label, "met": s.met, "known": s.known, "all": s.total, "criteria": [_name(n) for n in s.nodes]} for s in (*found.sides, found.other)]
    return {"dimensions": sides, "source": _source(found.source)}


def _name(node: NodeView) -> str | None:
    return node.criterion.id if node.criterion is not None else node.id


def _number(value: Any) -> int | float:
    return int(value) if value == int(value) else float(value)


def _criteria(view: ItemView | None) -> list[dict[str, Any]]:
    """What must all hold: one entry each. Alternatives are one entry with their own `criteria` and `needs` (how many of them)."""
    return list(_entries(view.tree, view.source)) if view and view.tree else []


def _entries(node: NodeView, source: Source) -> Iterator[dict[str, Any]]:
    if node.criterion is not None:
        yield _criterion(node.criterion)
    elif node.kind in {"all", "none"}:  # each must hold, or must not have happened: its own line says so
        for child in node.children:
            yield from _entries(child, source)
    else:
        needs = node.n if node.kind == "at_least" else 1
        yield {
            "id": node.id, "state": node.state, "label": node.label, "actual": None, "required": f"{needs} 项即可", "gap": None, "period": None,
            "source": _source(source), "asks": [], "note": None, "needs": needs,
            "criteria": [entry for child in node.children for entry in _group(child, source)],
        }


def _group(node: NodeView, source: Source) -> list[dict[str, Any]]:
    """An alternative that asks for several things at once stays one entry."""
    entries = list(_entries(node, source))
    if len(entries) == 1 or node.criterion is not None:
        return entries
    return [{
        "id": node.id, "state": node.state, "label": node.label, "actual": None, "required": "同时符合", "gap": None, "period": None,
        "source": _source(source), "asks": [], "note": None, "needs": len(entries), "criteria": entries,
    }]


def _criterion(view: CriterionView) -> dict[str, Any]:
    return {
        "id": view.id, "state": view.state, "label": view.label, "actual": view.actual, "required": view.required,
        "gap": view.gap, "period": view.period, "source": _source(view.source), "asks": list(view.asks), "note": view.note,
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "document": source.document, "title": source.title, "clause": source.clause, "quote": source.quote,
        "status": source.status, "basis": source.basis, "labels": list(source.labels),
    }


def _step(step: StepView) -> dict[str, Any]:
    item = step.item
    return {
        "id": step.id, "label": step.label, "from": step.from_place, "to": step.to_place, "state": step.state,
        "item": item.key if item else None, "missing": item.reach.missing if item else None,
        "unknown": item.reach.unknown if item else None, "per_mille": item.reach.per_mille if item else None,
        "group": step.group, "text": step.text,
    }


def _moves(seen: Explanation) -> list[dict[str, Any]]:
    return [
        {"step": s.id, "from": s.from_place, "to": s.to_place, "state": "proposed"}
        for s in seen.steps if s.proposes and s.state != "met"
    ]
