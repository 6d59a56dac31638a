"""The order of a day's visits: every firm once, no detour anybody would see, the same each time. Pure functions, no database."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.visits.route import EXACT, Leg, Stop, in_order, metres

degrees = st.tuples(st.floats(28.0, 29.0), st.floats(120.5, 121.9))
HOME = (28.37, 121.36)


def stops(points, first=1):
    return [Stop(n, *at) for n, at in enumerate(points, first)]


def length(points):
    return sum(metres(a, b) for a, b in pairwise(points))


def walked(found, legs, start=None):
    """Metres of a route, from its keys alone."""
    at = {stop.key: stop.at for stop in found}
    return length([*([start] if start else []), *(at[leg.key] for leg in legs)])


def nearest(points, start):
    left, way = list(points), [start]
    while left:
        way.append(min(left, key=lambda p: metres(way[-1], p)))
        left.remove(way[-1])
    return length(way)


def test_wenling_to_linhai_is_about_fifty_five_kilometres():
    assert metres((28.3718, 121.3857), (28.8585, 121.1448)) == pytest.approx(59_000, rel=0.02)


@pytest.mark.parametrize("start", [None, HOME])
def test_no_stops_make_no_route(start):
    assert in_order([], start) == []


@pytest.mark.parametrize(("start", "away"), [(None, None), (HOME, 0.0)])
def test_one_stop_is_the_route_and_has_a_distance_only_from_somewhere(start, away):
    assert in_order([Stop(7, *HOME)], start) == [Leg(7, away)]


@given(st.lists(st.one_of(st.none(), degrees), max_size=14), st.one_of(st.none(), degrees))
@settings(max_examples=60, deadline=None)
def test_every_stop_is_there_once(points, start):
    found = [Stop(n, *(at or (None, None)), township=str(n % 3)) for n, at in enumerate(points)]
    assert sorted(leg.key for leg in in_order(found, start)) == list(range(len(points)))


@given(st.lists(degrees, min_size=1, max_size=20), st.one_of(st.none(), degrees))
@settings(max_examples=60, deadline=None)
def test_it_is_never_longer_than_the_order_given(points, start):
    found = stops(points)
    assert walked(found, in_order(found, start), start) <= length([*([start] if start else []), *points]) + 1e-3


@given(st.lists(degrees, min_size=1, max_size=20), degrees)
@settings(max_examples=60, deadline=None)
def test_it_is_never_longer_than_going_to_the_nearest_each_time(points, start):
    found = stops(points)
    assert walked(found, in_order(found, start), start) <= nearest(points, start) + 1e-3


@given(st.lists(degrees, min_size=1, max_size=6), degrees)
@settings(max_examples=40, deadline=None)
def test_of_few_stops_no_order_is_shorter(points, start):
    found = stops(points)
    assert walked(found, in_order(found, start), start) <= min(length([start, *order]) for order in permutations(points)) + 1e-3


@given(st.lists(degrees, min_size=1, max_size=14))
@settings(max_examples=40, deadline=None)
def test_without_a_start_the_first_stop_stays_first(points):
    assert in_order(stops(points))[0] == Leg(1, None)


@given(st.lists(degrees, min_size=2, max_size=14, unique=True), degrees)
@settings(max_examples=40, deadline=None)
def test_the_distances_shown_add_up_to_the_way(points, start):
    found = stops(points)
    legs = in_order(found, start)
    assert sum(leg.metres for leg in legs) == pytest.approx(walked(found, legs, start), abs=1e-3)


@given(st.lists(degrees, min_size=1, max_size=14), st.one_of(st.none(), degrees))
@settings(max_examples=30, deadline=None)
def test_the_same_list_gives_the_same_route(points, start):
    assert in_order(stops(points), start) == in_order(stops(points), start)


@given(st.lists(degrees, min_size=1, max_size=EXACT, unique=True).flatmap(lambda p: st.tuples(st.just(p), st.permutations(p))), degrees)
@settings(max_examples=20, deadline=None)
def test_up_to_nine_stops_the_length_does_not_depend_on_how_they_were_listed(both, start):
    a, b = (walked(stops(points), in_order(stops(points), start), start) for points in both)
    assert a == pytest.approx(b, abs=1e-3)


def test_nine_on_a_line_are_called_on_along_it():
    line = [(28.3 + n / 100, 121.3) for n in (4, 1, 8, 2, 6, 3, 9, 5, 7)]
    assert [leg.key for leg in in_order(stops(line), (28.3, 121.3))] == [2, 4, 6, 1, 8, 5, 9, 3, 7]


def test_twenty_on_a_line_are_called_on_along_it():
    line = [(28.3 + n * 7 % 20 / 100, 121.3) for n in range(20)]
    assert [leg.key for leg in in_order(stops(line), (28.29, 121.3))] == [1 + n * 3 % 20 for n in range(20)]


def test_firms_nobody_can_place_come_last_and_township_by_township():
    found = [Stop(1, township="泽国镇"), Stop(2, township=""), Stop(3, *HOME), Stop(4, township="大溪镇"), Stop(5, township="泽国镇"), Stop(6, 28.4, None, "大溪镇")]
    assert [leg.key for leg in in_order(found)] == [3, 4, 6, 1, 5, 2]


def test_two_firms_at_one_gate_stay_in_the_order_given():
    found = [Stop(1, *HOME), Stop(9, 28.5, 121.4), Stop(4, 28.5, 121.4), Stop(2, 28.5, 121.4)]
    assert [leg.key for leg in in_order(found, HOME)] == [1, 9, 4, 2]
