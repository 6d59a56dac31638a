"""The private address of a user's calendar. Calendars cannot sign in, so whoever has the address reads.

It is shown once, kept as a digest, and worth nothing from the moment it is ended or made anew, or its user is switched off.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import selectinload

from crm.core.db import is_postgresql
from crm.core.errors import NotFound
from crm.security.access import Access, load_access
from crm.security.audit import record
from crm.security.models import CalendarKey, User, UserProfile

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

READERS = ("officer", "manager", "administrator", "department")
"""Roles with days of their own."""
BYTES, LONGEST = 32, 64
GONE = "这个日历地址已失效。请到网页“我的”里重新生成，再换到日历软件里。"


def renew(session: Session, access: Access, at: datetime) -> str:
    """A new address for the user, returned this once; the one before is worth nothing from now on. Of two at once the later counts."""
    access.need(*READERS)
    token = secrets.token_urlsafe(BYTES)
    values = {"digest": _digest(token), "made_at": at, "ended_at": None}
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    session.execute(insert(CalendarKey).values(user_id=access.user_id, **values).on_conflict_do_update(index_elements=["user_id"], set_=values))
    record(session, access, "calendar.renew", "user", access.user_id)
    return token


def revoke(session: Session, access: Access, at: datetime) -> None:
    """End the user's address. Nothing happens where there is none."""
    access.need(*READERS)
    ended = session.execute(update(CalendarKey).where(CalendarKey.user_id == access.user_id, CalendarKey.ended_at.is_(None)).values(ended_at=at))
    if ended.rowcount:  # type: ignore[attr-defined]
        record(session, access, "calendar.revoke", "user", access.user_id)


def made_on(session: Session, access: Access) -> datetime | None:
    """When the user's address was made; None: there is none."""
    return session.scalar(select(CalendarKey.made_at).where(CalendarKey.user_id == access.user_id, CalendarKey.ended_at.is_(None)))


def reader(session: Session, token: str) -> Access:
    """Whose address it is, with the rights of today. NotFound alike for one that never was, was ended, or whose user is switched off."""
    query = (
        select(User).join(CalendarKey, CalendarKey.user_id == User.id).join(UserProfile, UserProfile.user_id == User.id)
        .where(CalendarKey.digest == _digest(token), CalendarKey.ended_at.is_(None), User.active, UserProfile.must_change_password.is_(False))
        .options(selectinload(User.roles)).execution_options(populate_existing=True)
    )  # fmt: skip
    user = session.scalar(query) if len(token) <= LONGEST else None
    if user is None:
        raise NotFound(GONE)
    access = load_access(session, user.id, user.get_full_name().strip(), [role.name for role in user.roles])
    if not access.has(*READERS):
        raise NotFound(GONE)
    return access


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
