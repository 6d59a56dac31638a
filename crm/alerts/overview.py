"""What a manager wants to know of a place's alerts: how many stand, how fast they are taken on, how many are left lying."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select

from crm.alerts.models import LEVELS, Alert, AlertWeek
from crm.alerts.queries import SHOWN
from crm.core.clock import SHANGHAI
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

LOUD = tuple(level for level in LEVELS if level != "green")
COUNTY, TOWN = 6, 9


@dataclass(slots=True)
class Place:
    """One division: what stands by level, and how the alerts of a span of time were handled."""

    code: str
    levels: dict[str, int] = field(default_factory=dict)
    waiting: int = 0  # standing, taken on by nobody
    raised: int = 0  # in the span
    handled: int = 0  # of those: taken on, in hand, put off or settled by somebody
    closed: int = 0  # settled or run out within the span, whenever raised
    minutes: list[int] = field(default_factory=list)  # until somebody took it on

    @property
    def standing(self) -> int:
        """Of all levels."""
        return sum(self.levels.values())

    @property
    def coverage(self) -> float | None:
        """Share of the span's alerts somebody handled; None when there were none."""
        return self.handled / self.raised if self.raised else None

    @property
    def median(self) -> int | None:
        """Median minutes from raising to taking on; None when nobody took any on."""
        return sorted(self.minutes)[len(self.minutes) // 2] if self.minutes else None


def width(access: Access) -> int:
    """How fine a table is drawn: counties of a city, towns of a county."""
    wide = [code for code in access.regions if code.endswith("00") and len(code) == COUNTY]
    return COUNTY if wide or len({code[:COUNTY] for code in access.regions}) > 1 else TOWN


def places(session: Session, access: Access, since: date, until: date, rule: str | None = None) -> list[Place]:
    """Each division of the jurisdiction with its alerts; `since` ≤ day < `until` bounds raised, handled and closed. Two queries and the standing ones."""
    size = width(access)
    code = func.substr(Enterprise.region_code, 1, size).label("code")
    found: dict[str, Place] = {}
    for place, level, number, waiting in session.execute(_standing(access, code, rule)):
        one = found.setdefault(place, Place(place))
        one.levels[level] = one.levels.get(level, 0) + number
        one.waiting += int(waiting or 0)
    for place, acknowledged, state, minutes in session.execute(_raised(access, code, since, until, rule)):
        one = found.setdefault(place, Place(place))
        one.raised += 1
        one.handled += acknowledged is not None or state in ("acknowledged", "in_hand", "snoozed")
        if minutes is not None:
            one.minutes.append(minutes)
    for place, number in session.execute(_closed(access, code, since, until, rule)):
        found.setdefault(place, Place(place)).closed += number
    return [found[place] for place in sorted(found)]


def total(found: list[Place]) -> Place:
    """All divisions together."""
    made = Place("")
    for one in found:
        for level, number in one.levels.items():
            made.levels[level] = made.levels.get(level, 0) + number
        for name in ("waiting", "raised", "handled", "closed"):
            setattr(made, name, getattr(made, name) + getattr(one, name))
        made.minutes += one.minutes
    return made


def _standing(access: Access, code: ColumnElement[str], rule: str | None) -> Any:
    query = (
        select(code, Alert.level, func.count(), func.sum(case((Alert.state == "open", 1), else_=0)))
        .select_from(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .where(Alert.state.in_(SHOWN), visible(access))
    )
    return (query.where(Alert.rule == rule) if rule else query).group_by(code, Alert.level)


def _raised(access: Access, code: ColumnElement[str], since: date, until: date, rule: str | None) -> Any:
    query = (
        select(code, Alert.acknowledged_at, Alert.state, Alert.minutes_to_acknowledge)
        .select_from(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .where(Alert.raised_on >= since, Alert.raised_on < until, Alert.state != "muted", visible(access))
    )
    return query.where(Alert.rule == rule) if rule else query


def _closed(access: Access, code: ColumnElement[str], since: date, until: date, rule: str | None) -> Any:
    query = (
        select(code, func.count())
        .select_from(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .where(and_(Alert.resolved_at >= _start(since), Alert.resolved_at < _start(until)), visible(access))
    )
    return (query.where(Alert.rule == rule) if rule else query).group_by(code)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def by_rule(session: Session, access: Access, since: date, until: date) -> list[tuple[str, int, int, int]]:
    """(rule, standing, raised in the span, settled in the span), over the jurisdiction. One query."""
    stands = Alert.state.in_(SHOWN)
    raised = and_(Alert.raised_on >= since, Alert.raised_on < until)
    closed = and_(Alert.resolved_at >= _start(since), Alert.resolved_at < _start(until))
    numbers = [func.sum(case((test, 1), else_=0)) for test in (stands, raised, closed)]
    query = select(Alert.rule, *numbers).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(or_(stands, raised, closed), visible(access))
    return [(rule, int(now), int(new), int(gone)) for rule, now, new, gone in session.execute(query.group_by(Alert.rule))]


def week_standing(session: Session, access: Access, week: date) -> dict[str, Place] | None:
    """Division -> what stood at the end of a week; None when that week was not counted."""
    if session.scalar(select(AlertWeek.week).where(AlertWeek.week == week).limit(1)) is None:
        return None
    code = func.substr(AlertWeek.region_code, 1, width(access)).label("code")
    query = select(code, AlertWeek.level, func.sum(AlertWeek.standing), func.sum(AlertWeek.waiting)).where(AlertWeek.week == week, access.within(AlertWeek.region_code, AlertWeek.zone_code))
    found: dict[str, Place] = {}
    for place, level, number, waiting in session.execute(query.group_by(code, AlertWeek.level)):
        one = found.setdefault(place, Place(place))
        one.levels[level] = int(number)
        one.waiting += int(waiting)
    return found


def span(week: date) -> tuple[date, date]:
    """A week as half-open days."""
    return week, week + timedelta(days=7)
