"""A pack on one day: rules chosen, parameters filled in, expressions read, criteria numbered.

Everything that runs a pack (the vectorised engine, the explanation of one firm, the store) works on a Program. Criteria
are numbered in pack order over the rules in force on the day; a bit position in VerdictRow.unmet/unknown is that number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Literal

from crm.criteria import quantity, terms
from crm.criteria.checking import band_lines, in_force
from crm.criteria.expressions import Names, parse_condition, parse_value
from crm.criteria.packs import REGISTER
from crm.criteria.schema import Item, Node, Profile, Rule, Score, ScoreItem, Sourced
from crm.criteria.terms import Column, Condition, Const, Met, Param, ScoreOf, Value
from crm.criteria.trees import branches, inherit

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.packs import Pack
    from crm.criteria.schema import SizeLines


@dataclass(frozen=True, slots=True)
class Criterion:
    """A leaf: one test of one item. `in_force` is False when a parameter it needs has no value on the day."""

    number: int
    id: str
    item: str
    label: str
    term: Condition
    when: Condition | None
    source: Sourced
    in_force: bool
    ask: str | None
    note: str | None
    veto: bool  # stands under `none`: it must be false


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of an item's tree."""

    kind: Literal["leaf", "all", "any", "none", "at_least"]
    id: str | None
    label: str | None
    source: Sourced
    when: Condition | None = None
    n: int = 0
    of: tuple[Branch, ...] = ()
    criterion: Criterion | None = None

    @property
    def leaves(self) -> tuple[Criterion, ...]:
        """Criteria under this node, in order."""
        return (self.criterion,) if self.criterion is not None else tuple(chain.from_iterable(b.leaves for b in self.of))


@dataclass(frozen=True, slots=True)
class Line:
    """A band: met -> points (分 × 100). A term of None is always met."""

    term: Condition | None
    points: int


@dataclass(frozen=True, slots=True)
class Scored:
    """An item of a score. kind bands: first met wins; sum: all met add up, capped; best: the best of `of`."""

    kind: Literal["bands", "sum", "best"]
    label: str
    max: int
    lines: tuple[Line, ...]
    of: tuple[Scored, ...]
    value: Value | None
    source: Sourced


@dataclass(frozen=True, slots=True)
class Scale:
    """A score or one of its parts: the sum of its items."""

    id: str
    label: str
    max: int
    items: tuple[Scored, ...]
    whole: bool  # the score itself, not a part


@dataclass(frozen=True, slots=True)
class RunItem:
    """An item on the day. tree None = no rule in force."""

    key: str
    label: str
    tree: Branch | None
    source: Sourced
    industries: tuple[str, ...] = ()  # register tests: whom they are for
    unless: tuple[str, ...] = ()
    profile: Profile | None = None  # with its source completed


@dataclass(frozen=True, slots=True)
class SizeTest:
    """A row of 划型: lower bounds of small, medium, large for one or two values."""

    id: str
    label: str
    industries: tuple[str, ...]
    unless: tuple[str, ...]
    lines: tuple[tuple[Value, tuple[Fraction, Fraction, Fraction]], ...]
    source: Sourced


