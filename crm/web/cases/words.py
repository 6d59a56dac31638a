"""Sentences about a case that list and page share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.core import workdays

if TYPE_CHECKING:
    from datetime import date

    from crm.cases.models import Case

LINE = (("received", "登记"), ("accepted", "受理"), ("dispatched", "交办"), ("handling", "办理"), ("review", "审核"), ("closed", "办结"), ("followed", "回访"))
"""The straight way of a case, for the line above its page."""


@dataclass(frozen=True, slots=True)
class Left:
    """How much time is left, in work days."""

    text: str
    is_late: bool
    is_soon: bool


def left(case: Case, on: date, soon: int = 3) -> Left | None:
    """剩 3 个工作日 or 超 4 个工作日; None for a case that is over or has no day."""
    day = case.accept_by if case.stage == "received" else case.recheck_on if case.stage == "deferred" else case.due_on
    if case.state != "open" or day is None:
        return None
    what = {"received": "受理", "deferred": "复查"}.get(case.stage, "")
    if day < on:
        past = workdays.between(day, on)
        return Left(f"{what}超 {past} 个工作日" if past else f"{what}已过期", True, False)
    days = workdays.between(on, day)
    return Left(f"{what}今天到期" if day == on else f"{what}剩 {days} 个工作日", False, days <= soon)


def line(case: Case) -> list[tuple[str, str]]:
    """(label, state) of the way: done, now or open. A case off the straight way shows how far it came."""
    names = [name for name, _ in LINE]
    stage = {"deferred": "handling"}.get(case.stage, case.stage)
    at = names.index(stage) if stage in names else -1
    return [(label, "done" if n < at else "now" if n == at else "open") for n, (_, label) in enumerate(LINE)]
