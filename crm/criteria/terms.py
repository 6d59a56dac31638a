"""The terms an expression is made of once it is read: values, conditions, and the fact columns they look at.

All are frozen and hashable. Values are exact rationals; a condition is true, false or unknown (None).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import singledispatch
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

ColumnKind = Literal["year", "before", "at", "ytd", "ytd_prior", "ytd_month", "title", "ever", "event", "flag", "stage", "register", "identity"]


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """One column of the facts frame. What each kind holds: `crm.criteria.columns`."""

    kind: ColumnKind
    key: str
    offset: int = 0

    @property
    def name(self) -> str:
        """Name in the frame: `revenue.y-1`, `niche_years.at`, `title.srdi`, `industry`."""
        match self.kind:
            case "identity":
                return self.key
            case "year":
                return f"{self.key}.y{self.offset:+d}" if self.offset else f"{self.key}.y0"
            case "before":
                return f"{self.key}.before{self.offset:+d}"
            case "at" | "ytd" | "ytd_prior" | "ytd_month":
                return f"{self.key}.{self.kind}"
            case _:
                return f"{self.kind}.{self.key}"


@dataclass(frozen=True, slots=True)
class Const:
    """A number, in a base unit ('' = bare)."""

    value: Fraction
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """A dated parameter, turned into a Const on the day."""

    id: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure. form year: of the year `offset` from the day's; at: latest at a day; either: year, else at."""

    measure: str
    form: Literal["year", "at", "either", "ytd", "ytd_prior", "before"]
    unit: str
    scale: Fraction = Fraction(1)  # stored value × scale = value in `unit` (分×100 -> 1/100)
    offset: int = 0
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)  # its columns in the frame, first choice first

    def __post_init__(self) -> None:
        forms = ("year", "at") if self.form == "either" else (self.form,)
        made = tuple(Column(f, self.measure, self.offset if f in {"year", "before"} else 0).name for f in forms)  # type: ignore[arg-type]
        object.__setattr__(self, "names", made)


@dataclass(frozen=True, slots=True)
class Sum:
    """a + b or a - b."""

    left: Value
    right: Value
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Product:
    """a × b."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Ratio:
    """a ÷ b; unknown where b ≤ 0."""

    top: Value
    bottom: Value


@dataclass(frozen=True, slots=True)
class Choice:
    """min, max (unknown if any is unknown) or coalesce (the first that is known)."""

    how: Literal["min", "max", "coalesce"]
    of: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Since:
    """Full days or years from an identity day to the day."""

    column: Column
    unit: Literal["日", "年"]


@dataclass(frozen=True, slots=True)
class ScoreOf:
    """A score or one of its parts: an interval."""

    id: str


@dataclass(frozen=True, slots=True)
class Short:
    """How many criteria of an item are not fulfilled (fewest that must change); for board groups only."""

    item: str


@dataclass(frozen=True, slots=True)
class Window:
    """Each of, or some of, the last n years: only on the left of a comparison."""

    how: Literal["each", "some"]
    of: tuple[Value, ...]  # last year first


@dataclass(frozen=True, slots=True)
class Cagr:
    """Compound yearly growth over n years: only on the left of a comparison."""

    years: int
    last: Value
    first: Value


Value = Const | Param | Figure | Sum | Product | Ratio | Choice | Since | ScoreOf | Short | Window | Cagr


@dataclass(frozen=True, slots=True)
class Compare:
    """left op right."""

    op: Literal[">=", ">", "<=", "<", "=="]
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Both:
    """and / or over conditions."""

    how: Literal["and", "or"]
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """not."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Surely:
    """Known to be true; unknown counts as no."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Is:
    """A yes/no column. `missing_no`: without a record it is no."""

    column: Column
    missing_no: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """The column's day lies within the last `years` years (None: ever). The far past (0001-01-01) stands for never."""

    column: Column
    years: int | None
    missing_no: bool = False


