"""The early-warning map of the year: each firm warned of this year, the month it was first seen, how sure, what it still needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Integer, String, cast, func, select

from crm.alerts.models import LEVELS, Alert
from crm.alerts.queries import SHOWN, WORST
from crm.alerts.titles import SUBJECT as TITLES
from crm.core.keyset import Order, write_cursor
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.regions.models import Region
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

MAPPED = {"exit_risk": "退库预警", "newly_entered_at_risk": "新上规待稳", "near_threshold": "临近阈值", "first_crossing": "首次跨线"}
"""Rules that rest on the forecast of the year."""
UNSURE = -1
"""Stands for a chance that is not known, so that firms without figures come last."""
CHANCE = cast(func.coalesce(Alert.evidence["probability"].as_float() * 1000, UNSURE), Integer).label("chance")
NEEDED = cast(func.coalesce(Alert.evidence["needed_per_month"].as_float(), UNSURE), BigInteger).label("needed")
SORTS = {
    "level": Order(((WORST, False), (CHANCE, True), (Alert.id, True))),
    "chance": Order(((CHANCE, True), (Alert.id, True))),
    "first": Order(((Alert.raised_on, False), (Alert.id, False))),
    "needed": Order(((NEEDED, True), (Alert.id, True))),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A firm warned of: its alert, where it is, and the place in the order."""

    alert: Alert
    firm: Enterprise
    region_name: str
    rank: int
    chance: int
    needed: int

    @property
    def probability(self) -> float | None:
        """Of ending the year below its line; None where nobody can say."""
        return None if self.chance == UNSURE else self.chance / 1000

    @property
    def crosses_in(self) -> int | None:
        """The month in which the year's sales reach the line at the pace forecast for the months left; 13: not this year; None: unknown."""
        seen = self.alert.evidence
        line, ytd, month, whole = (seen.get(name) for name in ("line", "ytd", "months", "projected"))
        if None in (line, ytd, month, whole):
            return None
        if ytd >= line:
            return int(month)
        pace = (whole - ytd) / (12 - month) if month < 12 else 0
        return 13 if pace <= 0 or whole < line else min(12, int(month) + -int(-(line - ytd) // pace))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows; `after` is the cursor of the next, None on the last."""

    rows: list[Row]
    after: str | None


def firms(session: Session, access: Access, rule: str, on: date, *, region: str | None = None, level: str | None = None, month: int | None = None, sort: str = "level", after: str | None = None, limit: int = 50) -> Page:
    """Firms the user may see with a standing warning of the rule. `month`: first seen in that month of the year (0: before it)."""
    order = SORTS.get(sort, SORTS["level"])
    query = (
        select(Alert, Enterprise, Region.name, WORST, CHANCE, NEEDED).join(Enterprise, Enterprise.id == Alert.enterprise_id).join(Region, Region.code == Enterprise.region_code)
        .where(visible(access), *_narrowed(rule, region, level), *_seen_in(on.year, month))
    )
    rows = [Row(*row) for row in session.execute(order.apply(query, after, limit))]
    kept = rows[:limit]
    return Page(kept, write_cursor(_key(kept[-1], sort)) if len(rows) > limit else None)


def months(session: Session, access: Access, rule: str, on: date, region: str | None = None) -> dict[int, dict[str, int]]:
    """Month first seen (0: before this year) -> level -> how many warnings stand now."""
    month = func.substr(cast(Alert.raised_on, String), 1, 7).label("month")
    query = select(month, Alert.level, func.count()).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(visible(access), *_narrowed(rule, region, None)).group_by(month, Alert.level)
    made: dict[int, dict[str, int]] = {number: dict.fromkeys(LEVELS, 0) for number in range(13)}
    for text, level, count in session.execute(query):
        made[int(text[5:7]) if text[:4] == str(on.year) else 0][level] += count
    return made


def _narrowed(rule: str, region: str | None, level: str | None) -> list[ColumnElement[bool]]:
    found = [Alert.state.in_(SHOWN), Alert.rule == rule, Alert.subject != TITLES]  # titles rest on no forecast
    if level:
        found.append(Alert.level == level)
    if region:
        low, high = prefix_range(region)
        found += [Enterprise.region_code >= low, Enterprise.region_code < high]
    return found


def _seen_in(year: int, month: int | None) -> list[ColumnElement[bool]]:
    if month is None:
        return []
    if month == 0:
        return [Alert.raised_on < date(year, 1, 1)]
    return [Alert.raised_on >= date(year, month, 1), Alert.raised_on < (date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1))]


def _key(row: Row, sort: str) -> list[Any]:
    keys = {"level": [row.rank, row.chance], "chance": [row.chance], "first": [row.alert.raised_on], "needed": [row.needed]}
    return [*keys.get(sort, keys["level"]), row.alert.id]
