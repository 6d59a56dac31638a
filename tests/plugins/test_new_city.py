"""A new city is data: a statistician types `pack new`, edits four files, and has it. No line of Python."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.facts import facts_frame, read_enterprise
from crm.criteria.loading import load_packs
from tests.plugins.new_city import found_city, typed

if TYPE_CHECKING:
    from pathlib import Path

    from crm.criteria.packs import Pack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found_city(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def city(folder: Path) -> Pack:
    return load_packs(folder, ["chuancheng"])["chuancheng"]


def test_its_examples_and_edges_hold_after_four_edits(folder: Path) -> None:
    assert "chuancheng  通过" in typed("check", "chuancheng", packs=folder)


def test_every_clause_it_lists_is_used_or_explained(folder: Path) -> None:
    assert "未用 0 条" in typed("coverage", "chuancheng", packs=folder)


def test_its_rule_is_told_with_its_own_document(folder: Path) -> None:
    assert "川政办发〔2026〕1号 二（一）1" in typed("explain", "chuancheng", "step_up.chuancheng_local", "--as-of", "2026-06-01", packs=folder)


def test_the_edited_number_decides(city: Pack) -> None:
    firms = [read_enterprise({"industry": "3441", "register": [], "year": {"2025": {"revenue": amount, "revenue_main": amount}}}, city) for amount in (11_999_999, 12_000_000)]
    on = date(2026, 6, 1)
    seen = explain_all(evaluate(city, facts_frame(firms, city, on), on))
    assert [view.items["step_up.chuancheng_local"].state for view in seen] == ["unmet", "met"]


def test_it_keeps_everything_its_parents_say(city: Pack) -> None:
    assert {"little_giant", "hidden_champion", "register.industry", "listing.bse.1"} <= set(city.items)


def test_its_folder_holds_no_python(folder: Path) -> None:
    assert list((folder / "chuancheng").rglob("*.py")) == []


def test_a_folder_that_is_there_is_not_written_over(folder: Path) -> None:
    with pytest.raises(AssertionError, match="已存在"):
        typed("new", "chuancheng", "--title", "川城市", packs=folder)
