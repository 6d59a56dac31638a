"""Words of the import pages: fields in groups, units, severities, reasons, what was read of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.cases.models import SOURCES
from crm.imports.checking.cases import OUTSIDE
from crm.imports.fields import FIRM, KIND_FIELDS, TEXT_SHAPES
from crm.imports.models import KINDS

if TYPE_CHECKING:
    from crm.imports.models import ImportBatch

UNITS = ("元", "千元", "万元", "百万元", "亿元", "人", "千瓦时", "万千瓦时", "%", "平方米")
"""Those a person may name for a column; crm.imports.reading.cells knows more that a head may carry."""
CASE_SOURCES = {code: SOURCES[code] for code in OUTSIDE}
"""Where a file of cases may come from."""
ORDER = ("suspicious", "rejected", "duplicate", "repaired")
"""In the order a person should look at them."""
NO_UNIT = TEXT_SHAPES - {"capital"} | {"date", "period", "month", "quarter"}
"""Shapes of fields whose figures carry no unit."""


def targets(kind: str) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """What a column of this kind of file can be, in two groups: (heading, [(field, label, whether it has a unit)])."""
    firm = {field.name for field in FIRM}
    own = [(f.name, f.label, f.shape not in NO_UNIT) for f in KIND_FIELDS[kind] if f.name not in firm]
    return [("认企业", [(f.name, f.label, False) for f in FIRM]), (KINDS[kind], own)]


def field_names(kind: str) -> dict[str, str]:
    """Field -> label."""
    return {field.name: field.label for field in KIND_FIELDS[kind]}


def column_letter(index: int) -> str:
    """The name a spreadsheet gives the column: 0 -> A, 26 -> AA."""
    letters, number = "", index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def file_facts(batch: ImportBatch) -> list[str]:
    """What was read of the file, for the line under its name."""
    layout = batch.layout or {}
    facts = [KINDS[batch.kind]]
    if layout.get("sheet"):
        facts.append(f"工作表“{layout['sheet']}”")
    if layout.get("encoding"):
        facts.append(str(layout["encoding"]).upper())
    if layout.get("rows"):
        facts.append(f"{layout['rows']:,} 行")
    if layout.get("head_rows"):
        first, last = layout["head_rows"]
        facts.append(f"表头第 {first} 行" if last <= first else f"表头第 {first}–{last} 行")
    if layout.get("transposed"):
        facts.append("行列转置过来读")
    if layout.get("unit"):
        facts.append(f"表上写明单位 {layout['unit']}")
    if layout.get("dropped"):
        facts.append(f"略过 {layout['dropped']} 行注释或合计")
    return facts
