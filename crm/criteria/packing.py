"""Packs an evaluation into the body of a VerdictRow, vectorised, and reads it back.

A body is, one after the other (widths follow from the rules):

outcomes  one letter per item of `pack.items` (m met, u unmet, k unknown, n not in force, - not applicable), then one for
          划型 (0 micro … 3 large, ? unknown, - no row of 划型 for its industry)
unmet     bit n (byte n // 8, value 1 << n % 8) = criterion n of the day's program is not fulfilled
unknown   the same for unknown; neither bit = fulfilled, or not asked of this firm
scores    lowest and highest 分×100 of each whole score of the program, four bytes each, lowest byte first
evidence  the required columns, see crm.criteria.cells
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crm.criteria import cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crm.criteria.cells import Cell
    from crm.criteria.engine import Evaluation
    from crm.criteria.program import Program

LETTERS = "umkn-"
STATES = {"m": "met", "u": "unmet", "k": "unknown", "n": "not_in_force", "-": "not_applicable"}
SIZE_LETTERS = "0123?-"
_TABLE = np.frombuffer(LETTERS.encode(), np.uint8)
_SIZES = np.frombuffer(SIZE_LETTERS.encode(), np.uint8)


@dataclass(frozen=True, slots=True)
class Packed:
    """A body, taken apart."""

    outcomes: str
    unmet: bytes
    unknown: bytes
    scores: bytes
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a body end."""

    outcomes: int
    unmet: int
    unknown: int
    scores: int

    @property
    def mask(self) -> int:
        """Bytes of one mask."""
        return self.unknown - self.unmet


@lru_cache(maxsize=32)
def layout(program: Program) -> Layout:
    """The widths of a program's bodies."""
    letters = len(program.pack.items) + 1
    mask = (len(program.criteria) + 7) // 8
    return Layout(letters, letters + mask, letters + 2 * mask, letters + 2 * mask + 8 * sum(s.whole for s in program.scales))


def heads(evaluation: Evaluation) -> NDArray[np.uint8]:
    """Everything before the evidence, one column per firm: outcomes, masks, scores."""
    program, frame = evaluation.program, evaluation.frame
    ends = layout(program)
    made = np.zeros((ends.scores, len(frame)), np.uint8)
    for i, key in enumerate(evaluation.pack.items):
        made[i] = _TABLE[frame[f"s:{key}"].to_numpy()]
    size = frame.select(pl.when(pl.col("#sizerow") == -1).then(5).otherwise(pl.col("#size").fill_null(4)).cast(pl.UInt8)).to_series()
    made[ends.outcomes - 1] = _SIZES[size.to_numpy()]
    names = [f"c{c.number}" for c in program.criteria]
    for n, state in enumerate(frame.select(pl.col(names).cast(pl.UInt8).fill_null(2)) if names else ()):
        seen, byte, bit = state.to_numpy(), n >> 3, n & 7
        made[ends.outcomes + byte] |= (seen == 0).view(np.uint8) << bit
        made[ends.unmet + byte] |= (seen == 2).view(np.uint8) << bit
    for i, name in enumerate(s.id for s in program.scales if s.whole):
        for k, end in enumerate(("lo", "hi")):
            at = ends.unknown + 8 * i + 4 * k
            made[at : at + 4] = frame[f"score.{name}.{end}"].to_numpy().astype("<i4").view(np.uint8).reshape(-1, 4).T
    return made


def bodies(evaluation: Evaluation, made: NDArray[np.uint8] | None = None) -> list[bytes]:
    """The body of every row, in the frame's order; `made` are their heads where they are at hand."""
    rows: list[bytes] = []
    for data, ends in cells.blocks(evaluation.program, evaluation.frame, heads(evaluation) if made is None else made):
        rows += [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return rows


def copied(evaluation: Evaluation, made: NDArray[np.uint8], rules_id: int) -> Iterator[bytes]:
    """The rows as PostgreSQL's binary COPY wants them (enterprise_id, rules_id, as_of, body), many in each piece."""
    size = len(evaluation.frame)
    since_2000 = evaluation.on.toordinal() - 730120
    before = np.zeros((34, size), np.uint8)
    for at, value in ((0, (4).to_bytes(2, "big")), (2, (8).to_bytes(4, "big")), (14, (4).to_bytes(4, "big") + rules_id.to_bytes(4, "big")),
                      (22, (4).to_bytes(4, "big") + since_2000.to_bytes(4, "big", signed=True))):
        before[at : at + len(value)] = np.frombuffer(value, np.uint8)[:, None]
    before[6:14] = evaluation.frame["enterprise_id"].to_numpy().astype(">i8").view(np.uint8).reshape(-1, 8).T
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for data, _ in cells.blocks(evaluation.program, evaluation.frame, np.vstack((before, made)), length_at=30):
        yield data
    yield b"\xff\xff"


def rows(evaluation: Evaluation) -> pl.DataFrame:
    """`enterprise_id` (where the facts had it) and `body`."""
    keys = [c for c in ("enterprise_id",) if c in evaluation.frame.columns]
    return pl.DataFrame([*(evaluation.frame[key] for key in keys), pl.Series("body", bodies(evaluation), dtype=pl.Binary)])


def unpack(program: Program, body: bytes) -> Packed:
    """A body taken apart; the program must be the one it was made with."""
    ends = layout(program)
    return Packed(body[: ends.outcomes].decode("ascii"), body[ends.outcomes : ends.unmet], body[ends.unmet : ends.unknown], body[ends.unknown : ends.scores], body[ends.scores :])


def read_evidence(program: Program, evidence: bytes) -> dict[str, Cell]:
    """The fact columns of one firm from a stored row, by column name."""
    return cells.read(program, evidence)


def read_bits(mask: bytes, count: int) -> list[bool]:
    """The first `count` bits of a mask."""
    return [bool(mask[n >> 3] >> (n & 7) & 1) for n in range(count)]


def read_scores(program: Program, scores: bytes) -> dict[str, tuple[int, int]]:
    """Interval in 分×100 of each whole score of the program."""
    ends = np.frombuffer(scores, "<i4").reshape(-1, 2).tolist()
    return {s.id: (low, high) for s, (low, high) in zip((s for s in program.scales if s.whole), ends, strict=True)}
