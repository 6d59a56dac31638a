"""What of a goal the system can count itself: holders of a title, the register and its flows, firms at or above a revenue line.

Within the jurisdiction, by county, as of a day. Net increase of the register = first entries + returns − exits. Everything else is
没有数据 until somebody enters it with a source.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import distinct, extract, func, or_, select

from crm.criteria import wording
from crm.criteria.terms import Const, Figure
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.indicators.models import COLUMNS, Filing
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Target
    from crm.security.access import Access

REGISTERED = "above_size"
Counted = dict[str, int]
"""County -> firms."""


@dataclass
class Census:
    """All counts a board needs, read in a handful of queries: title stocks by day, first grants and register flows by year, lines."""

    titles: dict[tuple[str, date], Counter[str]] = field(default_factory=dict)
    grants: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    register: dict[date, Counter[str]] = field(default_factory=dict)
    flows: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)  # first | re_entry | exit, by year
    lines: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    on_file: set[str] = field(default_factory=set)  # titles, and the register, of which anything at all is on file

    def net(self, year: int) -> Counter[str]:
        """Net increase of the register in a year, by county; may be negative."""
        made: Counter[str] = Counter(self.flows.get(("first", year), {}))
        made.update(self.flows.get(("re_entry", year), {}))
        made.subtract(self.flows.get(("exit", year), {}))
        return made


def countable(pack: Pack, target: Target, on: date) -> bool:
    """Whether the system counts it itself."""
    return target.unit in {"家", "个", "项"} and (target.counts in pack.titles or target.counts == REGISTERED or line_of(pack, target.counts, on) is not None)


def line_of(pack: Pack, item: str | None, on: date) -> tuple[str, int] | None:
    """(measure, 元) of an item that asks for one thing only: last year's figure at or above a line."""
    run = pack.program(on).by_key.get(item or "")
    if run is None or run.tree is None or len(run.tree.leaves) != 1:
        return None
    compare = wording.compared(run.tree.leaves[0].term)
    if compare is None or compare.op != ">=" or not isinstance(compare.left, Figure) or not isinstance(compare.right, Const) or compare.left.measure not in COLUMNS:
        return None
    return compare.left.measure, int(compare.right.value)


def counted(census: Census, pack: Pack, target: Target, year: int, on: date) -> Counted | None:
    """By county, for the year's end or, in the running year, for today; None where nothing can be counted.

    A title nobody ever put on file, or a year without filings, is no data and not zero.
    """
    if not countable(pack, target, on) or ((target.counts in pack.titles or target.counts == REGISTERED) and target.counts not in census.on_file):
        return None
    day = min(on, date(year, 12, 31))
    years = range(target.since or year, year + 1) if target.kind == "increment" else range(year, year + 1)
    if target.counts == REGISTERED:
        return dict(census.register.get(day, {})) if target.kind == "stock" else dict(_added(census.net(y) for y in years))
    if target.counts in pack.titles:
        key = str(target.counts)
        return dict(census.titles.get((key, day), {})) if target.kind == "stock" else dict(_added(census.grants.get((key, y), Counter()) for y in years))
    found = census.lines.get((str(target.counts), min(year, on.year - 1))) if target.kind == "stock" else None
    return dict(found) if found is not None else None


