"""Log a visit once however often it is sent; change it until it is signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm.exc import StaleDataError

from crm.core.clock import local
from crm.core.db import is_postgresql
from crm.core.errors import Forbidden, Invalid
from crm.core.signals import problems_raised
from crm.enterprises import queries as enterprises
from crm.indicators.operations import file_figures
from crm.visits.errors import Changed, Differs, Frozen, UuidTaken
from crm.visits.models import Visit, VisitPerson
from crm.visits.queries import get_visible
from crm.visits.schemas import EARLY, VisitDraft, tidy

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

WRITERS = ("officer", "manager", "administrator", "system")
PLAIN = (
    "kind", "started_at", "ended_at", "place", "latitude", "longitude", "accuracy_m", "summary", "suggestions", "next_step", "next_on",
)  # fmt: skip


def log_visit(session: Session, access: Access, data: VisitDraft, at: datetime) -> tuple[Visit, bool]:
    """Record a visit; (visit, whether it is new). The same UUID again changes nothing.

    Problems are told to whoever listens (they become cases), figures become a filing with source "visit". Raises NotFound for a firm outside the
    jurisdiction, UuidTaken when the UUID is somebody else's, Differs when the UUID was accepted with other contents, Invalid
    with the field for input that breaks a rule.
    """
    access.need(*WRITERS)
    firm = enterprises.get_visible(session, access, data.enterprise_id)
    if data.started_at > at + EARLY:
        raise Invalid("走访时间在将来，请改正。", field="started_at")
    known = _known(session, access, data)
    if known is not None:
        return known, False
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    row = {"uuid": data.uuid, "enterprise_id": firm.id, "author_id": access.user_id, "created_at": at, **_contents(data)}
    new = session.execute(insert(Visit).values(row).on_conflict_do_nothing(index_elements=["uuid"]).returning(Visit.id)).scalar()
    if new is None:  # the same message arrived twice at once
        known = _known(session, access, data)
        if known is None:
            raise UuidTaken
        return known, False
    visit = session.get_one(Visit, new)
    _write_details(session, access, visit, data, at)
    return visit, True


def amend(session: Session, access: Access, data: VisitDraft, version: int, at: datetime) -> Visit:
    """Replace the contents of an unsigned visit. `version` is the one the user saw; another one raises Changed.

    The same change sent again changes nothing.
    """
    visit = editable(session, access, data.uuid)
    if visit.version != version:
        if visit.sent_digest == _digest(data):
            return visit
        raise Changed
    if data.enterprise_id != visit.enterprise_id:
        raise Invalid("走访的企业不能换。请新建一次走访。", field="enterprise_id")
    if data.started_at > at + EARLY:
        raise Invalid("走访时间在将来，请改正。", field="started_at")
    for name, value in _contents(data).items():
        setattr(visit, name, value)
    visit.version = version + 1  # also when only people or problems changed
    try:
        session.flush()
    except StaleDataError:
        raise Changed from None
    session.execute(delete(VisitPerson).where(VisitPerson.visit_id == visit.id))
    session.expire(visit, ["people"])
    _write_details(session, access, visit, data, at)
    return visit


def editable(session: Session, access: Access, uuid: str) -> Visit:
    """The visit if the user may change it: its author or a manager, and not signed."""
    access.need(*WRITERS)
    visit = get_visible(session, access, uuid)
    if visit.author_id != access.user_id and not access.has("manager", "system"):
        raise Forbidden("这次走访是别人记的，只有本人或管理者可以改。")
    if visit.signed_at is not None:
        raise Frozen(visit.number or "")
    return visit


def _known(session: Session, access: Access, data: VisitDraft) -> Visit | None:
    visit = session.scalar(select(Visit).where(Visit.uuid == data.uuid))
    if visit is not None and visit.author_id != access.user_id:
        raise UuidTaken
    if visit is not None and visit.sent_digest not in (None, _digest(data)):
        raise Differs
    return visit


def _digest(data: VisitDraft) -> str:
    """Of the message as understood: the same fields give the same digest, however they travelled."""
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)).hexdigest()


def _contents(data: VisitDraft) -> dict[str, Any]:
    """The columns a draft fills."""
    plain = {name: getattr(data, name) for name in PLAIN}
    tidied = {name: tidy(value) if isinstance(value, str) else value for name, value in plain.items()}
    return {**tidied, "policies": list(data.policies), "sent_digest": _digest(data), "fields": {**data.fields, **({"told": dict(data.told)} if data.told else {})}}


def _write_details(session: Session, access: Access, visit: Visit, data: VisitDraft, at: datetime) -> None:
    session.add_all(
        VisitPerson(visit_id=visit.id, position=i, side=p.side, name=name, unit=tidy(p.unit), title=tidy(p.title))
        for i, p in enumerate(data.people)
        if (name := tidy(p.name))
    )
    if data.problems:
        session.flush()
        problems_raised.send(None, session=session, access=access, visit=visit, problems=data.problems, at=at)
    _file_told(session, access, visit, data, at)
    session.flush()


def _file_told(session: Session, access: Access, visit: Visit, data: VisitDraft, at: datetime) -> None:
    """Told figures as filings: this year's 累计 at the month of the visit, next year's as an expectation."""
    day = local(visit.started_at).date()
    measures = {"sales": "revenue", "tax": "tax_paid"}
    so_far = {measures[key]: yuan for key, yuan in data.told.items() if key in measures}
    common = {"source": "visit", "by": access.user_id, "at": at, "visit_id": visit.id}
    if so_far:
        file_figures(session, visit.enterprise_id, period=f"{day:%Y-%m}", form="ytd", values=so_far, **common)
    if "sales_next" in data.told:
        values = {"revenue_expected": data.told["sales_next"]}
        file_figures(session, visit.enterprise_id, period=str(day.year + 1), form="period", values=values, **common)
