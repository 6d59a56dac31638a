"""How far a firm is from a title: what is short, what can still turn this year, what to ask for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crm.config import ROOT
from crm.criteria.answer import answer
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.facts import facts_frame, read_enterprise
from crm.criteria.loading import load_packs
from crm.criteria.prospects import distance
from crm.criteria.rulebook import rule_lines

ON = date(2026, 6, 1)


@pytest.fixture(scope="module")
def shipped():
    return load_packs(Path(ROOT / "plugins"), ["cn"])["cn"]


def far(pack, title, **facts):
    firm = read_enterprise({"industry": "3441", **facts}, pack)
    seen = explain_all(evaluate(pack, facts_frame([firm], pack, ON), ON))[0]
    return distance(pack, seen.items[title], pack.program(ON))


def turning(found):
    return {p.view.id: p.when for p in found.short}


def test_a_figure_of_a_closed_year_turns_with_the_next_years_figures(shipped):
    assert turning(far(shipped, "little_giant", year={"2025": {"revenue": 40_000_000}}))["little_giant.revenue"] == "next"


def test_a_count_of_today_can_still_turn_this_year(shipped):
    assert turning(far(shipped, "little_giant", at={"2026-05-01": {"ip_class1": 3}}))["little_giant.ip.count"] == "now"


def test_a_title_not_held_can_still_be_won_this_year(shipped):
    assert turning(far(shipped, "little_giant", titles=[]))["little_giant.gate"] == "now"


def test_an_industry_does_not_turn(shipped):
    assert turning(far(shipped, "champion", industry="5132"))["champion.manufacturing"] == "fixed"


def test_a_settled_figure_puts_the_title_out_of_reach_this_year(shipped):
    assert far(shipped, "little_giant", titles=[], year={"2025": {"revenue": 40_000_000}}).this_year is False


def test_what_is_unknown_is_asked_for(shipped):
    assert "2025年研发费用" in far(shipped, "srdi").asks


def test_an_alternative_beside_one_that_is_met_is_not_short(shipped):
    held = [{"title": "tech_sme", "granted_on": "2025-11-01", "valid_to": "2026-12-31", "kind": "first"}]
    assert "srdi.gate.innovative_sme" not in turning(far(shipped, "srdi", titles=held))


def test_the_answer_of_evaluate_says_how_far_and_when(shipped):
    firm = read_enterprise({"industry": "3441", "titles": [], "year": {"2025": {"revenue": 40_000_000}}}, shipped)
    evaluation = evaluate(shipped, facts_frame([firm], shipped, ON), ON)
    titles = answer(shipped, ON, [firm], explain_all(evaluation), {})["results"][0]["titles"]
    short = next(t for t in titles if t["id"] == "little_giant" and t["purpose"] == "award")["distance"]["short"]
    assert [(s["gap"], s["turns"]) for s in short if s["id"] == "little_giant.revenue"] == [("1,000万元", "next")]


def test_pack_explain_says_when_each_condition_can_turn(shipped):
    line = next(line for line in rule_lines(shipped, "little_giant", ON) if "little_giant.revenue›" in line)
    assert line.endswith("→ 看 2025 年的数，2025 年已过；2027 年起看 2026 年的数")
