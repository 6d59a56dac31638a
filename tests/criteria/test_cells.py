"""Evidence is written for a population at once and read back cell by cell."""

from __future__ import annotations

import polars as pl
import pytest

from crm.core.errors import Invalid
from crm.criteria import cells
from crm.criteria.columns import NEVER, dtype
from crm.criteria.vectors import bound
from tests.criteria.conftest import DAY, population


@pytest.fixture(scope="module")
def program(pack):
    return pack.program(DAY)


def test_every_cell_comes_back_as_it_was(program):
    frame = population(program, 300, 5)
    assert [cells.read(program, row) for row in cells.write(program, frame)] == frame.rows(named=True)


@pytest.mark.parametrize("value", [None, 0, 1, -1, 2, 127, 128, -128, 255, 256, 2**31, -(2**40), bound("元"), -bound("元")])
def test_figures_of_every_width_come_back(program, value):
    frame = population(program, 1, 1).with_columns(pl.lit(value, pl.Int64).alias("revenue.y-1"))
    assert cells.read(program, cells.write(program, frame)[0])["revenue.y-1"] == value


@pytest.mark.parametrize("value", [None, "", "1", "3441", "331081000", "a" * 32])
def test_codes_of_every_length_come_back(program, value):
    frame = population(program, 1, 1).with_columns(pl.lit(value, pl.String).alias("industry"))
    assert cells.read(program, cells.write(program, frame)[0])["industry"] == value


def test_a_code_that_does_not_fit_is_refused(program):
    with pytest.raises(Invalid):
        cells.write(program, population(program, 1, 1).with_columns(pl.lit("9" * 33).alias("industry")))


def test_never_and_unknown_days_differ(program):
    days = [c.name for c in program.columns if dtype(c) == pl.Date()]
    frame = population(program, 2, 1).with_columns(pl.Series(days[0], [NEVER, None], dtype=pl.Date))
    assert [cells.read(program, row)[days[0]] for row in cells.write(program, frame)] == [NEVER, None]


def test_a_row_has_the_same_bytes_alone_and_among_others(program):
    frame = population(program, 50, 9)
    assert cells.write(program, frame[17:18]) == cells.write(program, frame)[17:18]
