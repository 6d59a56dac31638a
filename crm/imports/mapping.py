"""How the columns of a file become fields: what was guessed, what a person confirmed, how it is kept.

The JSON form is what `--map` takes and what is remembered per set of heads:

    {"columns": {"营业收入": {"field": "revenue", "unit": "万元"}, "企业名称": "name", "备注": null},
     "period": "2024", "form": "period", "source": "import", "region": "331000", "aliases": {"002126": "9133…"}}
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from crm.core.errors import Invalid

SETTINGS = ("period", "form", "source", "unit", "region")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """One column. `field` None: not imported. `confidence` 0–100; `why` says in Chinese what the guess rests on."""

    index: int
    head: str
    field: str | None = None
    unit: str | None = None  # of this column, 元 千元 万元 亿元 …; None: the file's, else the field's own
    period: str | None = None  # when the head itself names it: '2023年营业收入', '2025年1-9月'
    form: str | None = None  # period | ytd, when the head says 当月 or 累计
    confidence: int = 0
    why: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole file's mapping. `period`, `form`, `unit`, `region` hold for what no column says itself."""

    kind: str
    columns: tuple[ColumnMap, ...]
    period: str | None = None
    form: str | None = None
    source: str = "import"
    unit: str | None = None
    region: str | None = None  # the division all firms of the file lie in: narrows what addresses leave out
    aliases: dict[str, str] = field(default_factory=dict)  # a firm as the file writes it -> USCC

    @property
    def fields(self) -> set[str]:
        """Fields some column is mapped to."""
        return {column.field for column in self.columns if column.field}

    def column(self, name: str) -> ColumnMap | None:
        """The first column mapped to a field."""
        return next((column for column in self.columns if column.field == name), None)

    def to_json(self) -> dict[str, Any]:
        """The form that is stored and that `merge` takes."""
        columns = [
            {"index": c.index, "head": c.head, "field": c.field, "unit": c.unit, "period": c.period, "form": c.form, "confidence": c.confidence, "why": c.why,
             "samples": list(c.samples)}
            for c in self.columns
        ]
        return {"kind": self.kind, "columns": columns, **{s: getattr(self, s) for s in SETTINGS}, "aliases": self.aliases}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Mapping:
        """Read what `to_json` wrote."""
        columns = tuple(ColumnMap(**{**c, "samples": tuple(c["samples"])}) for c in data["columns"])
        return cls(data["kind"], columns, **{s: data[s] for s in SETTINGS}, aliases=data["aliases"])

    def merge(self, given: dict[str, Any]) -> Mapping:
        """Lay what a person said over the guess.

        `given["columns"]`: head (or index as text) -> field, None, or an object with field, unit, period, form. Raises Invalid for a head the file does not have.
        """
        if unknown := sorted(set(given) - {"columns", "aliases", "kind", *SETTINGS}):
            raise Invalid(f"对应关系里有不认识的项：{'、'.join(unknown)}。")
        columns = list(self.columns)
        for key, said in given.get("columns", {}).items():
            places = [i for i, c in enumerate(columns) if c.head == key or str(c.index) == key]
            if not places:
                raise Invalid(f"文件里没有名为“{key}”的列。", field="columns")
            changes = said if isinstance(said, dict) else {"field": said or None}
            for i in places:
                columns[i] = replace(columns[i], **changes, confidence=100, why="人工指定")
        settings = {s: given[s] for s in SETTINGS if given.get(s) is not None}
        return replace(self, columns=tuple(columns), aliases={**self.aliases, **given.get("aliases", {})}, **settings)
