"""pack.yaml, examples/*.yaml, and which file has which form."""

# ruff: noqa: TC003  (pydantic reads annotations at run time)
from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from crm.criteria.schema.base import Label, Model, Name
from crm.criteria.schema.cases import Cases
from crm.criteria.schema.documents import Measures, Parameters, Sources
from crm.criteria.schema.ladder import Ladder, SizeClass
from crm.criteria.schema.plans import Alerts, Calendar, Visit
from crm.criteria.schema.promises import Awards, Clusters, Targets, Tasks
from crm.criteria.schema.titles import Overrides, Titles


class PackHead(Model):
    """pack.yaml"""

    contract: Literal[1]
    id: Name
    name: Label
    extends: Name | None = None
    region: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None  # GB/T 2260; firms at and below it
    note: str | None = None


class Example(Model):
    """A firm on a day and what must come out, written by someone who knows the policy."""

    name: Label
    as_of: date
    why: str | None = None
    facts: dict[str, Any]  # one enterprise of the facts file; uscc and name may be left out
    expect: Expected


class Expected(Model):
    """Only what is named is compared. States: met, unmet, unknown, not_in_force."""

    tier: str | None = None
    size_class: str | None = None
    register_: dict[str, str] | None = Field(default=None, alias="register")  # {id: state}
    pools: dict[str, str] = Field(default_factory=dict)
    levels: dict[str, str] = Field(default_factory=dict)
    titles: dict[str, str] = Field(default_factory=dict)  # {"srdi": state, "little_giant.review": state}
    scores: dict[str, str] = Field(default_factory=dict)  # {"innovative_sme": "65" or "40-65"}
    criteria: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] | None = None
    alerts: dict[str, str] = Field(default_factory=dict)  # {"exit_risk": level}; "none": no such alert stands; "not red": any other level
    awards: dict[str, str] = Field(default_factory=dict)  # {"first_entry": "pending"}; "none": nothing to claim


class Examples(Model):
    """examples/*.yaml"""

    examples: tuple[Example, ...]


FILES: dict[str, type[Model]] = {
    "pack.yaml": PackHead, "sources.yaml": Sources, "measures.yaml": Measures, "ladder.yaml": Ladder,
    "size_class.yaml": SizeClass, "alerts.yaml": Alerts, "calendar.yaml": Calendar, "cases.yaml": Cases, "awards.yaml": Awards, "targets.yaml": Targets,
    "tasks.yaml": Tasks, "clusters.yaml": Clusters, "visit.yaml": Visit, "overrides.yaml": Overrides,
}
FOLDERS: dict[str, type[Model]] = {
    "parameters": Parameters, "titles": Titles, "examples": Examples, "measures": Measures,
}
"""Every file of a folder has the same form."""


Example.model_rebuild()
