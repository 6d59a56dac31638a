"""What people do with an alert: take it, put it off, settle it, note, open it again. Scope and state are checked; nothing commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.alerts.models import Alert, AlertEvent
from crm.core.clock import local
from crm.core.errors import Conflict, Invalid, NotFound
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

HANDLERS = ("officer", "manager", "administrator")
LONGEST_SNOOZE = 92  # days; longer than a season and the alert is lost from sight


def acknowledge(session: Session, access: Access, alert_id: int, *, at: datetime, note: str | None = None) -> Alert:
    """Take an alert on: the user becomes its owner. A snoozed one comes back by it."""
    alert = _live(session, access, alert_id)
    if alert.state == "acknowledged" and alert.owner_id == access.user_id:
        raise Conflict("您已认领这条预警。")
    alert.state, alert.owner_id, alert.snoozed_until = "acknowledged", access.user_id, None
    _event(session, alert, "acknowledged", at, access.user_id, note)
    return alert


def snooze(session: Session, access: Access, alert_id: int, *, until: date, at: datetime, reason: str) -> Alert:
    """Put an alert off until a day; it opens again on that day, or at once when it worsens."""
    alert = _live(session, access, alert_id)
    today = local(at).date()
    if not reason.strip():
        raise Invalid("请写明暂缓的理由。", field="reason")
    if not today < until or (until - today).days > LONGEST_SNOOZE:
        raise Invalid(f"暂缓日期应在明天到 {LONGEST_SNOOZE} 天之内。", field="until")
    alert.state, alert.snoozed_until = "snoozed", until
    alert.owner_id = alert.owner_id or access.user_id
    _event(session, alert, "snoozed", at, access.user_id, reason.strip(), until=until.isoformat())
    return alert


def resolve(session: Session, access: Access, alert_id: int, *, at: datetime, reason: str) -> Alert:
    """Settle an alert by a person's judgement. It stays watched: it opens again when it worsens."""
    alert = _live(session, access, alert_id)
    if not reason.strip():
        raise Invalid("请写明解除的理由。", field="reason")
    alert.state, alert.resolved_at, alert.resolution, alert.snoozed_until = "resolved", at, reason.strip()[:200], None
    alert.is_watched = True
    _event(session, alert, "resolved", at, access.user_id, reason.strip())
    return alert


def reopen(session: Session, access: Access, alert_id: int, *, at: datetime, reason: str | None = None) -> Alert:
    """Open a snoozed or settled alert again (also the undo of both). Conflict when a newer one stands in its place."""
    access.need(*HANDLERS)
    alert = _visible(session, access, alert_id)
    if alert.state not in ("snoozed", "resolved"):
        raise Conflict("这条预警本来就在处理中。")
    same = select(Alert.id).where(Alert.enterprise_id == alert.enterprise_id, Alert.rule == alert.rule, Alert.subject == alert.subject, Alert.state != "resolved", Alert.id != alert.id)
    if session.scalar(same):
        raise Conflict("同一事项已有新的预警，请处理新的一条。")
    alert.state = "acknowledged" if alert.owner_id else "open"
    alert.snoozed_until = alert.resolved_at = alert.resolution = None
    alert.is_watched = False
    _event(session, alert, "reopened", at, access.user_id, reason)
    return alert


def release(session: Session, access: Access, alert_id: int, *, at: datetime) -> Alert:
    """Give an alert back (the undo of taking it on)."""
    alert = _live(session, access, alert_id)
    if alert.state != "acknowledged":
        raise Conflict("这条预警没有被认领。")
    alert.state, alert.owner_id = "open", None
    _event(session, alert, "released", at, access.user_id, None)
    return alert


def note(session: Session, access: Access, alert_id: int, *, at: datetime, text: str) -> AlertEvent:
    """Write a remark into the alert's history."""
    alert = _visible(session, access, alert_id)
    access.need(*HANDLERS)
    if not text.strip():
        raise Invalid("请写下备注内容。", field="text")
    return _event(session, alert, "note", at, access.user_id, text.strip())


def _visible(session: Session, access: Access, alert_id: int) -> Alert:
    query = select(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(Alert.id == alert_id, visible(access))
    alert = session.scalar(query.with_for_update(of=Alert).execution_options(populate_existing=True))
    if alert is None:
        raise NotFound("没有这条预警，或者企业不在您的辖区内。")
    return alert


def _live(session: Session, access: Access, alert_id: int) -> Alert:
    access.need(*HANDLERS)
    alert = _visible(session, access, alert_id)
    if alert.state == "resolved":
        raise Conflict("这条预警已经解除，请先重新打开。")
    return alert


def _event(session: Session, alert: Alert, kind: str, at: datetime, by: int | None, text: str | None, **detail: Any) -> AlertEvent:
    event = AlertEvent(alert_id=alert.id, kind=kind, at=at, by=by, level=alert.level, note=text, detail=detail or None)
    session.add(event)
    session.flush()
    return event
