"""What an alert of any rule says: its headline, and the evidence kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.alerts import evidence as forecast
from crm.alerts.watches.run import BY_RULE
from crm.criteria.schema import BASIS_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crm.criteria.packs import Pack


def headline(row: Mapping[str, Any]) -> str:
    """One line for lists. It changes only when what it tells changes, so that a quiet night writes nothing."""
    module = BY_RULE.get(row["rule"])
    return str(module.headline(row)) if module is not None else forecast.headline(row)


def evidence(row: Mapping[str, Any], pack: Pack, on: date) -> dict[str, Any]:
    """Plain data: figures, the day, rule and its version, and where the level's number comes from."""
    module = BY_RULE.get(row["rule"])
    if module is None:
        return forecast.evidence(row, pack, on)
    rule = pack.alerts[row["rule"]]
    level = rule.levels[row["at"]]
    basis = level.basis or rule.basis
    found = {name: _plain(row[name]) for name in module.FACTS if row.get(name) is not None}
    found |= {
        "as_of": on.isoformat(), "pack": pack.id, "pack_hash": pack.hash, "reason": row["text"], "basis": basis, "basis_label": BASIS_LABELS.get(basis or "", ""),
        "rule_label": rule.label,
    }
    if level.document is not None:
        found |= {"document": level.document, "clause": level.clause}
    return found


def answer(row: Mapping[str, Any], pack: Pack, on: date) -> dict[str, Any]:
    """An alert of a rule without forecast in the answer of `run.py evaluate`."""
    kept = evidence(row, pack, on)
    facts = {name: kept[name] for name in BY_RULE[row["rule"]].FACTS if name in kept}
    return {
        "rule": row["rule"], "subject": row["subject"], "level": row["level"], "headline": headline(row), "reason": row["text"], "forecast": None, "probability": None,
        "basis": kept["basis_label"], "evidence": facts,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
