"""Titles granted and revoked. One that runs out needs no verb: its last day is in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.core.clock import local
from crm.core.errors import Conflict, Invalid, NotFound
from crm.core.signals import enterprise_changed
from crm.enterprises.queries import get_visible
from crm.ladder.models import TitleGrant
from crm.ladder.operations.register import RECORDERS

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access


def grant(
    session: Session, access: Access, enterprise_id: int, title: str, *, granted_on: date, at: datetime, valid_to: date | None = None,
    kind: str = "first", level: str | None = None, batch: str | None = None, document: str | None = None,
) -> TitleGrant:
    """The firm was given a title, first or by review (复核); `valid_to` is its last day, None without end."""
    access.need(*RECORDERS)
    get_visible(session, access, enterprise_id)
    if granted_on > local(at).date():
        raise Invalid("认定日期不能晚于今天。", field="granted_on")
    if valid_to and valid_to < granted_on:
        raise Invalid("有效期截止日早于认定日期，请核对。", field="valid_to")
    same = select(TitleGrant.id).where(TitleGrant.enterprise_id == enterprise_id, TitleGrant.title == title, TitleGrant.granted_on == granted_on)
    if session.scalar(same):
        raise Conflict("同一天的同一称号已经登记过。")
    given = TitleGrant(
        enterprise_id=enterprise_id, title=title, kind=kind, level=level, batch=batch, document=document, granted_on=granted_on,
        valid_to=valid_to, recorded_at=at, recorded_by=access.user_id,
    )
    session.add(given)
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[enterprise_id])
    return given


def revoke(session: Session, access: Access, grant_id: int, *, on: date, at: datetime, document: str | None = None) -> TitleGrant:
    """The title was taken away on a day; the record stays."""
    access.need(*RECORDERS)
    given = session.get(TitleGrant, grant_id)
    if given is None:
        raise NotFound("没有这条称号记录。")
    get_visible(session, access, given.enterprise_id)
    if given.revoked_on is not None:
        raise Conflict("这个称号已经撤销过。")
    if not given.granted_on <= on <= local(at).date():
        raise Invalid("撤销日期应在认定之后、今天之前。", field="on")
    given.revoked_on, given.end_recorded_at = on, at
    given.document = document or given.document
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[given.enterprise_id])
    return given
