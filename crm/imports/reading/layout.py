"""Where the table is inside a sheet: preamble, head of one or two rows, units, body, notes at the foot; turned or not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from crm.imports.errors import UnreadableFile
from crm.imports.fields import head_key, known_heads
from crm.imports.reading.cells import MISSING, fold_cell, table_unit, unit_of
from crm.indicators.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.imports.reading.grids import Grid

_LOOK = 40  # rows from the top in which a head may stand
_NUMBER = re.compile(r"^[-+(]?[\d,]+(\.\d+)?%?\)?$")
_FOOT = re.compile(r"^[\s\u3000]*(注[:：\d]|备注[:：]|说明[:：]|数据来源|资料来源|填表人|填报人|制表|审核|单位负责人|统计负责人|报出日期|联系电话[:：]|合\s*计|总\s*计|小\s*计|\*)|^\u3000")
_ATTRIBUTE = {"单位", "计量单位", "地区", "频度", "指标代码", "甲"}
_INDEX = re.compile(r"^([甲乙丙丁戊]|[A-Z]|\d{1,2})$")

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """One column of the table: where it stands, what it is called, the unit it or its table says."""

    index: int
    text: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet understood. `body` has a column `row` (row of the file, or its column when turned) and one per head: c0, c1 …"""

    sheet: str
    encoding: str | None
    head_rows: tuple[int, int]  # [first, last) counted from 0
    transposed: bool
    heads: tuple[Head, ...]
    body: pl.DataFrame
    unit: str | None
    title: str  # the preamble, joined
    dropped: int  # rows of notes, totals and blanks left out
    top: tuple[Row, ...] = field(repr=False, default=())  # preamble and head as they stand, for giving rows back in the same shape

    def summary(self) -> dict[str, Any]:
        """What is stored with the batch and shown beside the mapping."""
        return {
            "sheet": self.sheet, "encoding": self.encoding, "head_rows": [self.head_rows[0] + 1, self.head_rows[1]], "transposed": self.transposed,
            "unit": self.unit, "title": self.title[:200], "rows": self.body.height, "dropped": self.dropped, "heads": [h.text for h in self.heads],
            "units": [h.unit for h in self.heads],
        }


def best_table(grids: Sequence[Grid], sheet: str | None = None) -> Table:
    """The table of the sheet asked for, else of the one whose heads are best known; the larger where that is even."""
    named = [grid for grid in grids if sheet in (None, grid.name)]
    if not named:
        raise UnreadableFile(f"文件里没有名为“{sheet}”的工作表。", field="sheet")
    known = known_heads()
    tables = [table for grid in named if (table := read_table(grid)) is not None]
    if not tables:
        raise UnreadableFile("没有找到表头：请让表头占一行或两行，每列都有名称，数据紧接在下面。", field="file")
    return max(tables, key=lambda t: (sum(head_key(h.text.split("/")[-1]) in known for h in t.heads), t.body.height * len(t.heads)))


def read_table(grid: Grid) -> Table | None:
    """Understand one sheet; None when it has no head."""
    top = grid.rows(0, _LOOK)
    at = _find_head(top)
    if at is None:
        return None
    first, last, names = _join_head(top, at, grid)
    units, body_from = _attributes(top, last)
    preamble = " ".join(fold_cell(cell) for row in top[:first] for cell in row if cell)
    unit = table_unit(preamble)
    body, dropped = _body(grid.frame, body_from)
    heads = [Head(i, name, units.get(i) or next(filter(None, map(unit_of, name.split("/"))), None)) for i, name in enumerate(names)]
    kept = [h for h in heads if h.text or body[f"c{h.index}"].is_not_null().any()]
    heads = [h if h.text else Head(h.index, f"第{h.index + 1}列", h.unit) for h in kept]
    turned = _is_turned(heads, body)
    if turned:
        heads, body = _turn(heads, body)
    else:
        body = body.select("row", *(f"c{h.index}" for h in heads))
    return Table(grid.name, grid.encoding, (first, body_from), turned, tuple(heads), body, unit, preamble, dropped, tuple(top[:body_from]))


def _find_head(top: list[Row]) -> int | None:
    """The row that reads most like heads: many distinct labels, words we know, little that is a number."""
    known = known_heads()
    best, score = None, 0.0
    for i, row in enumerate(top):
        cells = [fold_cell(cell) for cell in row if cell and cell.strip()]
        if len(cells) < 2 or fold_cell(row[0] or "") in _ATTRIBUTE:
            continue
        labels = {c for c in cells if not _NUMBER.match(c) or parse_period(c)}
        numbers = len(cells) - sum(c in labels for c in cells)
        worth = len({c for c in labels if len(c) <= 40}) + 4.0 * sum(head_key(c) in known for c in labels) - 2.0 * numbers - 0.05 * i
        if worth > score and len(labels) >= 2:
            best, score = i, worth
    return best


def _join_head(top: list[Row], at: int, grid: Grid) -> tuple[int, int, list[str]]:
    """One or two rows of head -> (first row, row after, names); the upper of two is carried over the columns it spans."""
    first = last = at
    if at + 1 < len(top) and _is_subhead(top[at], top[at + 1]):
        last = at + 1
    elif at > 0 and _is_subhead(top[at - 1], top[at]) and sum(cell is not None for cell in top[at - 1]) >= 2:
        first = at - 1
    upper = [fold_cell(cell or "") for cell in top[first]]
    if first == last:
        return first, last + 1, upper
    spans = {c: (left, right) for r0, left, r1, right in grid.merged if r0 <= first <= r1 for c in range(left, right + 1)}
    lower = [fold_cell(cell or "") for cell in top[last]]
    names: list[str] = []
    for i, name in enumerate(upper):
        over = upper[spans[i][0]] if i in spans else name
        if not over and lower[i] and names and "/" in names[-1]:
            over = names[-1].split("/")[0]
        names.append("/".join(part for part in dict.fromkeys((over, lower[i])) if part))
    return first, last + 1, names


