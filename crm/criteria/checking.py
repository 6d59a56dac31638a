"""What a schema cannot see: names that must exist, sources that must be given, rules that must not overlap.

`check(book, places)` returns every problem of a compiled pack; `places` says in which file and line an entry stands.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from crm.criteria import alerting, quantity
from crm.criteria.errors import Problem
from crm.criteria.expressions import ExpressionError, Names, parse_condition, parse_value
from crm.criteria.packs import Pack
from crm.criteria.promising import check_promises
from crm.criteria.terms import Const, Met, Param, Term, rebuild
from crm.criteria.terms import walk as walk_term
from crm.criteria.trees import inherit, walk
from crm.criteria.vectors import Compiler, Overflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crm.criteria.book import Book
    from crm.criteria.reading import Path_, Source
    from crm.criteria.schema import AlertRule, Band, Item, Node, Rule, ScoreItem, SizeRow, Sourced, Title

_TREES = ("register", "pools", "levels", "notes", "titles", "places")
Places = dict[tuple[str, str], tuple["Source", "Path_"]]


Proven = dict[tuple[str, tuple[object, ...]], frozenset[str]]
"""Expressions that were read without fault, by their text and what each of its words means -> the items they ask about."""
_WORD = re.compile(r"[^\W\d][\w.]*")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_DOT = re.compile(r"\s*\.\s*")


def check(book: Book, places: Places, proven: Proven | None = None) -> list[Problem]:
    """Every problem of a compiled pack, with the file and line of the entry it is in.

    `proven`: shared by packs checked together, so that what a pack inherits unchanged is read once. Faults are never kept:
    each pack tells its own.
    """
    checker = _Checker(book, places, {} if proven is None else proven)
    checker.run()
    return checker.problems


class _Checker:
    def __init__(self, book: Book, places: Places, proven: Proven) -> None:
        self.book, self.places, self.proven = book, places, proven
        self.pack = Pack(book, "", "")
        self.names: Names = self.pack.names
        self.problems: list[Problem] = []
        self.asks: dict[str, set[str]] = {}  # item -> items its conditions ask about

    def problem(self, section: str, entry: str, key: str, message: str) -> None:
        source, path = self.places.get((section, entry), (None, ()))
        if source is None:
            self.problems.append(Problem(f"{self.book.id}/", None, key, message))
        else:
            self.problems.append(Problem(source.file, source.line(path), key, message))

    def run(self) -> None:
        self.ids()
        for title in self.book.titles:
            self.title(title)
        for section in ("register", "pools", "levels", "notes"):
            entries: Iterable[Item] = getattr(self.book, "register_" if section == "register" else section)
            for item in entries:
                self.tree(section, item.id, item.id, item, frozenset())
        for place in self.book.places:
            if place.requires is not None:
                self.tree("places", place.id, f"place.{place.id}", place.requires, frozenset())
        self.ladder()
        for rule in self.book.alerts:
            self.alert(rule)
        for row in self.book.size_class:
            self.size(row)
        self.sources()
        for section, entry, key, message in check_promises(self.pack):
            self.problem(section, entry, key, message)
        self.circles()

    def ids(self) -> None:
        for key, times in Counter(self.pack.items).items():
            if times > 1:
                section = next((s for s in _TREES if (s, key) in self.places), "titles")
                self.problem(section, key, key, f"id {key!r} 用在 {times} 处，请换一个")

    def title(self, title: Title) -> None:
        for purpose in ("award", "review"):
            rules = sorted((r for r in title.rules if r.purpose == purpose), key=lambda r: r.from_)
            for before, after in pairwise(rules):
                if before.to is None or before.to >= after.from_:
                    self.problem("titles", title.id, f"{title.id}.rules", f"{purpose} 规则的日期重叠：{before.from_}–{before.to or '…'} 与 {after.from_} 起")
        for rule in title.rules:
            if rule.to is not None and rule.to < rule.from_:
                self.problem("titles", title.id, f"{title.id}.rules", f"规则的止日 {rule.to} 早于起日 {rule.from_}")
            own = frozenset() if rule.score is None else frozenset({rule.score.id, *(p.id for p in rule.score.parts)})
            item = title.id if rule.purpose == "award" else f"{title.id}.review"
            self.tree("titles", title.id, item, rule, own)
            self.profile(title.id, rule)
            if rule.score is not None:
                for part in rule.score.parts:
                    for scored in part.items:
                        self.score_item("titles", title.id, part.id, scored, inherit(rule, rule.score))

    def profile(self, title: str, rule: Rule) -> None:
        """A dimension groups conditions directly under the rule's `all`, each once."""
        if rule.profile is None:
            return
        direct = {node.id for node in rule.all or ()}
        times = Counter(name for d in rule.profile.dimensions for name in d.of)
        for name, used in times.items():
            if name not in direct:
                self.problem("titles", title, f"{title}.profile", f"条件 {name!r} 不在 {rule.purpose} 规则（{rule.from_} 起）all 的第一层，改成那里的 id")
            elif used > 1:
                self.problem("titles", title, f"{title}.profile", f"条件 {name!r} 归了 {used} 次，只能归一个维度")
        for field, used in Counter(d.id for d in rule.profile.dimensions).items():
            if used > 1:
                self.problem("titles", title, f"{title}.profile", f"维度 id {field!r} 用了 {used} 次，请换一个")
        own = rule.profile.basis == "default"
        self.sourced("titles", title, f"{title}.profile", rule.profile if own else inherit(rule, rule.profile))

    def tree(self, section: str, entry: str, item: str, root: Node, scores: frozenset[str]) -> None:
        names = Names(self.names.measures, self.names.titles, self.names.params, self.names.events, self.names.flags, self.names.items, scores=scores)
        seen: Counter[str] = Counter()
        for node, source in walk(root):
            key = node.id or node.label or entry
            if node.test is not None and node.id is not None:
                seen[node.id] += 1
                self.expression(section, entry, item, key, node.test, names)
                self.sourced(section, entry, key, source)
            if node.when is not None:
                self.expression(section, entry, item, key, node.when, names)
                if not _under_all(root, node):
                    self.problem(section, entry, key, "when 只能写在 all 之下的条件上")
        for key, times in seen.items():
            if times > 1:
                self.problem(section, entry, key, f"同一规则里 id {key!r} 用了 {times} 次，请换一个")

    def expression(self, section: str, entry: str, item: str, key: str, text: str, names: Names) -> None:
        known = (text, tuple(self.meaning(word, names) for word in _words(text)))
        asked = self.proven.get(known)
        if asked is None:
            try:
                term = parse_condition(text, names)
            except ExpressionError as error:
                self.problem(section, entry, key, str(error))
                return
            asked = frozenset(t.item for t in walk_term(term) if isinstance(t, Met))
            try:
                Compiler(date(2000, 1, 1)).condition(rebuild(term, self.filled))  # type: ignore[arg-type]  # a condition stays one
                self.proven[known] = asked
            except Overflow as error:
                self.problem(section, entry, key, str(error))
        self.asks.setdefault(item, set()).update(asked)

    def legible(self, read: Callable[[str, Names], object], text: str, names: Names) -> None:
        """Raise ExpressionError unless it can be read."""
        known = (f"{read.__name__} {text}", tuple(self.meaning(word, names) for word in _words(text)))
        if known not in self.proven:
            read(text, names)
            self.proven[known] = frozenset()

    def meaning(self, word: str, names: Names) -> tuple[object, ...]:
        """Everything reading an expression can ask about a word of it, the values of a parameter included."""
        held = self.pack.parameters.get(word)
        return (
            names.measures.get(word), names.params.get(word), tuple(v.value for v in held.values) if held else None, names.events.get(word), names.flags.get(word),
            names.extra.get(word), word in names.titles, word in names.items, word in names.groups, word in names.scores,
        )

    def filled(self, term: Term) -> Term:
        """Parameters by their largest value: what could overflow would with that."""
        if not isinstance(term, Param):
            return term
        values = [quantity.parse(v.value).value for v in self.pack.parameters[term.id].values if v.value is not None]
        return Const(max(values, key=abs, default=Fraction(0)))

    def score_item(self, section: str, entry: str, part: str, item: ScoreItem, outer: Sourced) -> None:
        key = item.label or part
        source = inherit(outer, item)
        self.sourced(section, entry, key, source)
        lines: tuple[Band, ...] = item.bands or item.sum or ()
        # a band's number is the rule's own; it neither ends with a parameter nor leans on another item
        names = Names(self.names.measures, self.names.titles, {}, self.names.events, self.names.flags)
        try:
            if item.value is not None:
                self.legible(parse_value, item.value, names)
            for band in lines:
                for op, amount in band_lines(band):
                    self.legible(parse_condition, f"{item.value} {op} {amount}", names)
                if band.if_ is not None:
                    self.legible(parse_condition, band.if_, names)
        except ExpressionError as error:
            self.problem(section, entry, key, str(error))
        for other in item.best_of or ():
            self.score_item(section, entry, part, other, source)

    def ladder(self) -> None:  # noqa: C901  (one case per kind)
        places = {p.id for p in self.book.places}
        for step in self.book.steps:
            for place in (step.from_, step.to):
                if place not in places:
                    self.problem("steps", step.id, step.id, f"没有位置 {place!r}；places 里有：{', '.join(sorted(places))}")
            for item in step.via:
                if item not in self.pack.items:
                    self.problem("steps", step.id, step.id, f"via 里的 {item!r} 不是带条件的条目")
            if step.propose is not None:
                self.expression("steps", step.id, f"step.{step.id}", step.id, step.propose, self.names)
            for group in step.groups:
                if group.test is not None:
                    self.expression("steps", step.id, f"step.{step.id}", group.id, group.test, self.pack.group_names)
        for pool in self.book.pools:
            if pool.step not in {s.id for s in self.book.steps}:
                self.problem("pools", pool.id, pool.id, f"没有步骤 {pool.step!r}")

    def alert(self, rule: AlertRule) -> None:
        """Known rule, known settings, conditions that can be read. Inputs of the forecast's rules: crm/alerts/levels.py."""
        if rule.id not in alerting.KNOWN:
            self.problem("alerts", rule.id, rule.id, f"没有预警规则 {rule.id!r}；可用：{', '.join(sorted(alerting.KNOWN))}")
            return
        if (known := alerting.WATCH_INPUTS.get(rule.id)) is None:
            return
        for name in sorted(set(rule.settings) - alerting.WATCH_SETTINGS[rule.id]):
            self.problem("alerts", rule.id, f"{rule.id}.settings.{name}", f"不认识的设置；可用：{', '.join(sorted(alerting.WATCH_SETTINGS[rule.id]))}")
        for level in rule.levels:
            if level.if_ is not None:
                try:
                    parse_condition(level.if_, Names(measures={}, extra=known))
                except ExpressionError as error:
                    self.problem("alerts", rule.id, f"{rule.id}.levels", str(error))
            if level.document is not None:
                self.sourced("alerts", rule.id, rule.id, level)

    def size(self, row: SizeRow) -> None:
        self.sourced("size_class", row.id, row.id, row)
        for lines in (row.a, row.b):
            if lines is None:
                continue
            try:
                for amount in (lines.small, lines.medium, lines.large):
                    parse_condition(f"{lines.value} >= {amount}", self.names)
            except ExpressionError as error:
                self.problem("size_class", row.id, row.id, str(error))

    def sourced(self, section: str, entry: str, key: str, source: Sourced) -> None:
        if source.document is None and source.basis != "default":
            self.problem(section, entry, key, "没有依据：写 document，或写 basis: default（系统默认，非政策）")
        elif source.document is not None and source.document not in self.pack.documents:
            self.problem(section, entry, key, f"sources.yaml 里没有文件 {source.document!r}")
        elif source.basis is None:
            self.problem(section, entry, key, "没有 basis：写 V-page、V-repo、V-seed、M 或 default")

    def sources(self) -> None:
        for parameter in self.book.parameters:
            for value in parameter.values:
                self.sourced("parameters", parameter.id, parameter.id, value)
        for section in ("alerts", "escalation", "review_windows", "filing_deadlines", "application_windows", "clusters", "awards", "targets", "tasks"):
            for entry in getattr(self.book, section):
                for given in entry.values if section == "targets" else (entry,):
                    source = inherit(entry, given)
                    self.sourced(section, entry.id, entry.id, source)
        for campaign in self.book.visit.campaigns if self.book.visit is not None else ():
            self.sourced("visit", campaign.id, campaign.id, campaign)

    def circles(self) -> None:
        """`met(…)` must not lead back to where it started; `register` stands for every register test."""
        asks = {**self.asks, "register": {r.id for r in self.book.register_}}
        for start, first in asks.items():
            reached, todo = set(), [*first]
            while todo:
                item = todo.pop()
                if item not in reached:
                    reached.add(item)
                    todo += asks.get(item, ())
            if start in reached:
                section = next((s for s in _TREES if (s, start.removesuffix(".review")) in self.places), "titles")
                self.problem(section, start.removesuffix(".review"), start, f"条件互相引用成环：{start}")


@lru_cache(maxsize=4_096)
def _words(text: str) -> tuple[str, ...]:
    """The words of an expression, and what it quotes; of `a.b.c` also `a.b` and `a`, which may have a meaning of their own."""
    found = [quoted for pair in _QUOTED.findall(text) for quoted in pair if quoted]
    for word in _WORD.findall(_DOT.sub(".", text)):
        parts = word.split(".")
        found += [".".join(parts[: i + 1]) for i in range(len(parts))]
    return tuple(dict.fromkeys(found))


def _under_all(root: Node, node: Node) -> bool:
    return any(child is node for parent, _ in walk(root) if parent.all is not None for child in parent.all)


def band_lines(band: Band) -> Iterator[tuple[str, str | int]]:
    """The comparison of a band's line with the item's value, as (operator, amount)."""
    for op, amount in ((">=", band.at_least), (">", band.over), ("<=", band.at_most), ("<", band.under)):
        if amount is not None:
            yield op, amount


def in_force(rule: Rule | Item, on: date) -> bool:
    """Whether the rule's days hold the day."""
    return (rule.from_ is None or rule.from_ <= on) and (rule.to is None or on <= rule.to)
