"""What was started because of an alert: a visit, a case or a task is attached, and the alert is in hand."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from crm.alerts.models import Alert, AlertEvent, AlertLink
from crm.alerts.states import change, find, first_time, standing
from crm.cases.models import Case
from crm.core.clock import SHANGHAI, local
from crm.core.errors import Conflict, Invalid, NotFound
from crm.visits.models import Visit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.security.access import Access

OFFERED = 6


def attach(
    session: Session, access: Access, alert_id: int, *, at: datetime, visit_id: int | None = None, case_id: int | None = None, task: str | None = None,
    due_on: date | None = None, version: int | None = None,
) -> AlertLink:
    """Attach a visit or case of the same firm, or a task with a day. The alert is in hand; nobody's becomes the user's."""
    alert = standing(session, access, alert_id, version)
    kind, told = _what(session, alert, visit_id, case_id, task)
    if kind == "task":
        if due_on is None or due_on < local(at).date():
            raise Invalid("请选任务的截止日，今天或以后。", field="due_on")
    elif session.scalar(select(AlertLink.id).where(AlertLink.alert_id == alert.id, AlertLink.visit_id == visit_id, AlertLink.case_id == case_id)):
        raise Conflict("已经关联过了。")
    link = AlertLink(alert_id=alert.id, kind=kind, visit_id=visit_id, case_id=case_id, text=told if kind == "task" else None, due_on=due_on if kind == "task" else None, at=at, by=access.user_id)
    session.add(link)
    session.flush()
    values: dict[str, Any] = {"state": "in_hand", "owner_id": alert.owner_id or access.user_id, "snoozed_until": None, "waiting_since": local(at).date(), **first_time(alert, at)}
    if alert.state == "muted":
        values = {}  # muted stays muted until its day
    change(session, alert, "attached", at=at, by=access.user_id, note=told, detail={"link": link.id, "kind": kind}, **values)
    return link


def detach(session: Session, access: Access, alert_id: int, link_id: int, *, at: datetime) -> Alert:
    """Remove a link; without any the alert is merely acknowledged again."""
    alert = standing(session, access, alert_id)
    link = _link(session, alert, link_id)
    kind = link.kind
    session.delete(link)
    session.flush()
    left = session.scalar(select(func.count()).select_from(AlertLink).where(AlertLink.alert_id == alert.id))
    values = {"state": "acknowledged" if alert.owner_id else "open"} if alert.state == "in_hand" and not left else {}
    change(session, alert, "detached", at=at, by=access.user_id, detail={"kind": kind}, **values)
    return alert


def finish_task(session: Session, access: Access, alert_id: int, link_id: int, *, at: datetime) -> AlertLink:
    """Tick a task off. The alert stays in hand: whether its ground is gone is for the figures or a person to say."""
    alert = find(session, access, alert_id)
    link = _link(session, alert, link_id)
    if link.kind != "task" or link.done_at is not None:
        raise Conflict("这项任务已经完成，或者不是任务。")
    link.done_at = at
    session.add(AlertEvent(alert_id=alert.id, kind="task_done", at=at, by=access.user_id, level=alert.level, state=alert.state, note=link.text))
    session.flush()
    return link


def links(session: Session, alert_id: int) -> list[tuple[AlertLink, Visit | None, Case | None]]:
    """What is attached, the newest first. The caller has checked that the alert may be seen."""
    query = select(AlertLink, Visit, Case).outerjoin(Visit, Visit.id == AlertLink.visit_id).outerjoin(Case, Case.id == AlertLink.case_id)
    return [(link, visit, case) for link, visit, case in session.execute(query.where(AlertLink.alert_id == alert_id).order_by(AlertLink.id.desc()))]


def offered(session: Session, alert: Alert) -> tuple[list[Visit], list[Case]]:
    """Visits since the alert was raised and cases still open of the same firm that are not attached yet."""
    mine = select(AlertLink.visit_id).where(AlertLink.alert_id == alert.id, AlertLink.visit_id.is_not(None))
    since = alert.raised_at or datetime.combine(alert.raised_on, time(), SHANGHAI)
    visits = select(Visit).where(Visit.enterprise_id == alert.enterprise_id, Visit.started_at >= since, Visit.id.not_in(mine))
    theirs = select(AlertLink.case_id).where(AlertLink.alert_id == alert.id, AlertLink.case_id.is_not(None))
    cases = select(Case).where(Case.enterprise_id == alert.enterprise_id, Case.closed_at.is_(None), Case.id.not_in(theirs))
    found = session.scalars(visits.order_by(Visit.started_at.desc()).limit(OFFERED)).all()
    return list(found), list(session.scalars(cases.order_by(Case.id.desc()).limit(OFFERED)))


def _what(session: Session, alert: Alert, visit_id: int | None, case_id: int | None, task: str | None) -> tuple[str, str]:
    """Kind and words of what is attached; it must belong to the alert's firm."""
    if sum(x is not None for x in (visit_id, case_id, task)) != 1:
        raise Invalid("请选一次走访、一件诉求，或写一项任务。", field="text")
    if visit_id is not None:
        visit = session.get(Visit, visit_id)
        if visit is None or visit.enterprise_id != alert.enterprise_id:
            raise NotFound("没有这次走访，或者不是这家企业的。")
        return "visit", f"{local(visit.started_at).date().isoformat()} 走访"
    if case_id is not None:
        case = session.get(Case, case_id)
        if case is None or case.enterprise_id != alert.enterprise_id:
            raise NotFound("没有这件诉求，或者不是这家企业的。")
        return "case", case.title[:200]
    text = (task or "").strip()
    if not text or len(text) > 200:
        raise Invalid("请写明要做什么。" if not text else "最多 200 字，请写短些。", field="text")
    return "task", text


def _link(session: Session, alert: Alert, link_id: int) -> AlertLink:
    link = session.get(AlertLink, link_id)
    if link is None or link.alert_id != alert.id:
        raise NotFound("没有这项关联，可能已被移除。")
    return link
