"""One criterion short of a title: which, how much, and whether this year can still mend it. Unknown is not short."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import polars as pl
import pytest

from crm.alerts.titles import headline, near_titles
from crm.config import ROOT
from crm.criteria.engine import evaluate
from crm.criteria.facts import facts_frame, read_enterprise
from crm.criteria.loading import load_packs
from tests.criteria.conftest import PACKS

ON = date(2026, 6, 1)


@pytest.fixture(scope="module")
def pack():
    return load_packs(PACKS, ["cn"])["cn"]


@pytest.fixture(scope="module")
def rule():
    """The shipped levels."""
    return load_packs(Path(ROOT / "plugins"), ["cn"])["cn"].alerts["near_threshold"]


@pytest.fixture
def short(pack, rule):
    """short(**figures) -> titles told of a firm that fulfils 专精特新 but for what is given; None: no alert."""

    def go(*, at=None, year=None, titles=({"title": "tech_sme", "granted_on": "2025-01-01"},), live=True, flags=None, **more):
        figures = {"revenue": (50_000_000, 40_000_000, 30_000_000), "rd_expense": (2_000_000, 2_000_000), "assets_total": (10**9,), "liabilities_total": (8 * 10**8,), **(year or {})}
        years: dict = {}
        for measure, values in figures.items():
            for back, value in enumerate(values):
                years.setdefault(str(2025 - back), {})[measure] = value
        given = {
            "region": "331081", "industry": "3441", "year": years, "at": {"2026-05-01": {"niche_years": 3, "ip_class1": 0, "employees": 60, **(at or {})}},
            "titles": list(titles), "events": [], "register": [], "flags": {"prohibited_industry": False, "brand": True, **(flags or {})}, **more,
        }
        one = read_enterprise(given, pack)
        evaluation = evaluate(pack, facts_frame([one], pack, ON), ON)
        found = near_titles(evaluation, rule, pl.DataFrame({"enterprise_id": [1], "stopped": [not live]}))
        return found.row(0, named=True) if found.height else None

    return go


def told(found):
    return [(t["title"], t["criterion"], t["when"]) for t in orjson.loads(found["titles"])] if found else []


def test_a_firm_that_lacks_nothing_is_not_told(short):
    assert short() is None


@pytest.mark.parametrize(("rd", "alert"), [(1_499_999, True), (1_500_000, False), (1_200_000, True), (1_199_999, False)])
def test_short_is_just_below_the_line_and_from_four_fifths_of_it_on(short, rd, alert):
    """3 % of 50,000,000 is 1,500,000; four fifths of that 1,200,000."""
    assert told(short(year={"rd_expense": (rd, 2_000_000)})) == ([("srdi", "srdi.rd", "next")] if alert else [])


def test_it_says_what_and_how_much_in_the_unit_a_person_uses_and_when_it_can_turn(short):
    found = short(year={"rd_expense": (1_380_000, 2_000_000)})
    assert headline(found["titles"]) == "离专精特新只差 1 条：近两年研发费用占比均≥3% 差0.24个百分点（今年已定，等下一年度的数）"


def test_a_figure_of_today_can_still_be_mended_this_year(short):
    assert told(short(titles=[])) == [("srdi", "srdi.gate.tech", "now")]


@pytest.mark.parametrize("missing", [{"year": {"rd_expense": (None, 2_000_000)}}, {"at": {"niche_years": None}}])
def test_what_is_unknown_is_not_short(short, missing):
    assert short(**missing) is None


def test_a_second_criterion_nobody_knows_leaves_it_open_whether_one_is_all(short):
    assert short(at={"niche_years": None}, year={"rd_expense": (1_380_000, 2_000_000)}) is None


def test_one_bad_year_settles_it_whatever_the_other_was(short):
    assert told(short(year={"rd_expense": (1_380_000, None)})) == [("srdi", "srdi.rd", "next")]


def test_an_unknown_alternative_beside_a_fulfilled_one_does_not_matter(short):
    found = short(at={"ip_class1": None}, year={"rd_expense": (1_380_000, 2_000_000)})
    assert told(found) == [("srdi", "srdi.rd", "next")]


def test_two_wants_are_no_alert(short):
    assert short(titles=[], year={"rd_expense": (1_380_000, 2_000_000)}) is None


def test_a_firm_that_holds_the_title_is_not_told_of_it(short):
    held = [{"title": "tech_sme", "granted_on": "2025-01-01"}, {"title": "srdi", "granted_on": "2025-05-01"}]
    assert short(titles=held, year={"rd_expense": (1_380_000, 2_000_000)}) is None


def test_a_veto_is_nothing_to_be_mended(short):
    assert short(flags={"prohibited_industry": True}) is None


def test_a_firm_that_stopped_is_not_told(short):
    assert short(titles=[], live=False) is None


def test_several_titles_are_one_alert_with_the_nearest_first(short):
    found = short(flags={"brand": False}, at={"ip_class1": 1}, year={"rd_expense": (1_380_000, 2_000_000)})
    assert (told(found), headline(found["titles"])[:17]) == ([("srdi", "srdi.rd", "next"), ("innovative_sme", "innovative_sme.direct", "now")], "离 2 个称号各只差 1 条，最近")