@dataclass(frozen=True, slots=True)
class DayFrom:
    """The column's day is on or after the first of `month` in the year `offset` from the day's: opened in the last quarter of last year or later."""

    column: Column
    month: int
    offset: int

    def first(self, on: date) -> date:
        """The first day that counts."""
        return on.replace(year=on.year + self.offset, month=self.month, day=1)


@dataclass(frozen=True, slots=True)
class Code:
    """A code column begins with, or lies in the range of, one of the specs."""

    column: Column
    specs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SizeAtMost:
    """划型 is this level or lower: 0 micro … 3 large."""

    level: int


@dataclass(frozen=True, slots=True)
class Met:
    """Another item of the pack is met; `register` is the firm's own register test."""

    item: str


Condition = Compare | Both | Not | Surely | Is | Happened | DayFrom | Code | SizeAtMost | Met
Term = Value | Condition

SIZES = ("micro", "small", "medium", "large")


def children(term: Term) -> tuple[Term, ...]:
    """The terms directly inside."""
    match term:
        case Sum(left, right) | Product(left, right) | Ratio(left, right):
            return (left, right)
        case Compare(_, left, right):
            return (left, right)
        case Choice(_, of) | Window(_, of) | Both(_, of):
            return of
        case Cagr(_, last, first):
            return (last, first)
        case Not(of) | Surely(of):
            return (of,)
        case _:
            return ()


def walk(term: Term) -> Iterator[Term]:
    """The term and everything inside it."""
    yield term
    for child in children(term):
        yield from walk(child)


def columns(term: Term) -> Iterator[Column]:
    """The fact columns a term looks at, in reading order, repeats included."""
    for part in walk(term):
        match part:
            case Figure(measure, "either", _, _, offset):
                yield Column("year", measure, offset)
                yield Column("at", measure)
            case Figure(measure, form, _, _, offset):
                yield Column(form, measure, offset)  # type: ignore[arg-type]  # "either" was taken above
                if form in {"ytd", "ytd_prior"}:
                    yield Column("ytd_month", measure)
            case Is(column) | Happened(column) | DayFrom(column) | Code(column) | Since(column):
                yield column
            case _:
                pass


@singledispatch
def shift(term: Value, by: int) -> Value:  # noqa: ARG001  (what is known at a day does not move)
    """The same value `by` years later (negative: earlier). What is known at a day does not move."""
    return term


@shift.register
def _(term: Figure, by: int) -> Value:
    if term.form not in {"year", "either"}:
        return term
    return replace(term, form="year", offset=term.offset + by) if by else term


@shift.register(Sum)
def _(term: Sum, by: int) -> Value:
    return Sum(shift(term.left, by), shift(term.right, by), term.sign)


@shift.register(Product)
def _(term: Product, by: int) -> Value:
    return Product(shift(term.left, by), shift(term.right, by))


@shift.register(Ratio)
def _(term: Ratio, by: int) -> Value:
    return Ratio(shift(term.top, by), shift(term.bottom, by))


@shift.register(Choice)
def _(term: Choice, by: int) -> Value:
    return Choice(term.how, tuple(shift(v, by) for v in term.of))


def rebuild(term: Term, change: Callable[[Term], Term]) -> Term:
    """The term with `change` applied to every part, innermost first."""
    kids = [rebuild(child, change) for child in children(term)]
    match term:
        case Sum() | Product() | Ratio() | Compare():
            names = ("top", "bottom") if isinstance(term, Ratio) else ("left", "right")
            parts: dict[str, Any] = dict(zip(names, kids, strict=True))
            return change(replace(term, **parts))
        case Choice() | Window() | Both():
            return change(replace(term, of=tuple(kids)))  # type: ignore[arg-type]
        case Cagr():
            return change(replace(term, last=kids[0], first=kids[1]))  # type: ignore[arg-type]
        case Not() | Surely():
            return change(replace(term, of=kids[0]))  # type: ignore[arg-type]
        case _:
            return change(term)
