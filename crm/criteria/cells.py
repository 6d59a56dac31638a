"""The evidence of a verdict: the fact cells a firm was judged by, as few bytes, made for a population at once.

Layout. The pack's columns of the day in four groups (codes, yes/no, days, figures), each in the program's order; a code takes
four words of eight bytes, everything else one. First a half byte per word, low half first: 0 missing, 1 zero, 2–9 as
many bytes less one, 10 the value one. Then the bytes of each word, lowest first, without the zeros above. Figures are
zigzag (0, -1, 1, -2 …), days are counted from 0001-01-01. Equal cells give equal bytes, whoever else is in the frame.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crm.core.errors import Invalid
from crm.criteria.columns import dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crm.criteria.program import Program
    from crm.criteria.terms import Column

Cell = int | bool | str | date | None
_BLOCK = 2048  # rows at a time: their words stay in the processor's cache
_CODE_WORDS = 4
_DAY_ONE = -date(1, 1, 1).toordinal() + date(1970, 1, 1).toordinal()  # days from 0001-01-01 to 1970-01-01
_ONE = 10
_MISSING = -(2**63)
_GROUPS: tuple[pl.DataType, ...] = (pl.String(), pl.Boolean(), pl.Date(), pl.Int64())


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.uint8]]:
    """Half byte by binary exponent of a word; mask of its bytes and their number by half byte."""
    by_exponent = np.zeros(2048, np.uint8)
    by_exponent[0], by_exponent[1023] = 1, _ONE
    for power in range(1, 63):
        by_exponent[1023 + power] = power // 8 + 2
    sizes = np.array([max(0, code - 1) if code < _ONE else 0 for code in range(16)], np.uint8)
    masks = np.array([int.from_bytes(b"\1" * int(size), "little") for size in sizes], "<u8")
    return by_exponent, masks, sizes


_CODES, _MASKS, _SIZES = _tables()


@lru_cache(maxsize=32)
def _order(program: Program) -> tuple[tuple[Column, int], ...]:
    """Columns in the layout's order, each with its group."""
    return tuple((c, group) for group, kind in enumerate(_GROUPS) for c in program.columns if dtype(c) == kind)


def write(program: Program, frame: pl.DataFrame) -> list[bytes]:
    """The evidence of every row."""
    made: list[bytes] = []
    for data, ends in blocks(program, frame, np.zeros((0, len(frame)), np.uint8)):
        made += [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return made


def blocks(program: Program, frame: pl.DataFrame, lead: NDArray[np.uint8], *, length_at: int | None = None) -> Iterator[tuple[bytes, list[int]]]:
    """Some thousand rows at a time: their bytes and where each ends. A row is its column of `lead`, then its evidence.

    `length_at`: where in `lead` four bytes take the length of all that follows them, highest byte first.
    """
    words = _words(program, frame)
    figures = sum(group == 3 for _, group in _order(program))
    for start in range(0, len(frame), _BLOCK):
        yield _block([w[start : start + _BLOCK] for w in words], figures, lead[:, start : start + _BLOCK], length_at)


def _words(program: Program, frame: pl.DataFrame) -> list[NDArray[np.int64]]:
    """One array per word; missing is the lowest integer among figures, minus one elsewhere."""
    words: list[NDArray[np.int64]] = []
    for column, group in _order(program):
        cell = frame[column.name]
        if group == 0:
            words += _code_words(cell)
        elif group == 1:
            words.append(cell.cast(pl.Int64).fill_null(-1).to_numpy())
        elif group == 2:
            words.append((cell.to_physical().cast(pl.Int64) + _DAY_ONE).fill_null(-1).to_numpy())
        else:
            words.append(cell.fill_null(_MISSING).to_numpy())
    return words


def _code_words(cell: pl.Series) -> list[NDArray[np.int64]]:
    """A code's bytes as four numbers, worked out once per distinct code."""
    distinct = cell.unique()
    table = []
    for code in distinct.to_list():
        raw = b"" if code is None else code.encode()
        if len(raw) > 8 * _CODE_WORDS or not raw.isascii():
            raise Invalid(f"代码太长或含非 ASCII 字符：{code}")
        numbers = [int.from_bytes(raw[i : i + 8], "little") for i in range(0, 8 * _CODE_WORDS, 8)]
        table.append(numbers if code is not None else [-1] * _CODE_WORDS)
    place = cell.replace_strict(distinct, pl.Series(range(len(distinct)), dtype=pl.UInt32), return_dtype=pl.UInt32).to_numpy()
    return list(np.array(table, np.int64).reshape(-1, _CODE_WORDS).T[:, place])


def _block(words: list[NDArray[np.int64]], figures: int, lead: NDArray[np.uint8], length_at: int | None) -> tuple[bytes, list[int]]:
    """Rows of some words; the last `figures` of them are zigzag."""
    first, size = lead.shape
    count = len(words)
    head = (count + 1) // 2
    before = (first + head + 7) // 8  # words that lead and half bytes take
    cells = np.zeros((size, before + count), "<i8")
    for i, word in enumerate(words):
        cells[:, before + i] = word
    tail = cells[:, before + count - figures :]
    tail[:] = (tail << 1) ^ (tail >> 63)
    body = cells[:, before:].view("<u8")
    codes = _CODES.take((body.astype(np.float64).view(np.uint64) >> np.uint64(52)).view(np.int64))
    mask = np.empty(cells.shape, "<u8")
    mask[:, :before] = np.frombuffer((b"\1" * (first + head)).ljust(before * 8, b"\0"), "<u8")
    mask[:, before:] = _MASKS.take(codes)
    plain = cells.view(np.uint8)
    plain[:, :first] = lead.T
    halves = plain[:, first : first + head]
    halves[:] = codes[:, 0::2]
    halves[:, : count // 2] |= codes[:, 1::2] << 4
    lengths = _SIZES.take(codes).sum(axis=1, dtype=np.int64) + (first + head)
    if length_at is not None:
        plain[:, length_at : length_at + 4] = (lengths - (length_at + 4)).astype(">i4").view(np.uint8).reshape(-1, 4)
    return np.compress(mask.view(np.bool_).ravel(), plain.ravel()).tobytes(), np.cumsum(lengths).tolist()


def read(program: Program, evidence: bytes) -> dict[str, Cell]:
    """The cells of one row, by column name."""
    order = _order(program)
    count = sum(_CODE_WORDS if group == 0 else 1 for _, group in order)
    at, words = (count + 1) // 2, []
    for i in range(count):
        code = evidence[i >> 1] >> 4 * (i & 1) & 15
        size = int(_SIZES[code])
        words.append(None if code == 0 else 1 if code == _ONE else int.from_bytes(evidence[at : at + size], "little"))
        at += size
    made: dict[str, Cell] = {}
    left = iter(words)
    for column, group in order:
        made[column.name] = _cell([next(left) for _ in range(_CODE_WORDS if group == 0 else 1)], group)
    return {c.name: made[c.name] for c in program.columns}


def _cell(words: list[int | None], group: int) -> Cell:
    first = words[0]
    if first is None:
        return None
    match group:
        case 0:
            return b"".join((word or 0).to_bytes(8, "little") for word in words).rstrip(b"\0").decode()
        case 1:
            return bool(first)
        case 2:
            return date.fromordinal(first + 1)
        case _:
            return (first >> 1) ^ -(first & 1)
