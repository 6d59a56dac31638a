"""Campaigns on a database: which firms are chosen, what is written, what counts as done, who may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.ladder.models import Standing
from crm.visits.plans import operations as plans
from crm.visits.plans import queries
from crm.visits.plans.models import Assignment
from crm.visits.plans.schemas import Rule
from tests.visits.plans.conftest import AT, COUNTY, ELSEWHERE, LAST, ON, OTHER_TOWN, TOWN
from tests.world import digest


def chosen(place, rule, **given):
    return {f.id for f in plans.preview(place.session, place.boss, place.plan(rule=rule), ON, **given).firms}


def made(place, **given):
    return plans.create(place.session, place.boss, place.plan(**given), on=ON, at=AT)


def rows(place, campaign):
    return place.session.scalars(select(Assignment).where(Assignment.campaign_id == campaign.id).order_by(Assignment.id)).all()


def owed(place, campaign, on=ON):
    return queries.progress(place.session, place.boss, [campaign.id], on)[campaign.id]


def test_a_firm_seen_one_day_less_than_asked_is_not_chosen(place):
    place.visit(place.firms[0], ON - timedelta(days=89))
    assert place.firms[0].id not in chosen(place, Rule(unvisited_days=90))


def test_a_firm_seen_just_so_many_days_ago_is_chosen(place):
    place.visit(place.firms[0], ON - timedelta(days=90), hour=23)
    assert place.firms[0].id in chosen(place, Rule(unvisited_days=90))


def test_never_visited_leaves_out_whoever_was_ever_seen(place):
    place.visit(place.firms[0], ON - timedelta(days=3000))
    assert chosen(place, Rule(never_visited=True)) == {f.id for f in place.firms[1:]}


def test_a_rule_by_place_and_pool_takes_firms_that_meet_both(place):
    for firm, where, pools in zip(place.firms, ("small", "small", "strong", "strong"), (["step"], [], ["step"], ["stepping"]), strict=True):
        place.session.add(Standing(enterprise_id=firm.id, region_code=TOWN, place=where, pools=pools))
    place.session.flush()
    assert chosen(place, Rule(places=("strong",), pools=("step",))) == {place.firms[2].id}


def test_a_rule_by_alert_takes_the_firms_handed_in(place):
    handed = select(place.firms[1].__class__.id).where(place.firms[1].__class__.id == place.firms[1].id)
    assert chosen(place, Rule(alerted="any"), alerted=handed) == {place.firms[1].id}


def test_firms_out_of_business_are_not_chosen(place):
    place.firms[0].status = "cancelled"
    assert place.firms[0].id not in chosen(place, Rule())


def test_a_preview_says_how_many_each_gets_and_who_is_nobodys(place):
    place.firm(9, officer_id=place.chen.user_id)
    seen = plans.preview(place.session, place.boss, place.plan(per_officer=2), ON)
    assert (len(seen.firms), seen.span, seen.reasons) == (5, (2, 2), [("参加干部的名额已满", 1)])


def test_a_preview_writes_nothing(place):
    place.session.commit()
    before = digest(place.session)
    plans.preview(place.session, place.boss, place.plan(), ON)
    assert digest(place.session) == before


def test_every_turn_of_a_firm_falls_into_its_part_of_the_window(place):
    days = {(a.turn, a.due_on <= ON + timedelta(days=12)) for a in rows(place, made(place, per_firm=2))}
    assert days == {(1, True), (2, False)}


def test_a_visit_by_anyone_in_the_window_makes_it_done(place):
    campaign = made(place)
    place.visit(place.firms[0], ON, by=place.boss)
    assert owed(place, campaign)[:2] == (4, 1)


@pytest.mark.parametrize(("day", "hour", "done"), [(ON, 0, 1), (ON - timedelta(days=1), 23, 0), (LAST, 23, 1), (LAST + timedelta(days=1), 0, 0)])
def test_the_first_and_the_last_day_count_to_the_hour(place, day, hour, done):
    campaign = made(place)
    place.visit(place.firms[0], day, hour=hour)
    assert owed(place, campaign)[1] == done


def test_the_second_turn_wants_a_second_visit(place):
    campaign = made(place, per_firm=2)
    place.visit(place.firms[0], ON)
    assert owed(place, campaign)[:2] == (8, 1)


def test_a_call_does_not_count_where_only_going_there_does(place):
    campaign = made(place, onsite_only=True)
    place.visit(place.firms[0], ON, kind="phone")
    assert owed(place, campaign)[1] == 0


def test_it_is_overdue_from_the_day_after(place):
    campaign = made(place)
    first = min(a.due_on for a in rows(place, campaign))
    assert (owed(place, campaign, first)[2], owed(place, campaign, first + timedelta(days=1))[2] > 0) == (0, True)


def test_an_officer_owes_what_is_due_and_not_what_was_visited(place):
    made(place)
    before = {d.enterprise_id for d in queries.due(place.session, place.lin, LAST)}
    seen = next(f for f in place.firms if f.id in before)
    place.visit(seen, ON, by=place.chen)
    assert {d.enterprise_id for d in queries.due(place.session, place.lin, LAST)} == before - {seen.id}


def test_after_the_last_day_nobody_owes_anything(place):
    made(place)
    assert queries.due(place.session, place.lin, LAST + timedelta(days=1)) == []


def test_sharing_out_again_adds_only_what_is_missing(place):
    campaign = made(place)
    before = {(a.id, a.officer_id, a.due_on) for a in rows(place, campaign)}
    place.firm(9)
    added = plans.assign(place.session, place.boss, campaign.id, on=ON + timedelta(days=7), at=AT)
    after = {(a.id, a.officer_id, a.due_on) for a in rows(place, campaign)}
    assert (added, before <= after, len(after)) == (1, True, 5)


def test_sharing_out_again_finds_somebody_for_what_was_nobodys(place):
    campaign = made(place, per_officer=1)
    campaign.per_officer = 2
    plans.assign(place.session, place.boss, campaign.id, on=ON, at=AT)
    assert [a.officer_id for a in rows(place, campaign)].count(None) == 0


def test_two_who_share_out_at_once_write_nothing_twice(place, clean_engine):
    campaign = made(place)
    for number in range(9, 14):
        place.firm(number)
    place.session.commit()
    together = Barrier(2)

    def act() -> int:
        with Session(clean_engine) as own:
            together.wait()
            added = plans.assign(own, place.boss, campaign.id, on=ON, at=AT)
            own.commit()
            return added

    with ThreadPoolExecutor(2) as pool:
        added = sorted(future.result() for future in [pool.submit(act), pool.submit(act)])
    assert (added, place.session.scalar(select(func.count()).select_from(Assignment))) == ([0, 5], 9)


def test_giving_to_somebody_else_leaves_what_is_done(place):
    campaign = made(place)
    place.visit(place.firms[0], ON)
    moved = plans.reassign(place.session, place.boss, campaign.id, [a.id for a in rows(place, campaign)], place.chen.user_id, on=ON, at=AT)
    assert (moved.moved, moved.done) == (3, 1)


def test_a_firm_cannot_be_given_to_whoever_may_not_see_it(place):
    far = place.user("远助", "officer", OTHER_TOWN)
    campaign = made(place)
    with pytest.raises(Invalid):
        plans.reassign(place.session, place.boss, campaign.id, [rows(place, campaign)[0].id], far.user_id, on=ON, at=AT)


def test_a_campaign_ended_early_owes_nothing_more(place):
    campaign = made(place)
    plans.end(place.session, place.boss, campaign.id, on=ON, at=AT)
    assert queries.due(place.session, place.lin, LAST) == []


def test_a_visit_after_the_early_end_does_not_count(place):
    campaign = made(place)
    plans.end(place.session, place.boss, campaign.id, on=ON, at=AT)
    place.visit(place.firms[0], ON + timedelta(days=1))
    assert owed(place, campaign)[1] == 0


REFUSED = {
    "an officer makes one": (Forbidden, lambda p, _: plans.create(p.session, p.lin, p.plan(), on=ON, at=AT)),
    "a place elsewhere": (NotFound, lambda p, _: plans.create(p.session, p.boss, p.plan(region_code=ELSEWHERE), on=ON, at=AT)),
    "a strange officer": (Invalid, lambda p, _: plans.create(p.session, p.boss, p.plan(name="二", officers=(p.lin.user_id, 10**9)), on=ON, at=AT)),
    "no firm at all": (Invalid, lambda p, _: plans.create(p.session, p.boss, p.plan(name="二", rule=Rule(places=("large",))), on=ON, at=AT)),
    "the same twice": (Conflict, lambda p, _: plans.create(p.session, p.boss, p.plan(), on=ON, at=AT)),
    "an officer shares out": (Forbidden, lambda p, c: plans.assign(p.session, p.lin, c, on=ON, at=AT)),
    "somebody else's": (NotFound, lambda p, c: plans.end(p.session, p.user("外", "manager", ELSEWHERE), c, on=ON, at=AT)),
    "the county's, by a town": (Forbidden, lambda p, c: plans.end(p.session, p.user("镇", "manager", TOWN), c, on=ON, at=AT)),
    "after it is over": (Conflict, lambda p, c: plans.assign(p.session, p.boss, c, on=LAST + timedelta(days=1), at=AT)),
    "nothing chosen": (NotFound, lambda p, c: plans.reassign(p.session, p.boss, c, [], p.lin.user_id, on=ON, at=AT)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_leaves_the_database_as_it_was(place, case):
    campaign = made(place)
    place.session.commit()
    error, act = REFUSED[case]
    place.user("镇", "manager", TOWN)
    place.session.commit()
    before = {k: v for k, v in digest(place.session).items() if not k.startswith(("ab_", "user_"))}
    with pytest.raises(error):
        act(place, campaign.id)
    place.session.rollback()
    assert {k: v for k, v in digest(place.session).items() if not k.startswith(("ab_", "user_"))} == before


@pytest.mark.parametrize("given", [{"name": " "}, {"to_on": ON - timedelta(days=1)}, {"per_firm": 0}, {"per_officer": 0}, {"to_on": ON + timedelta(days=400)}], ids=str)
def test_a_plan_that_cannot_be_says_which_field(place, given):
    with pytest.raises(Invalid) as refused:
        place.plan(**given)
    assert refused.value.field == next(iter(given))


def test_those_of_a_town_see_the_countys_campaign_with_their_own_firms(place):
    campaign = made(place)
    place.firm(9, OTHER_TOWN)
    town = place.user("镇", "manager", OTHER_TOWN)
    plans.assign(place.session, place.boss, campaign.id, on=ON, at=AT)
    assert queries.progress(place.session, town, [campaign.id], ON)[campaign.id][0] == 1


def test_an_officer_who_takes_no_part_does_not_see_it(place):
    campaign = made(place, officers=(place.lin.user_id,))
    with pytest.raises(NotFound):
        queries.get_visible(place.session, place.chen, campaign.id)


def test_officers_are_told_once_what_they_got(place):
    from crm.notices.models import Notice

    made(place, region_code=COUNTY)
    assert {n.title for n in place.session.scalars(select(Notice))} == {"走访计划“万名干部助万企”分给您 2 家"}
