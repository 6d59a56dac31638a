"""Bytes to grids: every sheet of an XLSX or XLS, or a CSV in whatever encoding, as text cells by row and column.

Row n of the frame is row n + 1 of the file as a spreadsheet shows it.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from charset_normalizer import from_bytes
from polars.exceptions import PolarsError
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from crm.imports.errors import UnreadableFile

MAX_UNPACKED = 1 << 30
"""A workbook that unpacks to more than this is refused before it is opened."""
MAX_ROWS = 1_048_576
_SNIFF = 200


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet. All cells are text or null; `merged` are (first row, first column, last row, last column)."""

    name: str
    frame: pl.DataFrame
    encoding: str | None = None
    merged: tuple[tuple[int, int, int, int], ...] = ()

    def rows(self, start: int, stop: int) -> list[tuple[str | None, ...]]:
        """Cells of some rows."""
        return self.frame.slice(start, stop - start).rows()


def read_grids(data: bytes) -> list[Grid]:
    """Every sheet with something in it. The format is told by the bytes, never by the file's name."""
    if not data.strip(b"\0 \r\n\t"):
        raise UnreadableFile("文件是空的，请检查后重新选择。", field="file")
    if data[:2] == b"\x1f\x8b":
        data = _gunzip(data)
    if data[:4] == b"PK\x03\x04":
        _refuse_bomb(data)
        grids = _workbook(data)
    elif data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        grids = _workbook(data)
    else:
        grids = [_text(data)]
    grids = [grid for grid in grids if grid.frame.height]
    if not grids:
        raise UnreadableFile("文件里没有数据，请检查是否选错了文件。", field="file")
    return grids


def _gunzip(data: bytes) -> bytes:
    """A table packed with gzip (.csv.gz), unpacked up to the same limit as a workbook."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            plain = packed.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile("压缩文件已损坏，解不开。请解压后再导入。", field="file") from error
    if len(plain) > MAX_UNPACKED:
        raise UnreadableFile("文件解开后超过 1 GB，请拆成几个文件分别导入。", field="file")
    return plain


def _refuse_bomb(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile as error:
        raise UnreadableFile("文件已损坏，打不开。请在 WPS 或 Excel 中打开后另存一份再导入。", field="file") from error
    if size > MAX_UNPACKED:
        raise UnreadableFile("文件解开后超过 1 GB，请拆成几个文件分别导入。", field="file")


def _workbook(data: bytes) -> list[Grid]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
        return [_sheet(sheet.name, sheet.to_python(skip_empty_area=False), sheet.merged_cell_ranges) for sheet in sheets]
    except PasswordError as error:
        raise UnreadableFile("文件有打开密码，请先去掉密码再导入。", field="file") from error
    except CalamineError as error:
        raise UnreadableFile("打不开这个文件：不是 XLSX、XLS 或 CSV 表格，或已损坏。请在 WPS 或 Excel 中另存为 XLSX 后再导入。", field="file") from error


def _sheet(name: str, rows: list[list[Any]], merged: Any) -> Grid:
    width = max((len(row) for row in rows), default=0)
    columns = zip(*rows, strict=True) if all(len(row) == width for row in rows) else zip(*(row + [None] * (width - len(row)) for row in rows), strict=True)
    frame = pl.DataFrame([pl.Series(f"c{i}", [_cell(v) for v in column], dtype=pl.String) for i, column in enumerate(columns)])
    return Grid(name, frame, None, tuple((*start, *end) for start, end in merged or ()))


def _cell(value: Any) -> str | None:
    if type(value) is str:
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time | int):
        return value.isoformat() if not isinstance(value, int) else str(value)
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _text(data: bytes) -> Grid:
    text, encoding = _decode(data)
    if text.lstrip()[:200].lower().startswith(("<html", "<!doctype html", "<table", "<?xml")):
        raise UnreadableFile("这是网页或 XML 文件，只是改了扩展名。请在 WPS 或 Excel 中打开后另存为 XLSX 再导入。", field="file")
    if "\0" in text[:4096]:
        raise UnreadableFile("这不是表格文件。可以导入 XLSX、XLS 和 CSV。", field="file")
    head = text[: 1 << 16].splitlines()[:_SNIFF]
    separator = max(",\t;|", key=lambda mark: sum(line.count(mark) > 0 for line in head) * 10_000 + sum(line.count(mark) for line in head))
    width = max((len(row) for row in csv.reader(head, delimiter=separator)), default=1) + 1  # one more catches rows that are too wide
    try:
        source = io.BytesIO((separator * (width - 1) + "\n" + text).encode())
        frame = pl.read_csv(source, separator=separator, has_header=False, infer_schema=False, truncate_ragged_lines=True, skip_rows=0).slice(1)
    except PolarsError:  # quotes out of place: the standard reader forgives more
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        frame = pl.DataFrame([pl.Series([row[i] if i < len(row) else None for row in rows], dtype=pl.String) for i in range(width)])
    frame = frame.rename(dict(zip(frame.columns, (f"c{i}" for i in range(frame.width)), strict=True)))
    last = frame.columns[-1]
    return Grid("", frame if frame[last].is_not_null().any() else frame.drop(last), encoding)


def _decode(data: bytes) -> tuple[str, str]:
    for bom, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(bom):
            return data.decode(name, errors="replace"), name
    for name in ("utf-8", "gb18030"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    best = from_bytes(data[: 1 << 20]).best()
    if best is None:
        raise UnreadableFile("认不出文件的文字编码。请另存为 UTF-8 或 GBK 编码的 CSV，或另存为 XLSX。", field="file")
    return data.decode(best.encoding, errors="replace"), best.encoding
