"""Which month's figures should be in by a day. January is reported together with February and is never missing."""

from __future__ import annotations

from datetime import date, timedelta

REPORTED_BY = 15
"""Day of the following month by which a month's figures are expected: our default, not policy (reports come 8–15 work days after)."""


def data_month(on: date) -> tuple[int, int]:
    """(year, month) of the newest month that should be on file on a day."""
    month = on.replace(day=1) - timedelta(days=1)
    if on.day < REPORTED_BY:
        month = month.replace(day=1) - timedelta(days=1)
    return (month.year - 1, 12) if month.month == 1 else (month.year, month.month)
