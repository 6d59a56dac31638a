"""Reads: a user's bell, wishes and channels; the outbox for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.core.bulk import parts
from crm.notices.models import DEFAULT_DIGEST, DEFAULT_QUIET, NoticePreference
from crm.notices.timing import Timing, clock_of

if TYPE_CHECKING:
    from collections.abc import Iterable

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
