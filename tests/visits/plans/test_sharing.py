"""Sharing firms out among officers, and their days: rows in, rows out, no database."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.core import workdays
from crm.visits.plans.schemas import Firm, Rule, Sharer
from crm.visits.plans.sharing import due_days, parts, sees, share

COUNTY, TOWN, OTHER_TOWN = "331081", "331081100", "331081101"
CODES = st.sampled_from([COUNTY, TOWN, OTHER_TOWN, "331082", "331082100"])


def firms(*places, officer=None):
    return [Firm(n, f"第{n}厂", code, None, officer) for n, code in enumerate(places, 1)]


def officers(*codes):
    return [Sharer(n, f"干部{n}", (code,)) for n, code in enumerate(codes, 101)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 80), st.integers(1, 9))
def test_where_nothing_ties_a_firm_sizes_differ_by_one_at_most(many, hands):
    shared = share(firms(*[TOWN] * many), officers(*[COUNTY] * hands), Rule())
    sizes = [Counter(shared.given.values())[o] for o in range(101, 101 + hands)]
    assert max(sizes) - min(sizes) <= 1


@settings(max_examples=80, deadline=None)
@given(st.lists(CODES, max_size=30), st.lists(CODES, max_size=6), st.booleans(), st.one_of(st.none(), st.integers(1, 5)))
def test_every_firm_is_with_one_officer_or_left_exactly_once(places, codes, nearest, most):
    there = firms(*places)
    shared = share(there, officers(*codes), Rule(nearest=nearest), most=most)
    assert sorted([*shared.given, *shared.left]) == [f.id for f in there]


@settings(max_examples=80, deadline=None)
@given(st.lists(CODES, max_size=30), st.lists(CODES, min_size=1, max_size=6))
def test_nobody_is_given_a_firm_out_of_sight(places, codes):
    there, hands = {f.id: f for f in firms(*places)}, {o.id: o for o in officers(*codes)}
    shared = share(list(there.values()), list(hands.values()), Rule())
    assert all(sees(hands[o].codes, there[f].region_code, None) for f, o in shared.given.items())


@settings(max_examples=60, deadline=None)
@given(st.lists(CODES, min_size=1, max_size=30), st.integers(1, 4))
def test_nobody_takes_more_than_the_quota(places, most):
    shared = share(firms(*places), officers(COUNTY, TOWN, "331082"), Rule(), most=most)
    assert max(Counter(shared.given.values()).values(), default=0) <= most


def test_a_firm_keeps_its_own_officer_however_loaded():
    shared = share(firms(*[TOWN] * 6, officer=102), officers(COUNTY, COUNTY), Rule())
    assert set(shared.given.values()) == {102}


def test_what_the_own_officer_has_no_room_for_goes_to_another():
    assert Counter(share(firms(*[TOWN] * 3, officer=102), officers(COUNTY, COUNTY), Rule(), most=2).given.values()) == {102: 2, 101: 1}


def test_an_officer_who_takes_no_part_does_not_keep_the_firm():
    assert share(firms(TOWN, officer=999), officers(COUNTY), Rule()).given == {1: 101}


def test_an_own_officer_who_may_no_longer_see_the_firm_does_not_keep_it():
    assert share(firms(TOWN, officer=102), officers(COUNTY, "331082"), Rule()).given == {1: 101}


def test_the_officer_of_the_own_town_goes_before_the_countys():
    assert set(share(firms(TOWN, TOWN, TOWN), officers(COUNTY, TOWN), Rule()).given.values()) == {102}


def test_without_that_rule_the_countys_officer_shares_the_load():
    assert Counter(share(firms(*[TOWN] * 4), officers(COUNTY, TOWN), Rule(nearest=False)).given.values()) == {101: 2, 102: 2}


def test_a_full_town_officer_hands_on_to_the_county():
    assert Counter(share(firms(TOWN, TOWN, TOWN), officers(COUNTY, TOWN), Rule(), most=2).given.values()) == {102: 2, 101: 1}


def test_a_firm_nobody_may_see_says_so():
    assert share(firms("331082100"), officers(COUNTY), Rule()).left == {1: "no_officer"}


def test_what_officers_have_already_counts():
    assert share(firms(TOWN, TOWN), officers(COUNTY, COUNTY), Rule(), loads={101: 5}).given == {1: 102, 2: 102}


def test_a_zones_officer_takes_the_zones_firms():
    there = [Firm(1, "甲", TOWN, "331081-F01", None), Firm(2, "乙", TOWN, None, None)]
    assert share(there, [Sharer(101, "区", ("331081-F01",))], Rule()).left == {2: "no_officer"}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.dates(date(2026, 1, 1), date(2026, 12, 1)), st.integers(0, 60))
def test_days_lie_in_the_window_in_order_and_on_work_days_where_there_are_any(many, first, length):
    last = date.fromordinal(first.toordinal() + length)
    days = due_days(many, first, last)
    works = any(workdays.works(date.fromordinal(n)) for n in range(first.toordinal(), last.toordinal() + 1))
    assert (len(days), days, first <= days[0], days[-1] <= last, not works or all(map(workdays.works, days))) == (many, sorted(days), True, True, True)


def test_a_window_of_one_day_repeats_it_for_every_turn():
    assert parts(date(2026, 11, 2), date(2026, 11, 2), 2) == [(date(2026, 11, 2), date(2026, 11, 2))] * 2


def test_two_turns_cut_the_window_in_half():
    assert parts(date(2026, 11, 1), date(2026, 11, 10), 2) == [(date(2026, 11, 1), date(2026, 11, 5)), (date(2026, 11, 6), date(2026, 11, 10))]
