"""The board of goals: goal, base, what is there, how far, what pace is needed; contradictions side by side, nothing resolved."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from crm.criteria import quantity, wording
from crm.targets.counting import countable, counted, take
from crm.targets.models import TargetActual, TaskEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Document, Target, TargetValue
    from crm.security.access import Access


COUNTED = {"家", "个", "项", "件", "人", "名", ""}


@dataclass(frozen=True, slots=True)
class Goal:
    """One number a text states for the year, and how far it is: `distance` and `pace` (a year) in the goal's unit, None where it cannot be said."""

    value: TargetValue
    document: Document | None
    status: str  # on the day: draft, in_force, ended …
    number: Fraction | None
    unit: str
    distance: Fraction | None
    pace: Fraction | None

    @property
    def text(self) -> str:
        """The goal as written, with 以上 or 左右."""
        if self.value.value is None:
            return "缺字"
        return f"{self.value.value}{'以上' if self.value.at_least else '左右' if self.value.about else ''}"

    @property
    def share(self) -> int | None:
        """Per mille of the way."""
        if self.number is None or self.distance is None or self.number <= 0:
            return None
        return int((self.number - self.distance) / self.number * 1000)

    @property
    def yearly(self) -> Fraction | None:
        """The pace as a person plans it: whole firms, projects or pieces, rounded up."""
        return Fraction(ceil(self.pace)) if self.pace is not None and self.unit in COUNTED else self.pace


@dataclass(frozen=True, slots=True)
class Row:
    """A goal of one year with its actual."""

    pack: str
    target: Target
    year: int
    goals: tuple[Goal, ...]
    base: TargetValue | None
    actual: Fraction | None
    unit: str
    by_county: dict[str, int] | None  # counted by the system
    entered: TargetActual | None  # brought by a person
    is_countable: bool

    @property
    def actual_text(self) -> str | None:
        """With its unit; None = no data."""
        return wording.amount(self.actual, self.unit) if self.actual is not None else None

    @property
    def is_differing(self) -> bool:
        """Whether texts say different things for the year; the same number stated twice is no contradiction."""
        return bool(self.target.conflict) or self.year in self.target.differing

    @property
    def document(self) -> Document | None:
        """The text that heads the row."""
        return self.goals[0].document if self.goals else None

    @property
    def status(self) -> str:
        """Of the text that heads the row."""
        return self.goals[0].status if self.goals else "in_force"


def board(session: Session, access: Access, pack: Pack, on: date, *, year: int | None = None, region: str | None = None) -> list[Row]:
    """Every goal of a pack for one year (or each for its next year from now on, else its last). About eight queries."""
    asked = [(target, chosen) for target in pack.book.targets if (chosen := _year(target, on, year)) is not None]
    census = take(session, access, pack, [(t, y) for t, y in asked if countable(pack, t, on)], on, region)
    entered = _entered(session, pack, region or pack.region or "")
    made = []
    for target, of in asked:
        by_county, brought = counted(census, pack, target, of, on), entered.get((target.id, of))
        given = quantity.parse(brought.value) if brought else None
        actual = given.value if given else Fraction(sum(by_county.values())) if by_county is not None else None
        unit = given.unit if given else target.unit
        goals = tuple(_goal(pack, v, actual, unit, of, on) for v in target.stated(of))
        base = next((v for v in target.values if v.base), None)
        made.append(Row(pack.id, target, of, goals, base, actual, unit, by_county, brought, countable(pack, target, on)))
    return made


def years(pack: Pack) -> list[int]:
    """Years some goal is stated for."""
    return sorted({v.year for t in pack.book.targets for v in t.values if not v.base})


def tasks(session: Session, pack: Pack) -> dict[str, TaskEntry]:
    """Where each task stands: its newest entry."""
    newest = select(func.max(TaskEntry.id)).where(TaskEntry.pack == pack.id).group_by(TaskEntry.task)
    return {e.task: e for e in session.scalars(select(TaskEntry).where(TaskEntry.id.in_(newest)))}


def _year(target: Target, on: date, year: int | None) -> int | None:
    stated = sorted({v.year for v in target.values if not v.base})
    if year is not None:
        return year if year in stated else None
    return next((y for y in stated if y >= on.year), stated[-1] if stated else None)


def _goal(pack: Pack, value: TargetValue, actual: Fraction | None, unit: str, year: int, on: date) -> Goal:
    document = pack.documents.get(value.document or "")
    status = document.status_on(on) if document else "in_force"
    given = quantity.parse(value.value) if value.value is not None else None
    number = given.value if given else None
    comparable = number is not None and actual is not None and (not given or not given.unit or given.unit == unit or {given.unit, unit} <= {"家", "个", "项", ""})
    distance = number - actual if comparable and number is not None and actual is not None else None
    left = year - on.year + 1
    return Goal(value, document, status, number, given.unit if given and given.unit else unit, distance, distance / left if distance is not None and distance > 0 and left > 0 else None)


def _entered(session: Session, pack: Pack, region: str) -> dict[tuple[str, int], TargetActual]:
    rows: Sequence[TargetActual] = session.scalars(select(TargetActual).where(TargetActual.pack == pack.id, TargetActual.region_code == region, TargetActual.revoked_at.is_(None))).all()
    return {(r.target, r.year): r for r in rows}
