"""The facts file: what is refused, with the path to it, and what each column holds."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from crm.criteria.columns import NEVER
from crm.criteria.errors import FactsError
from crm.criteria.facts import cell, facts_frame, read_enterprise, read_facts
from crm.criteria.terms import Column
from tests.criteria.conftest import DAY


def refused(pack: Any, **firm: Any) -> list[str]:
    with pytest.raises(FactsError) as caught:
        read_facts(json.dumps({"enterprises": [firm]}), pack)
    return [path for path, _ in caught.value.problems]


@pytest.mark.parametrize(
    ("firm", "path"),
    [
        ({"colour": "red"}, "enterprises[0].colour"),
        ({"uscc": "91330000142927442T"}, "enterprises[0].uscc"),
        ({"uscc": "91331081ma17066936"}, "enterprises[0].uscc"),
        ({"industry": 3441}, "enterprises[0].industry"),
        ({"industry": "344100"}, "enterprises[0].industry"),
        ({"year": {"2025": {"profits": 1}}}, "enterprises[0].year['2025'].profits"),
        ({"year": {"25": {"revenue": 1}}}, "enterprises[0].year['25']"),
        ({"year": {"2025": {"revenue": 1.5}}}, "enterprises[0].year.2025.revenue"),
        ({"year": {"2025": {"revenue": "1"}}}, "enterprises[0].year.2025.revenue"),
        ({"year": {"2025": {"revenue": -1}}}, "enterprises[0].year['2025'].revenue"),
        ({"year": {"2025": {"revenue": 10**16}}}, "enterprises[0].year['2025'].revenue"),
        ({"year": {"2025": {"niche_years": 3}}}, "enterprises[0].year['2025'].niche_years"),
        ({"ytd": {"2025-13": {"revenue": 1}}}, "enterprises[0].ytd['2025-13']"),
        ({"at": {"2025-02-30": {"niche_years": 1}}}, "enterprises[0].at['2025-02-30']"),
        ({"titles": [{"title": "knight", "granted_on": "2024-01-01"}]}, "enterprises[0].titles[0].title"),
        ({"titles": [{"title": "srdi", "granted_on": "2024-01-01", "valid_to": "2023-01-01"}]}, "enterprises[0].titles[0]"),
        ({"register": [{"entered_on": "2024-01-01", "exited_on": "2023-01-01"}]}, "enterprises[0].register[0].exited_on"),
        ({"events": [{"kind": "party", "on": "2024-01-01"}]}, "enterprises[0].events[0].kind"),
        ({"flags": {"rich": True}}, "enterprises[0].flags.rich"),
        ({"listing": [{"stage": "soon", "on": "2024-01-01"}]}, "enterprises[0].listing[0].stage"),
        ({"registered_on": "2024-13-01"}, "enterprises[0].registered_on"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(pack, firm, path):
    assert refused(pack, **firm) == [path]


def test_everything_wrong_is_told_at_once(pack):
    assert len(refused(pack, year={"2025": {"a": 1, "b": 2}}, flags={"c": True})) == 3


def test_what_is_no_json_is_refused(pack):
    with pytest.raises(FactsError, match="JSON"):
        read_facts("{", pack)


FIRM = {
    "industry": "C3441", "year": {"2025": {"revenue": 5, "revenue_local": 9}, "2023": {"revenue": 3, "revenue_local": 4}, "2020": {"revenue_local": 7}},
    "ytd": {"2026-03": {"revenue": 30}, "2026-04": {"revenue": 40}, "2026-06": {"revenue": 60}, "2025-04": {"revenue": 35}},
    "at": {"2025-06-30": {"niche_years": 7}, "2026-05-31": {"niche_years": 8}, "2026-07-01": {"niche_years": 9}},
    "register": [{"entered_on": "2019-01-01", "exited_on": "2023-12-31"}],
    "titles": [{"title": "srdi", "granted_on": "2023-06-01", "valid_to": "2026-06-01"}, {"title": "tech_sme", "granted_on": "2024-01-01", "revoked_on": "2026-06-01"}],
    "listing": [{"stage": "tutoring", "on": "2025-01-01"}], "events": [], "flags": {"brand": None},
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("identity", "industry"), "3441"),
        (Column("year", "revenue", -1), 5),
        (Column("year", "revenue", -2), None),
        (Column("before", "revenue_local", -1), 7),
        (Column("at", "niche_years"), 8),
        (Column("ytd", "revenue"), 40),
        (Column("ytd_month", "revenue"), 4),
        (Column("ytd_prior", "revenue"), 35),
        (Column("title", "srdi"), True),
        (Column("title", "tech_sme"), False),
        (Column("ever", "tech_sme"), True),
        (Column("title", "xiongying"), False),
        (Column("register", "in"), False),
        (Column("register", "last_exit"), date(2023, 12, 31)),
        (Column("stage", "share_reform"), True),
        (Column("stage", "accepted"), False),
        (Column("event", "accident"), NEVER),
        (Column("flag", "brand"), None),
    ],
)
def test_a_column_holds_what_was_known_on_the_day(pack, column, value):
    assert cell(read_enterprise(FIRM, pack), column, DAY) == value


@pytest.mark.parametrize("column", [Column("title", "srdi"), Column("register", "in"), Column("event", "accident"), Column("stage", "listed"), Column("register", "last_exit")])
def test_a_list_that_is_not_given_is_unknown(pack, column):
    assert cell(read_enterprise({}, pack), column, DAY) is None


def test_the_frame_has_every_column_the_pack_needs(pack):
    frame = facts_frame([read_enterprise(FIRM, pack)], pack, DAY)
    assert set(frame.columns) == {"uscc", *(c.name for c in pack.program(DAY).columns)}
