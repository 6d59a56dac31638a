"""alerts.yaml, calendar.yaml, visit.yaml."""

# ruff: noqa: TC003  (pydantic reads annotations at run time)
from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from crm.criteria.schema.base import Amount, Entry, Expression, Label, Model, Name, Sourced

MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8]|29|30|31)$")]

BLANKS = ("unit", "firm", "number", "day")
BLANK = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def _known_blanks(text: str) -> str:
    """Refuse a blank that nothing fills: it would be printed as it stands."""
    if unknown := [name for name in BLANK.findall(text) if name not in BLANKS]:
        raise ValueError(f"{{{{{unknown[0]}}}}} is not known; use one of " + ", ".join(f"{{{{{name}}}}}" for name in BLANKS))
    return text


class AlertLevel(Sourced):
    """A colour of an alert; the first whose condition is met wins. One that rests on a text names it."""

    level: Literal["red", "orange", "yellow", "green", "grey"]
    if_: Expression | None = Field(default=None, alias="if")  # over the rule's inputs; none: everything else
    stay: Expression | None = None  # a firm that is at this level already stays there while this weaker condition is met
    text: str | None = None


class AlertRule(Entry, Sourced):
    """An alert: its levels over named inputs (see ALERT_INPUTS in crm/criteria/alerts.py), worst first."""

    label: Label
    levels: tuple[AlertLevel, ...] = ()
    months: tuple[int, int] | None = None  # season: first and last month, inclusive
    settings: dict[str, Amount] = Field(default_factory=dict)
    note: str | None = None


class Escalation(Entry, Sourced):
    """After how many work days an alert of a level (`id`) nobody handled goes to the next level of people."""

    label: Label
    unacknowledged: int = Field(ge=1)  # nobody has taken it on
    unhandled: int | None = Field(default=None, ge=1)  # taken on, but no visit, case or task attached; none: never


class Alerts(Model):
    """alerts.yaml"""

    alerts: tuple[AlertRule, ...]
    escalation: tuple[Escalation, ...] = ()


class ReviewWindow(Entry, Sourced):
    """A window of the yearly review of the register. `year` none: every year that has no notice of its own on file."""

    label: Label
    year: int | None = None
    batch: Literal[1, 2]
    opens: MonthDay | None = None
    closes: MonthDay
    closes_next_year: bool = False
    allows: str
    note: str | None = None


class FilingDeadline(Entry, Sourced):
    """By which day of the following month a month's figures are expected; one that falls on a free day moves on."""

    label: Label
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()  # empty: every month; a later entry wins
    day: int = Field(ge=1, le=28)
    skip_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    note: str | None = None


class ApplicationWindow(Entry, Sourced):
    """When a title can be applied for, or is reviewed, in a year. Each year's notice adds its own entry."""

    label: Label
    title: Name
    purposes: tuple[Literal["award", "review"], ...] = ("award",)
    year: int
    opens: date | None = None  # not said by the notice: none
    closes: date | None = None  # of the recommending side where the notice says so
    checked_to: date | None = None  # last day of the next level's check
    note: str | None = None


class Calendar(Model):
    """calendar.yaml"""

    review_windows: tuple[ReviewWindow, ...] = ()
    filing_deadlines: tuple[FilingDeadline, ...] = ()
    application_windows: tuple[ApplicationWindow, ...] = ()


class VisitField(Entry):
    """A field of the visit form beside the fixed ones."""

    label: Label
    kind: Literal["text", "number", "choice", "chips", "yes_no", "money", "date"]
    unit: str | None = None
    options: tuple[str, ...] = ()
    required: bool = False


Part = Literal["overview", "firm", "people", "summary", "problems", "suggestions", "ladder", "policies", "photos"]
"""A part of the printed record; the signatures always come last."""
Fact = Literal[
    "uscc", "legal_person", "industry", "size", "registered_on", "capital", "revenue", "tax", "employees", "rd_ratio", "region", "contact",
    "products", "address",
]
Words = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_known_blanks)]
"""Text of the printed record; {{unit}}, {{firm}}, {{number}} and {{day}} stand for the record's own."""


class SignatureBox(Model):
    """A cell of the sign-off box."""

    side: Literal["firm", "us"]
    who: Words
    says: Words


class PrintedRecord(Model):
    """How a city's record departs from the standard one: head, parts, fields. Data only: no template is read from a pack."""

    notice: Words | None = None
    copies: Words | None = None
    parts: tuple[Part, ...] | None = Field(default=None, min_length=1)
    headings: dict[Part, Words] = Field(default_factory=dict)
    facts: tuple[Fact, ...] | None = Field(default=None, min_length=1)
    signatures: tuple[SignatureBox, ...] | None = Field(default=None, min_length=1, max_length=3)

    @model_validator(mode="after")
    def _each_once(self) -> PrintedRecord:
        for name, given in (("parts", self.parts), ("facts", self.facts), ("signatures", [s.side for s in self.signatures or ()])):
            if given and len(set(given)) < len(given):
                raise ValueError(f"{name}: the same entry stands twice; name each once")
        return self


class VisitCampaign(Entry, Sourced):
    """A visiting campaign a text names, offered when one is made. What the text does not say (how many visits, how many days) stays empty."""

    label: Label
    per_firm: int | None = Field(default=None, ge=1, le=12)  # visits each firm is owed
    days: int | None = Field(default=None, ge=1, le=400)
    note: str | None = None


class Visit(Model):
    """visit.yaml: the visit form and the head of its printed record."""

    unit_name: str
    record_title: str = "企业走访服务记录"
    series: str  # record numbers read {series}〔2026〕0001号
    kinds: tuple[str, ...] = ("实地", "电话", "线上")
    templates: tuple[str, ...] = ()  # phrases offered as chips for the summary
    fields: tuple[VisitField, ...] = ()
    record: PrintedRecord = Field(default_factory=PrintedRecord)
    campaigns: tuple[VisitCampaign, ...] = ()  # templates of visiting campaigns
