"""Tables as files: CSV with a byte-order mark, so that Excel reads it as UTF-8, and XLSX. Formulas are defused in both."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from xlsxwriter import Workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@")
_CONTROL = ("\t", "\r", "\n")


def defuse(value: Any) -> Any:
    """A text that a spreadsheet would run, also behind blanks, gets an apostrophe in front; numbers stay numbers, None is an empty cell."""
    if isinstance(value, str) and (value.startswith(_CONTROL) or value.lstrip().startswith(_FORMULA)):
        return "'" + value
    return "" if value is None else value


def csv_rows(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file piece by piece, lines ended as Excel does."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BOM)
    writer.writerow(head)
    for row in rows:
        writer.writerow([defuse(value) for value in row])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def xlsx(head: Sequence[str], rows: Iterable[Sequence[Any]], title: str, widths: Sequence[int] = ()) -> bytes:
    """One sheet; texts are written as texts, never as formulas or links."""
    return workbook([(title, head, rows, widths)])


def workbook(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]], Sequence[int]]]) -> bytes:
    """Several sheets: (title, head, rows, widths of the columns)."""
    out = io.BytesIO()
    book = Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    bold = book.add_format({"bold": True, "bottom": 1})
    whole = book.add_format({"num_format": "#,##0"})
    for title, head, rows, widths in sheets:
        sheet = book.add_worksheet(title[:31])
        for column, text in enumerate(head):
            sheet.write_string(0, column, text, bold)
            sheet.set_column(column, column, widths[column] if column < len(widths) else 14)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                if isinstance(value, int) and not isinstance(value, bool):
                    sheet.write_number(number, column, value, whole)
                elif value not in (None, ""):
                    sheet.write_string(number, column, str(defuse(value)))
        sheet.freeze_panes(1, 1)
    book.close()
    return out.getvalue()
