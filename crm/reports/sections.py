"""The sections of a printed record as the template takes them: strings only, nothing left to work out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """A row of 参加人员."""

    side: str
    name: str
    unit: str
    title: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of 企业反映问题."""

    kind: str
    urgent: bool
    text: str
    unit: str
    due: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """A row of 对标情况."""

    label: str
    clause: str
    required: str
    actual: str
    mark: str
    gap: str
    short: bool


@dataclass(frozen=True, slots=True)
class Test:
    """One register or title test with its criteria, what is short first."""

    name: str
    draft: bool
    score: str
    source: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Place and tests."""

    line: str
    as_of: str
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """One cell of the sign-off box; `image` is '' for an empty line."""

    says: str
    who: str
    date: str
    seal: bool
    image: str
    image_id: str


@dataclass(frozen=True, slots=True)
class Firm:
    """The firm's name, used in several places."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """Everything the template prints; strings only. `parts` are those with something to print, in their order."""

    title: str
    parts: tuple[str, ...]
    headings: dict[str, str]
    number: str
    unit: str
    unit_size: str
    notice: str
    check_code: str
    digest: str
    verify_url: str
    signed_iso: str
    day: str
    hours: str
    place: str
    kinds: tuple[tuple[str, bool], ...]
    firm: Firm
    facts: tuple[tuple[tuple[str, str, bool], ...], ...]
    people: tuple[Person, ...]
    summary: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    suggestions: tuple[str, ...]
    ladder: Ladder | None
    policies: str
    next_step: str
    photos: tuple[str, ...]
    photo_ids: tuple[str, ...]
    signatures: tuple[Signature, ...]
    author: str
    copies: str
    weight: int = field(default=0)
