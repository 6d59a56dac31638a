"""What a person says about a title's yearly update. Without a word from anybody it stays unknown, never missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.alerts.states import change, first_time, standing
from crm.alerts.watches.titles import MISSED, RULE, UPDATE, UPDATED
from crm.core.clock import local
from crm.core.errors import Conflict
from crm.core.signals import enterprise_changed
from crm.enterprises.models import EnterpriseEvent

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.alerts.models import Alert
    from crm.security.access import Access


def say_updated(session: Session, access: Access, alert_id: int, *, updated: bool, at: datetime) -> Alert:
    """Record whether this year's particulars were updated. Updated settles the alert; not updated counts as a miss and is judged anew tonight."""
    alert = standing(session, access, alert_id)
    if alert.rule != RULE or not alert.subject.endswith(UPDATE):
        raise Conflict("这条预警不是年度信息更新，不用回答。")
    title, on = alert.subject.removesuffix(UPDATE), local(at).date()
    kind = (UPDATED if updated else MISSED) + title
    session.add(EnterpriseEvent(enterprise_id=alert.enterprise_id, kind=kind[:48], on=on, note=None, source="manual", recorded_at=at, recorded_by=access.user_id))
    said = f"{on.year} 年度信息{'已更新' if updated else '未更新'}"
    values = {"state": "resolved", "resolved_at": at, "resolution": said, "snoozed_until": None, "muted_until": None, **first_time(alert, at)} if updated else {}
    change(session, alert, "resolved" if updated else "noted", at=at, by=access.user_id, note=said, **values)
    enterprise_changed.send(None, session=session, enterprise_ids=[alert.enterprise_id])
    return alert
