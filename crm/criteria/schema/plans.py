"""alerts.yaml, awards.yaml, targets.yaml, tasks.yaml, visit.yaml."""

# ruff: noqa: TC001  (pydantic reads annotations at run time)
from __future__ import annotations

from typing import Literal

from pydantic import Field

from crm.criteria.schema.base import Amount, Entry, Expression, Label, Model, Name, Sourced
from crm.criteria.schema.conditions import Node


class AlertLevel(Model):
    """A colour of an alert; the first whose condition is met wins."""

    level: Literal["red", "orange", "yellow", "green", "grey"]
    if_: Expression | None = Field(default=None, alias="if")  # over the rule's inputs; none: everything else
    text: str | None = None


class AlertRule(Entry, Sourced):
    """An alert: its levels over named inputs (see ALERT_INPUTS in crm/criteria/alerts.py), worst first."""

    label: Label
    levels: tuple[AlertLevel, ...] = ()
    months: tuple[int, int] | None = None  # season: first and last month, inclusive
    settings: dict[str, Amount] = Field(default_factory=dict)
    note: str | None = None


class Alerts(Model):
    """alerts.yaml"""

    alerts: tuple[AlertRule, ...]


class Award(Entry, Sourced):
    """Money for an event. `undecided` = what the text does not say and a person must rule."""

    label: Label
    amount: Amount | None = None
    once: bool = True
    requires: Node | None = None
    exclusion_group: Name | None = None
    undecided: str | None = None
    note: str | None = None


class Awards(Model):
    """awards.yaml"""

    awards: tuple[Award, ...]


class TargetValue(Sourced):
    """A goal as one document states it."""

    year: int
    value: Amount | None  # null: unreadable or not stated
    at_least: bool = False
    note: str | None = None


class Target(Entry, Sourced):
    """A promised figure. Several values for one year are a contradiction: all are kept and shown."""

    label: Label
    unit: str
    kind: Literal["stock", "increment", "yearly"] = "stock"
    counts: str | None = None  # what is counted: a title id, `above_size`, a level id
    lead_unit: str | None = None
    values: tuple[TargetValue, ...] = Field(min_length=1)
    note: str | None = None


class Targets(Model):
    """targets.yaml"""

    targets: tuple[Target, ...]


class Task(Entry, Sourced):
    """Something a plan asks a unit to do."""

    label: Label
    lead_unit: str | None = None
    units: tuple[str, ...] = ()
    due: str | None = None
    note: str | None = None


class Tasks(Model):
    """tasks.yaml"""

    tasks: tuple[Task, ...]


class VisitField(Entry):
    """A field of the visit form beside the fixed ones."""

    label: Label
    kind: Literal["text", "number", "choice", "chips", "yes_no", "money", "date"]
    unit: str | None = None
    options: tuple[str, ...] = ()
    required: bool = False


class Visit(Model):
    """visit.yaml: the visit form and the head of its printed record."""

    unit_name: str
    record_title: str = "企业走访服务记录"
    series: str  # record numbers read {series}〔2026〕0001号
    kinds: tuple[str, ...] = ("实地", "电话", "线上")
    templates: tuple[str, ...] = ()  # phrases offered as chips for the summary
    fields: tuple[VisitField, ...] = ()
