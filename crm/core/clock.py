"""Instants and days. Only jobs, web, api and run.py ask what time it is; everything below takes the day as an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """This instant, aware, UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The calendar day in Asia/Shanghai."""
    return now().astimezone(SHANGHAI).date()


def local(instant: datetime) -> datetime:
    """An aware instant as shown to people."""
    return instant.astimezone(SHANGHAI)


def start_of(day: date) -> datetime:
    """The first instant of a day in Asia/Shanghai, UTC."""
    return datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The last instant of a day in Asia/Shanghai, UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI).astimezone(UTC) - timedelta(microseconds=1)
