"""What people do with an alert: take it, put it off, settle it, note, open it again. Scope and state are checked; nothing commits."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select

from crm.alerts.models import CLOSED, Alert, AlertEvent, AlertLink, AlertMute
from crm.alerts.states import HANDLERS, KEPT, change, find, first_time, no_other, standing
from crm.core.clock import local
from crm.core.errors import Conflict, Invalid
from crm.enterprises.models import Enterprise
from crm.security.models import User, UserRegion

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.security.access import Access

LONGEST_SNOOZE = 92  # days; longer than a season and the alert is lost from sight
LONGEST_MUTE = 366  # days
UNDO_WITHIN = 15 * 60  # seconds


def acknowledge(session: Session, access: Access, alert_id: int, *, at: datetime, note: str | None = None, version: int | None = None) -> Alert:
    """Take an alert on: the user becomes its owner. A snoozed one comes back by it; one somebody else has is theirs."""
    alert = standing(session, access, alert_id, version)
    if alert.state in ("acknowledged", "in_hand"):
        raise Conflict("您已认领这条预警。" if alert.owner_id == access.user_id else "这条预警已有人认领，需要换人请用“指派”。")
    state = "in_hand" if _has_links(session, alert) else "acknowledged"
    values = {"state": state, "owner_id": access.user_id, "snoozed_until": None, "muted_until": None, "waiting_since": local(at).date(), **first_time(alert, at)}
    if alert.state == "muted":
        _end_mute(session, alert, at)
    change(session, alert, "acknowledged", at=at, by=access.user_id, note=note, **values)
    return alert


def assign(session: Session, access: Access, alert_id: int, *, to: int, at: datetime, note: str | None = None, version: int | None = None) -> Alert:
    """Give an alert to somebody who may handle it and sees the firm. Managers and administrators only."""
    access.need("manager", "administrator")
    alert = standing(session, access, alert_id, version)
    who = _handler(session, alert, to)
    if alert.owner_id == who.id and alert.state in ("acknowledged", "in_hand"):
        raise Conflict(f"这条预警已由 {who.get_full_name().strip()} 认领。")
    state = "in_hand" if _has_links(session, alert) else "acknowledged"
    if alert.state == "muted":
        _end_mute(session, alert, at)
    values = {"state": state, "owner_id": who.id, "snoozed_until": None, "muted_until": None, "waiting_since": local(at).date(), **first_time(alert, at)}
    change(session, alert, "assigned", at=at, by=access.user_id, note=note, detail={"to": who.id, "name": who.get_full_name().strip()}, **values)
    return alert


def release(session: Session, access: Access, alert_id: int, *, at: datetime, version: int | None = None) -> Alert:
    """Give an alert back. Its own owner, or a manager."""
    alert = standing(session, access, alert_id, version)
    if alert.state != "acknowledged":
        raise Conflict("这条预警没有被认领。" if alert.state != "in_hand" else "这条预警已有走访、诉求或任务在办，先移除它们再放回。")
    if alert.owner_id != access.user_id and not access.has("manager", "administrator"):
        raise Conflict("这条预警由别人认领，请他本人或管理者放回。")
    change(session, alert, "released", at=at, by=access.user_id, state="open", owner_id=None, waiting_since=local(at).date())
    return alert


def snooze(session: Session, access: Access, alert_id: int, *, until: date, at: datetime, reason: str, version: int | None = None) -> Alert:
    """Put an alert off until a day; it opens again on that day, or at once when it worsens."""
    alert = standing(session, access, alert_id, version)
    today = local(at).date()
    reason = _reason(reason, "请写明暂缓的理由。")
    if not today < until or (until - today).days > LONGEST_SNOOZE:
        raise Invalid(f"暂缓日期应在明天到 {LONGEST_SNOOZE} 天之内。", field="until")
    if alert.state == "muted":
        _end_mute(session, alert, at)
    owner = alert.owner_id or access.user_id
    values = {"state": "snoozed", "snoozed_until": until, "muted_until": None, "owner_id": owner, **first_time(alert, at)}
    change(session, alert, "snoozed", at=at, by=access.user_id, note=reason, detail={"until": until.isoformat()}, **values)
    return alert


def mute(session: Session, access: Access, alert_id: int, *, until: date, at: datetime, reason: str, version: int | None = None) -> Alert:
    """Hear nothing of this matter of this firm until a day, not even when it worsens or comes again. Managers and administrators."""
    access.need("manager", "administrator")
    alert = standing(session, access, alert_id, version)
    today = local(at).date()
    reason = _reason(reason, "请写明为什么免打扰。")
    if not today < until or (until - today).days > LONGEST_MUTE:
        raise Invalid(f"免打扰的截止日应在明天到 {LONGEST_MUTE} 天之内。", field="until")
    _end_mute(session, alert, at)
    session.add(AlertMute(enterprise_id=alert.enterprise_id, rule=alert.rule, subject=alert.subject, until=until, reason=reason, at=at, by=access.user_id))
    change(session, alert, "muted", at=at, by=access.user_id, note=reason, detail={"until": until.isoformat()}, state="muted", muted_until=until, snoozed_until=None)
    return alert


def resolve(session: Session, access: Access, alert_id: int, *, at: datetime, reason: str, version: int | None = None) -> Alert:
    """Settle an alert by a person's judgement. It stays watched: it opens again when it worsens."""
    alert = standing(session, access, alert_id, version)
    reason = _reason(reason, "请写明解除的理由。")
    values: dict[str, Any] = {"state": "resolved", "resolved_at": at, "resolution": reason, "snoozed_until": None, "muted_until": None, "is_watched": True, **first_time(alert, at)}
    if alert.state == "muted":
        _end_mute(session, alert, at)
    change(session, alert, "resolved", at=at, by=access.user_id, note=reason, **values)
    return alert


