"""A compiled pack as everything above uses it: look-ups over its book, the fixed order of its items, programs by day."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from crm.core.errors import NotFound
from crm.criteria import codes, quantity
from crm.criteria.book import Book
from crm.criteria.expressions import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.program import Program
    from crm.criteria.schema import AlertRule, Cases, Cluster, DatedValue, Document, Item, Measure, Parameter, Place, Rule, Step, Title, Visit

REGISTER = "register"
"""Key of the firm's own register test among the items."""


@dataclass(frozen=True, eq=False)
class Pack:
    """A compiled pack. Two packs with the same hash decide alike."""

    book: Book
    document: str  # canonical JSON, what PackVersion stores
    hash: str  # SHA-256 of it, hex

    @classmethod
    def from_document(cls, document: bytes | str) -> Pack:
        """The pack of a stored canonical document (PackVersion.document, the cache)."""
        book = Book.read(document)
        text = document.decode() if isinstance(document, bytes) else document
        return cls(book, text, book.digest())

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.book.id

    @property
    def name(self) -> str:
        """Chinese name."""
        return self.book.name

    @property
    def region(self) -> str | None:
        """GB/T 2260 code of the place, six digits; None for the nation."""
        return self.book.region

    @cached_property
    def documents(self) -> dict[str, Document]:
        """Policy texts by id."""
        return {d.id: d for d in self.book.documents}

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Measures by id."""
        return {m.id: m for m in self.book.measures}

    @cached_property
    def titles(self) -> dict[str, Title]:
        """Titles by id, with and without rules."""
        return {t.id: t for t in self.book.titles}

    @cached_property
    def alerts(self) -> dict[str, AlertRule]:
        """Alert rules by id."""
        return {a.id: a for a in self.book.alerts}

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Dated parameters by id."""
        return {p.id: p for p in self.book.parameters}

    @property
    def ladder(self) -> tuple[Place, ...]:
        """Places, lowest first."""
        return self.book.places

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps between places."""
        return self.book.steps

    @property
    def cases(self) -> Cases:
        """Deadlines of cases. Raises NotFound for a pack that has none and extends none."""
        if self.book.cases is None:
            raise NotFound(f"条件包 {self.id} 没有诉求时限；请写 cases.yaml，或让它继承 cn。")
        return self.book.cases

    @property
    def visit(self) -> Visit | None:
        """The visit form."""
        return self.book.visit

    def clusters_of(self, industry: str | None, on: date) -> tuple[Cluster, ...]:
        """Clusters and chains of plans that run on the day and hold the industry code; those without codes hold no one."""
        if industry is None:
            return ()
        running = (c for c in self.book.clusters if (d := self.documents.get(c.document or "")) is None or d.effective_to is None or on <= d.effective_to)
        return tuple(c for c in running if c.industries and codes.matches(industry, c.industries))

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Keys of everything with a state, in the order of VerdictRow.outcomes; the same on every day.

        `register`, the register tests, pools, levels, notes, `place.<id>`, titles (`srdi` = award, `srdi.review`).
        """
        book = self.book
        keys = [REGISTER, *(r.id for r in book.register_), *(p.id for p in book.pools), *(i.id for i in book.levels), *(n.id for n in book.notes)]
        keys += [f"place.{p.id}" for p in book.places if p.requires is not None]
        for title in book.titles:
            purposes = {r.purpose for r in title.rules}
            keys += [title.id] if "award" in purposes else []
            keys += [f"{title.id}.review"] if "review" in purposes else []
        return tuple(keys)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Chinese label of every item, place, step, title, group and event id; a yes/no fact is the event `flag.<id>`."""
        book = self.book
        made = {e.id: e.label for e in book.events} | {f"flag.{f.id}": f.label for f in book.flags}
        made |= {e.id: e.label for section in (book.register_, book.pools, book.levels, book.notes, book.places, book.steps, book.alerts, book.awards) for e in section}
        for title in book.titles:
            made[title.id] = title.short or title.label
            made[f"{title.id}.review"] = f"{title.short or title.label}复核"
        made |= {f"place.{p.id}": p.label for p in book.places}
        made |= {g.id: g.label for s in book.steps for g in s.groups}
        return {REGISTER: "规上起点", **made}

    def label(self, key: str) -> str:
        """Label of an item, place, step, title, group or event; the key itself if it has none."""
        return self.labels.get(key, key)

    @cached_property
    def names(self) -> Names:
        """What expressions of this pack may speak of."""
        book = self.book
        scores = [r.score for t in book.titles for r in t.rules if r.score is not None]
        return Names(
            measures={m.id: (m.unit, m.periods) for m in book.measures},
            titles=frozenset(self.titles),
            params={p.id: _unit(p) for p in book.parameters},
            events={e.id: e.missing == "no" for e in book.events},
            flags={f.id: f.missing == "no" for f in book.flags},
            items=frozenset(self.items),
            scores=frozenset([s.id for s in scores] + [p.id for s in scores for p in s.parts]),
        )

    @cached_property
    def group_names(self) -> Names:
        """What board groups may speak of: everything, and how many criteria of a step's items are short."""
        return replace(self.names, groups=frozenset(key for step in self.steps for key in step.via))

    def parameter(self, name: str, on: date) -> DatedValue | None:
        """The value in force on a day; None before the first and after an end."""
        current = [v for v in self.parameters[name].values if v.from_ <= on]
        return current[-1] if current and current[-1].value is not None else None

    @cached_property
    def turning_days(self) -> tuple[date, ...]:
        """Days on which the rules in force change."""
        book = self.book
        dated: list[Rule | Item] = [r for t in book.titles for r in t.rules]
        dated += [i for section in (book.register_, book.pools, book.levels, book.notes) for i in section]
        days = {r.from_ for r in dated if r.from_} | {r.to + timedelta(days=1) for r in dated if r.to}
        return tuple(sorted(days | {v.from_ for p in book.parameters for v in p.values}))

    def epoch(self, on: date) -> tuple[int, int]:
        """Equal for two days on which the same rules look at the same years."""
        return on.year, bisect_right(self.turning_days, on)

    def program(self, on: date) -> Program:
        """The pack's rules of one day, ready to run."""
        return _program(self, on)


def _unit(parameter: Parameter) -> str:
    units = {quantity.parse(v.value).unit for v in parameter.values if v.value is not None}
    return units.pop() if len(units) == 1 else ""


@lru_cache(maxsize=64)
def _program(pack: Pack, on: date) -> Program:
    from crm.criteria.program import build  # the program knows Pack; asked for here so that packs.py stays below it

    return build(pack, on)


@dataclass(frozen=True)
class Packs:
    """All loaded packs: the chosen ones and what they extend."""

    by_id: dict[str, Pack]
    chosen: tuple[str, ...]

    def __getitem__(self, name: str) -> Pack:
        return self.by_id[name]

    def __iter__(self) -> Iterator[Pack]:
        return (self.by_id[name] for name in self.chosen)

    def __contains__(self, name: object) -> bool:
        return name in self.by_id

    def for_region(self, region_code: str | None) -> Pack:
        """The most specific chosen pack whose region holds the code; else the first chosen pack's root (the nation)."""
        best: Pack | None = None
        for pack in self.by_id.values():
            if pack.id in self.chosen or any(pack.id in self.by_id[c].book.chain for c in self.chosen):
                place = (pack.region or "").rstrip("0")
                place += "0" * (len(place) % 2)
                if region_code is not None and region_code.startswith(place) and (best is None or len(place) > len((best.region or "").rstrip("0"))):
                    best = pack
        return best or self.by_id[self.by_id[self.chosen[0]].book.chain[-1]]
