"""An alert nobody handles goes to the next level of people after as many work days as the pack says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, update

from crm.alerts.models import ESCALATIONS, Alert, AlertEvent
from crm.alerts.notifying import Case, People, send
from crm.core import workdays
from crm.core.bulk import insert_rows
from crm.enterprises.models import Enterprise

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack, Packs

TOP = len(ESCALATIONS) - 1
_MANY = 5_000


def escalate(session: Session, packs: Packs, on: date, at: datetime) -> dict[str, int]:
    """Move every alert that waited long enough one level up, tell the people there, and let it wait anew from today.

    "Long enough" is at least so many work days: after nights that did not run it happens once, late. Again the same day nothing happens.
    """
    people, moved = People(session), []
    for pack in {packs.for_region(code).id: packs.for_region(code) for code in _counties(session)}.values():
        moved += [case for case in _waiting(session, pack, on) if packs.for_region(case.region[:6]).id == pack.id]
    told = send(session, moved, people, on, at) if moved else 0
    for start in range(0, len(moved), _MANY):
        ids = [case.alert_id for case in moved[start : start + _MANY]]
        values = {"escalation": Alert.escalation + 1, "waiting_since": on, "version": Alert.version + 1}
        session.execute(update(Alert).where(Alert.id.in_(ids)).values(values).execution_options(synchronize_session=False))
    _write_events(session, moved, people, at)
    return {"escalated": len(moved), "told": told}


def days(pack: Pack, level: str) -> tuple[int | None, int | None]:
    """Work days until an alert of a level goes on: taken on by nobody, and taken on without anything attached."""
    rule = next((rule for rule in pack.book.escalation if rule.id == level), None)
    return (None, None) if rule is None else (rule.unacknowledged, rule.unhandled)


def _counties(session: Session) -> list[str]:
    from sqlalchemy import func

    return list(session.scalars(select(func.substr(Enterprise.region_code, 1, 6)).distinct()))


def _waiting(session: Session, pack: Pack, on: date) -> list[Case]:
    """Alerts whose wait is over; as they will be, one level up."""
    tests: list[ColumnElement[bool]] = []
    for rule in pack.book.escalation:
        for state, limit in (("open", rule.unacknowledged), ("acknowledged", rule.unhandled)):
            if limit is not None:
                tests.append(and_(Alert.state == state, Alert.level == rule.id, Alert.waiting_since <= _latest(on, limit)))
    if not tests:
        return []
    query = (
        select(
            Alert.id, Alert.level, Alert.rule, Alert.headline, Alert.enterprise_id, Enterprise.name, Enterprise.region_code, Enterprise.zone_code, Enterprise.officer_id,
            Alert.owner_id, Alert.escalation + 1,
        )
        .join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .where(or_(*tests), Alert.escalation < TOP, Enterprise.deleted_at.is_(None))
    )
    return [Case(row[0], "escalated", *row[1:]) for row in session.execute(query)]


def _latest(on: date, limit: int) -> date:
    """The last day from which `limit` work days have gone by."""
    day = on
    while workdays.between(day, on) < limit:
        day -= timedelta(days=1)
    return day


def _write_events(session: Session, moved: list[Case], people: People, at: datetime) -> None:
    states: dict[int, str] = {}
    for start in range(0, len(moved), _MANY):
        states |= dict(session.execute(select(Alert.id, Alert.state).where(Alert.id.in_([case.alert_id for case in moved[start : start + _MANY]]))).tuples().all())
    insert_rows(session, AlertEvent, {
        "alert_id": [case.alert_id for case in moved], "kind": ["escalated"] * len(moved), "level": [case.level for case in moved],
        "state": [states[case.alert_id] for case in moved], "at": [at] * len(moved),
        "detail": [{"to": case.escalation, "people": list(people.addressed(case))} for case in moved],
    })
