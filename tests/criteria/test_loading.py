"""Packs refused with file, line, key and remedy; inheritance and overrides; a new city without Python."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest

from crm.config import ROOT
from crm.core.errors import Conflict, Invalid
from crm.criteria.checking import check
from crm.criteria.errors import PackError
from crm.criteria.loading import load_packs
from crm.criteria.packs import Pack
from crm.criteria.scaffold import create
from crm.plugins import available
from tests.criteria.conftest import DAY, PACKS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path) -> Path:
    """The small pack, to be changed."""
    shutil.copytree(PACKS, tmp_path / "packs")
    return tmp_path / "packs"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def child(folder: Path, **files: str) -> None:
    """A pack `city` that extends cn."""
    write(folder, "city/pack.yaml", 'contract: 1\nid: city\nname: 某市\nextends: cn\nregion: "331000"\n')
    for name, text in files.items():
        write(folder, f"city/{name.replace('__', '/')}.yaml", text)


def problems(folder: Path, name: str = "cn") -> list[tuple[str, int | None, str]]:
    """(file, line, message) of what is refused."""
    with pytest.raises(PackError) as caught:
        load_packs(folder, [name])
    return [(p.file, p.line, p.message) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("file", "text", "line", "says"),
    [
        ("sources", "documents:\n  - {id: d01, title: 甲, status: in_force, colour: red}\n", 2, "不认识的键"),
        ("sources", "documents:\n  - id: d01\n    title: 甲\n    title: 乙\n    status: in_force\n", 4, "写了两次"),
        ("sources", "documents:\n  - {id: d01, title: 甲, status: valid}\n", 2, "可选值"),
        ("sources", "documents:\n  - {id: D01, title: 甲, status: draft}\n", 2, "不合格式"),
        ("sources", "documents:\n  - {title: 甲, status: draft}\n", 2, "缺少"),
        ("sources", "documents: [\n", 2, "YAML"),
        ("parameters/p", "parameters:\n  - {id: line, label: 甲, values: [{from: 2020-01-01, value: 2000万, document: d01}]}\n", 2, "不是数量"),
        ("parameters/p", "parameters:\n  - id: line\n    label: 甲\n    values:\n      - {from: 2020-01-01, value: 1, document: d01, basis: M}\n      - {from: 2020-01-01, value: 2, document: d01, basis: M}\n", 2, "递增"),
        ("parameters/p", "parameters:\n  - {id: line, label: 甲, values: [{from: 2020-01-01, value: 2000万元, basis: M}]}\n", 2, "没有依据"),
        ("titles/x", "titles:\n  - {id: srdi, label: 又一个}\n", 2, "用过"),
        ("ladder", "notes:\n  - {id: n, label: 甲, text: 甲, basis: default, test: nothing > 3}\n", 2, "没有指标"),
        ("ladder", "notes:\n  - {id: n, label: 甲, text: 甲, basis: default, test: revenue > 3%}\n", 2, "不能与"),
        ("ladder", "notes:\n  - {id: n, label: 甲, text: 甲, basis: default, test: met(n)}\n", 2, "成环"),
        ("ladder", "notes:\n  - {id: n, label: 甲, text: 甲, test: in_register()}\n", 2, "没有依据"),
        ("ladder", "steps:\n  - {id: s, label: 甲, from: here, to: there}\n", 2, "没有位置"),
    ],
)
def test_a_wrong_pack_is_refused_with_file_line_and_remedy(folder, file, text, line, says):
    write(folder, f"cn/{file}.yaml", text)
    found = problems(folder)
    assert any(f == f"cn/{file}.yaml" and at == line and says in message for f, at, message in found), found


def test_all_problems_are_told_at_once(folder):
    write(folder, "cn/sources.yaml", "documents:\n  - {id: A, title: 甲, status: in_force}\n  - {id: d01, title: 甲, status: old}\n")
    write(folder, "cn/stray.yaml", "a: 1\n")
    assert len(problems(folder)) == 3


def test_a_score_whose_items_do_not_sum_is_refused(folder):
    path = folder / "cn/titles/t.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("max: 40\n          parts", "max: 50\n          parts"), encoding="utf-8")
    assert any("之和为 40" in message for _, _, message in problems(folder))


def test_rules_that_overlap_in_days_are_refused(folder):
    rule = "{purpose: award, from: %s, to: %s, document: d05, basis: M, all: [{id: a, label: 甲, test: in_register()}]}"
    write(folder, "cn/titles/x.yaml", f"titles:\n  - id: x\n    label: 甲\n    rules:\n      - {rule % ('2024-01-01', '2025-06-30')}\n      - {rule % ('2025-06-30', '2026-01-01')}\n")
    assert any("日期重叠" in message for _, _, message in problems(folder))


def test_yaml_12_keeps_codes_and_the_word_on(folder):
    child(folder, ladder="pools:\n  - {id: p, step: step_up, label: on, basis: default, test: 'industry(\"010000\", \"06-46\")'}\n")
    assert load_packs(folder, ["city"])["city"].label("p") == "on"


def test_an_id_of_the_parent_is_not_silently_replaced(folder):
    child(folder, titles__x="titles:\n  - {id: srdi, label: 另一个}\n")
    assert any("override: srdi" in message for _, _, message in problems(folder, "city"))


def test_an_override_needs_reason_and_source(folder):
    child(folder, titles__x="titles:\n  - {override: xiongying, label: 雄鹰企业}\n")
    assert any("reason" in message for _, _, message in problems(folder, "city"))


def test_an_override_replaces_the_parents_entry(folder):
    child(folder, titles__x="titles:\n  - {override: xiongying, label: 雄鹰企业, reason: 更名, source: 某文}\n")
    assert load_packs(folder, ["city"])["city"].titles["xiongying"].label == "雄鹰企业"


def test_an_override_that_changes_nothing_is_refused(folder):
    child(folder, titles__x="titles:\n  - {override: xiongying, label: 雄鹰, reason: 无, source: 无}\n")
    assert any("没有作用" in message for _, _, message in problems(folder, "city"))


def test_one_condition_of_a_parents_tree_can_be_replaced(folder):
    child(folder, overrides='criteria:\n  - {id: srdi.years, label: 不少于5年, test: "niche_years >= 5年", reason: 本市, source: 某文}\n')
    leaves = {c.id: c.label for c in load_packs(folder, ["city"])["city"].program(DAY).criteria}
    assert leaves["srdi.years"] == "不少于5年"


def test_replacing_a_condition_nobody_has_is_refused(folder):
    child(folder, overrides='criteria:\n  - {id: nobody, label: 甲, test: "niche_years >= 5年", reason: 本市, source: 某文}\n')
    assert any("没有 id 为 'nobody'" in message for _, _, message in problems(folder, "city"))


def test_packs_that_extend_each_other_are_refused(folder):
    write(folder, "cn/pack.yaml", "contract: 1\nid: cn\nname: 国家\nextends: city\n")
    child(folder)
    assert any("循环继承" in message for _, _, message in problems(folder, "city"))


def test_a_pack_that_is_not_there_is_named_with_those_that_are(folder):
    assert problems(folder, "nowhere") == [("nowhere/pack.yaml", None, "没有规则包 'nowhere'；现有：cn")]


def test_the_same_files_have_the_same_hash_and_a_changed_number_another(folder):
    first = load_packs(folder, ["cn"])["cn"].hash
    again = load_packs(folder, ["cn"])["cn"].hash
    path = folder / "cn/parameters/p.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("2000万元", "1999万元"), encoding="utf-8")
    assert (first == again, first == load_packs(folder, ["cn"])["cn"].hash) == (True, False)


def test_the_cache_is_used_and_noticed_when_stale(folder, tmp_path):
    first = load_packs(folder, ["cn"], tmp_path / "cache")["cn"].hash
    path = folder / "cn/parameters/p.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("2000万元", "1999万元"), encoding="utf-8")
    assert load_packs(folder, ["cn"], tmp_path / "cache")["cn"].hash != first


def test_a_pack_comes_back_whole_from_its_stored_document(pack):
    assert Pack.from_document(pack.document).hash == pack.hash


def test_the_most_specific_pack_of_a_region_is_picked(folder):
    child(folder)
    packs = load_packs(folder, ["city"])
    assert [packs.for_region(code).id for code in ("331081", "331000", "330381", None)] == ["city", "city", "cn", "cn"]


def test_a_parameter_ends_where_its_value_is_null(pack):
    assert [pack.parameter("line", day) is None for day in (date(2010, 1, 1), date(2011, 1, 1), date(2029, 12, 31), date(2030, 1, 1))] == [True, False, False, True]


def test_a_new_city_loads_at_once_without_python(folder):
    write(folder, "cn/visit.yaml", "unit_name: 甲\nseries: 乙\n")
    made = create(folder, "huzhou", "cn", "湖州市", "330500")
    assert (load_packs(folder, ["huzhou"])["huzhou"].name, made.name in available(folder)) == ("湖州市", True)


def test_a_new_city_does_not_overwrite_another(folder):
    with pytest.raises(Conflict):
        create(folder, "cn", "cn")


def test_a_city_name_that_is_no_identifier_is_refused(folder):
    with pytest.raises(Invalid):
        create(folder, "Hu Zhou", "cn")


def test_a_pack_with_python_registers_itself(folder):
    write(folder, "cn/__init__.py", "from crm.plugins import PackFolder, hookimpl\n\n\n@hookimpl\ndef register_pack():\n    return PackFolder.at(__file__)\n")
    assert available(folder)["cn"] == (folder / "cn").resolve()


def test_a_pack_whose_python_breaks_is_refused(folder):
    write(folder, "cn/__init__.py", "import nothing_of_this_name\n")
    with pytest.raises(PackError, match="导入失败"):
        available(folder)


def test_packs_checked_together_are_those_checked_alone():
    names = sorted(available(ROOT / "plugins"))
    together = load_packs(ROOT / "plugins", names)
    assert {name: together[name].hash for name in names} == {name: load_packs(ROOT / "plugins", [name])[name].hash for name in names}


def test_a_pack_read_from_its_document_is_the_pack_compiled_from_its_files():
    packs = load_packs(ROOT / "plugins", ["taizhou", "ruian"])
    read = {name: Pack.from_document(pack.document) for name, pack in packs.by_id.items()}
    assert {name: (p.book, p.hash) for name, p in read.items()} == {name: (p.book, p.hash) for name, p in packs.by_id.items()}


def test_a_condition_fine_in_the_parent_is_refused_where_the_child_takes_its_measure_away():
    book = load_packs(PACKS, ["cn"])["cn"].book
    proven = {}
    assert check(book, {}, proven) == []
    used = next(m.id for m in book.measures if m.id == "revenue_main")
    without = book.model_copy(update={"measures": tuple(m for m in book.measures if m.id != used)})
    shared, alone = ([str(p) for p in check(without, {}, known)] for known in (proven, {}))
    assert (shared == alone, bool(shared)) == (True, True)


def test_a_parameter_a_child_gives_another_unit_is_refused_though_the_parents_was_fine():
    book = load_packs(PACKS, ["cn"])["cn"].book
    proven = {}
    check(book, {}, proven)
    shares = tuple(p.model_copy(update={"values": tuple(v.model_copy(update={"value": "20%"}) for v in p.values)}) if p.id == "line" else p for p in book.parameters)
    other = book.model_copy(update={"parameters": shares})
    shared, alone = ([str(p) for p in check(other, {}, known)] for known in (proven, {}))
    assert (shared == alone, bool(shared)) == (True, True)
