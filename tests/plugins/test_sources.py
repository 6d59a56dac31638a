"""Every number of every pack says which document, which clause, how sure, and when it was looked at."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from crm.criteria.boundaries import rule_days
from crm.criteria.coverage import coverage
from tests.plugins.conftest import FOLDER, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crm.criteria.packs import Packs
    from crm.criteria.schema import Sourced

TEXTS = {
    "tz-matrix-draft": "taizhou-matrix-2025-2029-draft.txt",
    "tz-clusters-draft": "taizhou-clusters-2025-2027-draft.txt",
    "tz-2019-58": "taizhou-manufacturing-2020-2025.txt",
    "qz-2023-22": "quzhou-415x-2023-2027.txt",
    "ra-2023-49": "ruian-415x-2023-2027.txt",
}


def _lacks(source: Sourced) -> list[str]:
    if source.basis == "default":
        return ["a default names no document"] if source.document else []
    return [field for field in ("document", "clause", "basis", "checked_on") if getattr(source, field) is None]


@pytest.mark.parametrize("name", NAMES)
def test_every_criterion_of_every_day_is_sourced(packs: Packs, name: str) -> None:
    pack = packs[name]
    leaves = {(day, leaf.item, leaf.id): _lacks(leaf.source) for day in rule_days(pack) for leaf in pack.program(day).criteria}
    assert {key: lacks for key, lacks in leaves.items() if lacks and lacks != ["a default names no document"]} == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_value_is_sourced(packs: Packs, name: str) -> None:
    found = {(p.id, value.from_): _lacks(value) for p in packs[name].book.parameters for value in p.values}
    assert {key: lacks for key, lacks in found.items() if lacks} == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_size_line_is_sourced(packs: Packs, name: str) -> None:
    assert {row.id: lacks for row in packs[name].book.size_class if (lacks := _lacks(row))} == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_award_is_sourced_and_quoted(packs: Packs, name: str) -> None:
    assert [award.id for award in packs[name].book.awards if _lacks(award) or (award.document in TEXTS and not award.quote)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_goal_is_sourced(packs: Packs, name: str) -> None:
    values = [(t.id, v.year, v.document, v.clause, v.basis) for t in packs[name].book.targets for v in t.values]
    assert [value for value in values if None in value] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_level_is_labelled_a_default_and_not_policy(packs: Packs, name: str) -> None:
    assert [rule.id for rule in packs[name].book.alerts if rule.basis != "default" or rule.document is not None] == []


def test_the_draft_of_taizhou_is_a_draft_wherever_it_is_used(packs: Packs) -> None:
    assert packs["taizhou"].documents["tz-matrix-draft"].status == "draft"


def test_no_award_of_taizhou_comes_without_the_question_a_person_must_rule(packs: Packs) -> None:
    assert [award.id for award in packs["taizhou"].book.awards if not award.undecided] == []


def test_goals_that_differ_between_draft_and_issued_text_are_both_kept(packs: Packs) -> None:
    backbone = next(t for t in packs["taizhou"].book.targets if t.id == "matrix.backbone.total")
    assert {(v.document, v.value) for v in backbone.values} == {("tz-matrix-draft", "9000家"), ("tz-2025-3", "10000家")}


def _quotes(data: Any, document: str | None, where: Path) -> Iterator[tuple[str, str | None, str]]:
    if isinstance(data, dict):
        own = data.get("document") or document
        if data.get("quote"):
            yield where.name, own, data["quote"]
        for value in data.values():
            yield from _quotes(value, own, where)
    elif isinstance(data, list):
        for value in data:
            yield from _quotes(value, document, where)


@cache
def _written() -> list[tuple[str, str | None, str]]:
    reader = YAML(typ="safe", pure=True)
    return [quote for path in sorted(FOLDER.rglob("*.yaml")) for quote in _quotes(reader.load(path.read_text("utf-8")), None, path)]


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_only_the_texts_that_were_read_whole_are_quoted() -> None:
    assert [quote for quote in _written() if quote[1] not in TEXTS] == []


@pytest.mark.shared
def test_every_quote_stands_word_for_word_in_its_text(shared: Path) -> None:
    texts = {key: _squeezed((shared / "domain" / "policies" / file).read_text("utf-8")) for key, file in TEXTS.items()}
    assert [quote for quote in _written() if _squeezed(quote[2]) not in texts.get(quote[1] or "", "")] == []


@pytest.mark.shared
@pytest.mark.parametrize("document", TEXTS)
def test_every_clause_listed_is_headed_so_in_the_text(packs: Packs, shared: Path, document: str) -> None:
    said = re.sub(r"\s+", "", (shared / "domain" / "policies" / TEXTS[document]).read_text(encoding="utf-8"))
    listed = next(d.clauses for name in NAMES for d in packs[name].book.documents if d.id == document)
    assert [c.id for c in listed if not c.id.startswith("附件") and c.text not in said] == []


@pytest.mark.parametrize("document", TEXTS)
def test_no_entry_names_a_clause_the_text_does_not_list(packs: Packs, document: str) -> None:
    found = next(c for name in NAMES for c in coverage(packs[name]) if c.document.id == document)
    assert found.unlisted == ()


UNITS = "家|个|项|亿元|亿|万元|元|%|亩|台|场|件|名|吨|倍|分|人|万平方米"
NO_GOAL = {
    "06台",  # 成文日期2019-12-06 台州市…
    "3.2%",  # annex 1 row 15 of 衢州, a cell of the table without words around it
}


@pytest.mark.shared
@pytest.mark.parametrize("document", TEXTS)
def test_every_number_with_a_unit_in_a_text_stands_in_a_quote_of_its_pack(shared: Path, document: str) -> None:
    text = _squeezed((shared / "domain" / "policies" / TEXTS[document]).read_text("utf-8"))
    covered = bytearray(len(text))
    for quote in {_squeezed(q) for _, named, q in _written() if named == document}:
        for found in re.finditer(re.escape(quote), text):
            covered[found.start() : found.end()] = b"\1" * len(quote)
    numbers = re.finditer(rf"\d+(?:[.,]\d+)*(?:—\d+)?(?:{UNITS})", text)
    assert [text[n.start() - 20 : n.end() + 8] for n in numbers if not all(covered[n.start() : n.end()]) and n[0] not in NO_GOAL] == []


@pytest.mark.parametrize("document", TEXTS)
def test_every_clause_of_the_texts_is_used_or_says_why_not(packs: Packs, document: str) -> None:
    found = next(c for name in NAMES for c in coverage(packs[name]) if c.document.id == document)
    assert [clause.id for clause in found.open] == []


@pytest.mark.parametrize("document", TEXTS)
def test_no_clause_that_is_used_also_says_why_not(packs: Packs, document: str) -> None:
    found = next(c for name in NAMES for c in coverage(packs[name]) if c.document.id == document)
    assert [clause.id for clause in found.clauses if clause.uses and clause.reason] == []


def test_a_number_the_published_text_lost_stays_unknown(packs: Packs) -> None:
    lost = {t.id: [v.value for v in t.values] for t in packs["ruian"].book.targets if t.id in {"ra.nev_output", "ra.incubator_area"}}
    assert lost == {"ra.nev_output": [None], "ra.incubator_area": [None]}


def test_both_numbers_of_the_little_giants_of_quzhou_are_kept_with_the_difference_in_words(packs: Packs) -> None:
    giants = next(t for t in packs["quzhou"].book.targets if t.id == "qz.little_giant")
    assert ([v.value for v in giants.stated(2027)], giants.differing, "40家" in (giants.conflict or "")) == (["40家", "20家"], (2027,), True)


def test_the_first_unit_of_a_row_leads_in_ruian_where_the_text_says_so(packs: Packs) -> None:
    task = next(t for t in packs["ruian"].book.tasks if t.id == "ra.task.8")
    assert (task.lead_unit, task.units[0], task.counties) == ("市发改局", "市经信局", True)


def test_no_unit_leads_in_quzhou_where_several_are_named(packs: Packs) -> None:
    assert [t.id for t in packs["quzhou"].book.tasks if t.lead_unit and t.units] == []
