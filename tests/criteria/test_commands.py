"""run.py evaluate and run.py pack, as typed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from crm.criteria.commands import commands
from tests.criteria.conftest import PACKS

if TYPE_CHECKING:
    from pathlib import Path

EVALUATE, PACK = commands
FIRM = {"uscc": "91331081MA17066936", "industry": "3441", "year": {"2025": {"revenue_main": 20_000_000}}, "titles": [], "register": []}


@pytest.fixture(autouse=True)
def instance(tmp_path, monkeypatch) -> Path:
    """A data directory and a packs folder of the test's own."""
    shutil.copytree(PACKS, tmp_path / "packs")
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("CRM_PACKS_DIR", str(tmp_path / "packs"))
    return tmp_path


def evaluate(folder: Path, firms: object, *more: str):
    path = folder / "facts.json"
    path.write_text(json.dumps({"enterprises": firms}), encoding="utf-8")
    return CliRunner().invoke(EVALUATE, ["--pack", "cn", "--as-of", "2026-06-01", "--facts", str(path), *more])


def test_evaluate_answers_one_json_document_in_the_order_given(instance):
    said = evaluate(instance, [FIRM, {"industry": "3441"}], "--json")
    answer = json.loads(said.stdout)
    assert (said.exit_code, [r["register"]["state"] for r in answer["results"]], answer["compiled"][:7]) == (0, ["met", "unknown"], "sha256:")


def test_evaluate_reads_for_people_without_json(instance):
    assert "应统未统" in evaluate(instance, [FIRM]).stdout


def test_a_refused_facts_file_exits_1_and_leaves_standard_output_empty(instance):
    said = evaluate(instance, [{"year": {"2025": {"turnover": 1}}}], "--json")
    assert (said.exit_code, said.stdout, "turnover" in said.stderr) == (1, "", True)


def test_a_wrong_day_is_wrong_use(instance):
    assert CliRunner().invoke(EVALUATE, ["--pack", "cn", "--as-of", "yesterday", "--facts", str(instance)]).exit_code == 2


def test_an_unknown_pack_is_refused(instance):
    path = instance / "f.json"
    path.write_text("{}", encoding="utf-8")
    said = CliRunner().invoke(EVALUATE, ["--pack", "nowhere", "--as-of", "2026-06-01", "--facts", str(path)])
    assert (said.exit_code, "现有：cn" in said.stderr) == (1, True)


def test_check_tries_every_threshold_below_at_above_and_missing(instance):
    report = json.loads(CliRunner().invoke(PACK, ["check", "cn", "--json"]).stdout)[0]
    assert (report["failures"], report["cases"] == 4 * report["thresholds"] == 40) == ([], True)


def test_check_fails_on_an_example_that_does_not_come_out(instance):
    path = instance / "packs/cn/examples/wrong.yaml"
    path.parent.mkdir()
    path.write_text('examples:\n  - {name: 错, as_of: 2026-06-01, facts: {industry: "3441"}, expect: {register: {register: met}}}\n', encoding="utf-8")
    said = CliRunner().invoke(PACK, ["check", "cn"])
    assert (said.exit_code, "应为 met，得到 unknown" in said.stdout) == (1, True)


def test_explain_tells_a_rule_with_its_sources(instance):
    assert "资产负债率  ‹srdi.debt›  工信部企业〔2026〕2号 附件1" in CliRunner().invoke(PACK, ["explain", "cn", "srdi", "--as-of", "2026-06-01"]).stdout


def test_schema_is_json_schema(instance):
    assert json.loads(CliRunner().invoke(PACK, ["schema", "titles"]).stdout)["title"] == "Titles"


def test_new_makes_a_pack_that_passes_its_check(instance):
    (instance / "packs/cn/visit.yaml").write_text("unit_name: 甲\nseries: 乙\n", encoding="utf-8")
    CliRunner().invoke(PACK, ["new", "huzhou", "--extends", "cn", "--title", "湖州市"])
    said = CliRunner().invoke(PACK, ["check", "huzhou"])
    assert (said.exit_code, "示例 2 个" in said.stdout) == (0, True)
