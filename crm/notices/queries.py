"""Reads: a user's bell, wishes and channels; the outbox for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from crm.core.bulk import parts
from crm.core.clock import SHANGHAI, local
from crm.notices.models import DEFAULT_DIGEST, DEFAULT_QUIET, Notice, NoticeChannel, NoticePreference, Outbox
from crm.notices.timing import Timing, clock_of, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

LATE = timedelta(minutes=5)
"""A message that could have left so long ago is late: deliveries are looked for every minute. Our default, not policy."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """One channel's messages: `waiting` for their time or their turn (`late` of them could have left long ago), held for a digest, dead, delivered today."""

    waiting: int = 0
    late: int = 0
    held: int = 0
    dead: int = 0
    delivered: int = 0


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


def traffic(session: Session, at: datetime) -> dict[str, Traffic]:
    """Channel -> its messages, for the channels that have any; today is Asia/Shanghai's. Two queries, none over what was delivered before today."""
    late = func.sum(case((Outbox.next_at < at - LATE, 1), else_=0))
    open_ = session.execute(select(Outbox.channel, Outbox.state, func.count(), late).where(Outbox.state.in_(("held", "queued", "dead"))).group_by(Outbox.channel, Outbox.state))
    counts: dict[str, dict[str, int]] = {}
    for channel, state, count, behind in open_:
        mine = counts.setdefault(channel, {})
        mine["waiting" if state == "queued" else state] = count
        if state == "queued":
            mine["late"] = behind
    midnight = instant(local(at).date(), time(0), SHANGHAI)
    # a claim puts `next_at` behind the moment of sending, so the index on it finds today's
    today = select(Outbox.channel, func.count()).where(Outbox.state == "sent", Outbox.next_at >= midnight, Outbox.sent_at >= midnight).group_by(Outbox.channel)
    for channel, count in session.execute(today):
        counts.setdefault(channel, {})["delivered"] = count
    return {channel: Traffic(**mine) for channel, mine in counts.items()}
