"""A compiled pack as one frozen document: what a pack says after everything it extends was laid under it.

Canonical JSON of it is hashed; the hash is stored with every decision, and the document itself once per hash, so that a
past decision can be run again.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from crm.criteria.schema import (
    AlertRule,
    ApplicationWindow,
    Award,
    Cases,
    Cluster,
    Document,
    Escalation,
    Fact,
    FilingDeadline,
    Item,
    Measure,
    Model,
    Note,
    Parameter,
    Place,
    Pool,
    RegisterTest,
    ReviewWindow,
    SizeRow,
    Step,
    Target,
    Task,
    Title,
    Visit,
)

SECTIONS = (
    "documents", "measures", "events", "flags", "parameters", "titles", "places", "steps", "register", "pools",
    "levels", "notes", "size_class", "alerts", "escalation", "review_windows", "filing_deadlines",
    "application_windows", "clusters", "awards", "targets", "tasks",
)
"""Top keys whose entries are merged by id along the chain."""


class Book(Model):
    """The whole of a compiled pack."""

    contract: int
    id: str
    name: str
    region: str | None
    chain: tuple[str, ...]  # this pack first, then what it extends
    documents: tuple[Document, ...] = ()
    measures: tuple[Measure, ...] = ()
    events: tuple[Fact, ...] = ()
    flags: tuple[Fact, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    titles: tuple[Title, ...] = ()
    places: tuple[Place, ...] = ()
    steps: tuple[Step, ...] = ()
    register_: tuple[RegisterTest, ...] = ()
    pools: tuple[Pool, ...] = ()
    levels: tuple[Item, ...] = ()
    notes: tuple[Note, ...] = ()
    size_class: tuple[SizeRow, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    review_windows: tuple[ReviewWindow, ...] = ()
    filing_deadlines: tuple[FilingDeadline, ...] = ()
    application_windows: tuple[ApplicationWindow, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    awards: tuple[Award, ...] = ()
    targets: tuple[Target, ...] = ()
    tasks: tuple[Task, ...] = ()
    visit: Visit | None = None
    cases: Cases | None = None

    def canonical(self) -> bytes:
        """Canonical JSON: keys sorted, nothing that is at its default."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def read(cls, document: bytes | str) -> Book:
        """The book of a stored canonical document."""
        return cls.model_validate_json(document)


def field_of(section: str) -> str:
    """Attribute of Book that holds a section (`register` is taken by pydantic's own machinery)."""
    return "register_" if section == "register" else section


def plain(entry: Model) -> dict[str, Any]:
    """An entry as data, for comparing."""
    return entry.model_dump(mode="json", exclude={"override", "reason", "source"})
