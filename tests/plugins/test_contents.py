"""What the packs must hold: places and steps, register tests for every industry that has one, titles by purpose and day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from crm.alerts.levels import NAMES
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.expressions import parse_condition
from crm.criteria.facts import facts_frame, read_enterprise

if TYPE_CHECKING:
    from crm.criteria.packs import Packs

TITLES = [
    "innovative_sme", "tech_sme", "tech_sme_zj", "hnte", "srdi", "little_giant", "key_little_giant", "hidden_champion", "champion_zj", "champion",
    "gazelle", "unicorn", "xiongying", "chain_leader", "listed", "top500_manufacturing", "top500_private_manufacturing", "rd_center_city",
    "rd_center", "digital_workshop", "smart_factory", "future_factory",
]  # fmt: skip
AWARDS = [
    "first_entry", "revenue_line.10yi", "revenue_line.50yi", "revenue_line.100yi", "revenue_line.200yi", "revenue_line.500yi", "revenue_line.1000yi",
    "title.little_giant", "title.hidden_champion", "title.champion_demo", "title.champion_product", "top500_manufacturing",
    "top500_private_manufacturing", "dcmm.2", "dcmm.3", "dcmm.4", "electronics_line.1yi", "electronics_line.2yi", "electronics_line.5yi",
    "electronics_line.10yi",
]  # fmt: skip
REGISTER = {
    "0610": "industry", "1311": "industry", "4690": "industry", "5110": "wholesale", "5291": "retail", "6110": "lodging_catering", "6299": "lodging_catering",
    "5310": "services_2000", "6090": "services_2000", "6513": "services_2000", "7620": "services_2000", "7990": "services_2000", "8411": "services_2000",
    "7111": "services_1000", "7590": "services_1000", "8310": "services_1000", "7020": "services_1000", "7030": "services_1000", "7040": "services_1000",
    "7090": "services_1000", "8010": "services_500", "8290": "services_500", "8511": "services_500", "8610": "services_500", "9090": "services_500",
    "4710": "construction", "5090": "construction", "7010": "real_estate",
}  # fmt: skip
OUTSIDE = ["0111", "6620", "9610"]


def test_the_ladder_of_taizhou_has_five_places_and_four_steps(packs: Packs) -> None:
    pack = packs["taizhou"]
    assert ([p.id for p in pack.ladder], [s.id for s in pack.steps]) == (
        ["small", "above_size", "strong", "listed", "large"], ["step_up", "grow_strong", "go_public", "grow_large"]
    )


@pytest.mark.parametrize("title", TITLES)
def test_taizhou_knows_the_title(packs: Packs, title: str) -> None:
    assert title in packs["taizhou"].titles


@pytest.mark.parametrize("title", ["xiongying", "chain_leader", "gazelle", "unicorn"])
def test_a_title_whose_number_no_text_gives_is_recorded_without_a_test(packs: Packs, title: str) -> None:
    assert packs["taizhou"].titles[title].rules == ()


@pytest.mark.parametrize("award", AWARDS)
def test_taizhou_knows_the_award(packs: Packs, award: str) -> None:
    assert award in {a.id for a in packs["taizhou"].book.awards}


@pytest.fixture(scope="module")
def registers(packs: Packs) -> dict[str, str | None]:
    """Industry code -> key of the register test of a firm of that industry, all evaluated at once."""
    pack, day, codes = packs["cn"], date(2025, 10, 20), [*REGISTER, *OUTSIDE]
    firms = [read_enterprise({"uscc": "91331081MA17066936", "name": "例", "industry": code}, pack) for code in codes]
    views = explain_all(evaluate(pack, facts_frame(firms, pack, day), day))
    return {code: seen.register and seen.register.key for code, seen in zip(codes, views, strict=True)}


@pytest.mark.parametrize(("code", "test"), REGISTER.items(), ids=REGISTER)
def test_each_industry_meets_its_own_register_test(registers: dict[str, str | None], code: str, test: str) -> None:
    assert registers[code] == f"register.{test}"


@pytest.mark.parametrize("code", OUTSIDE)
def test_an_industry_outside_the_four_above_has_no_register_test(registers: dict[str, str | None], code: str) -> None:
    assert registers[code] is None


@pytest.mark.parametrize(("day", "document"), [(date(2026, 3, 31), "miit-2022-63"), (date(2026, 4, 1), "miit-2026-2")])
def test_the_rule_of_srdi_changes_on_the_first_of_april_2026(packs: Packs, day: date, document: str) -> None:
    assert packs["cn"].program(day).by_key["srdi"].source.document == document


@pytest.mark.parametrize(("day", "document"), [(date(2026, 12, 31), "miit-2022-63-annex3"), (date(2027, 1, 1), "miit-2026-2")])
def test_reviews_of_little_giants_keep_the_old_standard_through_2026(packs: Packs, day: date, document: str) -> None:
    assert packs["cn"].program(day).by_key["little_giant.review"].source.document == document


def test_the_records_of_taizhou_bear_the_head_of_its_task_force(packs: Packs) -> None:
    visit = packs["taizhou"].visit
    assert visit is not None
    assert visit.unit_name == "台州市助企服务工作专班"


def test_the_ladder_of_ruian_is_its_own(packs: Packs) -> None:
    assert [p.label for p in packs["ruian"].ladder] == ["小微", "规上", "隐形冠军", "小巨人", "单项冠军", "上市"]


def test_the_first_unit_named_leads_in_ruian(packs: Packs) -> None:
    ladder = next(t for t in packs["ruian"].book.tasks if t.id == "ra.task.8")
    assert ladder.lead_unit == "市发改局"


def test_quzhou_shows_both_its_goals_for_little_giants(packs: Packs) -> None:
    goal = next(t for t in packs["quzhou"].book.targets if t.id == "qz.little_giant")
    assert [(v.clause, v.value) for v in goal.values] == [("二（三）8", "40家"), ("附件2 第16项", "20家")]


def test_a_figure_the_published_text_of_ruian_lost_is_unknown(packs: Packs) -> None:
    goal = next(t for t in packs["ruian"].book.targets if t.id == "ra.nev_output")
    assert [v.value for v in goal.values] == [None]


@pytest.mark.parametrize("rule", ["exit_risk", "near_threshold"])
def test_every_condition_of_an_alert_can_be_read(packs: Packs, rule: str) -> None:
    conditions = [level.if_ for level in packs["taizhou"].alerts[rule].levels if level.if_]
    assert all(parse_condition(text, NAMES) for text in conditions)


@pytest.mark.parametrize("rule", ["exit_risk", "near_threshold"])
def test_an_alert_without_figures_is_grey_before_it_can_be_green(packs: Packs, rule: str) -> None:
    levels = [level.level for level in packs["taizhou"].alerts[rule].levels]
    assert levels.index("grey") < levels.index("green")
