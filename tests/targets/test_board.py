"""Goals: what is counted is counted right and within the jurisdiction, what cannot be counted is no data, contradictions stay side by side."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from crm.core.errors import Conflict, Invalid, NotFound
from crm.enterprises.operations import register_enterprise
from crm.ladder.operations import enter, grant, leave
from crm.security.access import Access
from crm.targets.counting import Census, _flows, counted
from crm.targets.operations import advance, bring, take_back
from crm.targets.queries import board, tasks
from tests.city import shipped
from tests.web.firms import LUQIAO, WENLING, city, uscc

ON, AT = date(2026, 6, 1), datetime(2026, 6, 1, 2, tzinfo=UTC)
MANAGER = Access(None, "m", frozenset({"manager"}), ("331000",))
COUNTY = Access(None, "c", frozenset({"manager"}), (WENLING,))
HNTE = "matrix.backbone.hnte"


@pytest.fixture(scope="module")
def pack():
    return shipped("taizhou")["taizhou"]


@pytest.fixture
def firms(session):
    city(session)
    return [register_enterprise(session, {"uscc": uscc(n), "name": f"第{n}厂", "region_code": code}, by=None, at=AT).id for n, code in enumerate((WENLING, WENLING, LUQIAO), 1)]


def row(session, pack, target=HNTE, access=MANAGER, **more):
    return next(r for r in board(session, access, pack, ON, **more) if r.target.id == target)


def test_holders_on_the_day_are_counted_by_county(session, pack, firms):
    for firm in firms:
        grant(session, MANAGER, firm, "hnte", granted_on=date(2025, 1, 1), at=AT)
    assert row(session, pack).by_county == {WENLING: 2, LUQIAO: 1}


def test_a_title_that_ran_out_is_not_counted(session, pack, firms):
    grant(session, MANAGER, firms[0], "hnte", granted_on=date(2022, 1, 1), valid_to=date(2026, 5, 31), at=AT)
    assert row(session, pack).actual == 0


def test_the_count_ends_at_the_jurisdiction(session, pack, firms):
    for firm in firms:
        grant(session, MANAGER, firm, "hnte", granted_on=date(2025, 1, 1), at=AT)
    assert row(session, pack, access=COUNTY).actual == 2


def test_two_texts_keep_their_two_numbers_and_two_distances(session, pack, firms):
    grant(session, MANAGER, firms[0], "hnte", granted_on=date(2025, 1, 1), at=AT)
    goals = row(session, pack).goals
    assert [(g.text, g.distance) for g in goals] == [("3500家", 3499), ("4000家", 3999)]


def test_the_pace_is_what_is_missing_over_the_years_left(session, pack, firms):
    for firm in firms:
        grant(session, MANAGER, firm, "hnte", granted_on=date(2025, 1, 1), at=AT)
    assert row(session, pack).goals[1].pace * 4 == 4000 - 3


def test_a_title_nobody_put_on_file_is_no_data_not_zero(session, pack, firms):
    assert row(session, pack).actual is None


def test_the_net_increase_is_first_entries_and_returns_less_exits(session, pack, firms):
    enter(session, MANAGER, firms[0], on=date(2025, 3, 1), at=AT)
    enter(session, MANAGER, firms[1], on=date(2025, 4, 1), at=AT)
    leave(session, MANAGER, firms[1], on=date(2025, 9, 1), at=AT, reason="停产")
    enter(session, MANAGER, firms[1], on=date(2025, 12, 1), at=AT)
    census = Census()
    _flows(session, census, [])
    assert dict(census.net(2025)) == {WENLING: 2}


def test_what_cannot_be_counted_is_no_data(session, pack, firms):
    found = row(session, pack, "matrix.backbone.total")
    assert (found.actual, found.by_county, [g.distance for g in found.goals]) == (None, None, [None, None])


def test_an_entered_figure_stands_with_its_source_until_taken_back(session, pack, firms):
    made = bring(session, MANAGER, pack, "matrix.backbone.total", 2029, "331000", value="6200家", as_of=ON, source="年报", on=ON, at=AT)
    before = row(session, pack, "matrix.backbone.total").actual_text
    take_back(session, MANAGER, made.id, at=AT)
    assert (before, row(session, pack, "matrix.backbone.total").actual_text) == ("6,200家", None)


@pytest.mark.parametrize("more", [{"value": "许多"}, {"value": "5%"}, {"source": " "}, {"as_of": date(2026, 6, 2)}])
def test_a_figure_without_source_or_of_another_unit_is_refused(session, pack, firms, more):
    with pytest.raises(Invalid):
        bring(session, MANAGER, pack, "matrix.backbone.total", 2029, "331000", **{"value": "1家", "as_of": ON, "source": "x", **more}, on=ON, at=AT)


def test_a_county_enters_nothing_for_the_city(session, pack, firms):
    with pytest.raises(NotFound):
        bring(session, COUNTY, pack, "matrix.backbone.total", 2029, "331000", value="1家", as_of=ON, source="x", on=ON, at=AT)


def test_one_figure_a_year_and_place(session, pack, firms):
    bring(session, MANAGER, pack, "matrix.backbone.total", 2029, "331000", value="1家", as_of=ON, source="x", on=ON, at=AT)
    with pytest.raises(Conflict):
        bring(session, MANAGER, pack, "matrix.backbone.total", 2029, "331000", value="2家", as_of=ON, source="x", on=ON, at=AT)


def test_the_newest_entry_says_where_a_task_stands(session, pack, firms):
    task = pack.book.tasks[0].id if pack.book.tasks else None
    if task is None:
        pytest.skip("this pack has no tasks")
    advance(session, MANAGER, pack, task, state="under_way", note="", on=ON, at=AT)
    advance(session, MANAGER, pack, task, state="done", note="已印发", on=ON, at=AT)
    assert tasks(session, pack)[task].state == "done"


def test_every_goal_of_every_pack_makes_a_row(session, firms):
    packs = shipped("taizhou", "quzhou", "ruian")
    everywhere = Access(None, "p", frozenset({"manager"}), ("330000",))
    rows = {p.id: len(board(session, everywhere, p, ON)) for p in packs}
    assert rows == {p.id: sum(any(not v.base for v in t.values) for t in p.book.targets) for p in packs}


def test_a_line_goal_counts_nothing_where_nothing_is_filed(session, pack, firms):
    target = next(t for t in pack.book.targets if t.counts == "line.10yi")
    assert counted(Census(), pack, target, 2029, ON) in ({}, None)
