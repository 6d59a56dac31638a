"""Packs an evaluation into the columns of VerdictRow, vectorised, and reads them back.

outcomes  one letter per item of `pack.items` (m met, u unmet, k unknown, n not in force, - not applicable), then one for
          划型 (0 micro … 3 large, ? unknown, - no row of 划型 for its industry)
unmet     bit n (byte n // 8, value 1 << n % 8) = criterion n of the day's program is not fulfilled
unknown   the same for unknown; neither bit = fulfilled, or not asked of this firm
scores    'lo,hi' in 分×100 per whole score of the program, ';' between; '' without scores
evidence  the required columns, see crm.criteria.cells
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from crm.criteria import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crm.criteria.cells import Cell
    from crm.criteria.engine import Evaluation
    from crm.criteria.program import Program

LETTERS = "umkn-"
STATES = {"m": "met", "u": "unmet", "k": "unknown", "n": "not_in_force", "-": "not_applicable"}
SIZE_LETTERS = "0123?-"
_KINDS = {"outcomes": pl.String, "unmet": pl.Binary, "unknown": pl.Binary, "scores": pl.String, "evidence": pl.Binary}
_BLOCK = 8192


def columns(evaluation: Evaluation) -> dict[str, list[Any]]:
    """The packed columns as lists, one value per firm in the frame's order: str, bytes, bytes, str, bytes."""
    program, frame = evaluation.program, evaluation.frame
    unmet, unknown = _masks(frame, [f"c{c.number}" for c in program.criteria])
    scores = frame.select(scores=_scores(program))["scores"]
    return {
        "outcomes": _letters(evaluation), "unmet": unmet, "unknown": unknown,
        "scores": scores.to_list() if len(scores) == len(frame) else scores.to_list() * len(frame),
        "evidence": cells.write(program, frame),
    }


def rows(evaluation: Evaluation) -> pl.DataFrame:
    """The evaluation's key columns and the packed ones."""
    keys = [c for c in ("enterprise_id", "uscc") if c in evaluation.frame.columns]
    made = columns(evaluation)
    return pl.DataFrame([*(evaluation.frame[key] for key in keys), *(pl.Series(name, made[name], dtype=kind) for name, kind in _KINDS.items())])


def _letters(evaluation: Evaluation) -> list[str]:
    """States of the items and the size class, a letter each."""
    frame, names = evaluation.frame, [f"s:{key}" for key in evaluation.pack.items]
    table = np.frombuffer(LETTERS.encode(), np.uint8)
    out = np.empty((len(frame), len(names) + 1), np.uint8)
    for i, name in enumerate(names):
        out[:, i] = table[frame[name].to_numpy()]
    size = frame.select(pl.when(pl.col("#sizerow") == -1).then(5).otherwise(pl.col("#size").fill_null(4)).cast(pl.UInt8)).to_series()
    out[:, -1] = np.frombuffer(SIZE_LETTERS.encode(), np.uint8)[size.to_numpy()]
    text, width = out.tobytes().decode("ascii"), out.shape[1]
    return [text[i : i + width] for i in range(0, len(text), width)]


def _masks(frame: pl.DataFrame, names: list[str]) -> tuple[list[bytes], list[bytes]]:
    """What is false and what is null in boolean columns, eight to a byte, the first lowest."""
    if not names:
        return [b""] * len(frame), [b""] * len(frame)
    states = [s.cast(pl.UInt8).fill_null(2).to_numpy() for s in frame.select(names)]
    unmet: list[bytes] = []
    unknown: list[bytes] = []
    for start in range(0, len(frame), _BLOCK):
        block = np.empty((min(_BLOCK, len(frame) - start), len(names)), np.uint8)
        for i, state in enumerate(states):
            block[:, i] = state[start : start + _BLOCK]
        unmet += _bits(block == 0)
        unknown += _bits(block == 2)
    return unmet, unknown


def _bits(flags: NDArray[np.bool_]) -> list[bytes]:
    packed = np.packbits(flags, axis=1, bitorder="little")
    data, width = packed.tobytes(), packed.shape[1]
    return [data[i : i + width] for i in range(0, len(data), width)]


def _scores(program: Program) -> pl.Expr:
    whole = [s.id for s in program.scales if s.whole]
    if not whole:
        return pl.lit("")
    return pl.concat_str(
        [pl.concat_str(pl.col(f"score.{name}.lo"), pl.lit(","), pl.col(f"score.{name}.hi")) for name in whole], separator=";"
    )


def read_evidence(program: Program, evidence: bytes) -> dict[str, Cell]:
    """The fact columns of one firm from a stored row, by column name."""
    return cells.read(program, evidence)


def read_bits(mask: bytes, count: int) -> list[bool]:
    """The first `count` bits of a mask."""
    return [bool(mask[n >> 3] >> (n & 7) & 1) for n in range(count)]


def read_scores(program: Program, scores: str) -> dict[str, tuple[int, int]]:
    """Interval in 分×100 of each whole score of the program."""
    names: Sequence[str] = [s.id for s in program.scales if s.whole]
    ends = [part.split(",") for part in scores.split(";")] if scores else []
    return {name: (int(low), int(high)) for name, (low, high) in zip(names, ends, strict=True)}
