"""Verbs of a case. Every one appends an event; the state beside the events is what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.cases.errors import AlreadyClosed, StillOpen
from crm.cases.models import KINDS, Case, CaseEvent
from crm.cases.queries import get_visible
from crm.core.errors import Conflict, Invalid
from crm.core.signals import problems_raised
from crm.enterprises import queries as enterprises

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

WRITERS = ("officer", "manager", "administrator", "system")
EVENTS = {
    "opened": "登记", "assigned": "交办", "noted": "进展", "closed": "办结", "resolved": "化解", "unresolved": "未化解", "reopened": "重新打开",
}  # fmt: skip
LONGEST_NOTE = 2000


def open_case(
    session: Session, access: Access, *, uuid: str, enterprise_id: int, title: str, at: datetime, kind: str = "other",
    urgency: str = "normal", detail: str | None = None, lead_unit: str | None = None, due_on: date | None = None,
    visit_id: int | None = None,
) -> Case:
    """Register what a firm asks for. The same UUID again returns the case that is there."""
    access.need(*WRITERS)
    firm = enterprises.get_visible(session, access, enterprise_id)
    known = session.scalar(select(Case).where(Case.uuid == uuid))
    if known is not None:
        if known.enterprise_id != firm.id:
            raise Conflict("这条诉求的编号已被占用，请刷新页面后再登记。")
        return known
    if not title.strip():
        raise Invalid("请写明企业要解决什么问题。", field="title")
    if kind not in KINDS or urgency not in ("normal", "urgent"):
        raise Invalid("诉求的类型或紧急程度不对，请重选。", field="kind")
    case = Case(
        uuid=uuid, enterprise_id=firm.id, visit_id=visit_id, kind=kind, urgency=urgency, title=title.strip()[:200],
        detail=_text(detail), lead_unit=_text(lead_unit), due_on=due_on, state="open", opened_at=at, opened_by=access.user_id,
    )  # fmt: skip
    session.add(case)
    session.flush()
    _append(session, access, case, "opened", at, None, {"lead_unit": case.lead_unit} if case.lead_unit else None)
    return case


def listen() -> None:
    """Connect to what visits tell; twice does nothing. Called by the application and the worker."""
    problems_raised.connect(open_from_visit)


def open_from_visit(_sender: object, *, session: Session, access: Access, visit: Any, problems: Iterable[Any], at: datetime) -> None:
    """Listener of `problems_raised`: each problem of a visit becomes a case, once."""
    for problem in problems:
        open_case(
            session, access, uuid=problem.uuid, enterprise_id=visit.enterprise_id, visit_id=visit.id, kind=problem.kind,
            urgency=problem.urgency, title=problem.title, detail=problem.detail, lead_unit=problem.lead_unit,
            due_on=problem.due_on, at=at,
        )  # fmt: skip


def assign(session: Session, access: Access, uuid: str, lead_unit: str, due_on: date | None, note: str | None, at: datetime) -> Case:
    """Give the case to a unit, with a day to answer by."""
    case = _open(session, access, uuid)
    unit = _text(lead_unit)
    if not unit:
        raise Invalid("请写明交给哪个单位办。", field="lead_unit")
    if len(unit) > 128:  # the column
        raise Invalid("单位名称太长，最多 128 字。", field="lead_unit")
    case.lead_unit, case.due_on = unit, due_on
    _append(session, access, case, "assigned", at, note, {"lead_unit": unit, "due_on": due_on.isoformat() if due_on else None})
    return case


def note(session: Session, access: Access, uuid: str, text: str, at: datetime) -> Case:
    """Write down progress."""
    access.need(*WRITERS)
    case = get_visible(session, access, uuid)
    if not _text(text):
        raise Invalid("请写下进展。", field="note")
    _append(session, access, case, "noted", at, text)
    return case


def close(session: Session, access: Access, uuid: str, text: str, at: datetime) -> Case:
    """办结: the process is finished, with a word on what was done. Whether the problem is gone is asked separately."""
    case = _open(session, access, uuid)
    if not _text(text):
        raise Invalid("请写明办理结果，再办结。", field="note")
    case.state, case.closed_at = "closed", at
    _append(session, access, case, "closed", at, text)
    return case


def follow_up(session: Session, access: Access, uuid: str, *, is_resolved: bool, text: str | None, at: datetime) -> Case:
    """化解: what the firm says after the case was closed. Not resolved opens it again."""
    access.need(*WRITERS)
    case = get_visible(session, access, uuid)
    if case.state != "closed":
        raise StillOpen
    case.is_resolved = is_resolved
    _append(session, access, case, "resolved" if is_resolved else "unresolved", at, text)
    if not is_resolved:
        reopen(session, access, uuid, "企业反映未化解", at)
    return case


def reopen(session: Session, access: Access, uuid: str, text: str, at: datetime) -> Case:
    """Back to work; the closing and its note stay in the history."""
    access.need(*WRITERS)
    case = get_visible(session, access, uuid)
    if case.state != "closed":
        raise StillOpen
    if not _text(text):
        raise Invalid("请写明为什么重新打开。", field="note")
    case.state, case.closed_at = "open", None
    _append(session, access, case, "reopened", at, text)
    return case


def _open(session: Session, access: Access, uuid: str) -> Case:
    access.need(*WRITERS)
    case = get_visible(session, access, uuid)
    if case.state != "open":
        raise AlreadyClosed
    return case


def _append(
    session: Session, access: Access, case: Case, kind: str, at: datetime, text: str | None, detail: dict[str, Any] | None = None
) -> None:
    if text is not None and len(text) > LONGEST_NOTE:
        raise Invalid(f"说明有 {len(text)} 字，最多 {LONGEST_NOTE} 字，请缩短。", field="note")
    session.add(CaseEvent(case_id=case.id, kind=kind, at=at, by=access.user_id, note=_text(text), detail=detail))
    session.flush()


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None
