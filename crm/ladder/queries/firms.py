"""The list of firms: filters and sorts are whitelisted, pages go by key, in three queries at most.

First the keys of a page are read from narrow columns in the order of an index, then the rows of those keys.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, and_, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from crm.core.db import is_postgresql
from crm.core.errors import Invalid
from crm.core.keyset import Order, Page, page, read_cursor, write_cursor
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import matching, visible
from crm.ladder.models import Standing
from crm.regions.models import Industry, Region
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from crm.security.access import Access

COUNTY = 6  # digits of a county's code; a town's has more
NOBODY = 0
"""Filter value of `officer` for firms nobody looks after."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None: not narrowed. Values are ids and codes, `q` is what a person typed."""

    q: str | None = None
    region: str | None = None  # a division, everything below included
    zone: str | None = None
    place: str | None = None
    tier: str | None = None
    pool: str | None = None
    title: str | None = None
    level: str | None = None  # worst open alert
    near: int | None = None  # at most so many criteria short
    size: str | None = None
    officer: int | None = None  # user id, NOBODY for none
    industry: str | None = None  # GB/T 4754 code or the beginning of one
    step: str | None = None
    group: str | None = None
    register: str | None = None  # in | out | should
    status: str | None = None  # active, suspended …
    ids: tuple[int, ...] | None = None

    def given(self) -> dict[str, Any]:
        """The filters that narrow, by name."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) not in (None, "")}


@dataclass(frozen=True, slots=True)
class Line:
    """A firm with its standing (None before its first evaluation), and the names a row shows."""

    firm: Enterprise
    standing: Standing | None
    region_name: str
    county_name: str | None
    industry_name: str | None


SORTS: dict[str, Order] = {
    "near": Order(((Standing.near_missing, False), (Standing.near_ratio, True), (Enterprise.id, False))),
    "revenue": Order(((Standing.revenue_last, True), (Enterprise.id, False))),
    "projected": Order(((Standing.projected, True), (Enterprise.id, False))),
    "name": Order(((Enterprise.name, False), (Enterprise.id, False))),
    "visit": Order(((Standing.last_visit_on, False), (Enterprise.id, False))),
    "place": Order(((Standing.place_since, True), (Enterprise.id, False))),
    "new": Order(((Enterprise.id, True),)),
}


def firms(
    session: Session, access: Access, filters: Filters | None = None, *, sort: str = "near", backwards: bool = False, after: str | None = None, limit: int = 50
) -> Page[Line]:
    """A page of firms the user may see. `backwards` turns the sort round; `after` is the cursor the last page gave."""
    if sort not in SORTS:
        raise Invalid(f"不能按“{sort}”排序。", field="sort")
    order = SORTS[sort].reversed() if backwards else SORTS[sort]
    ids = _keys(session, access, filters or Filters(), order, after, limit)
    found = {row[0].id: Line(*row) for row in session.execute(_joined().where(Enterprise.id.in_(ids)))} if ids else {}
    return page([found[key] for key in ids], limit, lambda line: [_plain(_value(line, column)) for column, _ in order.columns], after)


def _keys(session: Session, access: Access, filters: Filters, order: Order, after: str | None, limit: int) -> list[int]:
    """Keys of a page and of one row more: those that have the sorted value, then those that have not.

    Asked apart so that each part can follow an index; what lies between the first and the last column of a sort is known
    exactly where the first is.
    """
    first, last = order.columns[0][0], order.columns[-1:]
    asked = scoped(session, access, filters)
    if first is Enterprise.id or first is Enterprise.name:
        query = select(Enterprise.id).outerjoin(Standing, Standing.enterprise_id == Enterprise.id).where(*asked)
        return list(session.scalars(order.apply(query, after, limit)))
    values = read_cursor(after, len(order.columns)) if after else [None]
    found: list[int] = []
    if not after or values[0] is not None:
        query = select(Enterprise.id).join(Standing, Standing.enterprise_id == Enterprise.id).where(first.is_not(None), *asked)
        found = list(session.scalars(order.apply(query, after, limit, whole=True)))
        after = None
    if len(found) <= limit:
        query = select(Enterprise.id).outerjoin(Standing, Standing.enterprise_id == Enterprise.id).where(first.is_(None), *asked)
        found += session.scalars(Order(last).apply(query, write_cursor(values[-1:]) if after else None, limit - len(found)))
    return found


def lines(session: Session, access: Access, filters: Filters) -> Select[Any]:
    """Select (Enterprise, Standing, region name, county name, industry name) of what the user may see, filtered."""
    return _joined().where(visible(access), *conditions(session, filters))


def _joined() -> Select[Any]:
    county = select(Region.name).where(Region.code == func.substr(Enterprise.region_code, 1, 6)).correlate(Enterprise).scalar_subquery()
    return (
        select(Enterprise, Standing, Region.name, county, Industry.name)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .join(Region, Region.code == Enterprise.region_code)
        .outerjoin(Industry, Industry.code == Enterprise.industry_code)
    )


def scoped(session: Session, access: Access, filters: Filters) -> list[ColumnElement[bool]]:
    """What the user may see and the filters ask, for queries that walk an index of standings until a page is full.

    SQLite takes any range of regions for a narrow one and would read and sort a whole city by it; unless the range is a
    town, it is told not to use that index.
    """
    towns = [code for code in (filters.region or "", *access.regions) if len(code) > COUNTY]
    column: Any = Enterprise.region_code if is_postgresql(session) or towns else Enterprise.region_code.concat("")
    may_see = and_(Enterprise.deleted_at.is_(None), access.within(column, Enterprise.zone_code))
    return [may_see, *conditions(session, filters, region_code=column)]


def conditions(session: Session, filters: Filters, *, region_code: Any = Enterprise.region_code) -> list[ColumnElement[bool]]:
    """What the filters ask of Enterprise and Standing."""
    found: list[ColumnElement[bool]] = []
    if filters.q:
        found.append(matching(filters.q))
    if filters.region:
        low, high = prefix_range(_digits(filters.region))
        found += [region_code >= low, region_code < high]
    if filters.industry:
        found.append(Enterprise.industry_code.startswith(_digits(filters.industry), autoescape=True))
    if filters.officer is not None:
        found.append(Enterprise.officer_id.is_(None) if filters.officer == NOBODY else Enterprise.officer_id == filters.officer)
    if filters.ids is not None:
        found.append(Enterprise.id.in_(filters.ids))
    if filters.near is not None:
        found.append(Standing.near_missing.between(1, filters.near))
    if filters.register:
        found.append(and_({"out": ~Standing.in_register, "should": Standing.should_register}.get(filters.register, Standing.in_register)))
    for name, column in _EQUAL.items():
        if value := getattr(filters, name):
            found.append(column == value)
    found += [holds(session, column, value) for column, value in ((Standing.pools, filters.pool), (Standing.titles, filters.title)) if value]
    return found


_EQUAL = {
    "zone": Enterprise.zone_code, "place": Standing.place, "tier": Standing.tier, "level": Standing.alert_level, "size": Standing.size_class,
    "step": Standing.active_step, "group": Standing.board_group, "status": Enterprise.status,
}


def holds(session: Session, column: Any, value: str) -> ColumnElement[bool]:
    """The JSON list in `column` holds `value`."""
    if is_postgresql(session):
        return type_coerce(column, JSONB).contains([value])
    return cast(column, String).contains(f'"{value}"', autoescape=True)


def _digits(code: str) -> str:
    if not code.isdigit() or len(code) > 12:
        raise Invalid(f"“{code}”不是代码。")
    return code


def _value(line: Line, column: Any) -> Any:
    owner = line.firm if column.class_ is Enterprise else line.standing
    return getattr(owner, column.key) if owner is not None else None


def _plain(value: date | str | int | None) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else value.isoformat()


__all__ = ["NOBODY", "SORTS", "Filters", "Line", "conditions", "firms", "lines", "scoped"]
