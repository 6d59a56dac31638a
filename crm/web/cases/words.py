"""Sentences about a case that list and page share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.core import workdays
from crm.core.clock import local

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


def since_received(case: Case) -> str | None:
    """自收到起第 9 个工作日: the day to answer by, counted from when the firm asked; None without a day."""
    if case.due_on is None:
        return None
    nth = workdays.between(local(case.opened_at).date(), case.due_on)
    return f"自收到起第 {nth} 个工作日" if nth > 0 else "收到当日"


@dataclass(frozen=True, slots=True)
class View:
    """A list people come back to: a chip with how many wait in it."""

    text: str
    count: int | None
    asks: dict[str, str | None]
    is_here: bool


def views(waiting: dict[str, int], state: str, stage: str | None, due: str | None, *, is_department: bool) -> list[View]:
    """The lists of the page, for an office or a department. Each is an address that can be kept."""
    ours = (
        ("在办", None, "open", None, None), ("待受理", "received", "open", "received", None), ("待交办", "accepted", "open", "accepted", None),
        ("待签收", "dispatched", "open", "dispatched", None), ("办理中", "handling", "open", "handling", None), ("待审核", "review", "open", "review", None),
        ("超期", "late", "open", None, "late"), ("三日内到期", "soon", "open", None, "soon"), ("暂缓", "deferred", "open", "deferred", None),
        ("待回访", "closed", "closed", "closed", None), ("已办结", None, "closed", None, None), ("全部", None, "all", None, None),
    )  # fmt: skip
    skipped = {"待受理", "待交办", "待回访"} if is_department else set()
    return [
        View(text, waiting[key] if key else None, {"state": at, "stage": where, "due": late, "overdue": None}, (state, stage, due) == (at, where, late))
        for text, key, at, where, late in ours
        if text not in skipped and (text != "暂缓" or waiting["deferred"] or stage == "deferred")
    ]
