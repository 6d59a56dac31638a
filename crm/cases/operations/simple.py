"""Steps by the names the API uses, for clients that know no units and no versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.cases.errors import AlreadyClosed, NotNow, StillOpen
from crm.cases.operations.steps import Given, take_step
from crm.cases.queries import get_visible
from crm.core.errors import Invalid

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.cases.models import Case
    from crm.criteria.schema import Cases
    from crm.security.access import Access


def assign(session: Session, access: Access, uuid: str, lead_unit: str, due_on: date | None, note: str | None, at: datetime, *, rules: Cases) -> Case:
    """Give the case to a unit by name, with a day to answer by, or the day the rules give."""
    case = get_visible(session, access, uuid)
    if case.state != "open":
        raise AlreadyClosed
    first = case.stage in ("received", "accepted")
    given = Given(note=note if first else note or "改派", unit=lead_unit, due_on=due_on)
    return take_step(session, access, uuid, "dispatch" if first else "transfer", given, rules=rules, at=at)


def note(session: Session, access: Access, uuid: str, text: str, at: datetime, *, rules: Cases) -> Case:
    """Write down progress."""
    return take_step(session, access, uuid, "progress", Given(note=text), rules=rules, at=at)


def close(session: Session, access: Access, uuid: str, text: str, at: datetime, *, rules: Cases) -> Case:
    """办结: the process is finished, with a word on what was done. Whether the problem is gone is asked separately."""
    step = "approve" if get_visible(session, access, uuid).stage == "review" else "close"
    try:
        return take_step(session, access, uuid, step, Given(note=text), rules=rules, at=at)
    except NotNow:
        raise AlreadyClosed from None


def follow_up(
    session: Session, access: Access, uuid: str, *, is_resolved: bool, text: str | None, at: datetime, rules: Cases, satisfaction: int | None = None
) -> Case:
    """化解: what the firm says after the case was closed. Not resolved opens it again."""
    try:
        return take_step(session, access, uuid, "follow", Given(note=text, resolved=is_resolved, satisfaction=satisfaction), rules=rules, at=at)
    except NotNow:
        raise StillOpen from None


def reopen(session: Session, access: Access, uuid: str, text: str, at: datetime, *, rules: Cases) -> Case:
    """Back to work; the closing and its note stay in the history."""
    if not (text or "").strip():
        raise Invalid("请写明为什么重新打开。", field="note")
    try:
        return take_step(session, access, uuid, "reopen", Given(note=text), rules=rules, at=at)
    except NotNow:
        raise StillOpen from None
