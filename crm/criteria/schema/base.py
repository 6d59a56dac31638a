"""What every pack file is built from: closed models, ids, quantities, and where a number comes from."""

# ruff: noqa: TC003  (pydantic reads annotations at run time)
from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from crm.criteria import quantity

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$", max_length=64)]
"""Lower-case, dots for belonging: `srdi.rd_ratio`. Never renamed."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
Label = Annotated[str, Field(min_length=1, max_length=120)]
Industry = Annotated[str, Field(pattern=r"^\d{2,4}(-\d{2,4})?$")]
"""GB/T 4754 code or prefix, or a range of equally long prefixes: '51', '7020', '06-46'."""


def _quantity(value: str | int) -> str | int:
    quantity.parse(value)
    return value


Amount = Annotated[str | int, AfterValidator(_quantity)]
"""A number with its unit as people write it: 2000万元, 3%, 60分, 3年; bare whole numbers for counts."""
Expression = Annotated[str, Field(min_length=1, max_length=400)]
"""See docs/packs.md, 'Expressions'."""

Basis = Literal["V-page", "V-repo", "V-seed", "M", "default"]
"""How sure: read in a published page; read in a secondary source (二手来源); in one of the policy texts; recalled, to be
confirmed (待确认); our own default, never policy (系统默认，非政策)."""
BASIS_LABELS: dict[str, str] = {
    "V-page": "", "V-repo": "二手来源", "V-seed": "", "M": "待确认", "default": "系统默认，非政策",
}
STATUS_LABELS: dict[str, str] = {"draft": "草案", "in_force": "现行", "superseded": "已被取代", "repealed": "已废止", "ended": "已到期"}


class Model(BaseModel):
    """Base: closed, strict, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entry(Model):
    """Something with an id that a child pack may replace: `override: <id>` with reason and source instead of `id`.

    (crm/criteria/reading.py turns the written `override: <id>` into `id` and `override: true`.)
    """

    id: Id
    override: bool = False
    reason: str | None = None
    source: str | None = None
    drop: bool = False


class Sourced(Model):
    """Where a number or sentence comes from. What is left out is taken from the level above."""

    document: Id | None = None  # id in sources.yaml
    clause: str | None = None
    quote: str | None = None  # the document's own words, or nothing
    basis: Basis | None = None
    checked_on: date | None = None
