"""The engine and a slow, independent evaluation agree on every firm of populations full of boundaries and holes."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from crm.criteria.engine import evaluate
from crm.criteria.explain import explain
from crm.criteria.loading import load_packs
from crm.criteria.packing import LETTERS, STATES, bodies, unpack
from tests.criteria.conftest import DAY, population
from tests.criteria.oracle import Oracle

SHIPPED = Path(__file__).parents[2] / "plugins"
NAMES = sorted(path.parent.name for path in SHIPPED.glob("*/pack.yaml"))
STATE = [STATES[letter] for letter in LETTERS]


def disagreements(pack, on: date, size: int, seed: int) -> list[str]:
    """Every firm and item on which engine and oracle differ."""
    program = pack.program(on)
    ids = Counter(leaf.id for leaf in program.criteria)
    alone = [leaf for leaf in program.criteria if leaf.in_force and leaf.when is None and ids[leaf.id] == 1]
    frame = evaluate(pack, population(program, size, seed), on).frame
    found = []
    for row in frame.iter_rows(named=True):
        oracle = Oracle(pack.book, on, row)
        for key in pack.items:
            engine, slow = STATE[row[f"s:{key}"]], oracle.state(key)
            if engine != slow and not oracle.ended:
                found.append(f"{key}: engine {engine}, oracle {slow}")
        found += [text for leaf in alone if (text := differs(leaf, row, oracle))]
        if row["#size"] != oracle.size():
            found.append(f"size: engine {row['#size']}, oracle {oracle.size()} for {row['industry']}")
        for name, (low, high) in oracle.scores_of.items():
            column = f"score.{name}" if f"score.{name}.lo" in row else f"score.review:{name}"
            if (Fraction(row[f"{column}.lo"], 100), Fraction(row[f"{column}.hi"], 100)) != (low, high) and not pack_has_two(pack, name):
                found.append(f"{name}: engine {row[column + '.lo']}–{row[column + '.hi']}, oracle {low}–{high}")
    return found


def differs(leaf, row, oracle) -> str | None:
    """What the two say of a criterion nothing else decides about; the oracle saw it when it was asked for the item."""
    if leaf.id not in oracle.tests:
        return None  # the oracle stops at a rule that ended
    slow = oracle.tests[leaf.id]
    slow = not slow if leaf.veto and slow is not None else slow
    return None if row[f"c{leaf.number}"] == slow or oracle.ended else f"{leaf.id}: engine {row[f'c{leaf.number}']}, oracle {slow}"


def pack_has_two(pack, score: str) -> bool:
    """Whether award and review of a title both carry the score: the oracle keeps only the last one asked."""
    return sum(r.score is not None and score in {r.score.id, *(p.id for p in r.score.parts)} for t in pack.book.titles for r in t.rules) > 1


@pytest.mark.parametrize("seed", range(3))
def test_engine_and_oracle_agree_on_the_small_pack(pack, seed):
    assert disagreements(pack, DAY, 200, seed) == []


@pytest.fixture(scope="module")
def shipped():
    """Every pack of the plugins folder, also those added after this test was written."""
    return load_packs(SHIPPED, NAMES)


@pytest.mark.parametrize("on", [date(2025, 10, 20), date(2026, 6, 1), date(2027, 3, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_engine_and_oracle_agree_on_the_packs_shipped(shipped, name, on):
    assert disagreements(shipped[name], on, 40, 7) == []


def test_the_explanation_of_a_row_repeats_its_states(pack):
    evaluation = evaluate(pack, population(pack.program(DAY), 100, 5), DAY)
    for body in bodies(evaluation):
        seen = explain(pack, unpack(evaluation.program, body), DAY)
        told = {v.key: v.tree.state for v in seen.items.values() if v.tree is not None and v.state != "not_applicable" and v.key != "register"}
        stored = {key: state for key in told if (state := seen.items[key].state)}
        assert told == {key: told[key] if key.startswith("register.") else stored[key] for key in told}
