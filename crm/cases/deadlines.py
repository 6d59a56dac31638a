"""By when: the pack's rules in work days, and the day they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.core import workdays

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.schema.cases import Cases, Deadline


@dataclass(frozen=True, slots=True)
class Term:
    """A day and the sentence that gave it."""

    on: date
    rule: str
    is_provisional: bool


def rule_for(rules: Cases, kind: str, urgency: str) -> Deadline:
    """The first rule that fits; the last of every pack fits all."""
    return next(r for r in rules.answer if (not r.kinds or kind in r.kinds) and (r.urgency is None or r.urgency == urgency))


def answer_by(rules: Cases, kind: str, urgency: str, start: date) -> Term:
    """When a unit must have answered a case dispatched on `start`."""
    rule = rule_for(rules, kind, urgency)
    due = workdays.add(start, rule.days)
    return Term(due.on, f"{rule.label} {rule.days} 个工作日（{basis_of(rule)}）", due.is_provisional)


def accept_by(rules: Cases, start: date) -> Term:
    """When somebody must have accepted a case that came in on `start`."""
    due = workdays.add(start, rules.accept.days)
    return Term(due.on, f"{rules.accept.label} {rules.accept.days} 个工作日（{basis_of(rules.accept)}）", due.is_provisional)


def extended(rules: Cases, due: date, days: int) -> Term:
    """The day after an extension by `days` work days, at most what the rules allow."""
    moved = workdays.add(due, min(days, rules.extension.days))
    return Term(moved.on, f"延期 {min(days, rules.extension.days)} 个工作日（{basis_of(rules.extension)}）", moved.is_provisional)


def basis_of(rule: Deadline) -> str:
    """Where the number stands, or that it is ours."""
    return f"{rule.document} {rule.clause or ''}".strip() if rule.document else "默认值，非政策"
