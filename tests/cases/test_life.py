"""Every step of a case's life, in every stage, by every role: taken where the table allows it, refused elsewhere with nothing changed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.errors import ChangedMeanwhile, NoSuchCase, NotNow
from crm.cases.life import OPEN, STAGES, STEPS, steps_for
from crm.cases.models import CaseEvent
from crm.core.errors import CrmError, Forbidden, Invalid
from tests.cases.conftest import RULES
from tests.visits.conftest import NOW

LATER = NOW + timedelta(days=1)
TAKEN_BY = {  # written by hand, apart from the code's table: role -> steps
    "officer": {"accept", "answer", "decline", "join", "dispatch", "transfer", "progress", "close", "resume", "follow", "reopen", "urge"},
    "manager": set(STEPS) - {"object"},
    "administrator": set(STEPS) - {"object"},
    "department": {"take", "object", "progress", "extend", "feedback"},
    "auditor": set(),
}
FROM = {  # step -> stages it may be taken in
    "accept": {"received"}, "answer": {"received", "accepted"}, "decline": {"received", "accepted"},
    "join": {"received", "accepted", "dispatched", "handling"}, "split": {"joined"}, "dispatch": {"received", "accepted"}, "take": {"dispatched"},
    "object": {"dispatched"}, "transfer": {"dispatched", "handling", "review"}, "progress": set(STAGES), "extend": {"dispatched", "handling"},
    "grant": set(), "refuse": set(),  # only while an extension is asked for: their own tests
    "feedback": {"dispatched", "handling"}, "redo": {"review"}, "approve": {"review"}, "close": {"accepted", "dispatched", "handling"},
    "defer": {"accepted", "handling", "review"}, "resume": {"deferred"}, "follow": {"closed"}, "reopen": {"closed", "followed", "declined", "ended"},
    "end": set(OPEN), "urge": {"dispatched", "handling"},
}  # fmt: skip


def everything(office, other):
    """Given with all that any step needs."""
    return {
        "note": "说明", "unit": office.lead.id, "days": 3, "recheck_on": date(2027, 1, 4), "other": other.uuid, "resolved": True, "satisfaction": 5,
    }


@pytest.mark.parametrize("role", sorted(TAKEN_BY))
def test_each_step_is_taken_where_it_follows_by_whom_it_is_for_and_nowhere_else(office, role):
    people = {"officer": office.officer, "manager": office.manager, "administrator": office.administrator, "department": office.lead_person, "auditor": office.auditor}
    other, wrong = office.case(title="同一件事"), []
    for stage in STAGES:
        case = office.dispatched()
        for name in STEPS:
            case.stage, case.state, case.extension = stage, "open" if stage in OPEN else "closed", None
            office.session.flush()
            point = office.session.begin_nested()
            try:
                office.step(people[role], case, name, at=LATER, **everything(office, other))
                taken = True
            except CrmError:
                taken = False
            point.rollback()
            if taken != (name in TAKEN_BY[role] and stage in FROM[name]):
                wrong.append((stage, name, taken))
    assert wrong == []


@pytest.mark.parametrize("role", ["officer", "department", "auditor"])
def test_after_a_refused_step_nothing_is_written(office, role):
    person = {"officer": office.officer, "department": office.co_person, "auditor": office.auditor}[role]
    case = office.dispatched()
    before = (case.version, office.session.scalar(select(func.count()).select_from(CaseEvent)))
    with pytest.raises(CrmError):
        office.step(person, case, "end" if role != "department" else "take", note="不办了")
    office.session.expire(case)
    assert (case.version, office.session.scalar(select(func.count()).select_from(CaseEvent))) == before


@pytest.mark.parametrize("name", [s.name for s in STEPS.values() if s.needs])
def test_a_step_without_what_it_needs_says_what_is_missing(office, name):
    case = office.dispatched()
    case.stage, case.state = min(FROM[name] or {"handling"}), "open" if min(FROM[name] or {"handling"}) in OPEN else "closed"
    if name == "refuse":
        case.extension = {"days": 3, "granted": None}
    office.session.flush()
    person = office.lead_person if name == "object" else office.manager
    with pytest.raises(Invalid):
        office.step(person, case, name)


@pytest.mark.parametrize("person", ["officer", "manager", "lead_person", "co_person"])
def test_the_buttons_shown_are_the_steps_that_work(office, person):
    who, case, other = getattr(office, person), office.dispatched(), office.case(title="另一件")
    shown = {s.name for s in steps_for(who, case.stage, case.extension, is_lead=person != "co_person")}
    works = set()
    for name in STEPS:
        point = office.session.begin_nested()
        try:
            office.step(who, case, name, at=LATER, **everything(office, other))
            works.add(name)
        except CrmError:
            pass
        point.rollback()
        office.session.expire_all()
    assert shown == works


def test_a_department_sees_what_was_given_to_it_alone(office):
    mine, _others = office.dispatched(), office.case()
    assert [c.id for c in queries.list_cases(office.session, office.lead_person, queries.Filters()).cases] == [mine.id]


def test_a_unit_the_case_was_taken_from_sees_it_no_more(office):
    case = office.dispatched()
    office.step(office.manager, case, "transfer", note="改由金融办", unit=office.other.id)
    with pytest.raises(NoSuchCase):
        queries.get_visible(office.session, office.lead_person, case.uuid)


def test_a_unit_of_another_county_cannot_be_given_a_case(office):
    with pytest.raises(Invalid):
        office.step(office.officer, office.case(), "dispatch", unit=office.far.id)


def test_the_lead_units_feedback_goes_to_review(office):
    case = office.step(office.lead_person, office.dispatched(), "feedback", note="已招到 30 人")
    assert (case.stage, next(u for u in case.units if u.is_lead).feedback) == ("review", "已招到 30 人")


def test_a_co_units_feedback_leaves_the_case_with_the_lead(office):
    case = office.step(office.co_person, office.dispatched(), "feedback", note="已配合")
    assert case.stage == "dispatched"


def test_a_co_unit_cannot_take_or_object_for_the_lead(office):
    case = office.dispatched()
    with pytest.raises(Forbidden):
        office.step(office.co_person, case, "object", note="不归我管")


def test_an_objection_takes_the_units_off_and_waits_to_be_given_out_again(office):
    case = office.dispatched()
    office.step(office.lead_person, case, "object", note="归金融办")
    assert (case.stage, case.lead_unit, [u.ended_at is not None for u in case.units]) == ("accepted", None, [True, True])


def test_an_extension_is_asked_once(office):
    case = office.dispatched()
    office.step(office.lead_person, case, "extend", days=3, note="等材料")
    office.step(office.manager, case, "refuse", note="抓紧")
    with pytest.raises(NotNow):
        office.step(office.lead_person, case, "extend", days=3, note="再等")


def test_a_granted_extension_moves_the_day_by_work_days(office):
    case = office.dispatched()
    before = case.due_on
    office.step(office.lead_person, case, "extend", days=3, note="等材料")
    office.step(office.manager, case, "grant")
    assert (before, case.due_on) == (date(2026, 10, 29), date(2026, 11, 3))


def test_an_extension_longer_than_the_rules_allow_is_refused(office):
    with pytest.raises(Invalid):
        office.step(office.lead_person, office.dispatched(), "extend", days=RULES.extension.days + 1, note="要很久")


@pytest.mark.parametrize(("resolved", "satisfaction", "stage", "last"), [
    (True, 5, "followed", "resolved"), (True, 3, "followed", "resolved"), (True, None, "followed", "resolved"),
    (True, 2, "handling", "reopened"), (False, 5, "handling", "reopened"), (False, None, "handling", "reopened"),
])
def test_only_a_content_firm_whose_problem_is_solved_ends_it(office, resolved, satisfaction, stage, last):
    case = office.dispatched()
    office.step(office.manager, case, "close", note="办完")
    office.step(office.officer, case, "follow", resolved=resolved, satisfaction=satisfaction)
    assert (case.stage, queries.events(office.session, case.id)[-1].kind) == (stage, last)


def test_closed_and_resolved_are_two_facts(office):
    case = office.dispatched()
    office.step(office.manager, case, "close", note="办完")
    assert (case.state, case.is_resolved) == ("closed", None)


def test_a_duplicate_is_joined_and_can_be_split_again(office):
    first, second = office.case(), office.case(title="还是缺工")
    office.step(office.officer, second, "join", other=first.uuid)
    office.step(office.manager, second, "split", note="不是同一件")
    assert (second.stage, second.joined_to, [e.kind for e in queries.events(office.session, first.id)]) == ("accepted", None, ["opened", "noted"])


def test_a_case_of_another_firm_cannot_be_joined_to(office):
    foreign = cases.open_case(office.session, office.stranger, uuid="11111111-1111-4111-8111-111111111112", enterprise_id=office.other_firm.id, title="x", at=NOW)
    with pytest.raises(CrmError):
        office.step(office.officer, office.case(), "join", other=foreign.uuid)


def test_ending_keeps_the_case_and_says_why(office):
    case = office.step(office.manager, office.dispatched(), "end", note="企业已注销")
    assert (case.stage, queries.events(office.session, case.id)[-1].note) == ("ended", "企业已注销")


def test_who_read_an_older_version_is_told(office):
    case = office.dispatched()
    old = case.version
    office.step(office.lead_person, case, "take")
    with pytest.raises(ChangedMeanwhile):
        office.step(office.manager, case, "close", note="办完", version=old)


def test_an_unknown_step_is_refused(office):
    with pytest.raises(Invalid):
        office.step(office.manager, office.case(), "vanish")


