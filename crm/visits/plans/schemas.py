"""Shapes of a campaign on the way in, and of its preview on the way out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from crm.core.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

LONGEST_NAME, LONGEST_DAYS, MOST_TURNS, MOST_FIRMS = 80, 400, 12, 50_000
FIRST_YEAR, LAST_YEAR = 2000, 2199
DEFAULT_PER_FIRM = 1
"""默认值，非政策: no text says how often a firm is visited in a campaign."""
DEFAULT_DAYS = 30
"""默认值，非政策: how long a campaign runs when nobody says."""
WHY = {"no_officer": "没有能看到它的参加干部", "full": "参加干部的名额已满"}
"""Why a firm is nobody's -> what people read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which firms, all conditions together; and how they are shared out."""

    places: tuple[str, ...] = ()  # 梯度位置; none: every one
    pools: tuple[str, ...] = ()  # in any of these
    alerted: str | None = None  # any | a level: with an alert that stands; the caller hands in which firms these are
    unvisited_days: int | None = None  # nobody was there for this many days
    never_visited: bool = False
    keep_officer: bool = True  # a firm stays with its own officer where that one takes part
    nearest: bool = True  # the officer of the firm's own town goes before one of its county

    def __post_init__(self) -> None:
        if self.unvisited_days is not None and not 1 <= self.unvisited_days <= 3650:
            raise Invalid("“多少天没有走访”请填 1 到 3650 之间的数。", field="unvisited_days")

    def stored(self) -> dict[str, Any]:
        """As kept with the campaign."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Rule:
        """The rule a campaign was made with."""
        known = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k in cls.__slots__}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as asked for. Days are inclusive."""

    name: str
    region_code: str
    from_on: date
    to_on: date
    officers: tuple[int, ...] = ()  # none: every officer of the place
    per_firm: int = DEFAULT_PER_FIRM
    per_officer: int | None = None
    onsite_only: bool = False
    rule: Rule = field(default_factory=Rule)
    source: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Invalid("请给计划起个名字。", field="name")
        if len(self.name.strip()) > LONGEST_NAME:
            raise Invalid(f"名字最多 {LONGEST_NAME} 字，请缩短。", field="name")
        for name, day in (("from_on", self.from_on), ("to_on", self.to_on)):
            if not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise Invalid("日期不对，请重选。", field=name)
        if self.to_on < self.from_on:
            raise Invalid("结束日期早于开始日期，请改正。", field="to_on")
        if (self.to_on - self.from_on).days >= LONGEST_DAYS:
            raise Invalid(f"一个计划最长 {LONGEST_DAYS} 天，请分成几个。", field="to_on")
        if not 1 <= self.per_firm <= MOST_TURNS:
            raise Invalid(f"每家走访次数请填 1 到 {MOST_TURNS}。", field="per_firm")
        if self.per_officer is not None and not 1 <= self.per_officer <= MOST_FIRMS:
            raise Invalid(f"每人最多家数请填 1 到 {MOST_FIRMS:,}。", field="per_officer")


@dataclass(frozen=True, slots=True)
class Firm:
    """A chosen firm, as sharing out needs it."""

    id: int
    name: str
    region_code: str
    zone_code: str | None
    officer_id: int | None


@dataclass(frozen=True, slots=True)
class Sharer:
    """An officer who takes part, with the codes of divisions and zones in the jurisdiction."""

    id: int
    name: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """Firm -> officer, or why nobody. Every firm is in exactly one of the two, in the order given."""

    given: Mapping[int, int]
    left: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan would do: firms, who gets how many, who is left without anybody and why."""

    firms: tuple[Firm, ...]
    officers: tuple[Sharer, ...]
    shared: Shared
    truncated: bool = False  # more firms than one campaign takes

    @property
    def loads(self) -> list[tuple[Sharer, int]]:
        """Firms by officer, the most first; those who get none too."""
        counts = Counter(self.shared.given.values())
        return sorted(((o, counts[o.id]) for o in self.officers), key=lambda pair: (-pair[1], pair[0].id))

    @property
    def span(self) -> tuple[int, int]:
        """Fewest and most firms of one officer; (0, 0) without officers."""
        sizes = [size for _, size in self.loads]
        return (min(sizes), max(sizes)) if sizes else (0, 0)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why firms are nobody's, in words, with how many."""
        return [(WHY[why], n) for why, n in Counter(self.shared.left.values()).most_common()]
