"""What a check hands over: the state of every row, findings, and the frames the writer needs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from crm.imports.errors import MissingColumn
from crm.imports.fields import KIND_FIELDS
from crm.imports.reading.cells import clean
from crm.imports.reasons import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from crm.criteria.schema import Cases
    from crm.imports.mapping import Mapping
    from crm.imports.reading.layout import Table
    from crm.security.access import Access

STATES = ("new", "changed", "same", "duplicate", "rejected")


@dataclass(slots=True)
class Findings:
    """Rows of `import_finding`, collected by column."""

    row: list[int] = field(default_factory=list)
    severity: list[str] = field(default_factory=list)
    column: list[str | None] = field(default_factory=list)
    value: list[str | None] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    message: list[str] = field(default_factory=list)

    def add(self, row: int, severity: str, column: str | None, value: object, reason: str, message: str) -> None:
        """One finding; a reason nobody wrote a label for is a bug."""
        if reason not in REASONS:
            raise KeyError(reason)
        self.row.append(row)
        self.severity.append(severity)
        self.column.append(column)
        self.value.append(None if value is None else str(value)[:200])
        self.reason.append(reason)
        self.message.append(message[:300])

    def add_rows(self, rows: Iterable[tuple[int, Any]], severity: str, column: str | None, reason: str, message: str) -> None:
        """The same finding for many (row, value); `{}` in the message takes the value."""
        for row, value in rows:
            self.add(row, severity, column, value, reason, message.replace("{}", str(value)))

    def columns(self) -> dict[str, list[Any]]:
        """In the order of the file's rows."""
        order = sorted(range(len(self.row)), key=lambda i: (self.row[i], self.severity[i] != "rejected"))
        return {name: [getattr(self, name)[i] for i in order] for name in ("row", "severity", "column", "value", "reason", "message")}

    def reasons(self) -> dict[str, int]:
        """Reason code -> findings."""
        return dict(Counter(self.reason).most_common())


@dataclass(slots=True)
class Plan:
    """The outcome of a check. `states` has one row per data row: `row`, `state`. `data` is the kind's own."""

    kind: str
    states: pl.DataFrame
    findings: Findings
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """rows = new + changed + same + duplicate + rejected."""
        found = dict(self.states.group_by("state").len().rows())
        return {"rows": self.states.height, **{state: found.get(state, 0) for state in STATES}}

    def rejected_rows(self) -> list[int]:
        """Rows to give back."""
        return self.states.filter(pl.col("state") == "rejected")["row"].to_list()


@dataclass(frozen=True, slots=True)
class Check:
    """What every check is given. `today` bounds dates; `access` None means everything (command line, worker)."""

    table: Table
    mapping: Mapping
    today: date
    access: Access | None = None
    progress: Callable[[int, int], None] | None = None
    rules: Callable[[str], Cases] | None = None  # division code -> the rules for cases of its pack

    def tell(self, share: float) -> None:
        """Report progress as a share of the rows."""
        if self.progress:
            total = self.table.body.height
            self.progress(round(total * share), total)

    def head(self, name: str) -> str | None:
        """How the file calls a field."""
        column = self.mapping.column(name)
        return column.head if column else None

    def texts(self, names: Iterable[str]) -> pl.DataFrame:
        """`row` and one cleaned text column per field asked for; null where the file has no such column."""
        columns = {name: self.mapping.column(name) for name in names}
        picked = [(clean(f"c{c.index}") if c else pl.lit(None, dtype=pl.String)).alias(name) for name, c in columns.items()]
        return self.table.body.select("row", *picked)

    def need(self, *names: str) -> None:
        """Refuse a mapping without these fields."""
        missing = [f.label for f in KIND_FIELDS[self.mapping.kind] if f.name in names and f.name not in self.mapping.fields]
        if missing:
            raise MissingColumn(f"还没有指定哪一列是{'、'.join(missing)}，请在“对应关系”里选好再检查。", field="mapping")
