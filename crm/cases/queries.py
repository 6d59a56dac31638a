"""Reads of cases. A case is seen by those who see its firm, and by the units it was dispatched to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy import case as when
from sqlalchemy.orm import joinedload, selectinload

from crm.cases.errors import NoSuchCase
from crm.cases.life import OPEN, STAGES
from crm.cases.models import KINDS, SOURCES, Case, CaseDoor, CaseEvent, CaseFile, CaseUnit
from crm.core import workdays
from crm.core.clock import local
from crm.core.errors import NotFound
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise
from crm.regions.queries import region_path
from crm.security.models import User
from crm.security.privacy import mask_phone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from crm.criteria.schema import Cases
    from crm.security.access import Access

PAGE = 30
WAITING = ("received", "accepted", "dispatched", "handling", "review", "deferred", "closed")
"""Stages in which somebody is waited for."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed by; None: not at all. `overdue_on`: open and past its day then, to be answered or to be accepted; `due_in`: open and due between two days, both included."""

    state: str | None = None
    stage: str | None = None
    kind: str | None = None
    urgency: str | None = None
    source: str | None = None
    enterprise_id: int | None = None
    officer_id: int | None = None
    unit_id: int | None = None
    overdue_on: date | None = None
    due_in: tuple[date, date] | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a list; `following` is the cursor of the next page."""

    cases: Sequence[Case]
    following: str | None


def visible(access: Access) -> Select[tuple[Case]]:
    """Cases of firms in the jurisdiction; for a department those its unit has, and none that was taken from it."""
    query = select(Case).join(Enterprise, Enterprise.id == Case.enterprise_id)
    if access.is_department:
        theirs = select(CaseUnit.case_id).where(CaseUnit.unit_id.in_(access.units), CaseUnit.ended_at.is_(None))
        return query.where(Case.id.in_(theirs), Enterprise.deleted_at.is_(None))
    return query.where(enterprises.visible(access))


def get_visible(session: Session, access: Access, uuid: str) -> Case:
    """A case with its firm and units, or NoSuchCase."""
    whole = (joinedload(Case.enterprise), selectinload(Case.units))
    case = session.scalar(visible(access).where(Case.uuid == uuid).options(*whole).execution_options(populate_existing=True))
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
        (filters.state, Case.state), (filters.stage, Case.stage), (filters.kind, Case.kind), (filters.urgency, Case.urgency),
        (filters.source, Case.source), (filters.enterprise_id, Case.enterprise_id), (filters.officer_id, Enterprise.officer_id),
    ):  # fmt: skip
        if value is not None:
            found.append(column == value)
    if filters.overdue_on is not None:
        found.append(_late(filters.overdue_on))
    if filters.due_in is not None:
        found.append(_due_in(*filters.due_in))
    if filters.unit_id is not None:
        found.append(Case.id.in_(select(CaseUnit.case_id).where(CaseUnit.unit_id == filters.unit_id, CaseUnit.ended_at.is_(None))))
    if filters.q:
        found.append(or_(Case.title.contains(filters.q, autoescape=True), enterprises.matching(filters.q)))
    return found


def _late(on: date) -> ColumnElement[bool]:
    return or_(and_(Case.state == "open", Case.due_on < on), and_(Case.stage == "received", Case.accept_by < on))


def _due_in(first: date, last: date) -> ColumnElement[bool]:
    return and_(Case.state == "open", Case.due_on.between(first, last))


def waiting(session: Session, access: Access, filters: Filters, on: date, soon: date) -> dict[str, int]:
    """How many of those `filters` lets through wait for each step, by stage; how many are `late`, how many due by `soon`: one query."""
    counted = [func.sum(when((Case.stage == stage, 1), else_=0)) for stage in WAITING]
    query = visible(access).with_only_columns(*counted, *(func.sum(when((asked, 1), else_=0)) for asked in (_late(on), _due_in(on, soon)))).where(*_conditions(filters))
    row = session.execute(query.where(or_(Case.state == "open", Case.stage == "closed"))).one()
    return dict(zip((*WAITING, "late", "soon"), (int(n or 0) for n in row), strict=True))


def events(session: Session, case_id: int) -> Sequence[CaseEvent]:
    """A case's life, oldest first."""
    return session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.at, CaseEvent.id)).all()


def files_of(session: Session, case_id: int) -> dict[int, list[CaseFile]]:
    """A case's files by the step they came with."""
    found: dict[int, list[CaseFile]] = {}
    for file in session.scalars(select(CaseFile).where(CaseFile.case_id == case_id).order_by(CaseFile.id)):
        found.setdefault(file.event_id, []).append(file)
    return found


def get_file(session: Session, access: Access, uuid: str) -> CaseFile:
    """A file of a case the user may see, and for a department the unit still has."""
    seen = visible(access).with_only_columns(Case.id)
    file = session.scalar(select(CaseFile).where(CaseFile.uuid == uuid, CaseFile.case_id.in_(seen)))
    if file is None:
        raise NotFound("没有这个附件，或它不在您能看的诉求里。")
    return file


