"""Packs an evaluation into the columns of VerdictRow, vectorised, and reads them back.

outcomes  one letter per item of `pack.items` (m met, u unmet, k unknown, n not in force, - not applicable), then one for
          划型 (0 micro … 3 large, ? unknown, - no row of 划型 for its industry)
unmet     bit n (byte n // 8, value 1 << n % 8) = criterion n of the day's program is not fulfilled
unknown   the same for unknown; neither bit = fulfilled, or not asked of this firm
scores    'lo,hi' in 分×100 per whole score of the program, ';' between; '' without scores
evidence  the required columns in order, ',' between, empty = unknown; figures as integers, days as days since 1970-01-01,
          yes/no as 1/0, codes as they are
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from crm.criteria.columns import dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.criteria.engine import Evaluation
    from crm.criteria.program import Program

LETTERS = "umkn-"
STATES = {"m": "met", "u": "unmet", "k": "unknown", "n": "not_in_force", "-": "not_applicable"}
SIZE_LETTERS = "0123?-"
_EPOCH = date(1970, 1, 1)
Cell = int | bool | str | date | None


def rows(evaluation: Evaluation) -> pl.DataFrame:
    """The evaluation's key columns and the packed ones; masks and evidence as text (masks in hex)."""
    program, frame = evaluation.program, evaluation.frame
    keys = [c for c in ("enterprise_id", "uscc") if c in frame.columns]
    return frame.select(
        *keys,
        outcomes=_letters(evaluation),
        unmet=_bits([(~pl.col(f"c{c.number}")).fill_null(value=False) for c in program.criteria]),
        unknown=_bits([pl.col(f"c{c.number}").is_null() for c in program.criteria]),
        scores=_scores(program),
        evidence=_evidence(program),
    )


def _letters(evaluation: Evaluation) -> pl.Expr:
    """Three states a step: a table of 125 three-letter words instead of a string per state."""
    parts = []
    keys = [pl.col(f"s:{key}").cast(pl.UInt32) for key in evaluation.pack.items]
    for i in range(0, len(keys), 3):
        group = keys[i : i + 3]
        words = [""]
        for _ in group:
            words = [w + letter for w in words for letter in LETTERS]
        code = group[0]
        for key in group[1:]:
            code = code * len(LETTERS) + key
        parts.append(pl.lit(pl.Series(words)).gather(code))
    size = pl.lit(pl.Series(list(SIZE_LETTERS))).gather(pl.when(pl.col("#sizerow") == -1).then(5).otherwise(pl.col("#size").fill_null(4)).cast(pl.UInt32))
    return pl.concat_str([*parts, size])


def _bits(flags: list[pl.Expr]) -> pl.Expr:
    """Hex of the flags, eight to a byte, first flag lowest."""
    if not flags:
        return pl.lit("")
    words = pl.Series([bytes((n & 255, n >> 8)).hex() for n in range(65536)])
    last = pl.Series([bytes((n,)).hex() for n in range(256)])
    parts = []
    for i in range(0, len(flags), 16):
        group = flags[i : i + 16]
        number = pl.sum_horizontal([flag.cast(pl.UInt32) * (1 << n) for n, flag in enumerate(group)])
        parts.append(pl.lit(words if len(group) > 8 else last).gather(number))
    return pl.concat_str(parts)


def _scores(program: Program) -> pl.Expr:
    whole = [s.id for s in program.scales if s.whole]
    if not whole:
        return pl.lit("")
    return pl.concat_str(
        [pl.concat_str(pl.col(f"score.{name}.lo"), pl.lit(","), pl.col(f"score.{name}.hi")) for name in whole], separator=";"
    )


def _evidence(program: Program) -> pl.Expr:
    cells = []
    for column in program.columns:
        cell = pl.col(column.name)
        if dtype(column) == pl.Date():
            cell = cell.to_physical()
        elif dtype(column) == pl.Boolean():
            cell = cell.cast(pl.UInt8)
        cells.append(cell.cast(pl.String).fill_null("") if dtype(column) != pl.String() else cell.fill_null(""))
    return pl.concat_str(cells, separator=",") if cells else pl.lit("")


def read_evidence(program: Program, evidence: bytes | str) -> dict[str, Cell]:
    """The fact columns of one firm from a stored row, by column name."""
    text = evidence.decode() if isinstance(evidence, bytes) else evidence
    cells = text.split(",") if program.columns else []
    return {c.name: _cell(cell, dtype(c)) for c, cell in zip(program.columns, cells, strict=True)}


def _cell(text: str, kind: pl.DataType) -> Cell:
    if text == "":
        return None
    if kind == pl.String():
        return text
    if kind == pl.Date():
        return _EPOCH + timedelta(days=int(text))
    return text == "1" if kind == pl.Boolean() else int(text)


def read_bits(mask: bytes, count: int) -> list[bool]:
    """The first `count` bits of a mask."""
    return [bool(mask[n >> 3] >> (n & 7) & 1) for n in range(count)]


def read_scores(program: Program, scores: str) -> dict[str, tuple[int, int]]:
    """Interval in 分×100 of each whole score of the program."""
    names: Sequence[str] = [s.id for s in program.scales if s.whole]
    ends = [part.split(",") for part in scores.split(";")] if scores else []
    return {name: (int(low), int(high)) for name, (low, high) in zip(names, ends, strict=True)}