def reopen(session: Session, access: Access, alert_id: int, *, at: datetime, reason: str | None = None, version: int | None = None) -> Alert:
    """Open a snoozed, muted or settled alert again. Conflict when a newer one stands in its place."""
    alert = find(session, access, alert_id, version)
    if alert.state not in ("snoozed", "muted", *CLOSED):
        raise Conflict("这条预警本来就在处理中。")
    if alert.state == "muted":
        access.need("manager", "administrator")
    no_other(session, alert)
    _end_mute(session, alert, at)
    linked = alert.owner_id is not None and _has_links(session, alert)
    state = "in_hand" if linked else "acknowledged" if alert.owner_id else "open"
    values = {
        "state": state, "snoozed_until": None, "muted_until": None, "resolved_at": None, "resolution": None, "is_watched": False,
        "waiting_since": local(at).date(), "easing_level": None, "easing_since": None,
    }
    change(session, alert, "reopened", at=at, by=access.user_id, note=reason, **values)
    return alert


def note(session: Session, access: Access, alert_id: int, *, at: datetime, text: str) -> AlertEvent:
    """Write a remark into the alert's history."""
    alert = find(session, access, alert_id)
    if not text.strip():
        raise Invalid("请写下备注内容。", field="text")
    event = AlertEvent(alert_id=alert.id, kind="note", at=at, by=access.user_id, level=alert.level, state=alert.state, note=text.strip())
    session.add(event)
    session.flush()
    return event


def undo(session: Session, access: Access, alert_id: int, *, at: datetime) -> Alert:
    """Take back one's own last act on an alert, as long as nothing happened since. Attaching is taken back by removing the link."""
    alert = find(session, access, alert_id)
    last = session.scalar(select(AlertEvent).where(AlertEvent.alert_id == alert.id, AlertEvent.kind != "note").order_by(AlertEvent.id.desc()).limit(1))
    undoable = last is not None and last.by == access.user_id and last.kind in ("acknowledged", "assigned", "released", "snoozed", "muted", "resolved", "reopened")
    if last is None or not undoable or access.user_id is None:
        raise Conflict("这条预警之后又有变化，不能撤销了，请看最新情况。")
    if (at - last.at).total_seconds() > UNDO_WITHIN:
        raise Conflict("已超过 15 分钟，不能撤销；请直接改成需要的状态。")
    before = (last.detail or {}).get("before")
    if before is None:
        raise Conflict("这一步不能撤销；请直接改成需要的状态。")
    values: dict[str, Any] = {name: _typed(name, before.get(name)) for name in KEPT}
    if values["state"] not in CLOSED:
        no_other(session, alert)
    _end_mute(session, alert, at)
    if values["state"] == "muted":
        session.add(AlertMute(enterprise_id=alert.enterprise_id, rule=alert.rule, subject=alert.subject, until=values["muted_until"], reason="撤销上一步，恢复免打扰", at=at, by=access.user_id))
    change(session, alert, "undone", at=at, by=access.user_id, detail={"what": last.kind}, **values)
    return alert


def _typed(name: str, value: str | None) -> object:
    if value is None:
        return None
    if name in ("snoozed_until", "muted_until", "waiting_since"):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if name in ("resolved_at", "acknowledged_at") else value


def _reason(text: str, missing: str) -> str:
    if not (text or "").strip():
        raise Invalid(missing, field="reason")
    return text.strip()[:200]


def _handler(session: Session, alert: Alert, user_id: int) -> User:
    """A user who may handle alerts and whose jurisdiction holds the alert's firm."""
    from crm.regions.scope import covers

    user = session.get(User, user_id)
    firm = session.get(Enterprise, alert.enterprise_id)
    codes = session.scalars(select(UserRegion.code).where(UserRegion.user_id == user_id)).all()
    sees = firm is not None and (covers([c for c in codes if c.isdigit()], firm.region_code) or firm.zone_code in codes)
    if user is None or not user.active or not sees or not {role.name for role in user.roles} & set(HANDLERS):
        raise Invalid("不能指派给这位用户：他不在岗、没有处理预警的角色，或看不到这家企业。", field="to")
    return user


def _has_links(session: Session, alert: Alert) -> bool:
    return bool(session.scalar(select(exists().where(AlertLink.alert_id == alert.id))))


def _end_mute(session: Session, alert: Alert, at: datetime) -> None:
    live = session.scalar(
        select(AlertMute).where(
            AlertMute.enterprise_id == alert.enterprise_id, AlertMute.rule == alert.rule, AlertMute.subject == alert.subject, AlertMute.ended_at.is_(None)
        )
    )
    if live is not None:
        live.ended_at = at
        session.flush()


__all__ = ["HANDLERS", "LONGEST_MUTE", "LONGEST_SNOOZE", "acknowledge", "assign", "mute", "note", "release", "reopen", "resolve", "snooze", "undo"]
