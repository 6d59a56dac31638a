"""What a pack pays, promises and asks of units: names that must exist, differences that must be put in words."""

from __future__ import annotations

from datetime import date

import pytest

from crm.criteria.coverage import coverage
from crm.criteria.packs import Pack
from crm.criteria.promising import check_promises
from crm.criteria.schema import ApplicationWindow, Award, Clause, Cluster, Document, Node, Question, Target, TargetValue, Task, Trigger

PLAN = Document(id="plan", title="方案", status="draft")


def troubles(pack, **sections):
    book = pack.book.model_copy(update={"documents": (*pack.book.documents, PLAN), **sections})
    return [(entry, key) for _, entry, key, _ in check_promises(Pack.from_document(book.canonical()))]


def award(**fields):
    return Award(**{"id": "money", "label": "奖励", "amount": "6万元", "document": "plan", "clause": "一"} | fields)


def target(*values, **fields):
    return Target(**{"id": "goal", "label": "目标", "unit": "家", "values": values} | fields)


def test_money_for_a_title_nobody_declared_is_refused(pack):
    assert troubles(pack, awards=(award(trigger=Trigger(kind="title", title="knight")),)) == [("money", "trigger.title")]


def test_money_for_a_line_of_an_unknown_measure_is_refused(pack):
    assert troubles(pack, awards=(award(trigger=Trigger(kind="crossing", measure="turnover", line="10亿元")),)) == [("money", "trigger.measure")]


def test_an_amount_without_its_unit_is_refused(pack):
    assert troubles(pack, awards=(award(amount="60000"),)) == [("money", "amount")]


def test_a_condition_of_an_award_that_cannot_be_read_is_refused(pack):
    node = Node(id="money.test", label="条件", test="turnover >= 1")
    assert troubles(pack, awards=(award(requires=node),)) == [("money", "money.test")]


def test_one_question_asked_in_two_wordings_is_refused(pack):
    asked = [Question(id="stack", text=text, options=("是", "否")) for text in ("叠加吗？", "可以叠加吗？")]
    pair = tuple(award(id=f"money.{i}", questions=(q,)) for i, q in enumerate(asked))
    assert troubles(pack, awards=pair) == [("money.1", "stack")]


@pytest.mark.parametrize(("kind", "fields"), [("title", {}), ("crossing", {"measure": "revenue"}), ("first_entry", {"title": "srdi"}), ("named", {"line": "1亿元"})])
def test_a_trigger_names_just_what_its_kind_needs(kind, fields):
    with pytest.raises(ValueError, match="trigger"):
        Trigger(kind=kind, **fields)


def test_two_numbers_for_one_year_without_a_word_about_it_are_refused(pack):
    both = [TargetValue(year=2027, value=v, document="plan", clause="一") for v in ("40家", "20家")]
    assert troubles(pack, targets=(target(*both),)) == [("goal", "values")]


def test_two_numbers_for_one_year_with_the_difference_in_words_are_kept(pack):
    both = [TargetValue(year=2027, value=v, document="plan", clause="一") for v in ("40家", "20家")]
    assert troubles(pack, targets=(target(*both, conflict="正文40，附件20"),)) == []


def test_the_same_number_written_twice_is_no_difference():
    assert target(*(TargetValue(year=2025, value=v) for v in ("30%", "30.0%"))).differing == ()


def test_one_number_counted_in_two_ways_is_a_difference():
    assert target(*(TargetValue(year=2025, value="6.5", reading=r) for r in ("拥有量", "授权量"))).differing == (2025,)


def test_what_was_reached_before_the_plan_is_no_goal():
    assert target(TargetValue(year=2022, value="4家", base=True), TargetValue(year=2027, value="10家")).stated(2022) == ()


def test_a_goal_that_counts_something_unknown_is_refused(pack):
    assert troubles(pack, targets=(target(TargetValue(year=2027, value="1家", document="plan"), counts="knights"),)) == [("goal", "counts")]


def test_a_task_for_a_goal_nobody_set_is_refused(pack):
    assert troubles(pack, tasks=(Task(id="do", label="任务", document="plan", targets=("goal",)),)) == [("do", "targets")]


def test_a_unit_that_leads_is_not_named_again_beside_itself(pack):
    assert troubles(pack, tasks=(Task(id="do", label="任务", document="plan", lead_unit="市经信局", units=("市经信局",)),)) == [("do", "units")]


def test_a_window_that_closes_before_it_opens_is_refused(pack):
    window = ApplicationWindow(id="w", label="窗口", title="srdi", year=2026, opens=date(2026, 5, 25), closes=date(2026, 4, 25), document="plan")
    assert troubles(pack, application_windows=(window,)) == [("w", "closes")]


def clustered(pack, **fields):
    cluster = Cluster(**{"id": "c", "label": "汽车", "kind": "集群", "document": "plan", "industries": ("36",)} | fields)
    ended = PLAN.model_copy(update={"effective_to": date(2027, 12, 31)})
    return Pack.from_document(pack.book.model_copy(update={"documents": (*pack.book.documents, ended), "clusters": (cluster,)}).canonical())


def test_a_firm_belongs_to_the_cluster_its_industry_lies_in(pack):
    assert [c.id for c in clustered(pack).clusters_of("3670", date(2026, 6, 1))] == ["c"]


def test_a_cluster_without_codes_holds_nobody(pack):
    assert clustered(pack, industries=()).clusters_of("3670", date(2026, 6, 1)) == ()


def test_a_cluster_of_a_plan_that_ended_holds_nobody(pack):
    assert clustered(pack).clusters_of("3670", date(2028, 1, 1)) == ()


def test_a_code_too_short_to_tell_is_in_no_cluster(pack):
    assert clustered(pack).clusters_of("3", date(2026, 6, 1)) == ()


def test_a_clause_nothing_rests_on_is_open_until_it_says_why(pack):
    clauses = (Clause(id="一", text="思路", reason="没有可计算的要求"), Clause(id="二", text="目标"))
    book = pack.book.model_copy(update={"documents": (*pack.book.documents, PLAN.model_copy(update={"clauses": clauses}))})
    found = coverage(Pack.from_document(book.canonical()))[-1]
    assert (found.reasoned, [c.id for c in found.open]) == (1, ["二"])
