"""By when: work days over the holidays of 2025 and 2026 and beyond the published calendar; supervision that misses no night."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.deadlines import accept_by, answer_by
from crm.criteria.schema.cases import Cases
from crm.notices.models import Notice
from tests.cases.conftest import RULES
from tests.visits.conftest import NOW


@pytest.mark.parametrize(("kind", "urgency", "start", "due"), [
    ("labour", "normal", date(2025, 9, 26), date(2025, 10, 13)),  # National Day and two make-up days on the way
    ("labour", "urgent", date(2025, 9, 30), date(2025, 10, 11)),  # a Saturday that is worked
    ("land", "normal", date(2025, 1, 20), date(2025, 2, 14)),  # Spring Festival 2025
    ("labour", "normal", date(2026, 2, 12), date(2026, 2, 28)),  # Spring Festival 2026, Saturdays before and after worked
    ("labour", "urgent", date(2026, 4, 30), date(2026, 5, 8)),  # Labour Day
    ("labour", "normal", date(2026, 6, 15), date(2026, 6, 25)),  # Dragon Boat Festival
])
def test_days_are_counted_as_offices_work(kind, urgency, start, due):
    assert answer_by(RULES, kind, urgency, start).on == due


def test_the_rule_that_gave_the_day_says_that_it_is_no_policy():
    assert answer_by(RULES, "labour", "normal", date(2026, 10, 20)).rule == "普通件 7 个工作日（默认值，非政策）"


def test_a_day_beyond_the_published_calendar_is_provisional():
    assert answer_by(RULES, "land", "normal", date(2027, 9, 20)).is_provisional


def test_accepting_is_due_on_the_next_work_day():
    assert accept_by(RULES, date(2026, 9, 30)).on == date(2026, 10, 8)


def test_rules_whose_last_does_not_fit_all_are_refused():
    with pytest.raises(ValueError, match="fit every case"):
        Cases.model_validate({**RULES.model_dump(), "answer": ({"label": "紧急", "days": 1, "urgency": "urgent"},)})


def test_dispatching_stores_the_day_with_its_rule(office):
    case = office.dispatched(kind="land")
    assert (case.due_on, case.due_rule) == (date(2026, 11, 10), "疑难件 15 个工作日（默认值，非政策）")


def supervise(office, on: date) -> int:
    at = datetime(on.year, on.month, on.day, 18, tzinfo=UTC)
    return cases.supervise(office.session, lambda _code: RULES, on, at)["supervised"]


def test_a_case_on_its_day_is_left_alone(office):
    assert supervise(office, office.dispatched().due_on) == 0


def test_the_night_after_the_day_supervision_begins(office):
    case = office.dispatched()
    supervise(office, case.due_on + timedelta(days=1))
    assert (case.urged, queries.events(office.session, case.id)[-1].kind) == (1, "supervised")


def test_the_same_night_twice_tells_once(office):
    on = office.dispatched().due_on + timedelta(days=1)
    assert [supervise(office, on), supervise(office, on)] == [1, 0]


def test_missed_nights_lose_no_level(office):
    case = office.dispatched()
    supervise(office, case.due_on + timedelta(days=30))
    assert case.urged == len(RULES.supervise)


def late_to_the_top(office):
    case = office.dispatched()
    supervise(office, case.due_on + timedelta(days=30))
    return case


def again(office, case) -> int:
    """The night after the day the case has now."""
    return supervise(office, case.due_on + timedelta(days=1))


def test_a_case_reopened_by_the_firm_gets_days_of_its_own(office):
    case = late_to_the_top(office)
    office.step(office.manager, case, "close", note="办完", at=NOW + timedelta(days=60))
    office.step(office.officer, case, "follow", resolved=False, at=NOW + timedelta(days=61))
    assert case.due_on == answer_by(RULES, "labour", "normal", (NOW + timedelta(days=61)).date()).on


def test_a_case_reopened_by_the_firm_is_supervised_again(office):
    case = late_to_the_top(office)
    office.step(office.manager, case, "close", note="办完", at=NOW + timedelta(days=60))
    office.step(office.officer, case, "follow", resolved=False, at=NOW + timedelta(days=61))
    assert (again(office, case), case.urged) == (1, 1)


def test_a_case_given_out_again_after_an_objection_is_supervised_again(office):
    case = late_to_the_top(office)
    office.step(office.lead_person, case, "object", note="不归我管")
    office.step(office.manager, case, "dispatch", unit=office.other.id, at=NOW + timedelta(days=60))
    assert (again(office, case), case.urged) == (1, 1)


def test_a_case_past_its_extended_day_is_supervised_again(office):
    case = office.dispatched()
    again(office, case)
    office.step(office.lead_person, case, "extend", days=3, note="等材料")
    office.step(office.manager, case, "grant")
    assert (again(office, case), case.urged) == (1, 1)


def test_people_are_told_again_of_a_new_day_missed(office):
    case = office.dispatched()
    office.firm.officer_id = office.officer.user_id
    office.session.flush()
    again(office, case)
    office.step(office.lead_person, case, "extend", days=3, note="等材料")
    office.step(office.manager, case, "grant")
    again(office, case)
    assert office.session.scalar(select(func.count()).select_from(Notice).where(Notice.user_id == office.officer.user_id)) == 2


def test_unit_and_officer_are_told_first(office):
    case = office.dispatched()
    office.firm.officer_id = office.officer.user_id
    from crm.security.models import UnitMember

    office.session.add(UnitMember(user_id=office.lead_person.user_id, unit_id=office.lead.id))
    office.session.flush()
    supervise(office, case.due_on + timedelta(days=1))
    assert set(office.session.scalars(select(Notice.user_id))) == {office.officer.user_id, office.lead_person.user_id}


def test_a_closed_case_is_not_supervised(office):
    case = office.dispatched()
    office.step(office.manager, case, "close", note="办完")
    assert supervise(office, date(2027, 1, 4)) == 0


def test_a_case_nobody_accepted_is_supervised_too(office):
    case = office.case(source="12345", external_no="A1", rules=RULES)
    supervise(office, case.accept_by + timedelta(days=1))
    assert case.urged == 1


def test_a_deferred_case_is_brought_up_on_its_day_once(office):
    case = office.step(office.manager, office.case(), "defer", note="依据不足", recheck_on=date(2026, 12, 1))
    office.firm.officer_id = office.officer.user_id
    office.session.flush()
    for on in (date(2026, 12, 1), date(2026, 12, 2)):
        supervise(office, on)
    assert (case.stage, office.session.scalar(select(func.count()).select_from(Notice))) == ("deferred", 1)


def test_the_same_number_of_the_same_source_is_one_case(office):
    first = office.case(source="12345", external_no="A1")
    assert office.case(source="12345", external_no="A1").id == first.id


def test_the_same_number_of_another_source_is_another_case(office):
    assert office.case(source="12345", external_no="A1").id != office.case(source="17687", external_no="A1").id


def test_a_case_from_outside_waits_to_be_accepted(office):
    case = office.case(source="17687", external_no="B7", rules=RULES)
    assert (case.stage, case.accept_by) == ("received", date(2026, 10, 21))


def test_a_case_written_down_in_person_is_accepted_at_once(office):
    assert (office.case().stage, office.case().accepted_at) == ("accepted", NOW)


def test_a_case_accepted_and_never_given_out_is_supervised(office):
    case = office.case()
    supervise(office, date(2026, 10, 22))
    before = case.urged
    supervise(office, date(2026, 10, 23))
    assert (before, case.urged) == (0, 1)


def test_a_deferred_case_past_its_old_day_waits_for_its_recheck(office):
    case = office.dispatched()
    office.step(office.lead_person, case, "take")
    office.step(office.manager, case, "defer", note="依据不足", recheck_on=date(2027, 1, 4))
    office.firm.officer_id = office.officer.user_id
    office.session.flush()
    supervise(office, date(2026, 12, 1))
    assert office.session.scalar(select(func.count()).select_from(Notice)) == 0
