"""Reads of visits. All start from `visible(access)`: a visit is seen by those who see its firm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from crm.core.errors import NotFound
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise
from crm.visits.errors import NoSuchVisit
from crm.visits.models import Attachment, Supplement, Visit
from crm.visits.plans.models import Assignment, Campaign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from crm.security.access import Access

PAGE = 30


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed by; None: not at all. Instants bound `started_at`, half-open."""

    author_id: int | None = None
    enterprise_id: int | None = None
    kind: str | None = None
    signed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None
    campaign_id: int | None = None  # visits that count for this campaign


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a list, newest first; `following` is the cursor of the next page."""

    visits: Sequence[Visit]
    following: str | None


def visible(access: Access) -> Select[tuple[Visit]]:
    """Visits of firms in the jurisdiction."""
    return select(Visit).join(Enterprise, Enterprise.id == Visit.enterprise_id).where(enterprises.visible(access))


def get_visible(session: Session, access: Access, uuid: str) -> Visit:
    """A visit with firm, people and attachments, or NoSuchVisit."""
    query = visible(access).where(Visit.uuid == uuid)
    whole = (joinedload(Visit.enterprise), selectinload(Visit.people), selectinload(Visit.attachments))
    visit = session.scalar(query.options(*whole).execution_options(populate_existing=True))
    if visit is None:
        raise NoSuchVisit
    return visit


def list_visits(session: Session, access: Access, filters: Filters, cursor: str | None = None) -> Slice:
    """Newest first, a page at a time by key."""
    query = visible(access).options(joinedload(Visit.enterprise)).where(*_conditions(filters))
    if cursor and (after := _read_cursor(session, cursor)):
        query = query.where(or_(Visit.started_at < after[0], and_(Visit.started_at == after[0], Visit.id < after[1])))
    rows = session.scalars(query.order_by(Visit.started_at.desc(), Visit.id.desc()).limit(PAGE + 1)).all()
    return Slice(rows[:PAGE], str(rows[PAGE - 1].id) if len(rows) > PAGE else None)


def uuids_of(session: Session, access: Access, filters: Filters, limit: int) -> list[str]:
    """The addresses of the first `limit` visits, oldest first."""
    query = visible(access).with_only_columns(Visit.uuid).where(*_conditions(filters)).order_by(Visit.started_at, Visit.id)
    return list(session.scalars(query.limit(limit)))


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for value, column in ((filters.author_id, Visit.author_id), (filters.enterprise_id, Visit.enterprise_id), (filters.kind, Visit.kind)):
        if value is not None:
            found.append(column == value)
    if filters.since is not None:
        found.append(Visit.started_at >= filters.since)
    if filters.until is not None:
        found.append(Visit.started_at < filters.until)
    if filters.q:
        found.append(enterprises.matching(filters.q))
    if filters.campaign_id is not None:
        found.append(select(Campaign.id).where(Campaign.id == filters.campaign_id, *counts()).correlate(Visit).exists())
    if filters.signed is not None:
        found.append(Visit.signed_at.is_not(None) if filters.signed else Visit.signed_at.is_(None))
    return found


def counts() -> tuple[ColumnElement[bool], ...]:
    """Conditions on Campaign: a visit beside it counts for it."""
    given = select(Assignment.id).where(Assignment.campaign_id == Campaign.id, Assignment.enterprise_id == Visit.enterprise_id).correlate(Campaign, Visit).exists()
    return given, Visit.started_at >= Campaign.opens_at, Visit.started_at < Campaign.closes_at, or_(Campaign.onsite_only.is_(False), Visit.kind == "onsite")


def campaigns_of(session: Session, access: Access, visit: Visit) -> list[tuple[str, int]]:
    """Campaigns a visit counts for, (name, key). For whoever may see the visit; an officer reads the names only."""
    query = select(Campaign.name, Campaign.id).select_from(Campaign).join(Visit, Visit.id == visit.id).join(Enterprise, Enterprise.id == Visit.enterprise_id)
    return [tuple(row) for row in session.execute(query.where(enterprises.visible(access), *counts()).order_by(Campaign.id))]


def _read_cursor(session: Session, cursor: str) -> tuple[datetime, int] | None:
    """The row a page ended on; a cursor nobody gave out starts from the top."""
    if not cursor.isdecimal() or len(cursor) > 18:
        return None
    row = session.execute(select(Visit.started_at, Visit.id).where(Visit.id == int(cursor))).one_or_none()
    return (row[0], row[1]) if row else None


def last_visit(session: Session, access: Access, enterprise_id: int) -> Visit | None:
    """The firm's latest visit, with people: what a new one is prefilled from."""
    query = visible(access).where(Visit.enterprise_id == enterprise_id).options(selectinload(Visit.people))
    return session.scalar(query.order_by(Visit.started_at.desc(), Visit.id.desc()).limit(1))


def recent_firms(session: Session, access: Access, limit: int = 8) -> Sequence[Enterprise]:
    """Firms to offer first: mine, the longest unvisited first."""
    last = select(func.max(Visit.started_at)).where(Visit.enterprise_id == Enterprise.id).scalar_subquery()
    query = select(Enterprise).where(enterprises.visible(access), Enterprise.officer_id == access.user_id)
    return session.scalars(query.order_by(last.asc().nulls_first(), Enterprise.id).limit(limit)).all()


def supplements(session: Session, visit_id: int) -> Sequence[Supplement]:
    """What was added after sign-off, oldest first."""
    return session.scalars(select(Supplement).where(Supplement.visit_id == visit_id).order_by(Supplement.at, Supplement.id)).all()


def get_attachment(session: Session, access: Access, uuid: str) -> Attachment:
    """An attachment whose visit the user may see."""
    query = (
        select(Attachment).join(Visit, Visit.id == Attachment.visit_id).join(Enterprise, Enterprise.id == Visit.enterprise_id)
        .where(Attachment.uuid == uuid, enterprises.visible(access))
    )  # fmt: skip
    attachment = session.scalar(query)
    if attachment is None:
        raise NotFound("没有找到这个附件，或者它不在您的辖区内。")
    return attachment


def by_check_code(session: Session, code: str) -> Visit | None:
    """The signed visit a check code belongs to: for the open verification page, which shows three facts of it."""
    return session.scalar(select(Visit).where(Visit.check_code == code))
