"""Days of the year that rules look at: the windows of the yearly review (年度审核), as the pack configures them with their source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from crm.core import workdays

if TYPE_CHECKING:
    from crm.criteria.packs import Pack
    from crm.criteria.schema import ReviewWindow

LEAVING = 1
"""The batch in which units leave the register; the second only lets units in."""


@dataclass(frozen=True, slots=True)
class Window:
    """A review window of one year. `is_provisional`: no notice of that year is on file, or its holidays are not published yet."""

    year: int
    batch: int
    opens: date | None
    closes: date
    is_provisional: bool
    rule: ReviewWindow


def windows(pack: Pack, year: int) -> list[Window]:
    """The year's windows by batch: the one configured for the year, else the one for any year, moved to a work day."""
    found: dict[int, Window] = {}
    for rule in sorted(pack.book.review_windows, key=lambda rule: rule.year is not None):  # a year's own comes last and stays
        if rule.year in (None, year):
            closes = date.fromisoformat(f"{year + rule.closes_next_year}-{rule.closes}")
            opens = date.fromisoformat(f"{year}-{rule.opens}") if rule.opens else None
            due = workdays.add(closes, 0)
            found[rule.batch] = Window(year, rule.batch, opens, closes if rule.year else due.on, rule.year is None or due.is_provisional, rule)
    return [found[batch] for batch in sorted(found)]


def next_review(pack: Pack, on: date, batch: int | None = None) -> Window | None:
    """The window that closes next, of one batch or any."""
    coming = [w for year in (on.year - 1, on.year, on.year + 1) for w in windows(pack, year) if w.closes >= on and batch in (None, w.batch)]
    return min(coming, key=lambda w: w.closes, default=None)
