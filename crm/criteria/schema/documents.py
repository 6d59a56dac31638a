"""sources.yaml, measures.yaml, parameters/*.yaml: texts, what is counted, dated numbers."""

# ruff: noqa: TC003  (pydantic reads annotations at run time)
from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from crm.criteria.schema.base import Amount, Entry, Label, Model, Sourced


class Document(Entry):
    """A policy text."""

    number: str | None = None
    title: Label
    issuer: str | None = None
    issued_on: date | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    status: Literal["draft", "in_force", "superseded", "repealed"]
    url: str | None = None
    note: str | None = None
    clauses: tuple[Clause, ...] = ()

    def status_on(self, on: date) -> str:
        """Status on a day: what was superseded later was in force while it lasted; a text that ran out is `ended`."""
        if self.effective_to is None or self.status == "draft":
            return self.status
        if on <= self.effective_to:
            return "in_force"
        return "ended" if self.status == "in_force" else self.status


class Clause(Model):
    """One clause of a document, for coverage: what of the text is a criterion, target or task and what is not."""

    id: str
    text: str
    reason: str | None = None  # why nothing is computed from it; only where nothing rests on it


class Measure(Entry):
    """Something counted about a firm."""

    label: Label
    unit: Literal["元", "人", "年", "项", "名", "bp", "分×100", "级×10", "m²", "kWh", "kgce", "家"]
    periods: tuple[Literal["year", "month", "at"], ...] = Field(min_length=1)
    may_be_negative: bool = False
    ask: str | None = None  # how to ask the firm for it; default: 请提供{period}{label}


class Fact(Entry):
    """An event kind or a yes/no flag. `missing: no` = without a record it has not happened; else unknown."""

    label: Label
    missing: Literal["unknown", "no"] = "unknown"
    ask: str | None = None


class Measures(Model):
    """measures.yaml"""

    measures: tuple[Measure, ...] = ()
    events: tuple[Fact, ...] = ()
    flags: tuple[Fact, ...] = ()


class Sources(Model):
    """sources.yaml"""

    documents: tuple[Document, ...]


class DatedValue(Sourced):
    """What a parameter is from a day on; value null = ended."""

    from_: date = Field(alias="from")
    value: Amount | None


class Parameter(Entry):
    """A dated number used by name: `test: revenue_main >= param(step_up.line)`."""

    label: Label
    values: tuple[DatedValue, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sorted(self) -> Self:
        days = [v.from_ for v in self.values]
        if days != sorted(set(days)):
            raise ValueError("from 的日期要递增且不重复")
        return self


class Parameters(Model):
    """parameters/*.yaml"""

    parameters: tuple[Parameter, ...]


Document.model_rebuild()
