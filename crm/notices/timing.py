"""When a message may leave: quiet hours and digest times. Pure arithmetic on days and times of day of one zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from crm.core.clock import SHANGHAI

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Timing:
    """One user's wishes. Quiet from `quiet[0]` until `quiet[1]`, across midnight when the end is earlier; None: never quiet."""

    quiet: tuple[time, time] | None
    digest_times: tuple[time, ...]
    urgent_any_time: bool = False
    zone: ZoneInfo = SHANGHAI

    def is_quiet(self, at: datetime) -> bool:
        """Whether `at` lies in the quiet hours. The first minute is quiet, the last one is not."""
        if self.quiet is None:
            return False
        start, end = self.quiet
        clock = at.astimezone(self.zone).time()
        return start <= clock < end if start < end else clock >= start or clock < end

    def leaves_at(self, at: datetime, *, urgent: bool) -> datetime:
        """`at` itself, or the end of the quiet hours it falls into."""
        if self.quiet is None or (urgent and self.urgent_any_time) or not self.is_quiet(at):
            return at
        here, (start, end) = at.astimezone(self.zone), self.quiet
        day = here.date() + timedelta(days=1) if start >= end and here.time() >= start else here.date()
        return max(at, instant(day, end, self.zone))

    def digests(self, after: datetime, until: datetime) -> list[datetime]:
        """Digest times in (after, until], oldest first."""
        day, last = after.astimezone(self.zone).date(), until.astimezone(self.zone).date()
        found = []
        while day <= last:
            found += [moment for moment in (instant(day, t, self.zone) for t in self.digest_times) if after < moment <= until]
            day += timedelta(days=1)
        return sorted(set(found))

    def next_digest(self, after: datetime) -> datetime:
        """The first digest time after an instant."""
        return self.digests(after, after + timedelta(days=2))[0]


def instant(day: date, clock: time, zone: ZoneInfo = SHANGHAI) -> datetime:
    """A time of day on a day, as an aware UTC instant."""
    return datetime.combine(day, clock, zone).astimezone(UTC)


def clock_of(text: str) -> time:
    """'08:30' -> time. Raises ValueError."""
    hour, minute = text.strip().split(":")
    return time(int(hour), int(minute))
