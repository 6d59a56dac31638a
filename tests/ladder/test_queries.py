"""Lists and the board: filters narrow, pages follow each other without gap or repeat, nobody sees beyond the jurisdiction."""

from __future__ import annotations

import pytest
from sqlalchemy import event, func, select

from crm.core.errors import Invalid
from crm.enterprises.models import Enterprise
from crm.ladder.counts import counts, rebuild_counts
from crm.ladder.models import Standing
from crm.ladder.near import near_list
from crm.ladder.places import packs_within
from crm.ladder.queries import SORTS, Filters, board, cards, firms, open_moves
from crm.security.access import Access
from tests.ladder.conftest import AT, ELSEWHERE, MANAGER, OFFICER, ON

COLUMNS = dict.fromkeys(("step_up", "grow_strong", "go_public", "grow_large"), ())

def walk(session, access, **given):
    found, after = [], None
    while True:
        page = firms(session, access, after=after, limit=7, **given)
        found += [line.firm.id for line in page.rows]
        if (after := page.after) is None:
            return found


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("backwards", [False, True])
def test_pages_hold_every_firm_once(city, sort, backwards):
    assert sorted(walk(city, MANAGER, sort=sort, backwards=backwards)) == sorted(city.scalars(select(Enterprise.id)))


def test_a_user_of_another_city_sees_no_firm(city):
    assert firms(city, ELSEWHERE).rows == []


def test_a_user_of_one_county_sees_its_firms_only(city):
    wenling = Access(5, "o", frozenset({"officer"}), ("331081",))
    assert {code[:6] for code in city.scalars(select(Enterprise.region_code).where(Enterprise.id.in_(walk(city, wenling))))} == {"331081"}


@pytest.mark.parametrize(("filters", "column", "value"), [
    (Filters(place="small"), Standing.place, "small"), (Filters(register="should"), Standing.should_register, True),
    (Filters(step="grow_strong"), Standing.active_step, "grow_strong"), (Filters(level="red"), Standing.alert_level, "red"),
])
def test_a_filter_gives_exactly_what_it_names(city, filters, column, value):
    wanted = city.scalars(select(Standing.enterprise_id).where(column == value)).all()
    assert sorted(walk(city, MANAGER, filters=filters)) == sorted(wanted)


def test_the_title_filter_finds_holders(city):
    wanted = [s.enterprise_id for s in city.scalars(select(Standing)) if "hnte" in s.titles]
    assert sorted(walk(city, MANAGER, filters=Filters(title="hnte"))) == sorted(wanted)


@pytest.mark.parametrize("given", [{"after": "???"}, {"after": "W10"}, {"sort": "uscc; drop"}, {"filters": Filters(region="' or 1")}])
def test_an_odd_parameter_is_refused_in_words(city, given):
    with pytest.raises(Invalid):
        firms(city, MANAGER, **given)


def test_counts_say_what_a_count_would_say(city):
    wanted = dict(city.execute(select(Standing.place, func.count()).group_by(Standing.place)).all())
    assert counts(city, MANAGER, "place") == wanted


def test_counties_sum_to_the_city(city):
    counties = {s.region_code[:6] for s in city.scalars(select(Standing))}
    assert sum(counts(city, MANAGER, "all", code)["all"] for code in counties) == counts(city, MANAGER, "all")["all"]


def test_a_jurisdiction_named_twice_counts_once(city):
    twice = Access(5, "m", frozenset({"manager"}), ("331000", "331081"))
    assert counts(city, twice, "all") == counts(city, MANAGER, "all")


def test_counting_again_changes_nothing(city):
    before = counts(city, MANAGER, "pool")
    rebuild_counts(city, AT)
    assert counts(city, MANAGER, "pool") == before


def test_the_board_shows_every_firm_with_a_step_once(city):
    columns = board(city, MANAGER, Filters(), COLUMNS, limit=500)
    shown = [line.firm.id for column in columns for group in column.groups for line in group.cards]
    assert sorted(shown) == sorted(city.scalars(select(Standing.enterprise_id).where(Standing.active_step.is_not(None))))


def test_the_snapshot_counts_of_the_board_are_those_of_the_firms(city):
    steps = list(city.scalars(select(Standing.active_step).where(Standing.active_step.is_not(None))))
    assert {c.step: c.total for c in board(city, MANAGER, Filters(), COLUMNS) if c.total} == {step: steps.count(step) for step in set(steps)}


def test_a_filter_the_snapshot_cannot_answer_is_counted_over_the_firms(city):
    query = select(Standing.active_step).join(Enterprise, Enterprise.id == Standing.enterprise_id).where(Standing.active_step.is_not(None), Enterprise.status == "active")
    steps = list(city.scalars(query))
    assert {c.step: c.total for c in board(city, MANAGER, Filters(status="active"), COLUMNS) if c.total} == {step: steps.count(step) for step in set(steps)}


def test_more_cards_follow_the_first_ones(city):
    column = max(board(city, MANAGER, Filters(), COLUMNS, limit=3), key=lambda c: max((g.total for g in c.groups), default=0))
    group = max(column.groups, key=lambda g: g.total)
    rest = cards(city, MANAGER, Filters(), column.step, group.id, after=group.after, limit=500)
    assert len(group.cards) + len(rest.rows) == group.total


def test_the_board_takes_three_queries(city):
    statements = []
    event.listen(city.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
    board(city, OFFICER, Filters(), COLUMNS)
    assert len(statements) == 3


def test_open_moves_of_another_city_are_not_listed(city):
    assert open_moves(city, ELSEWHERE).rows == []


def near(city, packs, item, access=MANAGER, **given):
    return near_list(city, access, packs_within(packs, "331000"), item, ON, Filters(), **given).firms


def test_the_near_list_of_a_title_shows_firms_that_lack_it(city, packs):
    found = near(city, packs, "srdi")
    assert found
    assert not any("srdi" in city.get(Standing, n.enterprise_id).titles for n in found)


def test_the_least_short_come_first_among_firms_with_complete_figures(city, packs):
    parts = [n.view.per_mille for n in near(city, packs, "register.industry") if n.is_sure and n.view.gap]
    assert parts == sorted(parts, reverse=True)


def test_the_near_list_of_a_register_test_holds_firms_of_its_industries_alone(city, packs):
    assert {city.get(Standing, n.enterprise_id).register_item for n in near(city, packs, "register.industry")} == {"register.industry"}


def test_choosing_a_criterion_leaves_the_firms_short_of_it(city, packs):
    chosen = near(city, packs, "srdi")[0].view.id
    assert {n.view.id for n in near(city, packs, "srdi", criterion=chosen)} == {chosen}


def test_the_near_list_ends_at_the_jurisdiction(city, packs):
    assert near(city, packs, "register.industry", access=ELSEWHERE) == []