def shown_to_firm(session: Session, case: Case) -> list[tuple[CaseEvent, list[CaseFile]]]:
    """What the firm sees of its case: what it handed in itself, and what an officer chose to answer it with."""
    files = files_of(session, case.id)
    return [(e, files.get(e.id, [])) for e in events(session, case.id) if _for_firm(case, e)]


def _for_firm(case: Case, event: CaseEvent) -> bool:
    handed_in = event.kind == "supplemented" or (event.kind == "opened" and case.source == "firm")
    return handed_in or bool((event.detail or {}).get("to_firm"))


def get_firms_file(session: Session, enterprise_id: int, uuid: str) -> CaseFile:
    """A file the firm itself may see, of a case of that firm."""
    row = session.execute(
        select(CaseFile, Case, CaseEvent).join(Case, Case.id == CaseFile.case_id).join(CaseEvent, CaseEvent.id == CaseFile.event_id)
        .where(CaseFile.uuid == uuid, Case.enterprise_id == enterprise_id)
    ).one_or_none()  # fmt: skip
    if row is None or not _for_firm(row[1], row[2]):
        raise NotFound("没有这个附件。")
    file: CaseFile = row[0]
    return file


def of_visit(session: Session, visit_id: int) -> Sequence[Case]:
    """Cases raised on a visit, in the order they were raised."""
    return session.scalars(select(Case).where(Case.visit_id == visit_id).order_by(Case.id)).all()


def joinable(session: Session, access: Access, case: Case, limit: int = 20) -> Sequence[Case]:
    """Other open cases of the same firm that this one could be joined to, the newest first."""
    query = visible(access).where(Case.enterprise_id == case.enterprise_id, Case.id != case.id, Case.stage.in_(OPEN))
    return session.scalars(query.order_by(Case.id.desc()).limit(limit)).all()


def joined_of(session: Session, case_id: int) -> Sequence[Case]:
    """Cases that were joined to this one."""
    return session.scalars(select(Case).where(Case.joined_to == case_id).order_by(Case.id)).all()


def by_number(session: Session, enterprise_id: int, number: int, last_four: str) -> Case | None:
    """A firm's own case by number and the last four digits of the phone left with it: for the firm's open page."""
    case = session.scalar(select(Case).where(Case.id == number, Case.enterprise_id == enterprise_id))
    phone = (case.contact_phone or "") if case else ""
    return case if case and len(phone) >= 4 and phone[-4:] == last_four else None


def door_for(session: Session, access: Access, enterprise_id: int) -> CaseDoor | None:
    """The firm's open address, if there is one."""
    firm = enterprises.get_visible(session, access, enterprise_id)
    return session.scalar(select(CaseDoor).where(CaseDoor.enterprise_id == firm.id, CaseDoor.ended_at.is_(None)))


def dispatch_slip_of(session: Session, access: Access, uuid: str, rules: Cases, on: date) -> dict[str, Any]:
    """What 交办单 prints (see crm.reports.slip), as plain JSON."""
    case = get_visible(session, access, uuid)
    firm = case.enterprise
    have = [u for u in case.units if u.ended_at is None]
    signer = session.get(User, access.user_id) if access.user_id else None
    left = workdays.between(local(case.opened_at).date(), case.due_on) if case.due_on else None
    return {
        "number": case.number, "on": on.isoformat(), "title": case.title, "firm": firm.name,
        "place": " › ".join(r.name for r in region_path(session, firm.region_code) if r.level != "province"),
        "contact": "　".join(filter(None, (case.contact_name, mask_phone(case.contact_phone)))) or None,
        "source": SOURCES.get(case.source, case.source), "received_on": local(case.opened_at).date().isoformat(), "kind": KINDS.get(case.kind, ""),
        "urgency": case.urgency, "text": case.detail, "lead": case.lead_unit, "co_units": [u.unit.name for u in have if not u.is_lead],
        "due_on": case.due_on.isoformat() if case.due_on else None, "due_text": f"自收到起 {left} 个工作日" if left is not None and left >= 0 else None,
        "rule": case.due_rule, "is_provisional": case.due_provisional, "requirements": list(rules.requirements),
        "signer": f"{signer.first_name} {signer.last_name}".strip() if signer else access.name, "stage": STAGES[case.stage],
    }  # fmt: skip


def open_of(session: Session, access: Access, enterprise_id: int, limit: int = 20) -> Sequence[Case]:
    """A firm's open cases, the most pressing first."""
    query = visible(access).where(Case.enterprise_id == enterprise_id, Case.state == "open")
    return session.scalars(query.order_by(Case.due_on.asc().nulls_last(), Case.id).limit(limit)).all()
