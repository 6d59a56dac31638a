"""Listing stages reached and ended (培育, 股改, 新三板, 辅导, 报会, 注册, 上市)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.core.clock import local
from crm.core.errors import Conflict, Invalid, NotFound
from crm.core.signals import enterprise_changed
from crm.enterprises.queries import get_visible
from crm.ladder.models import STAGES, StageEntry
from crm.ladder.operations.register import RECORDERS

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access


def reach_stage(
    session: Session, access: Access, enterprise_id: int, stage: str, *, on: date, at: datetime, board: str | None = None, document: str | None = None
) -> StageEntry:
    """The firm reached a stage on a day."""
    access.need(*RECORDERS)
    get_visible(session, access, enterprise_id)
    if stage not in STAGES:
        raise Invalid(f"没有“{stage}”这个上市阶段。", field="stage")
    if on > local(at).date():
        raise Invalid("日期不能晚于今天。", field="on")
    entry = StageEntry(enterprise_id=enterprise_id, stage=stage, on=on, board=board, document=document, recorded_at=at, recorded_by=access.user_id)
    session.add(entry)
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[enterprise_id])
    return entry


def end_stage(session: Session, access: Access, entry_id: int, *, on: date, at: datetime) -> StageEntry:
    """The stage was ended without the next one (撤回, 终止, 移出后备库)."""
    access.need(*RECORDERS)
    entry = session.get(StageEntry, entry_id)
    if entry is None:
        raise NotFound("没有这条上市阶段记录。")
    get_visible(session, access, entry.enterprise_id)
    if entry.ended_on is not None:
        raise Conflict("这个阶段已经结束。")
    if on < entry.on:
        raise Invalid("结束日期早于进入日期，请核对。", field="on")
    entry.ended_on, entry.end_recorded_at = on, at
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[entry.enterprise_id])
    return entry
