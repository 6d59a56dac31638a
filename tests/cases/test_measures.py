"""化解率, 办结率, 满意率: what is divided by what, in both readings."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from crm.cases.measures import measures
from tests.visits.conftest import NOW

SINCE, UNTIL = NOW - timedelta(days=30), NOW + timedelta(days=1)
ON = date(2026, 10, 25)


@pytest.fixture
def mixed(office):
    """Four cases: solved and content, closed but not solved (open again), not yet due, declined."""
    solved, unsolved, waiting, declined = (office.dispatched(title=str(n)) if n < 3 else office.case(title=str(n)) for n in range(4))
    office.step(office.manager, solved, "close", note="办完")
    office.step(office.officer, solved, "follow", resolved=True, satisfaction=3)
    office.step(office.manager, unsolved, "close", note="办完")
    office.step(office.officer, declined, "decline", note="不属涉企")
    assert waiting.state == "open"
    return office


def whole(office, by="county", on=ON):
    return measures(office.session, office.manager, by, SINCE, UNTIL, on)[-1]


def test_declined_cases_are_not_counted(mixed):
    assert whole(mixed).received == 3


def test_resolved_over_collected_counts_those_not_yet_due(mixed):
    assert whole(mixed).resolve_rate == pytest.approx(1 / 3)


def test_the_other_reading_leaves_out_what_is_not_yet_due(mixed):
    assert whole(mixed).resolve_rate_due == pytest.approx(1 / 2)


def test_a_case_past_its_day_counts_in_both(mixed):
    assert whole(mixed, on=date(2026, 12, 1)).resolve_rate_due == pytest.approx(1 / 3)


def test_fairly_content_counts_in_the_wide_reading_alone(mixed):
    assert (whole(mixed).content_rate, whole(mixed).content_rate_wide) == (0, 1)


def test_nothing_asked_is_no_rate_and_not_zero(office):
    office.dispatched()
    assert whole(office).content_rate is None


def test_groups_add_up_to_the_total(mixed):
    rows = measures(mixed.session, mixed.manager, "unit", SINCE, UNTIL, ON)
    assert sum(row.received for row in rows[:-1]) == rows[-1].received


def test_another_countys_cases_are_not_counted(mixed):
    assert measures(mixed.session, mixed.stranger, "county", SINCE, UNTIL, ON)[-1].received == 0


def test_a_case_with_two_co_units_stands_with_both_and_once_in_the_total(office):
    office.step(office.manager, office.case(), "dispatch", unit="市发改局", co_units=(office.lead.id, office.other.id))
    office.dispatched()
    rows = measures(office.session, office.manager, "co_unit", SINCE, UNTIL, ON)
    assert {row.name: row.received for row in rows} == {"市金融办": 2, "市人社局": 1, "合计": 2}


def test_a_case_without_a_co_unit_is_no_co_units(office):
    office.case()
    assert [row.received for row in measures(office.session, office.manager, "co_unit", SINCE, UNTIL, ON)] == [0]
