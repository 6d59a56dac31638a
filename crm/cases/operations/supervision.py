"""督办: what is past its day goes up level by level, counted in work days. Fires on or after a day, so a missed night loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from crm.cases.models import Case
from crm.cases.operations.events import append
from crm.core import workdays
from crm.core.clock import local
from crm.notices.operations import post
from crm.security.models import Role, UnitMember, User, UserRegion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.schema import Cases

UNACCEPTED = "received"


def supervise(session: Session, rules_of: Callable[[str], Cases], on: date, at: datetime) -> dict[str, int]:
    """Raise every overdue case to the level its days past due ask for, and tell who answers for it; repeated it does nothing.

    `rules_of`: division code -> the rules of its pack. Levels: 1 the unit and the firm's officer, 2 managers of the county,
    3 managers of the city.
    """
    late = or_(
        (Case.due_on < on) & (Case.stage != "deferred"), (Case.stage == UNACCEPTED) & (Case.accept_by < on),
        (Case.stage == "deferred") & (Case.recheck_on <= on), (Case.stage == "accepted") & Case.due_on.is_(None),
    )  # fmt: skip
    query = select(Case).where(Case.state == "open", late).options(joinedload(Case.enterprise), selectinload(Case.units))
    supervised = told = 0
    for case in session.scalars(query.order_by(Case.id)):
        rules = rules_of(case.enterprise.region_code)
        day = _day_missed(case, rules)
        past = workdays.between(day, on) if day else 0
        steps = rules.supervise
        level = sum(past >= n for n in steps)
        if case.stage == "deferred":
            told += _tell(session, case, f"recheck:{case.recheck_on}", "到了复查的日子", [case.enterprise.officer_id], at)
        elif level > case.urged:
            case.urged, case.urged_on = level, on
            append(session, case, "supervised", at, None, None, {"level": level, "late": past})
            told += _tell(session, case, f"late:{day}:{level}", f"已超期 {past} 个工作日", _whom(session, case, level), at)
            supervised += 1
    session.flush()
    return {"supervised": supervised, "told": told}


def _day_missed(case: Case, rules: Cases) -> date | None:
    """The day that counts now: accepting, giving out what was accepted, answering."""
    if case.stage == UNACCEPTED:
        return case.accept_by
    if case.stage == "accepted" and case.due_on is None:
        return workdays.add(local(case.accepted_at or case.opened_at).date(), rules.dispatch.days).on
    return case.due_on


def _whom(session: Session, case: Case, level: int) -> list[int]:
    units = [u.unit_id for u in case.units if u.ended_at is None]
    people = list(session.scalars(select(UnitMember.user_id).where(UnitMember.unit_id.in_(units)))) if units else []
    if case.enterprise.officer_id:
        people.append(case.enterprise.officer_id)
    county, city = case.enterprise.region_code[:6], case.enterprise.region_code[:4] + "00"
    if level >= 2 or not people:
        people += _managers(session, county)
    if level >= 3:
        people += _managers(session, city)
    return people


def _managers(session: Session, code: str) -> Sequence[int]:
    query = select(User.id).join(UserRegion, UserRegion.user_id == User.id).where(UserRegion.code == code, User.roles.any(Role.name == "manager"))
    return session.scalars(query).all()


def _tell(session: Session, case: Case, key: str, what: str, people: Sequence[int | None], at: datetime) -> int:
    return post(
        session, to=sorted({p for p in people if p is not None}), kind="case", key=f"case:{case.id}:{key}", title=f"诉求{what}：{case.title}"[:120],
        text=f"{case.enterprise.name}，{case.lead_unit or '还没有交办'}，时限 {case.due_on or case.accept_by}。请办理，或说明原因。",
        link=f"/cases/{case.uuid}", at=at, urgent=True, enterprise_id=case.enterprise_id,
    )  # fmt: skip