def _added(of: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in of:
        for key, count in one.items():
            total[key] += count
    return total


def take(session: Session, access: Access, pack: Pack, asked: Sequence[tuple[Target, int]], on: date, region: str | None = None) -> Census:
    """Read what these goals and years need."""
    census, where = Census(), [visible(access), *_inside(pack.region), *_inside(region)]
    days = {min(on, date(year, 12, 31)) for target, year in asked if target.kind == "stock"}
    titles = sorted({str(t.counts) for t, _ in asked if t.counts in pack.titles})
    census.on_file |= set(session.scalars(select(TitleGrant.title).where(TitleGrant.title.in_(titles)).distinct()))
    if session.scalar(select(RegisterMembership.id).limit(1)) is not None:
        census.on_file.add(REGISTERED)
    for day in sorted(days):
        if titles:
            _titles(session, census, titles, day, where)
        if any(t.counts == REGISTERED for t, _ in asked):
            _register(session, census, day, where)
    if titles and any(t.kind != "stock" for t, _ in asked):
        _grants(session, census, titles, where)
    if any(t.counts == REGISTERED and t.kind != "stock" for t, _ in asked):
        _flows(session, census, where)
    lines = {str(t.counts): found for t, _ in asked if (found := line_of(pack, t.counts, on)) is not None}
    years = {min(year, on.year - 1) for _, year in asked}
    for item, (measure, line) in lines.items():
        _line(session, census, item, measure, line, years, where)
    return census


def _inside(code: str | None) -> list[ColumnElement[bool]]:
    if not code:
        return []
    low, high = prefix_range(code)
    return [Enterprise.region_code >= low, Enterprise.region_code < high]


_COUNTY = func.substr(Enterprise.region_code, 1, 6)


def _titles(session: Session, census: Census, titles: list[str], day: date, where: list[Any]) -> None:
    held = [TitleGrant.title.in_(titles), TitleGrant.granted_on <= day, or_(TitleGrant.valid_to.is_(None), TitleGrant.valid_to >= day), or_(TitleGrant.revoked_on.is_(None), TitleGrant.revoked_on > day)]
    query = select(TitleGrant.title, _COUNTY, func.count(distinct(TitleGrant.enterprise_id))).join(Enterprise, Enterprise.id == TitleGrant.enterprise_id)
    for title, county, count in session.execute(query.where(*held, *where).group_by(TitleGrant.title, _COUNTY)):
        census.titles.setdefault((title, day), Counter())[county] = count


def _grants(session: Session, census: Census, titles: list[str], where: list[Any]) -> None:
    first = (
        select(TitleGrant.enterprise_id, TitleGrant.title, func.min(TitleGrant.granted_on).label("on"))
        .where(TitleGrant.title.in_(titles)).group_by(TitleGrant.enterprise_id, TitleGrant.title).subquery()
    )
    year = extract("year", first.c.on)
    query = select(first.c.title, year, _COUNTY, func.count()).join(Enterprise, Enterprise.id == first.c.enterprise_id)
    for title, granted, county, count in session.execute(query.where(*where).group_by(first.c.title, year, _COUNTY)):
        census.grants.setdefault((title, int(granted)), Counter())[county] = count


def _register(session: Session, census: Census, day: date, where: list[Any]) -> None:
    stay = RegisterMembership
    there = [stay.entered_on <= day, or_(stay.exited_on.is_(None), stay.exited_on > day)]
    query = select(_COUNTY, func.count(distinct(stay.enterprise_id))).join(Enterprise, Enterprise.id == stay.enterprise_id)
    census.register[day] = Counter(dict(session.execute(query.where(*there, *where).group_by(_COUNTY)).tuples().all()))


def _flows(session: Session, census: Census, where: list[Any]) -> None:
    stay = RegisterMembership
    for day, kind in ((stay.entered_on, stay.entry), (stay.exited_on, None)):
        year = extract("year", day)
        columns = [year, _COUNTY, *([kind] if kind is not None else [])]
        query = select(func.count(), *columns).join(Enterprise, Enterprise.id == stay.enterprise_id).where(day.is_not(None), *where).group_by(*columns)
        for count, in_year, county, *how in session.execute(query):
            census.flows.setdefault((how[0] if how else "exit", int(in_year)), Counter())[county] += count


def _line(session: Session, census: Census, item: str, measure: str, line: int, years: set[int], where: list[Any]) -> None:
    column = getattr(Filing, measure)
    query = select(Filing.period, _COUNTY, func.count(distinct(Filing.enterprise_id))).join(Enterprise, Enterprise.id == Filing.enterprise_id)
    asked = [Filing.period_kind == "year", Filing.period.in_([str(y) for y in years]), Filing.form == "period", Filing.superseded_at.is_(None), column >= line]
    for period, county, count in session.execute(query.where(*asked, *where).group_by(Filing.period, _COUNTY)):
        census.lines.setdefault((item, int(period)), Counter())[county] = count
