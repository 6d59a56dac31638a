"""run.py pack diff, whatif and coverage, as typed; and a trial over the firms of the database."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crm.criteria.whatif import overlay
from crm.ladder.commands import _as_dict, _from_database, commands
from tests.ladder.conftest import ON

(PACK,) = commands
FIRM = {"name": "甲厂", "industry": "3441", "region": "331081", "year": {"2025": {"revenue_main": 16_000_000}}, "titles": [], "register": []}
LINE = ["--set", "register.industry.line=1500万元"]


@pytest.fixture
def facts(tmp_path, monkeypatch) -> str:
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path / "var"))
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"enterprises": [FIRM]}), encoding="utf-8")
    return str(path)


def run(*words: str):
    return CliRunner().invoke(PACK, list(words))


def test_whatif_names_who_enters(facts):
    said = json.loads(run("whatif", "taizhou", *LINE, "--as-of", "2026-06-01", "--facts", facts, "--json").stdout)
    register = next(i for i in said["items"] if i["item"] == "register")
    assert (register["enters"], register["by_region"][0]["region"], register["firms"][0]["name"]) == (1, "331081", "甲厂")


def test_whatif_reads_for_people_without_json(facts):
    assert "甲厂：未达 → 符合" in run("whatif", "taizhou", *LINE, "--as-of", "2026-06-01", "--facts", facts).stdout


def test_whatif_wants_facts_or_the_database(facts):
    assert run("whatif", "taizhou", *LINE, "--as-of", "2026-06-01").exit_code == 2


def test_whatif_refuses_an_id_nobody_knows_and_offers_near_ones(facts):
    said = run("whatif", "taizhou", "--set", "register.industry.lin=1500万元", "--as-of", "2026-06-01", "--facts", facts)
    assert (said.exit_code, "register.industry.line" in said.output) == (1, True)


def test_diff_of_two_days_tells_the_new_rules(facts):
    said = json.loads(run("diff", "cn@2026-03-31", "cn@2026-04-01", "--json").stdout)
    assert "srdi" in {d["path"][0] for d in said["differences"]}


def test_diff_names_the_firms_when_facts_are_given(facts):
    said = json.loads(run("diff", "cn@2026-03-31", "cn@2026-04-01", "--facts", facts, "--json").stdout)
    assert said["impact"]["firms"] == 1


def test_diff_wants_a_day_on_both_sides_or_none(facts):
    assert run("diff", "cn@2026-03-31", "cn").exit_code == 2


def test_diff_of_a_pack_with_itself_says_so(facts):
    assert run("diff", "cn", "cn").stdout == "没有不同\n"


def test_coverage_counts_the_clauses_of_a_text(facts):
    said = json.loads(run("coverage", "quzhou", "--json").stdout)
    assert [(d["document"], d["listed"]) for d in said] == [("qz-2023-22", 118)]


def test_a_trial_over_the_database_counts_by_county_as_by_item(firms, packs):
    one = packs["taizhou"]
    found, names, counties = _from_database(firms, one, overlay(one, {"register.industry.line": "1500万元"}, ON), ON)
    register = next(i for i in _as_dict(one, found, names, counties)["items"] if i["item"] == "register")
    assert register["enters"] == sum(r["enters"] for r in register["by_region"]) > 0
