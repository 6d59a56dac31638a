"""Reads: a user's bell, wishes and channels; the outbox for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from crm.core.bulk import parts
from crm.notices.models import DEFAULT_DIGEST, DEFAULT_QUIET, Notice, NoticeChannel, NoticePreference, Outbox
from crm.notices.timing import Timing, clock_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def timing_of(preference: NoticePreference | None) -> Timing:
    """A stored preference, or the defaults, as something that can answer."""
    if preference is None:
        start, end = DEFAULT_QUIET
        return Timing((clock_of(start), clock_of(end)), (clock_of(DEFAULT_DIGEST),))
    quiet = None
    if preference.quiet_from and preference.quiet_to:
        quiet = (clock_of(preference.quiet_from), clock_of(preference.quiet_to))
    times = tuple(clock_of(part) for part in preference.digest_times.split(",") if part)
    return Timing(quiet, times, preference.urgent_any_time)


def timings(session: Session, users: Iterable[int]) -> dict[int, Timing]:
    """User -> when messages to them may leave."""
    ids = sorted(set(users))
    stored = {
        row.user_id: row
        for part in parts(ids)
        for row in session.scalars(select(NoticePreference).where(NoticePreference.user_id.in_(part)))
    }
    return {user: timing_of(stored.get(user)) for user in ids}


def bell(
    session: Session, user_id: int, may_see: ColumnElement[bool], *, unread: bool | None = None, before: int | None = None, limit: int = 50
) -> Sequence[Notice]:
    """A user's entries, newest first. `may_see` keeps out firms that left the jurisdiction; `before` is the id the last page ended on."""
    query = select(Notice).where(Notice.user_id == user_id, may_see).order_by(Notice.id.desc()).limit(limit)
    if unread is not None:
        query = query.where(Notice.read_at.is_(None) if unread else Notice.read_at.is_not(None))
    return session.scalars(query.where(Notice.id < before) if before else query).all()


def channels_of(session: Session, user_id: int) -> dict[str, NoticeChannel]:
    """Kind -> the user's channel."""
    return {channel.kind: channel for channel in session.scalars(select(NoticeChannel).where(NoticeChannel.user_id == user_id))}


def deliveries(
    session: Session, *, state: str | None = None, channel: str | None = None, user_id: int | None = None, before: int | None = None, limit: int = 50
) -> Sequence[Outbox]:
    """The delivery log, newest first."""
    query = select(Outbox).order_by(Outbox.id.desc()).limit(limit)
    for column, value in ((Outbox.state, state), (Outbox.channel, channel), (Outbox.user_id, user_id)):
        if value is not None:
            query = query.where(column == value)
    return session.scalars(query.where(Outbox.id < before) if before else query).all()


def outbox_counts(session: Session) -> dict[str, int]:
    """State -> messages, of what has not been delivered; delivered ones are not counted."""
    found = session.execute(select(Outbox.state, func.count()).where(Outbox.state.in_(("held", "queued", "dead"))).group_by(Outbox.state))
    return {row[0]: row[1] for row in found}
