"""A small pack of the tests' own, and populations full of boundaries and holes."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from crm.criteria import boundaries
from crm.criteria.columns import NEVER, dtype
from crm.criteria.loading import load_packs

if TYPE_CHECKING:
    from crm.criteria.packs import Pack
    from crm.criteria.program import Program

PACKS = Path(__file__).parent / "packs"
DAY = date(2026, 6, 1)


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The tests' own pack."""
    return load_packs(PACKS, ["cn"])["cn"]


def population(program: Program, size: int, seed: int) -> pl.DataFrame:
    """Firms whose figures lie on, beside or far from the lines of the rules, with holes; same seed, same firms."""
    rng = random.Random(seed)
    cases = [case.cells for case in boundaries.cases(program) if case.cells]
    pool: dict[str, list[int]] = {}
    for cells in cases:
        for name, value in cells.items():
            pool.setdefault(name, []).append(value)
    rows = []
    for _ in range(size):
        row = {c.name: None if rng.random() < 0.15 else _cell(c, program, pool, rng) for c in program.columns}
        for cells in rng.sample(cases, min(4, len(cases))):
            row |= cells
        rows.append(row)
    return pl.DataFrame({c.name: pl.Series([r[c.name] for r in rows], dtype=dtype(c)) for c in program.columns})


def _cell(column: Any, program: Program, pool: dict[str, list[int]], rng: random.Random) -> Any:
    kind = dtype(column)
    if column.key == "industry":
        return rng.choice(["3441", "34", "06", "46", "47", "5132", "5211", "61", "6210", "7010", "7020", "7090", "70", "6510", "83", "8010", "91", "01", "5"])
    if kind == pl.Boolean():
        return rng.random() < 0.6
    if kind == pl.Date():
        return rng.choice([NEVER, program.on - timedelta(days=rng.randrange(3000)), program.on.replace(year=program.on.year - 3), program.on.replace(year=program.on.year - 1)])
    if kind == pl.String():
        return rng.choice(["331081", "330381", "corporate", "individual", "331081000"])
    if column.name in pool and rng.random() < 0.6:
        return rng.choice(pool[column.name]) + rng.choice([-1, 0, 0, 1])
    return rng.choice([0, 1, 3, 50, 300, 10**4, 2 * 10**7, 10**8, 3 * 10**9]) + rng.choice([-1, 0, 1])
