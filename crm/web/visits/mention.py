"""What an officer may speak of: money the firm may already claim, then what it is near to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.core import money
from crm.programmes.claims import STATES, claims
from crm.programmes.queries import record_of, taken_of, worth
from crm.visits.operations.policies import SHOWN, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack


def claimable(session: Session, pack: Pack, ids: Sequence[int], on: date) -> dict[int, tuple[Policy, ...]]:
    """Awards each firm may claim or that wait for a ruling or next year; five queries for any number of firms the caller may see."""
    if not ids or not pack.book.awards:
        return {}
    records, taken = record_of(session, pack, ids), taken_of(session, ids)
    found = {}
    for key in ids:
        due = [claim for claim in claims(pack, records[key], on, taken.get(key, ())) if worth(claim)]
        found[key] = tuple(Policy(f"award.{c.award.id}", c.award.label, _why(c.year, c.state, c.amount), c.draft) for c in due)
    return found


def together(*lists: Iterable[Policy]) -> tuple[Policy, ...]:
    """Each policy once, the first word on it stays."""
    found: dict[str, Policy] = {}
    for policy in (p for some in lists for p in some):
        found.setdefault(policy.id, policy)
    return tuple(found.values())[:SHOWN]


def _why(year: int, state: str, amount: int | None) -> str:
    return f"{year} 年 {STATES[state]}" + (f"，{money.human(amount)}" if amount else "")
