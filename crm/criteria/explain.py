"""One firm's verdicts in full, from its stored row and the pack alone: nothing is read again, nothing decided anew.

    explanation = explain(pack, row, on)        # row: of verdict_of(…), or unpack(program, body)

States come from the row; figures, gaps and questions from the evidence kept in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from crm.criteria import packing, terms, wording
from crm.criteria.expressions import unit_of
from crm.criteria.packs import REGISTER
from crm.criteria.reach import Reach, reach_of
from crm.criteria.terms import SIZES, Cagr, Compare, Const, ScoreOf, Value, Window
from crm.criteria.values import Firm
from crm.criteria.views import STATE_LABELS, CriterionView, Explanation, ItemView, NodeView, ScoreView, Source, StepView

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.engine import Evaluation
    from crm.criteria.packing import Packed
    from crm.criteria.packs import Pack
    from crm.criteria.program import Branch, Criterion, Program, RunItem, Scale
    from crm.criteria.schema import Sourced

__all__ = [
    "STATE_LABELS", "CriterionView", "Explanation", "ItemView", "NodeView", "ScoreView", "Source",
    "StepView", "explain", "explain_all", "explain_one", "tier",
]


def explain_all(evaluation: Evaluation) -> list[Explanation]:
    """Every firm of an evaluation, in order: for a facts file or one firm, not for a population."""
    return [explain(evaluation.pack, packing.unpack(evaluation.program, body), evaluation.on) for body in packing.bodies(evaluation)]


def explain(pack: Pack, row: Packed, on: date) -> Explanation:
    """Expand one stored row. The pack must be the one whose hash the row carries."""
    return _Expander(pack.program(on), row).explanation()


def explain_one(program: Program, row: Packed, number: int) -> CriterionView:
    """One criterion of one firm alone: for lists of many firms that lack the same thing."""
    leaf = program.criteria[number]
    return _Expander(program, row, only=leaf).criterion(leaf)


def source_of(pack: Pack, given: Sourced, on: date) -> Source:
    """A source with its document looked up, its status that of the day."""
    document = pack.documents.get(given.document or "")
    number = (document.number or document.title) if document else None
    return Source(number, document.title if document else None, given.clause, given.quote, document.status_on(on) if document else None, given.basis, given.checked_on)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What a criterion's view says of every firm alike."""

    compare: Compare | None
    unit: str
    required: str | None
    period: str
    source: Source


@lru_cache(maxsize=16)
def _fixed(program: Program) -> tuple[_Fixed, ...]:
    names, made = program.pack.names, []
    for leaf in program.criteria:
        compare, unit, required = wording.compared(leaf.term), "", None
        if compare is not None and isinstance(compare.right, Const):
            unit = unit_of(compare.right, names) or unit_of(compare.left, names)
            required = wording.required(compare.op, compare.right.value, unit) if leaf.in_force else None
        made.append(_Fixed(compare, unit, required, wording.period(leaf.term, program.on), source_of(program.pack, leaf.source, program.on)))
    return tuple(made)


