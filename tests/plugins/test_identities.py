"""Ids are never renamed: what was once published in ids.txt is still there. No number of the law stands in Python."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crm.criteria import quantity
from crm.criteria.boundaries import rule_days
from crm.criteria.terms import Const, walk
from tests.plugins.conftest import NAMES

if TYPE_CHECKING:
    from crm.criteria.packs import Pack, Packs

PUBLISHED = Path(__file__).with_name("ids.txt")
CODE = Path(__file__).resolve().parents[2] / "crm"
NOT_LAW = {60_000_000}  # the most pixels a photo may have


def _ids(pack: Pack) -> set[str]:
    book = pack.book
    sections = (book.documents, book.measures, book.events, book.flags, book.parameters, book.titles, book.places, book.steps, book.alerts, book.awards, book.targets, book.tasks, book.clusters, book.application_windows)
    found = {f"entry {entry.id}" for section in sections for entry in section} | {f"item {key}" for key in pack.items}
    return found | {f"criterion {leaf.id}" for day in rule_days(pack) for leaf in pack.program(day).criteria}


def published() -> dict[str, set[str]]:
    """Pack -> the ids it adds to what it extends, as listed in ids.txt ('pack<TAB>kind id' a line)."""
    made: dict[str, set[str]] = {}
    for line in PUBLISHED.read_text("utf-8").splitlines():
        name, identity = line.split("\t")
        made.setdefault(name, set()).add(identity)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_no_published_id_was_renamed_or_lost(packs: Packs, name: str) -> None:
    assert published().get(name, set()) - _ids(packs[name]) == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_new_id_is_published(packs: Packs, name: str) -> None:
    known = set().union(*(published().get(part, set()) for part in packs[name].book.chain))
    assert _ids(packs[name]) - known == set()


def _amounts(pack: Pack) -> set[int]:
    """Money lines in 元 that are no bare power of ten."""
    lines = {quantity.parse(v.value).value for p in pack.book.parameters for v in p.values if isinstance(v.value, str) and v.value.endswith("元")}
    for day in rule_days(pack):
        lines |= {part.value for leaf in pack.program(day).criteria for part in walk(leaf.term) if isinstance(part, Const) and part.unit == "元"}
    return {int(line) for line in lines if line >= 100_000 and set(str(int(line))) != {"1", "0"}}


def test_no_money_line_of_a_pack_stands_in_python(packs: Packs) -> None:
    amounts = set().union(*(_amounts(packs[name]) for name in NAMES))
    found = {
        (path.relative_to(CODE).as_posix(), node.value)
        for path in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and type(node.value) in {int, float} and node.value in amounts - NOT_LAW
    }
    assert found == set()
