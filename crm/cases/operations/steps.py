"""The one verb of a case's life: take a step of crm.cases.life, if it follows, by somebody who may, with what it needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from crm.cases.deadlines import answer_by, extended
from crm.cases.errors import ChangedMeanwhile, NotNow
from crm.cases.life import ANSWERS, OPEN, STAGES, STEPS, Step, possible, state_of
from crm.cases.models import SATISFACTION, Case, CaseUnit
from crm.cases.operations.events import append, tidy
from crm.cases.operations.files import accept, keep_files
from crm.cases.queries import get_visible
from crm.core.clock import local
from crm.core.errors import Forbidden, Invalid
from crm.security.models import Unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.cases.deadlines import Term
    from crm.cases.operations.files import Handed
    from crm.criteria.schema import Cases
    from crm.security.access import Access

CONTENT_AT = 3
"""Of 5: from here on a firm counts as content; below, the case is opened again."""


@dataclass(frozen=True, slots=True)
class Given:
    """What comes with a step. `unit` is a unit's id, or the name of one that has no account here."""

    note: str | None = None
    unit: int | str | None = None
    co_units: tuple[int, ...] = ()
    due_on: date | None = None
    days: int | None = None
    recheck_on: date | None = None
    other: str | None = None
    resolved: bool | None = None
    satisfaction: int | None = None
    version: int | None = None
    to_firm: bool = False  # word and files are for the firm to see


def take_step(
    session: Session, access: Access, uuid: str, name: str, given: Given, *, rules: Cases, at: datetime, handed: Handed | None = None
) -> Case:
    """Take step `name` of a case, with the files that came with it.

    Raises Forbidden for a role that may not, NotNow where it does not follow, Invalid for what is missing, ChangedMeanwhile
    when somebody took a step since `given.version` was read.
    """
    step = STEPS.get(name)
    if step is None:
        raise Invalid("没有这个步骤，请刷新页面。")
    access.need(*step.who)
    case = get_visible(session, access, uuid)
    if given.version is not None and case.version != given.version:
        raise ChangedMeanwhile
    mine = _mine(case, access)
    if access.is_department and not (mine and mine.is_lead) and not possible(step, case.extension, is_lead=False):
        raise Forbidden("这一步由主办单位来做。协办单位可以写进展和反馈。")
    if case.stage not in step.at or not possible(step, case.extension):
        raise NotNow(step.label, STAGES[case.stage])
    _need(step, given)
    files = accept(handed)
    event, to, detail = _WORK.get(name, _plain)(_Work(session, access, case, step, given, rules, at))
    if to is not None:
        case.stage, case.state = to, state_of(to)
    case.closed_at = None if case.state == "open" else case.closed_at or at
    try:
        session.flush()
    except StaleDataError:
        raise ChangedMeanwhile from None
    if given.to_firm and name in ANSWERS and not access.is_department:
        detail = {**(detail or {}), "to_firm": True}
    written = append(session, case, event, at, access.user_id, given.note, detail)
    if handed is not None:
        keep_files(session, case, written, files, access.user_id, at, handed.data_dir)
    return case


@dataclass(frozen=True, slots=True)
class _Work:
    session: Session
    access: Access
    case: Case
    step: Step
    given: Given
    rules: Cases
    at: datetime


Outcome = tuple[str, "str | None", "dict[str, Any] | None"]


def _need(step: Step, given: Given) -> None:
    asked = {
        "note": ("请写一句说明。", tidy(given.note)), "unit": ("请选择或写明交给哪个单位办。", given.unit), "days": ("请写明要延几个工作日。", given.days),
        "recheck_on": ("请写明什么时候复查。", given.recheck_on), "other": ("请选择并入哪一条诉求。", given.other),
        "resolved": ("请选择已化解或未化解。", given.resolved is not None),
    }  # fmt: skip
    for name in step.needs:
        sentence, there = asked[name]
        if not there:
            raise Invalid(sentence, field=name)


