"""The picture 专精特新链品: unknown is not zero, and every condition of the title stands in one dimension or under 其他."""

from __future__ import annotations

from datetime import date

import pytest

from crm.config import ROOT
from crm.criteria.answer import answer
from crm.criteria.checking import check
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.facts import facts_frame, read_enterprise
from crm.criteria.loading import load_packs
from crm.criteria.profile import profile

REVIEW_2026 = date(2026, 6, 1)
GROUPED = [("little_giant.review", date(2026, 6, 1)), ("little_giant", date(2026, 6, 1)), ("little_giant", date(2025, 6, 1)), ("little_giant.review", date(2027, 6, 1))]


@pytest.fixture(scope="module")
def shipped():
    return load_packs(ROOT / "plugins", ["cn"])["cn"]


def seen(pack, on, **facts):
    firm = read_enterprise({"industry": "3441", **facts}, pack)
    return firm, explain_all(evaluate(pack, facts_frame([firm], pack, on), on))[0]


def sides(pack, item, on=REVIEW_2026, **facts):
    explanation = seen(pack, on, **facts)[1]
    return {side.mark: side for side in profile(pack, explanation.items[item], on).sides}


def test_a_dimension_nobody_knows_anything_of_has_no_share(shipped):
    assert [side.share for side in sides(shipped, "little_giant.review").values()] == [None] * 6


def test_a_dimension_that_is_failed_for_certain_is_zero(shipped):
    assert sides(shipped, "little_giant.review", flags={"key_link": False})["链"].share == (0.0, 0.0)


def test_what_is_unknown_widens_the_share(shipped):
    refined = sides(shipped, "little_giant.review", flags={"core_system": True, "certified": False})["精"]
    assert (refined.share, refined.text) == ((0.25, 0.75), "1/4 缺2项")


def test_the_review_of_2026_has_the_dimensions_of_annex_3(shipped):
    assert list(sides(shipped, "little_giant.review")) == ["专", "精", "特", "新", "链", "品"]


@pytest.mark.parametrize(("item", "on"), GROUPED)
def test_every_condition_stands_in_one_dimension_or_under_other(shipped, item, on):
    view = seen(shipped, on)[1].items[item]
    found = profile(shipped, view, on)
    assert sorted(id(n) for side in (*found.sides, found.other) for n in side.nodes) == sorted(id(n) for n in view.tree.children)


@pytest.mark.parametrize(("item", "on", "basis"), [("little_giant", date(2026, 6, 1), "default"), ("little_giant.review", date(2026, 6, 1), "V-repo")])
def test_a_grouping_of_our_own_is_no_policy_and_that_of_the_text_names_it(shipped, item, on, basis):
    source = profile(shipped, seen(shipped, on)[1].items[item], on).source
    assert (source.basis, source.document is None) == (basis, basis == "default")


def test_a_title_without_dimensions_has_no_profile(shipped):
    assert profile(shipped, seen(shipped, REVIEW_2026)[1].items["hnte"], REVIEW_2026) is None


def test_evaluate_answers_with_met_known_and_all(shipped):
    firm, explanation = seen(shipped, REVIEW_2026, flags={"core_system": True, "certified": False})
    told = answer(shipped, REVIEW_2026, [firm], [explanation], {})["results"][0]["titles"]
    review = next(t for t in told if t["id"] == "little_giant" and t["purpose"] == "review")
    refined = next(d for d in review["profile"]["dimensions"] if d["id"] == "refined")
    assert (refined["met"], refined["known"], refined["all"], len(refined["criteria"])) == (1, 2, 4, 4)


@pytest.mark.parametrize(("of", "said"), [
    (("little_giant.moon",), "不在 award 规则"), (("little_giant.debt",), "归了 2 次"), (("little_giant.ip.count",), "all 的第一层"),
])
def test_a_dimension_of_conditions_that_are_not_there_or_taken_is_refused(shipped, of, said):
    title = shipped.titles["little_giant"]
    drawn = title.rules[0].profile
    broken = drawn.model_copy(update={"dimensions": (*drawn.dimensions[:-1], drawn.dimensions[-1].model_copy(update={"of": of}))})
    rules = (title.rules[0].model_copy(update={"profile": broken}), *title.rules[1:])
    titles = tuple(title.model_copy(update={"rules": rules}) if t is title else t for t in shipped.book.titles)
    assert [said in p.message for p in check(shipped.book.model_copy(update={"titles": titles}), {})] == [True]
