"""What an explanation says of one firm: figures, gaps, questions, sources, distance."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from crm.criteria import wording
from crm.criteria.engine import evaluate
from crm.criteria.explain import Explanation, explain_all
from crm.criteria.facts import facts_frame, read_enterprise
from tests.criteria.conftest import DAY


def seen(pack: Any, on: date = DAY, **firm: Any) -> Explanation:
    return explain_all(evaluate(pack, facts_frame([read_enterprise(firm, pack)], pack, on), on))[0]


def criterion(explanation: Explanation, item: str, name: str) -> Any:
    return next(c for c in explanation.items[item].criteria if c.id == name)


def years(**values: tuple[int | None, ...]) -> dict[str, dict[str, int | None]]:
    """revenue=(last, before, …) -> the facts file's form."""
    return {str(DAY.year - 1 - i): {n: v[i] for n, v in values.items() if i < len(v)} for i in range(4)}


def test_a_short_ratio_says_how_many_points_are_missing(pack):
    leaf = criterion(seen(pack, year=years(revenue=(10**8, 10**8), rd_expense=(2_760_000, 3_000_000))), "srdi", "srdi.rd")
    assert (leaf.state, leaf.actual, leaf.required, leaf.gap, leaf.period) == ("unmet", "2.76%", "≥3%", "0.24个百分点", "2024–2025年")


def test_a_short_sum_says_how_much_money_is_missing(pack):
    leaf = criterion(seen(pack, industry="3441", year=years(revenue_main=(19_130_000,))), "step_up.revenue_band", "b")
    short = seen(pack, industry="3441", year=years(revenue_main=(19_130_000,))).register
    assert (leaf.state, short.criteria[0].gap, short.criteria[0].per_mille) == ("met", "87万元", 956)


def test_a_figure_over_its_line_by_a_hair_does_not_look_equal_to_it(pack):
    leaf = criterion(seen(pack, year=years(assets_total=(10**9,), liabilities_total=(800_000_001,))), "srdi", "srdi.debt")
    assert (leaf.state, leaf.actual, leaf.gap) == ("unmet", "80.0000001%", "0.01个百分点")


def test_what_is_unknown_is_asked_for(pack):
    leaf = criterion(seen(pack, year=years(assets_total=(10**9,))), "srdi", "srdi.debt")
    assert (leaf.state, leaf.asks) == ("unknown", ("2025年负债总额",))


def test_a_flag_without_record_is_not_asked_for_when_missing_means_no(pack):
    assert "属于禁止、限制、淘汰类" not in seen(pack).asks


def test_a_source_gives_document_clause_and_status(pack):
    source = criterion(seen(pack), "srdi", "srdi.debt").source
    assert (source.document, source.clause, source.status, source.labels) == ("工信部企业〔2026〕2号", "附件1", "in_force", ())


def test_a_default_is_never_shown_as_policy(pack):
    assert seen(pack).items["step_up.revenue_band"].source.labels == ("系统默认，非政策",)


def test_before_a_rule_begins_there_is_no_rule_in_force(pack):
    assert seen(pack, date(2026, 3, 31)).items["srdi"].state == "not_in_force"


def test_past_the_end_of_a_parameter_there_is_no_rule_in_force(pack):
    assert seen(pack, date(2030, 1, 1), industry="3441", year={"2029": {"revenue_main": 10**9}}).register_state == "not_in_force"


def test_an_industry_without_test_has_none_in_force(pack):
    explanation = seen(pack, industry="0111", year=years(revenue=(10**9,)))
    assert (explanation.register, explanation.register_state) == (None, "not_in_force")


def test_a_code_too_short_to_tell_leaves_the_register_test_open(pack):
    assert seen(pack, industry="70", year=years(revenue=(10**9,))).register_state == "unknown"


@pytest.mark.parametrize(
    ("staff", "revenue", "size"),
    [(1200, 300_000_000, "medium"), (15, 500_000_000, "micro"), (1000, 400_000_000, "large"), (300, 20_000_000, "medium"), (300, 19_999_999, "small"), (10, None, "micro"), (1200, None, "unknown")],
)
def test_size_class_takes_the_lower_of_its_two_lines(pack, staff, revenue, size):
    assert seen(pack, industry="3441", year=years(employees=(staff,), revenue=(revenue,))).size_class == size


def test_a_score_over_unknown_items_is_an_interval(pack):
    view = next(s for s in seen(pack, at={"2026-01-01": {"ip_class1": 1}}).items["innovative_sme"].scores if s.whole)
    assert (view.low, view.high, view.text) == (Fraction(20), Fraction(40), "20–40")


def test_a_criterion_that_is_not_asked_of_a_firm_is_not_shown(pack):
    assert "srdi.first" not in {c.id for c in seen(pack, year=years(revenue=(10**7,))).items["srdi"].criteria}


def test_the_step_up_of_a_firm_on_its_line_is_proposed_and_noted(pack):
    explanation = seen(pack, industry="3441", year=years(revenue_main=(20_000_000,)), register=[])
    assert (explanation.steps[0].proposes, [n.id for n in explanation.notes], explanation.tier) == (True, ["should_register"], "small")


def test_a_firm_in_the_register_stands_on_the_place_above(pack):
    assert seen(pack, register=[{"entered_on": "2020-01-01"}]).tier == "above_size"


def test_the_distance_counts_criteria_and_names_the_measured_one_furthest_off(pack):
    firm = {"year": years(revenue=(10**8, 10**8, 10**8), rd_expense=(2_760_000, 3_000_000), assets_total=(100,), liabilities_total=(90,)), "titles": []}
    view = seen(pack, **firm).items["srdi"]
    assert (view.reach.missing, view.near.id) == (4, "srdi.debt")


def test_of_alternatives_the_nearest_counts(pack):
    firm = {"at": {"2026-01-01": {"ip_class1": 0}}, "flags": {"brand": True}, "year": years(employees=(49,))}
    node = next(n for n in seen(pack, **firm).items["srdi"].tree.children if n.kind == "at_least")
    assert (node.state, [c.state for c in node.children]) == ("unmet", ["unmet", "met", "unmet"])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(26_500_000, "元", "2,650万元"), (19_999_960, "元", "1,999.996万元"), (10**8, "元", "1亿元"), (9_999, "元", "9,999元"), (Fraction(3, 100), "%", "3%"), (-5, "人", "−5人"), (Fraction(11, 2), "分", "5.5分")],
)
def test_amounts_are_said_as_people_say_them(value, unit, text):
    assert wording.amount(Fraction(value), unit) == text


def test_a_gap_is_rounded_up_so_that_closing_it_is_enough():
    assert wording.gap(Fraction(241, 100_000), "%") == "0.25个百分点"
