"""Logging and changing a visit."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from crm.cases.models import Case
from crm.core.errors import Forbidden, Invalid, NotFound
from crm.indicators.models import Filing
from crm.visits.errors import Changed, Frozen, UuidTaken
from crm.visits.models import Visit, VisitPerson
from crm.visits.operations import amend, log_visit, sign_off
from crm.visits.schemas import Person, Problem
from tests.visits.conftest import LETTERHEAD, NOW, World


def problem(**given):
    return Problem(**{"uuid": str(uuid.uuid4()), "title": "订单贷审批慢，请协调", "kind": "finance", **given})


def test_only_firm_and_kind_are_needed(world: World):
    visit, _ = log_visit(world.session, world.officer, world.draft(), NOW)
    assert (visit.enterprise_id, visit.kind, visit.version) == (world.firm.id, "onsite", 1)


def test_the_same_message_twice_is_one_visit(world: World):
    draft = world.draft(problems=(problem(),), people=(Person("us", "林助企"),))
    first, _ = log_visit(world.session, world.officer, draft, NOW)
    again, is_new = log_visit(world.session, world.officer, draft, NOW + timedelta(hours=1))
    counts = [world.session.scalar(select(func.count()).select_from(t)) for t in (Visit, Case, VisitPerson)]
    assert (again.id, is_new, counts) == (first.id, False, [1, 1, 1])


def test_a_uuid_of_somebody_else_is_refused(world: World):
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    with pytest.raises(UuidTaken):
        log_visit(world.session, world.manager, draft, NOW)


def test_a_firm_of_another_county_is_not_found(world: World):
    with pytest.raises(NotFound):
        log_visit(world.session, world.officer, world.draft(enterprise_id=world.other_firm.id), NOW)


def test_an_auditor_may_not_log_visits(world: World):
    with pytest.raises(Forbidden):
        log_visit(world.session, replace(world.officer, roles=frozenset({"auditor"})), world.draft(), NOW)


@pytest.mark.parametrize(("given", "field"), [
    ({"kind": "dream"}, "kind"), ({"uuid": "1"}, "uuid"), ({"summary": "字" * 4001}, "summary"), ({"latitude": float("nan")}, "latitude"),
    ({"ended_at": NOW - timedelta(minutes=1)}, "ended_at"), ({"next_on": date(2026, 10, 19)}, "next_on"), ({"told": {"sales": 1.5}}, "sales"),
])
def test_input_that_breaks_a_rule_names_its_field(world: World, given, field):
    with pytest.raises(Invalid) as refused:
        world.draft(**given)
    assert refused.value.field == field


def test_a_visit_in_the_future_is_refused(world: World):
    with pytest.raises(Invalid):
        log_visit(world.session, world.officer, world.draft(started_at=NOW + timedelta(hours=1)), NOW)


def test_problems_become_cases(world: World):
    visit, _ = log_visit(world.session, world.officer, world.draft(problems=(problem(),)), NOW)
    case = world.session.scalars(select(Case)).one()
    assert (case.visit_id, case.kind, case.state) == (visit.id, "finance", "open")


def test_told_figures_are_filed_as_the_visits_own_source(world: World):
    log_visit(world.session, world.officer, world.draft(told={"sales": 11_800_000, "sales_next": 21_000_000}), NOW)
    filed = {(f.period, f.form, f.source, f.revenue) for f in world.session.scalars(select(Filing))}
    assert filed == {("2026-10", "ytd", "visit", 11_800_000), ("2027", "period", "visit", None)}


def test_control_characters_do_not_reach_the_tables(world: World):
    visit, _ = log_visit(world.session, world.officer, world.draft(summary=" 好\x00\x07的\r\n行 ", people=(Person("firm", "王\x00总"),)), NOW)
    world.session.expire(visit, ["people"])
    people = world.session.scalars(select(VisitPerson)).all()
    assert (visit.summary, people[0].name) == ("好的\n行", "王总")


def test_amending_replaces_contents_and_people(world: World):
    draft = world.draft(people=(Person("us", "林助企"), Person("firm", "王总")))
    visit, _ = log_visit(world.session, world.officer, draft, NOW)
    amend(world.session, world.officer, replace(draft, summary="新", people=(Person("firm", "李总"),)), 1, NOW)
    names = world.session.scalars(select(VisitPerson.name)).all()
    assert (visit.summary, visit.version, names) == ("新", 2, ["李总"])


def test_amending_a_version_that_is_gone_is_a_conflict(world: World):
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    amend(world.session, world.officer, replace(draft, summary="甲"), 1, NOW)
    with pytest.raises(Changed):
        amend(world.session, world.officer, replace(draft, summary="乙"), 1, NOW)


def test_a_colleague_may_not_change_my_visit(world: World):
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    colleague = world.access("同事", "officer", "331081")
    with pytest.raises(Forbidden):
        amend(world.session, colleague, draft, 1, NOW)


def test_a_signed_visit_does_not_change(world: World):
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    sign_off(world.session, world.officer, draft.uuid, 1, letterhead=LETTERHEAD, ladder=None, at=NOW)
    with pytest.raises(Frozen):
        amend(world.session, world.officer, replace(draft, summary="迟了"), 2, NOW)
