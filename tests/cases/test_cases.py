"""A case's life: closed and resolved are two facts, events only grow."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.errors import AlreadyClosed, NoSuchCase, StillOpen
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.criteria.loading import load_packs
from tests.visits.conftest import NOW, World, world  # noqa: F401  # fixture

RULES = load_packs(Path(__file__).resolve().parents[2] / "plugins", ["cn"])["cn"].cases


@pytest.fixture
def case(world: World):  # noqa: F811
    return cases.open_case(
        world.session, world.officer, uuid=str(uuid.uuid4()), enterprise_id=world.firm.id, title="订单贷审批慢", kind="finance", at=NOW
    )


def kinds(world: World, case) -> list[str]:  # noqa: F811
    return [e.kind for e in queries.events(world.session, case.id)]


def test_a_new_case_is_open_and_not_asked_about(case):
    assert (case.state, case.is_resolved, case.closed_at) == ("open", None, None)


def test_the_same_uuid_opens_one_case(world: World, case):  # noqa: F811
    again = cases.open_case(world.session, world.officer, uuid=case.uuid, enterprise_id=world.firm.id, title="别的", at=NOW)
    assert (again.id, again.title) == (case.id, "订单贷审批慢")


def test_a_uuid_of_another_firms_case_is_refused(world: World, case):  # noqa: F811
    everywhere = replace(world.manager, regions=("330000",))
    with pytest.raises(Conflict):
        cases.open_case(world.session, everywhere, uuid=case.uuid, enterprise_id=world.other_firm.id, title="x", at=NOW)


def test_a_case_without_a_title_is_refused(world: World):  # noqa: F811
    with pytest.raises(Invalid):
        cases.open_case(world.session, world.officer, uuid=str(uuid.uuid4()), enterprise_id=world.firm.id, title="  ", at=NOW)


def test_a_firm_of_another_county_cannot_be_written_for(world: World):  # noqa: F811
    with pytest.raises(NotFound):
        cases.open_case(world.session, world.stranger, uuid=str(uuid.uuid4()), enterprise_id=world.firm.id, title="x", at=NOW)


def test_assigning_names_unit_and_day(world: World, case):  # noqa: F811
    cases.assign(world.session, world.manager, case.uuid, "市金融工作中心", date(2026, 10, 27), None, NOW, rules=RULES)
    assert (case.lead_unit, case.due_on, kinds(world, case)) == ("市金融工作中心", date(2026, 10, 27), ["opened", "assigned"])


def test_closing_does_not_say_resolved(world: World, case):  # noqa: F811
    cases.close(world.session, world.officer, case.uuid, "银行已放款 50 万元", NOW, rules=RULES)
    assert (case.state, case.is_resolved, case.closed_at) == ("closed", None, NOW)


def test_closing_needs_a_result(world: World, case):  # noqa: F811
    with pytest.raises(Invalid):
        cases.close(world.session, world.officer, case.uuid, " ", NOW, rules=RULES)


def test_closing_twice_is_refused(world: World, case):  # noqa: F811
    cases.close(world.session, world.officer, case.uuid, "好了", NOW, rules=RULES)
    with pytest.raises(AlreadyClosed):
        cases.close(world.session, world.officer, case.uuid, "好了", NOW, rules=RULES)


def test_resolved_is_the_firms_word_after_closing(world: World, case):  # noqa: F811
    cases.close(world.session, world.officer, case.uuid, "好了", NOW, rules=RULES)
    cases.follow_up(world.session, world.officer, case.uuid, is_resolved=True, text=None, at=NOW, rules=RULES)
    assert (case.state, case.is_resolved) == ("closed", True)


def test_not_resolved_opens_the_case_again(world: World, case):  # noqa: F811
    cases.close(world.session, world.officer, case.uuid, "好了", NOW, rules=RULES)
    cases.follow_up(world.session, world.officer, case.uuid, is_resolved=False, text="钱没到", at=NOW, rules=RULES)
    assert (case.state, case.is_resolved, kinds(world, case)) == ("open", False, ["opened", "closed", "unresolved", "reopened"])


def test_an_open_case_cannot_be_followed_up(world: World, case):  # noqa: F811
    with pytest.raises(StillOpen):
        cases.follow_up(world.session, world.officer, case.uuid, is_resolved=True, text=None, at=NOW, rules=RULES)


def test_a_stranger_does_not_find_the_case(world: World, case):  # noqa: F811
    with pytest.raises(NoSuchCase):
        cases.note(world.session, world.stranger, case.uuid, "看看", NOW, rules=RULES)


def test_an_auditor_may_not_write(world: World, case):  # noqa: F811
    with pytest.raises(Forbidden):
        cases.note(world.session, replace(world.officer, roles=frozenset({"auditor"})), case.uuid, "看看", NOW, rules=RULES)


def test_overdue_means_open_and_due_before_the_day(world: World, case):  # noqa: F811
    cases.assign(world.session, world.manager, case.uuid, "单位", date(2026, 10, 20), None, NOW, rules=RULES)
    found = [len(queries.list_cases(world.session, world.officer, queries.Filters(overdue_on=day)).cases) for day in (date(2026, 10, 20), date(2026, 10, 21))]
    assert found == [0, 1]


def test_every_list_says_how_many_wait_in_it(world: World):  # noqa: F811
    at_door = dict(source="firm", rules=RULES, at=NOW)
    for title in ("甲", "乙"):
        cases.open_case(world.session, world.officer, uuid=str(uuid.uuid4()), enterprise_id=world.firm.id, title=title, **at_door)
    accepted = cases.open_case(world.session, world.officer, uuid=str(uuid.uuid4()), enterprise_id=world.firm.id, title="丙", at=NOW)
    cases.close(world.session, world.officer, accepted.uuid, "好了", NOW, rules=RULES)
    found = queries.waiting(world.session, world.officer, queries.Filters(), date(2026, 10, 22), date(2026, 10, 26))
    assert {k: n for k, n in found.items() if n} == {"received": 2, "late": 2, "closed": 1}


@pytest.mark.parametrize(("day", "late"), [(date(2026, 10, 21), 0), (date(2026, 10, 22), 1)])
def test_a_case_nobody_accepted_in_time_is_late_too(world: World, day, late):  # noqa: F811
    cases.open_case(world.session, world.officer, uuid=str(uuid.uuid4()), enterprise_id=world.firm.id, title="x", source="firm", rules=RULES, at=NOW)
    assert len(queries.list_cases(world.session, world.officer, queries.Filters(overdue_on=day)).cases) == late


def test_another_countys_cases_are_not_counted(world: World, case):  # noqa: F811
    assert set(queries.waiting(world.session, world.stranger, queries.Filters(), date(2026, 12, 1), date(2026, 12, 4)).values()) == {0}
