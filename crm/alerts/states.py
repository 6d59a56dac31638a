"""How an alert's state changes, and how every change is written down: the one door for people and for the night.

A person's act checks the version it read, so of two people at once one is told that the other was first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from crm.alerts.models import CLOSED, LIVE, Alert, AlertEvent
from crm.core.errors import Conflict, NotFound
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

HANDLERS = ("officer", "manager", "administrator")
STALE = "别人刚处理过这条预警，请看最新情况后再做。"
KEPT = (
    "state", "owner_id", "snoozed_until", "muted_until", "resolved_at", "resolution", "is_watched", "acknowledged_at", "minutes_to_acknowledge",
    "waiting_since", "escalation",
)
"""What a person's act may change, and what undoing it puts back."""


def find(session: Session, access: Access, alert_id: int, version: int | None = None) -> Alert:
    """An alert of the jurisdiction for somebody who may handle alerts; `version` refuses one that has changed since it was shown."""
    access.need(*HANDLERS)
    query = select(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(Alert.id == alert_id, visible(access))
    alert: Alert | None = session.scalar(query.with_for_update(of=Alert).execution_options(populate_existing=True))
    if alert is None:
        raise NotFound("没有这条预警，或者企业不在您的辖区内。")
    if version is not None and version != alert.version:
        raise Conflict(STALE)
    return alert


def standing(session: Session, access: Access, alert_id: int, version: int | None = None) -> Alert:
    """The same, and it still stands."""
    alert = find(session, access, alert_id, version)
    if alert.state in CLOSED:
        raise Conflict("这条预警已经解除，请先重新打开。")
    return alert


def change(session: Session, alert: Alert, kind: str, *, at: datetime, by: int | None, note: str | None = None, detail: dict[str, Any] | None = None, **values: Any) -> AlertEvent:
    """Change an alert and write the event. Conflict when somebody changed it since it was read."""
    before = {name: _plain(getattr(alert, name)) for name in KEPT}
    seen = alert.version
    session.flush()
    done = session.execute(update(Alert).where(Alert.id == alert.id, Alert.version == seen).values(**values, version=seen + 1).execution_options(synchronize_session=False))
    if done.rowcount != 1:  # type: ignore[attr-defined]  # of an UPDATE
        raise Conflict(STALE)
    session.refresh(alert)
    event = AlertEvent(alert_id=alert.id, kind=kind, at=at, by=by, level=alert.level, state=alert.state, note=note, detail=(detail or {}) | {"before": before})
    session.add(event)
    session.flush()
    return event


def first_time(alert: Alert, at: datetime) -> dict[str, Any]:
    """What is remembered when somebody takes an alert on for the first time."""
    if alert.acknowledged_at is not None:
        return {}
    minutes = None if alert.raised_at is None else max(0, int((at - alert.raised_at).total_seconds() // 60))
    return {"acknowledged_at": at, "minutes_to_acknowledge": minutes}


def no_other(session: Session, alert: Alert) -> None:
    """Conflict when a newer alert of the same matter stands."""
    same = select(Alert.id).where(
        Alert.enterprise_id == alert.enterprise_id, Alert.rule == alert.rule, Alert.subject == alert.subject, Alert.state.in_(LIVE), Alert.id != alert.id
    )
    if session.scalar(same):
        raise Conflict("同一事项已有新的预警，请处理新的一条。")


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
