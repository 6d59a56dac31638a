"""Reads of alerts for pages: lists by key, counts, one alert with its history. Every one takes an Access."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, or_, select

from crm.alerts.models import CLOSED, LEVELS, LIVE, Alert, AlertEvent
from crm.core.errors import NotFound
from crm.core.keyset import Order, write_cursor
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import matching, visible
from crm.ladder.models import Standing
from crm.regions.models import Region
from crm.regions.scope import prefix_range
from crm.security.models import User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

WORST = case({level: rank for rank, level in enumerate(LEVELS)}, value=Alert.level, else_=len(LEVELS)).label("worst")

SHOWN = tuple(state for state in LIVE if state != "muted")
"""What a list shows unless asked otherwise: everything that stands and is not muted."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of alerts is narrowed to. `states` empty: those that stand and are not muted."""

    levels: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    subject: str | None = None
    region: str | None = None
    owner: int | None = None  # who took it on
    officer: int | None = None  # who looks after the firm, or took the alert on
    went_up: bool = False  # only those nobody handled in time
    enterprise: int | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert with its firm and the names a row shows."""

    alert: Alert
    firm: Enterprise
    standing: Standing | None
    region_name: str
    owner: User | None


SORTS = {
    "level": Order(((WORST, False), (Alert.raised_on, True), (Alert.id, True))),
    "new": Order(((Alert.raised_on, True), (Alert.id, True))),
    "seen": Order(((Alert.seen_on, True), (Alert.id, True))),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """One page; `after` and `before` are the cursors of the pages beside it, None where there is none."""

    rows: list[AlertLine]
    after: str | None
    before: str | None


def alerts(
    session: Session, access: Access, filters: Filters | None = None, *, sort: str = "level", after: str | None = None, before: str | None = None, limit: int = 50
) -> Listing:
    """A page of alerts the user may see, the worst first, behind one cursor or ahead of another. One query."""
    order = SORTS.get(sort, SORTS["level"])
    query = (
        select(Alert, Enterprise, Standing, Region.name, User)
        .join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .join(Region, Region.code == Enterprise.region_code)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .outerjoin(User, User.id == Alert.owner_id)
        .where(visible(access), *conditions(filters or Filters()))
    )
    back = before is not None
    found = session.execute((order.reversed() if back else order).apply(query, before if back else after, limit))
    rows = [AlertLine(*row) for row in found]
    more, kept = len(rows) > limit, rows[:limit]
    if back:
        kept.reverse()

    def cursor(line: AlertLine) -> str:
        return write_cursor(_key(line.alert, order))

    onward = cursor(kept[-1]) if kept and (more or back) else None
    return Listing(kept, onward, cursor(kept[0]) if kept and (more if back else after) else None)


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """What the filters ask of Alert and Enterprise."""
    found: list[ColumnElement[bool]] = [Alert.state.in_(filters.states or SHOWN)]
    for column, values in ((Alert.level, filters.levels), (Alert.rule, filters.rules)):
        if values:
            found.append(column.in_(values))
    for column, value in ((Alert.subject, filters.subject), (Alert.owner_id, filters.owner), (Alert.enterprise_id, filters.enterprise)):
        if value is not None:
            found.append(column == value)
    if filters.officer is not None:
        found.append(or_(Enterprise.officer_id == filters.officer, Alert.owner_id == filters.officer))
    if filters.went_up:
        found += [Alert.escalation > 0, Alert.state.in_(("open", "acknowledged"))]
    if filters.region:
        low, high = prefix_range(filters.region)
        found += [Enterprise.region_code >= low, Enterprise.region_code < high]
    if filters.q:
        found.append(matching(filters.q))
    return found


def level_counts(session: Session, access: Access, filters: Filters | None = None) -> dict[str, int]:
    """Level -> alerts, under the filters but for the levels chosen. One query over the alerts that stand."""
    given = filters or Filters()
    return _counted(session, access, Alert.level, Filters(rules=given.rules, states=given.states, subject=given.subject, region=given.region, owner=given.owner, officer=given.officer, went_up=given.went_up, q=given.q))


def rule_counts(session: Session, access: Access, filters: Filters | None = None) -> dict[str, int]:
    """Rule -> alerts, under the filters but for the rules and levels chosen."""
    given = filters or Filters()
    return _counted(session, access, Alert.rule, Filters(states=given.states, region=given.region, owner=given.owner, officer=given.officer, went_up=given.went_up, q=given.q))


def state_counts(session: Session, access: Access, filters: Filters | None = None) -> dict[str, int]:
    """State -> alerts that stand, under the filters but for the states chosen."""
    given = filters or Filters()
    return _counted(session, access, Alert.state, Filters(levels=given.levels, rules=given.rules, region=given.region, owner=given.owner, officer=given.officer, went_up=given.went_up, q=given.q))


def _counted(session: Session, access: Access, column: Any, filters: Filters) -> dict[str, int]:
    query = select(column, func.count()).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(visible(access), *conditions(filters))
    return dict(session.execute(query.group_by(column)).tuples().all())


def alert_of(session: Session, access: Access, alert_id: int) -> AlertLine:
    """One alert, or NotFound."""
    query = (
        select(Alert, Enterprise, Standing, Region.name, User)
        .join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .join(Region, Region.code == Enterprise.region_code)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .outerjoin(User, User.id == Alert.owner_id)
        .where(Alert.id == alert_id, visible(access))
    )
    row = session.execute(query).first()
    if row is None:
        raise NotFound("没有这条预警，或者企业不在您的辖区内。")
    return AlertLine(*row)


def events(session: Session, access: Access, alert_id: int) -> Sequence[tuple[AlertEvent, User | None]]:
    """The alert's history, newest first, with who did it (None: the nightly run)."""
    alert_of(session, access, alert_id)
    query = select(AlertEvent, User).outerjoin(User, User.id == AlertEvent.by).where(AlertEvent.alert_id == alert_id)
    return [(event, user) for event, user in session.execute(query.order_by(AlertEvent.id.desc()))]


def alerts_of(session: Session, access: Access, enterprise_id: int) -> Sequence[Alert]:
    """One firm's alerts: those that stand first, then the settled ones, newest first."""
    query = select(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(Alert.enterprise_id == enterprise_id, visible(access))
    return session.scalars(query.order_by(Alert.state.in_(CLOSED), WORST, Alert.id.desc()).limit(50)).all()


def new_for(session: Session, access: Access, *, limit: int = 10) -> list[AlertLine]:
    """What an officer must look at: open alerts of the user's own firms, else of the jurisdiction, the worst first."""
    mine = Filters(states=("open",), officer=access.user_id) if access.has("officer") else Filters(states=("open",))
    return alerts(session, access, mine, limit=limit).rows


def _key(alert: Alert, order: Order) -> list[object]:
    ranks = {level: rank for rank, level in enumerate(LEVELS)}
    values: list[object] = []
    for column, _ in order.columns:
        value = ranks.get(alert.level, len(LEVELS)) if column is WORST else getattr(alert, column.key)
        values.append(value.isoformat() if hasattr(value, "isoformat") else value)
    return values


__all__ = ["LIVE", "SHOWN", "SORTS", "AlertLine", "Filters", "Listing", "alert_of", "alerts", "alerts_of", "conditions", "events", "level_counts", "new_for", "rule_counts", "state_counts"]
