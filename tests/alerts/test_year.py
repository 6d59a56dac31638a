"""预警地图: whom it shows, in which order, page after page."""

from __future__ import annotations

from crm.alerts.models import Alert
from crm.alerts.yearly import firms, months
from crm.security.access import Access
from tests.city import ON

CITY = Access(None, "officer", frozenset({"officer"}), ("331000",))
ELSEWHERE = Access(None, "officer", frozenset({"officer"}), ("330800",))


def test_the_months_count_every_warning_that_stands(city):
    counted = sum(sum(levels.values()) for levels in months(city, CITY, "exit_risk", ON).values())
    assert counted == len(firms(city, CITY, "exit_risk", ON, limit=1000).rows)


def test_nobody_elsewhere_sees_a_firm(city):
    assert firms(city, ELSEWHERE, "exit_risk", ON).rows == []


def test_pages_by_key_show_each_firm_once(city):
    seen, after = [], None
    while True:
        page = firms(city, CITY, "exit_risk", ON, sort="chance", after=after, limit=5)
        seen += [row.alert.id for row in page.rows]
        if (after := page.after) is None:
            break
    assert seen == [row.alert.id for row in firms(city, CITY, "exit_risk", ON, sort="chance", limit=1000).rows]


def test_the_surest_come_first(city):
    chances = [row.chance for row in firms(city, CITY, "exit_risk", ON, sort="chance", limit=1000).rows]
    assert chances == sorted(chances, reverse=True)


def test_the_month_a_line_is_reached_follows_from_the_pace(city):
    row = firms(city, CITY, "exit_risk", ON, limit=1).rows[0]
    row.alert.evidence = {"line": 20, "ytd": 12, "months": 6, "projected": 24}
    assert row.crosses_in == 10


def test_without_figures_nobody_says_when(city):
    row = firms(city, CITY, "exit_risk", ON, limit=1).rows[0]
    row.alert.evidence = {}
    assert (row.crosses_in, Alert.__tablename__) == (None, "alert")
