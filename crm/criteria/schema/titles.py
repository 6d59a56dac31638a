"""titles/*.yaml, and overrides of single conditions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from crm.criteria.schema.base import Entry, Id, Label, Model, Name, Sourced
from crm.criteria.schema.conditions import Node, Score


class Dimension(Model):
    """One side of a profile: the rule's conditions that speak of it, by id. None: the rule asks nothing of it."""

    id: Name
    mark: Annotated[str, Field(min_length=1, max_length=1)]  # 专, 精, 特, 新, 链, 品
    label: Annotated[str, Field(min_length=1, max_length=8)]
    of: tuple[Id, ...] = ()


class Profile(Sourced):
    """How the conditions directly under a rule's `all` are grouped for the picture; those in no dimension are 其他. It decides nothing."""

    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=3, max_length=8)]


class Rule(Node):
    """What a title asks for one purpose from a day to a day (inclusive)."""

    purpose: Literal["award", "review"]
    from_: date = Field(alias="from")
    to: date | None = None
    score: Score | None = None
    profile: Profile | None = None


class Title(Entry):
    """An honour or certificate. Without rules it is only recorded (no test is known)."""

    label: Label
    short: str | None = None
    level: str | None = None  # 国家级, 省级, 市级
    authority: str | None = None
    valid_years: int | None = None
    yearly_update_by: Annotated[str, Field(pattern=r"^\d\d-\d\d$")] | None = None  # month-day of the yearly duty
    cancelled_after_misses: int | None = None  # so many missed updates within one validity cancel the title
    not_with: tuple[Name, ...] = ()  # titles whose holders are not newly recommended
    note: str | None = None
    rules: tuple[Rule, ...] = ()

    def update_due(self, year: int) -> date | None:
        """The day of a year by which the particulars are to be updated; none for titles of one year, which are granted anew."""
        if self.yearly_update_by is None or (self.valid_years or 0) <= 1:
            return None
        return date.fromisoformat(f"{year}-{self.yearly_update_by}")


class Titles(Model):
    """titles/*.yaml"""

    titles: tuple[Title, ...]


class Overrides(Model):
    """overrides.yaml: replace single conditions inside a parent's trees by their id."""

    criteria: tuple[CriterionOverride, ...]


class CriterionOverride(Node):
    """The new condition; its id names what it replaces."""

    reason: str
    source: str


Overrides.model_rebuild()