class _Expander:
    def __init__(self, program: Program, row: Packed, only: Criterion | None = None) -> None:
        self.program, self.pack = program, program.pack
        letters = row.outcomes
        self.states = {key: packing.STATES[letter] for key, letter in zip(self.pack.items, letters, strict=False)}
        count = len(program.criteria)
        unmet, unknown = packing.read_bits(row.unmet, count), packing.read_bits(row.unknown, count)
        self.leaves = [None if k else not u for u, k in zip(unmet, unknown, strict=True)]
        truth = {"met": True, "unmet": False, "not_applicable": False}
        size = letters[len(self.pack.items)]
        self.size = int(size) if size.isdecimal() else None
        self.size_class = SIZES[self.size] if self.size is not None else "unknown" if size == "?" else None
        self.cells = packing.read_evidence(program, row.evidence)
        bare = Firm(program.on, self.cells, {}, {}, self.size)
        scales = program.scales if only is None or _scores_in(only.term) else ()
        self.points = {s.id: [bare.points(i) for i in s.items] for s in scales}
        scores = {name: (sum(p[0] for p in ends), sum(p[1] for p in ends)) for name, ends in self.points.items()}
        self.firm = Firm(program.on, self.cells, {k: truth.get(s) for k, s in self.states.items()}, scores, self.size)
        self.views = [self.criterion(c) for c in program.criteria] if only is None else []

    def explanation(self) -> Explanation:
        items = {item.key: self.item(item) for item in self.program.items if item.key != REGISTER}
        own = next((items[i.key] for i in self.program.register if self.states[i.key] != "not_applicable"), None)
        sure = own if own is not None and sum(self.states[i.key] != "not_applicable" for i in self.program.register) == 1 else None
        notes = tuple(n for n in self.pack.book.notes if self.states[n.id] == "met")
        steps = tuple(self.step(step.id, items, sure) for step in self.pack.steps)
        return Explanation(self.pack, self.program.on, tier(self.pack, self.states), self.size_class, sure, self.states[REGISTER], items, steps, notes, self.cells)

    def criterion(self, leaf: Criterion) -> CriterionView:
        applies = leaf.when is None or self.firm.condition(leaf.when) is not False
        truth = self.leaves[leaf.number]
        state = "not_in_force" if not leaf.in_force else "unknown" if truth is None else "met" if truth else "unmet"
        fixed = _fixed(self.program)[leaf.number]
        compare, on = fixed.compare, self.program.on
        actual = gap = None
        per_mille = 1000 if state == "met" else 0 if state == "unmet" else None
        if compare is not None and leaf.in_force:
            actual, gap, per_mille = self.measured(leaf, compare, self.seen(compare), fixed.unit, state, per_mille)
        asks: tuple[str, ...] = ()
        if state == "unknown" and applies:
            asked = wording.unknown_columns(leaf.term, self.cells) if not _scores_in(leaf.term) else self.score_columns(leaf)
            asks = (leaf.ask,) if leaf.ask else tuple(dict.fromkeys(wording.question(c, self.pack, on) for c in asked))
        return CriterionView(leaf.id, leaf.number, leaf.label, state, actual, fixed.required, gap, fixed.period, fixed.source, asks, per_mille, applies, leaf.note)

    def score_columns(self, leaf: Criterion) -> list[terms.Column]:
        """Empty columns behind the score a criterion asks for."""
        names = [t.id for t in terms.walk(leaf.term) if isinstance(t, ScoreOf)]
        found: list[terms.Column] = []
        for name in names:
            for scored, (low, high) in zip(self.program.scale[name].items, self.points[name], strict=True):
                if low != high:
                    for term in (line.term for s in (scored, *scored.of) for line in s.lines if line.term is not None):
                        found += wording.unknown_columns(term, self.cells)
        return found

    def seen(self, compare: Compare) -> list[Fraction | None]:
        """The value or, for a window, the values compared."""
        if isinstance(compare.left, ScoreOf | Cagr):
            return []
        of: tuple[Value, ...] = compare.left.of if isinstance(compare.left, Window) else (compare.left,)
        return [self.firm.value(v) for v in of]

    def measured(self, leaf: Criterion, compare: Compare, values: list[Fraction | None], unit: str, state: str, per_mille: int | None) -> tuple[str | None, str | None, int | None]:
        """(actual, gap, per mille): the worst known value of a window, a score's interval, or a growth rate."""
        assert isinstance(compare.right, Const)
        line = compare.right.value
        if isinstance(compare.left, ScoreOf):
            ends = [Fraction(end, 100) for end in self.firm.scores.get(compare.left.id, (0, 0))]
            text = wording.amount(ends[0], "分") if ends[0] == ends[1] else f"{wording.amount(ends[0], '')}–{wording.amount(ends[1], '分')}"
            return text, wording.gap(line - ends[1], "分") if state == "unmet" else None, _part(ends[1], line, compare.op) if state != "met" else 1000
        if isinstance(compare.left, Cagr):
            rate = _rate(self.firm, compare.left)
            if rate is None:
                return None, None, per_mille
            values = [rate]
        known = [v for v in values if v is not None]
        if not known:
            return None, None, per_mille
        worst = (min if compare.op in {">=", ">"} else max)(known)
        if isinstance(compare.left, Window) and compare.left.how == "some":
            worst = (max if compare.op in {">=", ">"} else min)(known)
        text = wording.amount(worst, unit)
        if state == "unmet" and text == wording.amount(line, unit):
            text = wording.amount(worst, unit, places=8)  # shows why it fails by a hair
        if state != "unmet" or leaf.veto:
            return text, None, per_mille
        return text, wording.gap(abs(line - worst), unit), _part(worst, line, compare.op)

    def node(self, branch: Branch) -> tuple[NodeView, Reach]:
        if branch.criterion is not None:
            view = self.views[branch.criterion.number]
            made = NodeView("leaf", 0, view.label, view.state, (), view)
            return made, reach_of(branch, [], view.state, view)
        kids = [self.node(b) for b in branch.of]
        state = _combined(branch, [k.state for k, _ in kids])
        children = tuple(k for k, _ in kids if k.criterion is None or k.criterion.applies)
        return NodeView(branch.kind, branch.n, branch.label, state, children, None, branch.id), reach_of(branch, [r for _, r in kids], state, None)

    def item(self, item: RunItem) -> ItemView:
        title = self.pack.titles.get(item.key.removesuffix(".review"))
        tree, reach = self.node(item.tree) if item.tree is not None else (None, Reach())
        views = tuple(v for leaf in (item.tree.leaves if item.tree else ()) if (v := self.views[leaf.number]).applies)
        near = self.views[reach.near] if reach.near is not None else None
        held = self.cells.get(f"title.{title.id}") if title else None
        purpose = None if title is None else "review" if item.key.endswith(".review") else "award"
        scores = tuple(self.score(s) for s in self.program.scales_of[item.key])
        return ItemView(item.key, item.label, self.states[item.key], source_of(self.pack, item.source, self.program.on), tree, views, scores, reach, near, purpose, None if held is None else bool(held), title)

    def score(self, scale: Scale) -> ScoreView:
        low, high = self.firm.scores[scale.id]
        items = tuple((s.label, Fraction(e[0], 100), Fraction(e[1], 100), Fraction(s.max, 100)) for s, e in zip(scale.items, self.points[scale.id], strict=True))
        return ScoreView(scale.id.removeprefix("review:"), scale.label, Fraction(scale.max, 100), Fraction(low, 100), Fraction(high, 100), scale.whole, items)

    def step(self, name: str, items: dict[str, ItemView], own: ItemView | None) -> StepView:
        step = next(s for s in self.pack.steps if s.id == name)
        views = [own if key == REGISTER else items[key] for key in step.via]
        open_ = [v for v in views if v is not None and not v.held and v.state in {"met", "unmet", "unknown"} and _anything_known(v)]
        best = min(open_, key=lambda v: v.reach.rank, default=None)
        short = {key: v.reach.missing for key, v in zip(step.via, views, strict=True) if v is not None}
        firm = replace(self.firm, short=short)
        group = next((g for g, test in self.program.groups[name] if test is None or firm.condition(test)), None)
        proposal = self.program.proposals[name]
        state = self.states.get(f"place.{step.to}", "unknown")
        return StepView(name, step.label, step.from_, step.to, state, best, group, proposal is not None and self.firm.condition(proposal) is True)


