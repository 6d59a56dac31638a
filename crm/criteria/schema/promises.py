"""awards.yaml, targets.yaml, tasks.yaml, clusters.yaml: what a plan pays, promises, asks of units, and the industries it is about."""

# ruff: noqa: TC001, TC003  (pydantic reads annotations at run time)
from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from crm.criteria import quantity
from crm.criteria.schema.base import Amount, Basis, Entry, Id, Industry, Label, Model, Name, Sourced
from crm.criteria.schema.conditions import Node


class Trigger(Model):
    """The event money hangs on. Its day is the day of the claim.

    first_entry: first entered the register; title: `title` newly granted (first time, not renewed); crossing: `measure` of a year first
    reached `line`; level: `measure` (known at a day) first reached `line`; named: somebody must bring a paper (project, platform, honour).
    """

    kind: Literal["first_entry", "title", "crossing", "level", "named"]
    title: Name | None = None
    measure: Name | None = None
    line: Amount | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needs = {"title": ("title",), "crossing": ("measure", "line"), "level": ("measure", "line")}.get(self.kind, ())
        given = tuple(name for name in ("title", "measure", "line") if getattr(self, name) is not None)
        if given != needs:
            raise ValueError(f"trigger {self.kind} 要写 {'、'.join(needs) or '不带其他键'}（现有：{'、'.join(given) or '无'}）")
        return self


class Question(Model):
    """What the text does not say about an award: a person rules by choosing one of the readings, once for all firms.

    applies: always; only while the text is a draft; only where several lines of a series are reached in one year; only where a
    figure stands exactly on its line; only where money for the same matter was taken elsewhere.
    """

    id: Id
    text: str
    applies: Literal["always", "draft", "several", "exact", "other_money"] = "always"
    options: tuple[str, ...] = Field(min_length=2)


class Award(Entry, Sourced):
    """Money for an event. `undecided` = why nothing is granted without a person; `questions` = what the person must rule."""

    label: Label
    amount: Amount | None = None
    at_most: bool = False  # the amount is an upper limit, a person sets the sum
    once: bool = True
    trigger: Trigger | None = None
    requires: Node | None = None  # what must hold beside the event
    waits_for: Literal["in_register_next_year"] | None = None  # a condition that lies in the year after the event
    series: Name | None = None  # awards whose lines follow each other; several may be reached in one year
    exclusion_group: Name | None = None
    not_beside: tuple[Id, ...] = ()  # documents whose money for the same matter is not paid twice
    undecided: str | None = None
    questions: tuple[Question, ...] = ()
    evidence: tuple[str, ...] = ()  # papers to bring
    note: str | None = None


class Awards(Model):
    """awards.yaml"""

    awards: tuple[Award, ...]


class TargetValue(Sourced):
    """A goal as one document states it."""

    year: int
    value: Amount | None  # null: unreadable, lost or not stated
    at_least: bool = False  # 以上, 突破
    about: bool = False  # 左右
    base: bool = False  # what was reached before the plan, not a goal
    reading: str | None = None  # what exactly is counted, where two places of a text differ in that
    note: str | None = None

    @property
    def meaning(self) -> tuple[quantity.Quantity | None, str | None]:
        """What it says: 30.0% and 30% are the same."""
        return (quantity.parse(self.value) if self.value is not None else None, self.reading)


class Target(Entry, Sourced):
    """A promised figure. Several values for one year are a contradiction: all are kept and shown, with `conflict` in words."""

    label: Label
    unit: str
    kind: Literal["stock", "increment", "yearly"] = "stock"  # standing at the year's end; added since the plan began; in each year
    since: int | None = None  # increment: the first year that counts
    counts: str | None = None  # what is counted: a title id, `above_size`, a level id
    lead_unit: str | None = None
    units: tuple[str, ...] = ()
    counties: bool = False  # each county, town or zone has to reach its share
    values: tuple[TargetValue, ...] = Field(min_length=1)
    conflict: str | None = None
    note: str | None = None

    def stated(self, year: int) -> tuple[TargetValue, ...]:
        """Goals for a year as the texts state them; more than one only where they differ or are stated twice."""
        return tuple(v for v in self.values if v.year == year and not v.base)

    @property
    def differing(self) -> tuple[int, ...]:
        """Years for which two places say different numbers, or count differently."""
        return tuple(sorted({v.year for v in self.values if len({w.meaning for w in self.stated(v.year)}) > 1}))


class Targets(Model):
    """targets.yaml"""

    targets: tuple[Target, ...]


class Task(Entry, Sourced):
    """Something a plan asks a unit to do."""

    label: Label
    lead_unit: str | None = None  # the text says who leads
    units: tuple[str, ...] = ()  # responsible together, in the text's order (without the one that leads)
    counties: bool = False  # each county, town or zone has to do it too
    targets: tuple[Id, ...] = ()  # goals it carries
    due: str | None = None
    due_on: date | None = None  # none: the document's last day
    note: str | None = None


class Tasks(Model):
    """tasks.yaml"""

    tasks: tuple[Task, ...]


class Cluster(Entry, Sourced):
    """A cluster or chain a plan is about. The text names it; which GB/T 4754 codes it holds is a reading of ours unless said."""

    label: Label
    kind: str  # the plan's own word: 核心产业集群, 标志性产业链 …
    industries: tuple[Industry, ...] = ()  # empty: not told by codes
    industries_basis: Basis = "default"
    lead_unit: str | None = None
    note: str | None = None


class Clusters(Model):
    """clusters.yaml"""

    clusters: tuple[Cluster, ...]