def _mine(case: Case, access: Access) -> CaseUnit | None:
    return next((u for u in case.units if u.ended_at is None and u.unit_id in access.units), None)


def _plain(work: _Work) -> Outcome:
    if work.step.name == "accept":
        work.case.accepted_at = work.at
    return work.step.event, work.step.to, None


def _dispatch(work: _Work) -> Outcome:
    case, given, on = work.case, work.given, local(work.at).date()
    unit = _unit(work.session, work.access, given.unit)
    others = [u for key in given.co_units if (u := _unit(work.session, work.access, key)) and (unit is None or u.id != unit.id)]
    for row in case.units:
        row.ended_at = row.ended_at or work.at
    for is_lead, found in [(True, unit), *((False, u) for u in others)]:
        if found is not None:
            work.session.add(CaseUnit(case_id=case.id, unit_id=found.id, is_lead=is_lead, dispatched_at=work.at))
    case.lead_unit = unit.name if unit else _name(given.unit)
    case.accepted_at = case.accepted_at or work.at
    if given.due_on is not None:
        if given.due_on < on:
            raise Invalid("办结时限早于今天，请改正。", field="due_on")
        case.due_on, case.due_rule, case.due_provisional, case.urged = given.due_on, "交办时指定", False, 0
    elif case.due_on is None or work.step.name == "dispatch":
        _new_term(case, answer_by(work.rules, case.kind, case.urgency, on))
    work.session.flush()
    work.session.expire(case, ["units"])
    detail = {"lead_unit": case.lead_unit, "co_units": [u.name for u in others], "due_on": case.due_on.isoformat() if case.due_on else None, "rule": case.due_rule}
    return work.step.event, "dispatched", detail


def _new_term(case: Case, due: Term) -> None:
    """Another day to answer by: supervision begins anew."""
    case.due_on, case.due_rule, case.due_provisional, case.urged = due.on, due.rule, due.is_provisional, 0


def _again(work: _Work) -> str:
    """Work goes on after the case was over: a unit that has it gets days of its own."""
    case = work.case
    stage = _working(case)
    if stage == "handling":
        _new_term(case, answer_by(work.rules, case.kind, case.urgency, local(work.at).date()))
    return stage


def _name(text: int | str | None) -> str:
    name = tidy(str(text)) or ""
    if len(name) > 128:  # the column
        raise Invalid("单位名称太长，最多 128 字。", field="lead_unit")
    return name


def _unit(session: Session, access: Access, key: int | str | None) -> Unit | None:
    """The unit of an id, one that serves the user's jurisdiction or what lies above it; None for a name without an account."""
    if not isinstance(key, int):
        return None
    unit = session.get(Unit, key)
    if unit is None or unit.ended_at is not None or not serves(access, unit.region_code):
        raise Invalid("没有这个单位，或者它不服务您的辖区，请重选。", field="unit")
    return unit


def serves(access: Access, region_code: str) -> bool:
    """Whether a unit of a division can be given cases by the user: it lies within the jurisdiction, or above it."""
    stem = region_code.rstrip("0")
    stem += "0" * (-len(stem) % 2)
    return access.covers(region_code) or any(code.startswith(stem) for code in access.regions)


def _object(work: _Work) -> Outcome:
    for row in work.case.units:
        row.ended_at = row.ended_at or work.at
    detail = {"lead_unit": work.case.lead_unit}
    work.case.lead_unit = None
    return work.step.event, "accepted", detail


def _join(work: _Work) -> Outcome:
    other = get_visible(work.session, work.access, work.given.other or "")
    if other.id == work.case.id or other.enterprise_id != work.case.enterprise_id or other.stage not in OPEN:
        raise Invalid("只能并入同一企业的另一条在办诉求，请重选。", field="other")
    work.case.joined_to = other.id
    append(work.session, other, "noted", work.at, work.access.user_id, f"并入 {work.case.number}：{work.case.title}"[:2000])
    return work.step.event, "joined", {"to": other.uuid, "title": other.title}


