"""企业码: an address nobody can guess through which a firm raises cases and follows them, without signing in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.cases.models import CaseDoor
from crm.core.errors import NotFound
from crm.enterprises import queries as enterprises

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

STAFF = ("officer", "manager", "administrator")


def open_door(session: Session, access: Access, enterprise_id: int, at: datetime) -> CaseDoor:
    """The firm's address: the one there is, or a new one."""
    access.need(*STAFF)
    firm = enterprises.get_visible(session, access, enterprise_id)
    door = session.scalar(select(CaseDoor).where(CaseDoor.enterprise_id == firm.id, CaseDoor.ended_at.is_(None)))
    if door is None:
        door = CaseDoor(token=secrets.token_urlsafe(24), enterprise_id=firm.id, made_at=at, made_by=access.user_id)
        session.add(door)
        session.flush()
    return door


def close_door(session: Session, access: Access, enterprise_id: int, at: datetime) -> None:
    """End the firm's address: a printed code stops working."""
    access.need(*STAFF)
    firm = enterprises.get_visible(session, access, enterprise_id)
    for door in session.scalars(select(CaseDoor).where(CaseDoor.enterprise_id == firm.id, CaseDoor.ended_at.is_(None))):
        door.ended_at = at
    session.flush()


def door_of(session: Session, token: str) -> CaseDoor:
    """The door of an address; NotFound for one that never was or was ended."""
    door = session.scalar(select(CaseDoor).where(CaseDoor.token == token, CaseDoor.ended_at.is_(None))) if len(token) <= 43 else None
    if door is None:
        raise NotFound("这个二维码已失效，请向联系您的助企干部要新的。")
    return door
