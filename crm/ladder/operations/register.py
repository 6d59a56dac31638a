"""Entering and leaving the statistics register (入库/退库), as the statistics authority decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.core.clock import local
from crm.core.errors import Invalid
from crm.core.signals import enterprise_changed, member_entered, member_left
from crm.enterprises.queries import get_visible
from crm.ladder.errors import AlreadyMember, NotMember
from crm.ladder.models import RegisterMembership

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

RECORDERS = ("manager", "administrator", "system")
"""Who may write down what an authority decided."""


def enter(
    session: Session, access: Access, enterprise_id: int, *, on: date, at: datetime, profession: str | None = None, document: str | None = None
) -> RegisterMembership:
    """The firm was taken into the register on a day. First entry and re-entry are told apart by its earlier stays."""
    access.need(*RECORDERS)
    get_visible(session, access, enterprise_id)
    stays = session.scalars(select(RegisterMembership).where(RegisterMembership.enterprise_id == enterprise_id).order_by(RegisterMembership.entered_on)).all()
    if any(stay.exited_on is None for stay in stays):
        raise AlreadyMember("这家企业已在库，不能重复入库。")
    if on > local(at).date():
        raise Invalid("入库日期不能晚于今天。", field="on")
    if stays and on < max(stay.exited_on for stay in stays if stay.exited_on):
        raise Invalid("入库日期早于上一次退库日期，请核对。", field="on")
    stay = RegisterMembership(
        enterprise_id=enterprise_id, entered_on=on, entry="re_entry" if stays else "first", profession=profession, document=document,
        recorded_at=at, recorded_by=access.user_id,
    )
    session.add(stay)
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[enterprise_id])
    member_entered.send(None, session=session, membership=stay)
    return stay


def leave(
    session: Session, access: Access, enterprise_id: int, *, on: date, at: datetime, reason: str, document: str | None = None
) -> RegisterMembership:
    """The firm left the register on a day. The stay is ended, not deleted."""
    access.need(*RECORDERS)
    get_visible(session, access, enterprise_id)
    query = select(RegisterMembership).where(RegisterMembership.enterprise_id == enterprise_id, RegisterMembership.exited_on.is_(None))
    stay: RegisterMembership | None = session.scalar(query)
    if stay is None:
        raise NotMember("这家企业不在库，没有可以办理的退库。")
    if not reason.strip():
        raise Invalid("请写明退库原因。", field="reason")
    if not stay.entered_on <= on <= local(at).date():
        raise Invalid("退库日期应在入库之后、今天之前。", field="on")
    stay.exited_on, stay.exit_reason, stay.end_recorded_at = on, reason.strip()[:64], at
    stay.document = document or stay.document
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[enterprise_id])
    member_left.send(None, session=session, membership=stay)
    return stay