@dataclass(frozen=True, eq=False)
class Program:
    """A pack's rules of one day."""

    pack: Pack
    on: date
    items: tuple[RunItem, ...]
    criteria: tuple[Criterion, ...]
    scales: tuple[Scale, ...]
    sizes: tuple[SizeTest, ...]
    proposals: dict[str, Condition | None]  # step -> when a move is proposed
    groups: dict[str, tuple[tuple[str, Condition | None], ...]]  # step -> (group, test)

    @cached_property
    def by_key(self) -> dict[str, RunItem]:
        """Items by key."""
        return {item.key: item for item in self.items}

    @cached_property
    def scale(self) -> dict[str, Scale]:
        """Scores and parts by id."""
        return {s.id: s for s in self.scales}

    @cached_property
    def scales_of(self) -> dict[str, tuple[Scale, ...]]:
        """Scores an item's criteria ask for, each with its parts, by item key."""
        made = {}
        for item in self.items:
            leaves = item.tree.leaves if item.tree else ()
            named = {t.id for leaf in leaves for t in terms.walk(leaf.term) if isinstance(t, ScoreOf)}
            wholes = [{id(s) for s in scale.items} for scale in self.scales if scale.whole and scale.id in named]
            inside = [s for s in self.scales if s.id in named or any({id(x) for x in s.items} <= whole for whole in wholes)]
            made[item.key] = tuple(inside)
        return made

    @cached_property
    def register(self) -> tuple[RunItem, ...]:
        """The register tests, in order of precedence."""
        return tuple(i for i in self.items if i.industries)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Every fact column the rules of the day look at, sorted; identity columns first."""
        found = set(self._terms_columns())
        if self.register or self.sizes:
            found.add(Column("identity", "industry"))
        for step in self.pack.steps:
            for key in step.via:
                name = key.removesuffix(".review")
                if name in self.pack.titles:
                    found.add(Column("title", name))
        return tuple(sorted(found, key=lambda c: (c.kind != "identity", c)))

    @cached_property
    def tests(self) -> tuple[Condition | None, ...]:
        """Conditions of steps and board groups."""
        return (*self.proposals.values(), *(test for groups in self.groups.values() for _, test in groups))

    def _terms_columns(self) -> list[Column]:
        tests: list[terms.Term | None] = []
        for item in self.items:
            tests += _tree_terms(item.tree)
        for scale in self.scales:
            for scored in scale.items:
                tests += _score_terms(scored)
        tests += [value for size in self.sizes for value, _ in size.lines]
        tests += self.tests
        return [column for term in tests if term is not None for column in terms.columns(term)]


def _tree_terms(tree: Branch | None) -> list[terms.Term | None]:
    if tree is None:
        return []
    own = [tree.when, tree.criterion.term if tree.criterion else None]
    return own + [t for b in tree.of for t in _tree_terms(b)]


def _score_terms(scored: Scored) -> list[terms.Term | None]:
    return [scored.value, *(line.term for line in scored.lines), *(t for s in scored.of for t in _score_terms(s))]


def build(pack: Pack, on: date) -> Program:
    """The program of a pack for a day. Parsing was checked when the pack was compiled."""
    return _Builder(pack, on).program()


def tree_of(pack: Pack, node: Node, source: Sourced, on: date) -> Branch:
    """A condition that stands outside the items (what an award requires), ready to be asked of one firm."""
    return _Builder(pack, on).branch(node, source, "", pack.names)


@dataclass(slots=True)
class _Builder:
    pack: Pack
    on: date
    criteria: list[Criterion] = field(default_factory=list)
    scales: list[Scale] = field(default_factory=list)

    def program(self) -> Program:
        book = self.pack.book
        items = [RunItem(REGISTER, self.pack.label(REGISTER), None, Sourced())]
        items += [self.item(t, t.id, t.label, industries=t.industries, unless=t.unless) for t in book.register_]
        items += [self.item(e, e.id, e.label) for e in chain(book.pools, book.levels, book.notes)]
        for place in book.places:
            if place.requires is not None:
                tree = self.branch(place.requires, Sourced(), f"place.{place.id}", self.pack.names)
                items.append(RunItem(f"place.{place.id}", place.label, tree, tree.source))
        for title in book.titles:
            for purpose, key in (("award", title.id), ("review", f"{title.id}.review")):
                if key in self.pack.items:
                    rules = [r for r in title.rules if r.purpose == purpose]
                    items.append(self.rule(rules, key))
        sizes = tuple(self.size_test(row.id, row.label, row.industries, row.unless, (row.a, row.b), row) for row in book.size_class)
        return Program(self.pack, self.on, tuple(items), tuple(self.criteria), tuple(self.scales), sizes, self.proposals(), self.groups())

    def item(self, entry: Item, key: str, label: str, industries: tuple[str, ...] = (), unless: tuple[str, ...] = ()) -> RunItem:
        tree = self.branch(entry, Sourced(), key, self.pack.names) if in_force(entry, self.on) else None
        return RunItem(key, label, tree, inherit(Sourced(), entry), industries, unless)

    def rule(self, rules: list[Rule], key: str) -> RunItem:
        current = next((r for r in rules if in_force(r, self.on)), None)
        label = self.pack.label(key)
        if current is None:
            return RunItem(key, label, None, Sourced())
        prefix = "" if key == current_title(key) else "review:"
        if current.score is not None:
            self.score(current.score, inherit(Sourced(), current), prefix)
        return RunItem(key, label, self.branch(current, Sourced(), key, self.pack.names, prefix), inherit(Sourced(), current), profile=sided(current))

    def branch(self, node: Node, outer: Sourced, item: str, names: Names, prefix: str = "", *, veto: bool = False, when: Condition | None = None) -> Branch:
        source = inherit(outer, node)
        own, own_known = self.condition(node.when, names, prefix) if node.when is not None else (None, True)
        guard = own if when is None else when if own is None else terms.Both("and", (when, own))
        label = node.label
        if node.test is not None:
            term, known = self.condition(node.test, names, prefix)
            assert node.id is not None  # the schema asks for both
            assert label is not None
            leaf = Criterion(len(self.criteria), node.id, item, label, term, guard, self.published(node.test, names) or source, known and own_known, node.ask, node.note, veto)
            self.criteria.append(leaf)
            return Branch("leaf", node.id, label, source, own, criterion=leaf)
        kind = next(k for k in ("all", "any", "none", "at_least") if getattr(node, k) is not None)
        kids = tuple(self.branch(c, source, item, names, prefix, veto=kind == "none", when=guard) for c in branches(node))
        return Branch(kind, node.id, label, source, own, node.at_least.n if node.at_least else 0, kids)  # type: ignore[arg-type]

    def published(self, text: str, names: Names) -> Sourced | None:
        """The source of a value people published over the pack, where the condition asks for it."""
        asked = [t.id for t in terms.walk(parse_condition(text, names)) if isinstance(t, Param)]
        given = [v for name in asked if (v := self.pack.parameter(name, self.on)) is not None and (v.document or "").startswith("published.")]
        return Sourced(**{name: getattr(given[0], name) for name in Sourced.model_fields}) if given else None

    def condition(self, text: str, names: Names, prefix: str = "") -> tuple[Condition, bool]:
        """The term with parameters filled in, and whether all of them are in force."""
        known = True

        def fill(term: terms.Term) -> terms.Term:
            nonlocal known
            if isinstance(term, Param):
                value = self.pack.parameter(term.id, self.on)
                known = known and value is not None
                found = quantity.parse(value.value) if value is not None and value.value is not None else quantity.parse(0)
                return Const(found.value, found.unit)
            return ScoreOf(prefix + term.id) if isinstance(term, ScoreOf) else term

        return terms.rebuild(parse_condition(text, names), fill), known  # type: ignore[return-value]

    def score(self, score: Score, outer: Sourced, prefix: str) -> None:
        source = inherit(outer, score)
        parts = []
        for part in score.parts:
            items = tuple(self.scored(item, source, part.label) for item in part.items)
            parts.append(Scale(prefix + part.id, part.label, points(part.max), items, whole=False))
        everything = tuple(chain.from_iterable(p.items for p in parts))
        self.scales += [Scale(prefix + score.id, score.label, points(score.max), everything, whole=True), *parts]

    def scored(self, item: ScoreItem, outer: Sourced, fallback: str) -> Scored:
        source, names = inherit(outer, item), self.pack.names
        lines = []
        for band in item.bands or item.sum or ():
            texts = [f"{item.value} {op} {amount}" for op, amount in band_lines(band)] + ([band.if_] if band.if_ else [])
            term = self.condition(texts[0], names)[0] if texts else None
            lines.append(Line(term, points(band.points)))
        kind: Literal["bands", "sum", "best"] = "bands" if item.bands is not None else "sum" if item.sum is not None else "best"
        of = tuple(self.scored(other, source, item.label or fallback) for other in item.best_of or ())
        value = parse_value(item.value, names) if item.value is not None else None
        return Scored(kind, item.label or fallback, points(item.max), tuple(lines), of, value, source)

    def size_test(self, name: str, label: str, industries: tuple[str, ...], unless: tuple[str, ...], lines: tuple[SizeLines | None, ...], source: Sourced) -> SizeTest:
        made = []
        for line in lines:
            if line is not None:
                small, medium, large = (quantity.parse(a).value for a in (line.small, line.medium, line.large))
                made.append((parse_value(line.value, self.pack.names), (small, medium, large)))
        return SizeTest(name, label, industries, unless, tuple(made), inherit(Sourced(), source))

    def proposals(self) -> dict[str, Condition | None]:
        made: dict[str, Condition | None] = {}
        for step in self.pack.steps:
            if step.propose is not None:
                made[step.id] = self.condition(step.propose, self.pack.names)[0]
            else:
                made[step.id] = Met(f"place.{step.to}") if f"place.{step.to}" in self.pack.items else None
        return made

    def groups(self) -> dict[str, tuple[tuple[str, Condition | None], ...]]:
        return {
            step.id: tuple((g.id, self.condition(g.test, self.pack.group_names)[0] if g.test else None) for g in step.groups)
            for step in self.pack.steps
        }


def sided(rule: Rule) -> Profile | None:
    """The rule's profile; one of our own making (basis default) never carries the rule's document."""
    if rule.profile is None or rule.profile.basis == "default":
        return rule.profile
    return Profile(**inherit(rule, rule.profile).model_dump(), dimensions=rule.profile.dimensions)


def current_title(key: str) -> str:
    """'srdi.review' -> 'srdi'."""
    return key.removesuffix(".review")


def points(value: float) -> int:
    """分 -> 分 × 100, exactly."""
    scaled = Fraction(str(value)) * 100
    if scaled.denominator != 1:
        raise ValueError(f"{value} 分: at most two decimals")
    return int(scaled)
