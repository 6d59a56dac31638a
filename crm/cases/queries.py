"""Reads of cases. A case is seen by those who see its firm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload

from crm.cases.errors import NoSuchCase
from crm.cases.models import Case, CaseEvent
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from crm.security.access import Access

PAGE = 30


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed by; None: not at all. `overdue_on`: open and due before that day."""

    state: str | None = None
    kind: str | None = None
    urgency: str | None = None
    enterprise_id: int | None = None
    officer_id: int | None = None
    overdue_on: date | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a list; `following` is the cursor of the next page."""

    cases: Sequence[Case]
    following: str | None


def visible(access: Access) -> Select[tuple[Case]]:
    """Cases of firms in the jurisdiction."""
    return select(Case).join(Enterprise, Enterprise.id == Case.enterprise_id).where(enterprises.visible(access))


def get_visible(session: Session, access: Access, uuid: str) -> Case:
    """A case with its firm, or NoSuchCase."""
    case = session.scalar(visible(access).where(Case.uuid == uuid).options(joinedload(Case.enterprise)))
    if case is None:
        raise NoSuchCase
    return case


def list_cases(session: Session, access: Access, filters: Filters, cursor: str | None = None) -> Slice:
    """Newest first, a page at a time by key."""
    query = visible(access).options(joinedload(Case.enterprise)).where(*_conditions(filters))
    if cursor and cursor.isdecimal() and len(cursor) <= 18:  # fits 64 bits
        query = query.where(Case.id < int(cursor))
    rows = session.scalars(query.order_by(Case.id.desc()).limit(PAGE + 1)).all()
    return Slice(rows[:PAGE], str(rows[PAGE - 1].id) if len(rows) > PAGE else None)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for value, column in (
        (filters.state, Case.state), (filters.kind, Case.kind), (filters.urgency, Case.urgency),
        (filters.enterprise_id, Case.enterprise_id), (filters.officer_id, Enterprise.officer_id),
    ):  # fmt: skip
        if value is not None:
            found.append(column == value)
    if filters.overdue_on is not None:
        found.append(and_(Case.state == "open", Case.due_on < filters.overdue_on))
    if filters.q:
        found.append(or_(Case.title.contains(filters.q, autoescape=True), enterprises.matching(filters.q)))
    return found


def events(session: Session, case_id: int) -> Sequence[CaseEvent]:
    """A case's life, oldest first."""
    return session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.at, CaseEvent.id)).all()


def of_visit(session: Session, visit_id: int) -> Sequence[Case]:
    """Cases raised on a visit, in the order they were raised."""
    return session.scalars(select(Case).where(Case.visit_id == visit_id).order_by(Case.id)).all()


def open_of(session: Session, access: Access, enterprise_id: int, limit: int = 20) -> Sequence[Case]:
    """A firm's open cases, the most pressing first."""
    query = visible(access).where(Case.enterprise_id == enterprise_id, Case.state == "open")
    return session.scalars(query.order_by(Case.due_on.asc().nulls_last(), Case.id).limit(limit)).all()
