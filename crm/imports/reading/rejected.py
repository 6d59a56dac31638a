"""Rejected rows back as a file in the shape they came in, with a column of reasons, nothing in it a formula."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl
import xlsxwriter

if TYPE_CHECKING:
    from pathlib import Path

    from crm.imports.checking.plan import Plan
    from crm.imports.reading.layout import Table

REASON_HEAD = "退回原因"
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[-+]?[\d,]*\.?\d+%?$")


def write_rejected(table: Table, plan: Plan, data_dir: Path, path: str) -> str | None:
    """Write the file under `data_dir` and return its path; None when no row was rejected."""
    wanted = plan.rejected_rows()
    if not wanted:
        return None
    why = defaultdict(list)
    for row, severity, message in zip(plan.findings.row, plan.findings.severity, plan.findings.message, strict=True):
        if severity == "rejected":
            why[row].append(message)
    indexes = [h.index for h in table.heads]
    rows = table.body.filter(pl.col("row").is_in(wanted)).select("row", *(f"c{i}" for i in indexes)).rows()
    body = [[*cells, "；".join(dict.fromkeys(why[row]))] for row, *cells in rows]
    lines = [*_top(table, indexes), *body]
    if path.endswith(".csv"):
        _csv(data_dir / path, lines)
        return path
    path = path.rsplit(".", 1)[0] + ".xlsx"
    _xlsx(data_dir / path, lines)
    return path


def _top(table: Table, indexes: list[int]) -> list[list[str | None]]:
    """Preamble and head as they stood; of a table that was turned, its heads."""
    if table.transposed:
        return [[h.text for h in table.heads] + [REASON_HEAD]]
    lines = [[row[i] if i < len(row) else None for i in indexes] for row in table.top]
    lines[table.head_rows[0]].append(REASON_HEAD)
    return lines


def defuse(text: str | None) -> str:
    """A cell a spreadsheet will not run: an apostrophe before what begins like a formula and is no number."""
    if text is None:
        return ""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def _csv(path: Path, lines: list[list[str | None]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([defuse(cell) for cell in line] for line in lines)


def _xlsx(path: Path, lines: list[list[str | None]]) -> None:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("退回行")
        for r, line in enumerate(lines):
            for c, cell in enumerate(line):
                if cell is not None:
                    sheet.write_string(r, c, cell)
