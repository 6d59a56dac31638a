"""Every example of every pack, one test each. They are written in plugins/*/examples by hand, from the texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest

from crm.alerts import evaluating
from crm.criteria.checks import More, examine, read_examples
from tests.plugins.conftest import FOLDER, NAMES

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.packs import Packs
    from crm.criteria.schema import Example

EXAMPLES = [(name, example) for name in NAMES for example in read_examples(FOLDER / name)]
MORE = More(evaluating.parts, evaluating.more_columns)
_found: dict[tuple[str, date], list[str]] = {}


@lru_cache(maxsize=1)
def _by_day() -> dict[tuple[str, date], list[Example]]:
    grouped: dict[tuple[str, date], list[Example]] = defaultdict(list)
    for name, example in EXAMPLES:
        grouped[name, example.as_of].append(example)
    return grouped


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{example.name}" for name, example in EXAMPLES])
def test_the_pack_says_what_the_example_expects(packs: Packs, name: str, example: Example) -> None:
    day = (name, example.as_of)
    if day not in _found:
        _found[day] = examine(packs[name], _by_day()[day], MORE)
    assert [line for line in _found[day] if line.startswith(f"示例“{example.name}”")] == []


def test_no_two_examples_of_a_pack_have_the_same_name() -> None:
    counted = Counter((name, example.name) for name, example in EXAMPLES)
    assert [key for key, times in counted.items() if times > 1] == []


def test_every_example_says_why() -> None:
    assert [example.name for _, example in EXAMPLES if not example.why] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_pack_with_rules_of_its_own_has_examples(packs: Packs, name: str) -> None:
    assert any(owner == name for owner, _ in EXAMPLES) or not (FOLDER / name / "ladder.yaml").exists()
