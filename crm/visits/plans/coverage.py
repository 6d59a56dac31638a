"""How far a campaign is: by officer, place or tier, with the distance to what should be done by now; and its list of assignments."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, select

from crm.core.keyset import Order, Page, page
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise
from crm.ladder.models import Standing
from crm.regions.scope import prefix_range
from crm.visits.models import Visit
from crm.visits.plans.models import Assignment, Campaign
from crm.visits.plans.queries import done, joined, late, made, tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

BY = {"officer": "干部", "place": "属地", "tier": "梯度位置"}
STATES = {"todo": "未走访", "late": "已超期", "done": "已走访"}
NOBODY = 0
"""Filter value of `officer` for what no officer could take."""
COUNTY = 6  # digits of a county's code
ORDER = Order(((Assignment.due_on, False), (Assignment.id, False)))


@dataclass(frozen=True, slots=True)
class Line:
    """One group of a campaign: visits owed and made, overdue, firms, and how many should be made by now."""

    key: str
    owed: int
    done: int
    overdue: int
    nobody: int
    expected: int  # due by today
    firms: int
    firms_done: int  # with all their visits

    @property
    def behind(self) -> int:
        """How many fewer than expected by now; negative: ahead."""
        return self.expected - self.done


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list of assignments is narrowed to; None: not narrowed."""

    officer: int | None = None  # user id, NOBODY for none
    state: str | None = None  # todo | late | done
    region: str | None = None
    tier: str | None = None
    q: str | None = None

    def given(self) -> dict[str, Any]:
        """The filters that narrow."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list. `visit` is the address of the visit that made it done."""

    assignment: Assignment
    name: str
    uscc: str
    region_code: str
    zone_code: str | None
    place: str | None
    alert_level: str | None
    made: int
    visit: tuple[str, Any] | None = None

    @property
    def is_done(self) -> bool:
        """Whether the firm had as many visits as the turn asks."""
        return self.made >= self.assignment.turn


def coverage(session: Session, access: Access, campaign: Campaign, on: date, by: str) -> list[Line]:
    """Lines by officer (key: user id, '' nobody), place (county of a city, else town) or tier, over the firms the user may see."""
    wide = campaign.region_code.endswith("00") and len(campaign.region_code) == COUNTY
    key: Any = {
        "officer": Assignment.officer_id, "place": func.substr(Enterprise.region_code, 1, COUNTY) if wide else Enterprise.region_code, "tier": Standing.place,
    }[by]
    expected = func.sum(case((Assignment.due_on <= on, 1), else_=0))
    last = Assignment.turn == Campaign.per_firm
    counts = (expected, func.sum(case((last, 1), else_=0)), func.sum(case((and_(last, done()), 1), else_=0)))
    query = joined(key, *tally(on), *counts).outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
    rows = session.execute(query.where(Assignment.campaign_id == campaign.id, enterprises.visible(access)).group_by(key))
    lines = [Line("" if row[0] is None else str(row[0]), *(int(n or 0) for n in row[1:])) for row in rows]
    return sorted(lines, key=lambda line: (-line.behind, line.key))


def total(lines: Sequence[Line]) -> Line:
    """The sum of all lines."""
    return Line("", *(sum(getattr(line, name) for line in lines) for name in ("owed", "done", "overdue", "nobody", "expected", "firms", "firms_done")))


def assignments(session: Session, access: Access, campaign: Campaign, filters: Filters, on: date, *, after: str | None = None, limit: int = 50) -> Page[Row]:
    """The list, by the day due; two queries a page."""
    query = (
        joined(Assignment, Enterprise.name, Enterprise.uscc, Enterprise.region_code, Enterprise.zone_code, Standing.place, Standing.alert_level, made())
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .where(Assignment.campaign_id == campaign.id, enterprises.visible(access), *_narrow(filters, on))
    )
    rows = [Row(*row) for row in session.execute(ORDER.apply(query, after, limit))]
    seen = visits_of(session, campaign, {row.assignment.enterprise_id for row in rows if row.is_done})
    told = [replace(row, visit=_nth(seen, row)) for row in rows]
    return page(told, limit, lambda row: [row.assignment.due_on.isoformat(), row.assignment.id], after)


def visits_of(session: Session, campaign: Campaign, firms: Iterable[int]) -> dict[int, list[tuple[str, Any]]]:
    """Firm -> (address, instant) of the visits that count for the campaign, the first first. For firms already found visible."""
    wanted = set(firms)
    if not wanted:
        return {}
    query = select(Visit.enterprise_id, Visit.uuid, Visit.started_at).where(
        Visit.enterprise_id.in_(wanted), Visit.started_at >= campaign.opens_at, Visit.started_at < campaign.closes_at, *((Visit.kind == "onsite",) if campaign.onsite_only else ()),
    )
    found: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for firm, uuid, at in session.execute(query.order_by(Visit.started_at, Visit.id)):
        found[firm].append((uuid, at))
    return found


def finished(session: Session, access: Access, on: date, limit: int = 20) -> list[tuple[str, int, str, str]]:
    """The user's own assignments of running campaigns that are done, the latest visit first: (firm, its key, campaign, instant of its latest visit)."""
    latest = (
        select(func.max(Visit.started_at))
        .where(Visit.enterprise_id == Assignment.enterprise_id, Visit.started_at >= Campaign.opens_at, Visit.started_at < Campaign.closes_at)
        .correlate(Assignment, Campaign).scalar_subquery().label("latest")
    )  # fmt: skip
    query = joined(Enterprise.name, Enterprise.id, Campaign.name, latest).where(
        Assignment.officer_id == access.user_id, done(), Campaign.to_on >= on, Campaign.ended_at.is_(None), enterprises.visible(access),
    )
    return [tuple(row) for row in session.execute(query.order_by(latest.desc(), Assignment.id).limit(limit))]


def mine(session: Session, access: Access, on: date) -> list[tuple[Campaign, int, int]]:
    """Running campaigns the user has a part in: (campaign, owed, done), the own assignments only."""
    query = (
        joined(Campaign, func.count(), func.sum(case((done(), 1), else_=0)))
        .where(Assignment.officer_id == access.user_id, Campaign.to_on >= on, Campaign.ended_at.is_(None), enterprises.visible(access))
        .group_by(Campaign.id).order_by(Campaign.to_on, Campaign.id)
    )  # fmt: skip
    return [(row[0], row[1], row[2] or 0) for row in session.execute(query)]


def _nth(seen: dict[int, list[tuple[str, Any]]], row: Row) -> tuple[str, Any] | None:
    visits = seen.get(row.assignment.enterprise_id, [])
    return visits[row.assignment.turn - 1] if row.is_done and len(visits) >= row.assignment.turn else None


def _narrow(filters: Filters, on: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.officer is not None:
        found.append(Assignment.officer_id.is_(None) if filters.officer == NOBODY else Assignment.officer_id == filters.officer)
    if filters.state:
        found.append({"todo": made() < Assignment.turn, "late": late(on), "done": done()}[filters.state])
    if filters.region:
        low, high = prefix_range(filters.region)
        found += [Enterprise.region_code >= low, Enterprise.region_code < high]
    if filters.tier:
        found.append(Standing.place == filters.tier)
    if filters.q:
        found.append(enterprises.matching(filters.q))
    return found