def _anything_known(view: ItemView) -> bool:
    """An item none of whose criteria is known says nothing of how near a firm is."""
    return any(c.state != "unknown" for c in view.criteria)


def tier(pack: Pack, states: dict[str, str]) -> str:
    """The highest place whose test is met; the lowest needs none."""
    met = [p.id for p in pack.ladder if p.requires is None or states[f"place.{p.id}"] == "met"]
    return met[-1] if met else ""


def _combined(branch: Branch, states: list[str]) -> str:
    truth = {"met": True, "unmet": False, "unknown": None}
    known = [truth[s] for s in states if s != "not_in_force"]
    sure, possible = sum(k is True for k in known), sum(k is not False for k in known)
    match branch.kind:
        case "any":
            need = 1
        case "at_least":
            need = branch.n
        case _:
            if len(known) < len(states):
                return "not_in_force"
            fine = [k if b.criterion is not None or branch.kind == "all" else (None if k is None else not k) for k, b in zip(known, branch.of, strict=True)]
            return "unmet" if False in fine else "unknown" if None in fine else "met"
    if len(known) < need:
        return "not_in_force"
    return "met" if sure >= need else "unmet" if possible < need else "unknown"


def _scores_in(term: terms.Term) -> bool:
    return any(isinstance(t, ScoreOf) for t in terms.walk(term))


def _rate(firm: Firm, growth: Cagr) -> Fraction | None:
    """The compound rate for display, to a hundredth of a percent; the verdict itself needs no root."""
    last, first = firm.value(growth.last), firm.value(growth.first)
    if last is None or first is None or first <= 0 or last < 0:
        return None
    return Fraction(round((float(last / first) ** (1 / growth.years) - 1) * 10**6), 10**6)


def _part(value: Fraction, line: Fraction, op: str) -> int:
    """How much of the way, 0–999, of something that is short."""
    share = (value / line if line > 0 else Fraction(0)) if op in {">=", ">"} else line / value if value > 0 else Fraction(0)
    return max(0, min(999, int(share * 1000)))