def _is_subhead(upper: Row, lower: Row) -> bool:
    """Whether `lower` fills gaps of `upper` with labels, no cell of it a figure."""
    cells = [(i, fold_cell(cell)) for i, cell in enumerate(lower) if cell and cell.strip()]
    if not cells or any(_NUMBER.match(text) and not parse_period(text) for _, text in cells) or fold_cell(lower[0] or "") in _ATTRIBUTE:
        return False
    gaps = sum(not (upper[i] or "").strip() for i, _ in cells)
    blanks = sum(not (cell or "").strip() for cell in lower)
    return gaps >= 1 and gaps + blanks >= len(lower) // 2 and all(len(text) <= 30 for _, text in cells)


def _attributes(top: list[Row], last: int) -> tuple[dict[int, str], int]:
    """Rows between head and body that describe columns (单位, 频度, 甲 乙 1 2 3): units by column, first row of the body."""
    units: dict[int, str] = {}
    while last < len(top):
        cells = [fold_cell(cell or "") for cell in top[last]]
        filled = [c for c in cells if c]
        if cells and cells[0] in {"单位", "计量单位"}:
            units = {i: text for i, text in enumerate(cells[1:], 1) if text and text != "-"}
        elif not (cells and cells[0] in _ATTRIBUTE) and not (len(filled) > 2 and all(_INDEX.match(c) for c in filled) and len(set(filled)) == len(filled)):
            break
        last += 1
    return units, last


def _body(frame: pl.DataFrame, start: int) -> tuple[pl.DataFrame, int]:
    """Rows under the head without blanks anywhere and without notes and totals at the foot; (body, rows left out)."""
    body = frame.with_row_index("row", offset=1).slice(start).with_columns(pl.col("row").cast(pl.Int64))
    columns = [c for c in body.columns if c != "row"]
    blank = pl.all_horizontal(pl.col(c).is_null() | (pl.col(c).str.strip_chars() == "") for c in columns)
    whole = body.height
    body = body.filter(~blank)
    named = body[columns[0]].is_not_null() & (body[columns[0]].str.strip_chars() != "")
    last = int(named.arg_true().max() or 0) + 1 if named.any() else 0
    filled = named.head(last).mean() if last else 0.0
    body = body.head(body.height - _foot(body.tail(60).select(columns).rows(), filled=float(filled or 0.0)))
    return body, whole - body.height


def _foot(rows: list[Row], filled: float) -> int:
    """How many of the last rows are notes or stray totals."""
    count = 0
    for row in reversed(rows):
        cells = [cell for cell in row if cell and cell.strip()]
        stray = not (row[0] or "").strip() and filled > 0.8 and all(_NUMBER.match(fold_cell(cell)) for cell in cells)
        alone = len(cells) == 1 and (len(cells[0]) > 30 or bool(_FOOT.match(cells[0])))
        if not (stray or alone or (row[0] and _FOOT.match(row[0]))):
            break
        count += 1
    return count


def _is_turned(heads: list[Head], body: pl.DataFrame) -> bool:
    """Periods run across the head, and the first column holds names of figures rather than firms or periods."""
    if len(heads) < 3 or body.height == 0:
        return False
    if sum(parse_period(h.text) is not None for h in heads[1:]) < 0.6 * (len(heads) - 1):
        return False
    known = known_heads()
    if head_key(heads[0].text) in {head_key(w) for w in ("统一社会信用代码", "企业名称", "单位名称", "单位详细名称", "公司名称", "证券代码", "企业简称")}:
        return False
    labels = [fold_cell(text) for text in body[f"c{heads[0].index}"].drop_nulls().head(60)]
    return bool(labels) and all(not parse_period(t) and not _NUMBER.match(t) for t in labels) and (
        any(head_key(t) in known for t in labels) or body.height <= 60
    )


def _turn(heads: list[Head], body: pl.DataFrame) -> tuple[list[Head], pl.DataFrame]:
    """Columns become rows: the first column names the new columns; `row` is the column of the file, counted from 1."""
    labels = [fold_cell(text or "") or f"第{i}行" for i, text in enumerate(body[f"c{heads[0].index}"], 1)]
    periods = heads[1:]
    data = {"row": [h.index + 1 for h in periods], "c0": [h.text for h in periods]}
    rows = body.select(f"c{h.index}" for h in periods).rows()
    for i, row in enumerate(rows, 1):
        data[f"c{i}"] = list(row)
    schema = {"row": pl.Int64, **dict.fromkeys((f"c{i}" for i in range(len(rows) + 1)), pl.String)}
    new = [Head(0, heads[0].text or "报告期"), *(Head(i, label, unit_of(label)) for i, label in enumerate(labels, 1))]
    return new, pl.DataFrame(data, schema=schema)


def samples(table: Table, index: int, count: int = 3) -> tuple[str, ...]:
    """A few values of a column, for showing beside its mapping."""
    values = table.body[f"c{index}"].drop_nulls().head(200)
    return tuple(text[:60] for text in values if text.strip().lower() not in MISSING)[:count]
