"""How many alerts stood, week by week: kept when the night is over, read for trends and the bulletin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, delete, func, select

from crm.alerts.models import LEVELS, Alert, AlertWeek
from crm.core.bulk import insert_rows
from crm.enterprises.models import Enterprise

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

COUNTED = ("open", "acknowledged", "in_hand", "snoozed")
"""Muted alerts stand, but nobody asked to see them."""


def monday(on: date) -> date:
    """The week of a day."""
    return on - timedelta(days=on.weekday())


def count_week(session: Session, on: date) -> int:
    """Write the week that runs anew from the alerts that stand. Repeating it changes nothing."""
    session.flush()
    zone = func.coalesce(Enterprise.zone_code, "")
    query = (
        select(Enterprise.region_code, zone, Alert.rule, Alert.level, func.count(), func.sum(case((Alert.state == "open", 1), else_=0)))
        .join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .where(Alert.state.in_(COUNTED), Enterprise.deleted_at.is_(None))
        .group_by(Enterprise.region_code, zone, Alert.rule, Alert.level)
    )
    rows = session.execute(query).all()
    session.execute(delete(AlertWeek).where(AlertWeek.week == monday(on)))
    names = ("region_code", "zone_code", "rule", "level", "standing", "waiting")
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    columns["standing"], columns["waiting"] = [int(n) for n in columns["standing"]], [int(n) for n in columns["waiting"]]
    return insert_rows(session, AlertWeek, {"week": [monday(on)] * len(rows), **columns})


def trend(session: Session, access: Access, on: date, *, rule: str | None = None, region: str | None = None, weeks: int = 26) -> list[tuple[date, dict[str, int | None]]]:
    """(Monday, level -> alerts that stood) for the last weeks, oldest first. A week that was not counted has None: not known, not zero."""
    first = monday(on) - timedelta(weeks=weeks - 1)
    query = select(AlertWeek.week, AlertWeek.level, func.sum(AlertWeek.standing)).where(AlertWeek.week >= first, AlertWeek.week <= on, _within(access))
    if rule:
        query = query.where(AlertWeek.rule == rule)
    if region:
        from crm.regions.scope import prefix_range

        low, high = prefix_range(region)
        query = query.where(AlertWeek.region_code >= low, AlertWeek.region_code < high)
    counted = set(session.scalars(select(AlertWeek.week).where(AlertWeek.week >= first).distinct()))
    found: dict[date, dict[str, int]] = {}
    for week, level, number in session.execute(query.group_by(AlertWeek.week, AlertWeek.level)):
        found.setdefault(week, {})[level] = int(number)
    days = [first + timedelta(weeks=n) for n in range(weeks)]
    return [(day, {level: found.get(day, {}).get(level, 0) if day in counted else None for level in LEVELS if level != "green"}) for day in days]


def _within(access: Access) -> ColumnElement[bool]:
    return access.within(AlertWeek.region_code, AlertWeek.zone_code)
