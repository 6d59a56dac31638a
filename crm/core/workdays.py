"""Work days of mainland China: published holidays with make-up days; beyond the published years weekends alone, said to be provisional.

Source: the State Council's yearly holiday notices as kept by `chinesecalendar`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from chinese_calendar import constants, is_workday

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Due:
    """A day reached by counting work days. `is_provisional`: a day on the way lies in a year without a published calendar."""

    on: date
    is_provisional: bool


@cache
def published() -> tuple[int, int]:
    """First and last year whose holidays are published."""
    years = {day.year for day in (*constants.holidays, *constants.workdays)}
    return min(years), max(years)


def is_provisional(day: date) -> bool:
    """Whether the year's holidays are not published, so that only weekends are known."""
    first, last = published()
    return not first <= day.year <= last


def works(day: date) -> bool:
    """Whether offices work on the day; make-up days count, beyond the published years weekends alone are free."""
    return day.weekday() < SATURDAY if is_provisional(day) else bool(is_workday(day))


def add(day: date, days: int) -> Due:
    """The `days`-th work day after `day` (which itself does not count); 0 is the day itself, or the next work day.

    Raises ValueError for a negative number.
    """
    if days < 0:
        raise ValueError("days is not negative")
    provisional = is_provisional(day)
    if days == 0:
        while not works(day):
            day += timedelta(days=1)
        return Due(day, provisional or is_provisional(day))
    while days:
        day += timedelta(days=1)
        provisional = provisional or is_provisional(day)
        days -= works(day)
    return Due(day, provisional)


def between(start: date, end: date) -> int:
    """Work days after `start` up to and including `end`; negative when `end` comes first."""
    if end < start:
        return -between(end, start)
    return sum(works(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))