def _split(work: _Work) -> Outcome:
    work.case.joined_to = None
    return work.step.event, "accepted", None


def _extend(work: _Work) -> Outcome:
    days = work.given.days or 0
    if not 0 < days <= work.rules.extension.days:
        raise Invalid(f"延期 1 至 {work.rules.extension.days} 个工作日，请改正。", field="days")
    work.case.extension = {"days": days, "asked_on": local(work.at).date().isoformat(), "granted": None}
    return work.step.event, None, {"days": days}


def _decide(work: _Work) -> Outcome:
    asked, granted = work.case.extension or {}, work.step.name == "grant"
    work.case.extension = {**asked, "granted": granted}
    if granted:
        start = work.case.due_on or local(work.at).date()
        due = extended(work.rules, start, int(asked["days"]))
        _new_term(work.case, replace(due, rule=f"{work.case.due_rule or ''}；{due.rule}".lstrip("；")[:200]))
    return work.step.event, None, {"days": asked.get("days"), "due_on": work.case.due_on.isoformat() if work.case.due_on else None}


def _feedback(work: _Work) -> Outcome:
    mine = _mine(work.case, work.access)
    if mine is not None:
        mine.feedback, mine.feedback_at = tidy(work.given.note), work.at
    of_lead = mine is None or mine.is_lead
    return work.step.event, "review" if of_lead else None, {"unit": mine.unit.name if mine else work.case.lead_unit}


def _defer(work: _Work) -> Outcome:
    on = work.given.recheck_on
    if on is None or on <= local(work.at).date():
        raise Invalid("复查日期要在今天之后。", field="recheck_on")
    work.case.recheck_on = on
    return work.step.event, "deferred", {"recheck_on": on.isoformat()}


def _resume(work: _Work) -> Outcome:
    work.case.recheck_on = None
    return work.step.event, _working(work.case), None


def _follow(work: _Work) -> Outcome:
    """The firm's own word. Not resolved, or not content: back to work."""
    given, case = work.given, work.case
    if given.satisfaction is not None and given.satisfaction not in SATISFACTION:
        raise Invalid("请从五档里选一档满意度。", field="satisfaction")
    case.is_resolved, case.satisfaction = given.resolved, given.satisfaction
    content = given.satisfaction is None or given.satisfaction >= CONTENT_AT
    detail = {"satisfaction": given.satisfaction}
    if given.resolved and content:
        return "resolved", "followed", detail
    append(work.session, case, "unresolved" if not given.resolved else "dissatisfied", work.at, work.access.user_id, given.note, detail)
    return "reopened", _again(work), {"why": "企业反映未化解" if not given.resolved else "企业不满意"}


def _reopen(work: _Work) -> Outcome:
    work.case.joined_to = None
    return work.step.event, _again(work), None


def _urge(work: _Work) -> Outcome:
    work.case.urged_on = local(work.at).date()
    return work.step.event, None, {"lead_unit": work.case.lead_unit}


def _working(case: Case) -> str:
    """Where work goes on: with the unit that has it, else with whoever gives it out."""
    return "handling" if any(u.ended_at is None for u in case.units) or case.lead_unit else "accepted"


_WORK: dict[str, Callable[[_Work], Outcome]] = {
    "dispatch": _dispatch, "transfer": _dispatch, "object": _object, "join": _join, "split": _split, "extend": _extend, "grant": _decide,
    "refuse": _decide, "feedback": _feedback, "defer": _defer, "resume": _resume, "follow": _follow, "reopen": _reopen, "urge": _urge,
}  # fmt: skip


def units_for(session: Session, access: Access) -> list[Unit]:
    """Units the user may give cases to, by name."""
    found = session.scalars(select(Unit).where(Unit.ended_at.is_(None)).order_by(Unit.region_code, Unit.name)).all()
    return [unit for unit in found if serves(access, unit.region_code)]
