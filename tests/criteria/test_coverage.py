"""Which clauses of a text something rests on."""

from __future__ import annotations

from crm.criteria.coverage import coverage
from crm.criteria.packs import Pack
from crm.criteria.schema.documents import Clause, Document
from crm.criteria.schema.promises import Target, TargetValue, Task


def covered(pack, clauses, *uses):
    """Coverage of a document with these clauses by targets or tasks at `uses`."""
    document = Document(id="plan", title="方案", status="draft", clauses=tuple(Clause(id=c, text="文") for c in clauses))
    tasks = tuple(Task(id=f"task.{i}", label="任务", document="plan", clause=use) for i, use in enumerate(uses))
    return coverage(Pack.from_document(pack.book.model_copy(update={"documents": (*pack.book.documents, document), "tasks": tasks}).canonical()))[-1]


def used(found):
    return [c.id for c in found.clauses if c.uses]


def test_a_clause_something_rests_on_is_covered(pack):
    assert used(covered(pack, ["一", "二（一）1"], "二（一）1")) == ["二（一）1"]


def test_a_sentence_of_a_clause_covers_the_clause(pack):
    assert used(covered(pack, ["附件1 第2项", "附件1 第3项"], "附件1第2项 后半句")) == ["附件1 第2项"]


def test_clause_ten_does_not_cover_clause_one(pack):
    assert used(covered(pack, ["二（一）1", "二（一）10"], "二（一）10")) == ["二（一）10"]


def test_two_clauses_named_together_are_both_covered(pack):
    assert used(covered(pack, ["一", "二"], "一、二")) == ["一", "二"]


def test_a_clause_the_list_does_not_have_is_told(pack):
    assert covered(pack, ["一"], "九（九）9").unlisted == ("九（九）9",)


def test_a_value_of_a_target_takes_the_targets_document(pack):
    target = Target(id="goal", label="目标", unit="家", document="plan", values=(TargetValue(year=2029, value="5家", clause="一"),))
    document = Document(id="plan", title="方案", status="draft", clauses=(Clause(id="一", text="文"),))
    book = pack.book.model_copy(update={"documents": (*pack.book.documents, document), "targets": (target,)})
    assert [u.id for u in coverage(Pack.from_document(book.canonical()))[-1].clauses[0].uses] == ["goal"]


def test_documents_without_a_list_are_left_out(pack):
    assert coverage(pack) == []
