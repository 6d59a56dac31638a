"""A slow, obvious evaluation of a pack's text, sharing nothing with the engine but the file schema.

It reads each condition with Python's `eval` over little three-valued numbers, walks the trees of the pack as written, and
knows its own units. What it says is compared with the engine in test_oracle.py.
"""

from __future__ import annotations

import ast
import re
from datetime import date
from fractions import Fraction
from functools import cache

UNITS = {
    "亿元": 10**8, "百万元": 10**6, "万元": 10**4, "千元": 10**3, "元": 1, "%": Fraction(1, 100), "人": 1, "年": 1, "日": 1, "项": 1, "分": 1,
    "级": 1, "名": 1, "家": 1, "件": 1, "个月": 1, "月": 1,
}
STORED = {"分×100": Fraction(1, 100), "级×10": Fraction(1, 10), "bp": Fraction(1, 10_000)}


class N:
    """A number or unknown; arithmetic with unknown is unknown."""

    def __init__(self, v):
        self.v = None if v is None else Fraction(v)

    def _with(self, other, f):
        other = other if isinstance(other, N) else N(other)
        return N(None) if self.v is None or other.v is None else N(f(self.v, other.v))

    def __add__(self, o): return self._with(o, lambda a, b: a + b)
    def __radd__(self, o): return self + o
    def __sub__(self, o): return self._with(o, lambda a, b: a - b)
    def __rsub__(self, o): return N(o) - self
    def __mul__(self, o): return self._with(o, lambda a, b: a * b)
    def __rmul__(self, o): return self * o
    def __truediv__(self, o): return self._with(o, lambda a, b: a / b if b > 0 else None)
    def __neg__(self): return N(None if self.v is None else -self.v)


class Many(list):
    """Values of several years; `each` or `some`."""

    how = "each"


class Interval(tuple):  # noqa: SLOT001
    """Lowest and highest possible points."""


class Growth(tuple):  # noqa: SLOT001
    """(last, first, years)"""


def compare(a, op, b):
    """True, False or None."""
    test = {">=": lambda x, y: x >= y, ">": lambda x, y: x > y, "<=": lambda x, y: x <= y, "<": lambda x, y: x < y, "==": lambda x, y: x == y}[op]
    b = b if isinstance(b, N) else N(b)
    if isinstance(a, Many):
        said = [compare(x, op, b) for x in a]
        return conj(said) if a.how == "each" else disj(said)
    if isinstance(a, Interval):
        said = {test(point, b.v) for point in every_point(a)}
        return said.pop() if len(said) == 1 else None
    if isinstance(a, Growth):
        last, first, years = a
        if last.v is None or first.v is None or first.v <= 0:
            return None
        return test(last.v, first.v * (1 + b.v) ** years)
    a = a if isinstance(a, N) else N(a)
    return None if a.v is None or b.v is None else test(a.v, b.v)


def every_point(interval):
    low, high = interval
    return [low, (low + high) / 2, high] if low != high else [low]


def conj(parts):
    parts = list(parts)
    return False if any(p is False for p in parts) else None if any(p is None for p in parts) else True


def disj(parts):
    parts = list(parts)
    return True if any(p is True for p in parts) else None if any(p is None for p in parts) else False


class Rewrite(ast.NodeTransformer):
    """Comparisons and and/or/not become calls, names become look-ups."""

    def visit_Compare(self, node):
        self.generic_visit(node)
        op = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<", ast.Eq: "=="}[type(node.ops[0])]
        return _call("_compare", [node.left, ast.Constant(op), node.comparators[0]])

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        return _call("_and" if isinstance(node.op, ast.And) else "_or", node.values)

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return _call("_not", [node.operand]) if isinstance(node.op, ast.Not) else node

    def visit_Call(self, node):
        if node.func.id in {"param", "holds", "ever", "met", "flag", "stage", "score", "size_at_most", "short"}:
            return _call("_" + node.func.id, [ast.Constant(ast.unparse(node.args[0]))])
        if node.func.id == "event":
            years = node.args[1] if len(node.args) > 1 else ast.Constant(None)
            return _call("_event", [ast.Constant(ast.unparse(node.args[0])), years])
        if node.func.id in {"ytd", "ytd_prior", "latest"}:
            return _call("_form", [ast.Constant(node.args[0].id), ast.Constant(node.func.id)])
        if node.func.id in {"each", "some", "sum", "mean"}:
            years = node.args[0].value
            return _call("_" + node.func.id, [self.visit(Shift(-i).visit(_copy(node.args[1]))) for i in range(years)])
        if node.func.id == "yoy":
            return ast.BinOp(ast.BinOp(self.visit(_copy(node.args[0])), ast.Div(), self.visit(Shift(-1).visit(_copy(node.args[0])))), ast.Sub(), ast.Constant(1))
        if node.func.id == "cagr":
            years = node.args[0].value
            return _call("_cagr", [self.visit(_copy(node.args[1])), self.visit(Shift(-years).visit(_copy(node.args[1]))), ast.Constant(years)])
        if node.func.id == "registered_since":
            return _call("_registered_since", [ast.Constant(ast.literal_eval(a)) for a in node.args])
        if node.func.id == "first_crossing":
            return _call("_crossing", [self.visit(_copy(node.args[0])), ast.Constant(node.args[0].id), self.visit(node.args[1])])
        return _call("_" + node.func.id, [self.visit(a) for a in node.args])

    def visit_Name(self, node):
        return _call("_figure", [ast.Constant(node.id), ast.Constant(None)])

    def visit_Subscript(self, node):
        return _call("_figure", [ast.Constant(node.value.id), node.slice])


class Shift(ast.NodeTransformer):
    """The same expression some years earlier."""

    def __init__(self, by):
        self.by = by

    def visit_Name(self, node):
        return node if self.by == 0 else ast.Subscript(node, ast.Constant(-1 + self.by), ast.Load())

    def visit_Subscript(self, node):
        at = ast.literal_eval(node.slice)
        return ast.Subscript(node.value, ast.Constant(at + self.by), ast.Load())

    def visit_Call(self, node):
        node.args = [self.visit(a) if not isinstance(a, ast.Constant) else a for a in node.args]
        return node


def _copy(node):
    return ast.parse(ast.unparse(node), mode="eval").body


def _call(name, args):
    return ast.Call(ast.Name(name, ast.Load()), args, [])


@cache
def compiled(text: str):
    """The expression's code, quantities and comparisons replaced."""
    words = "|".join(sorted(UNITS, key=len, reverse=True))
    marked = re.sub(rf'(?<![\w."\-])(\d[\d,]*(?:\.\d+)?)\s*({words})', lambda m: f"_q('{m[1]}','{m[2]}')", text)
    marked = re.sub(r"([<>=(]\s*)-\s*(_q\('[^']+','[^']+'\))", r"\1(0-\2)", marked)
    tree = ast.Expression(_Skip().visit(ast.parse(marked, mode="eval").body))
    return compile(ast.fix_missing_locations(tree), text, "eval")


class Oracle:
    """One firm (cells by column name) under one pack book on one day."""

    def __init__(self, book, on: date, cells: dict):
        self.book, self.on, self.cells = book, on, cells
        self.measures = {m.id: m for m in book.measures}
        self.missing_no = {f.id for f in (*book.events, *book.flags) if f.missing == "no"}
        self.scores_of: dict = {}
        self.tests: dict = {}  # criterion id -> truth of its test alone
        self.ended = False
        self._space = {}
        self._space = self._words()

    def ask(self, text: str):
        """Evaluate one expression's text."""
        return eval(compiled(text), self.namespace())

    def _registered_since(self, month, offset):
        day = self.cells.get("registered_on")
        return None if day is None else day >= date(self.on.year + offset, month, 1)

    def namespace(self):
        return self._space

    def _words(self):
        own = {name: getattr(self, name) for name in dir(self) if name.startswith("_") and not name.startswith("__")}
        return {
            **own, "_q": lambda n, u: N(Fraction(n.replace(",", "")) * UNITS[u]), "_compare": compare, "_and": lambda *p: conj(p),
            "_or": lambda *p: disj(p), "_not": lambda p: None if p is None else not p, "_surely": lambda p: p is True,
        }

    def _figure(self, name, offset):
        measure = self.measures[name]
        factor = STORED.get(measure.unit, 1)
        year = self.cells.get(f"{name}.y{(-1 if offset is None else offset):+d}" if offset != 0 else f"{name}.y0")
        value = self.cells.get(f"{name}.at") if "year" not in measure.periods or (offset is None and "at" in measure.periods and year is None) else year
        return N(None if value is None else value * factor)

    def _form(self, name, form):
        value = self.cells.get(f"{name}.{'at' if form == 'latest' else form}")
        return N(None if value is None else value * STORED.get(self.measures[name].unit, 1))

    def _param(self, name):
        values = [v for v in next(p for p in self.book.parameters if p.id == name).values if v.from_ <= self.on]
        if not values or values[-1].value is None:
            self.ended = True
            return N(None)
        return amount(values[-1].value)

    def _each(self, *values):
        return Many(values)

    def _some(self, *values):
        made = Many(values)
        made.how = "some"
        return made

    def _sum(self, *values):
        return sum(values[1:], values[0])

    def _mean(self, *values):
        return sum(values[1:], values[0]) * Fraction(1, len(values))

    def _min(self, *values):
        return N(None) if any(v.v is None for v in values) else N(min(v.v for v in values))

    def _max(self, *values):
        return N(None) if any(v.v is None for v in values) else N(max(v.v for v in values))

    def _coalesce(self, *values):
        return next((v for v in values if v.v is not None), N(None))

    def _cagr(self, last, first, years):
        return Growth((last, first, years))

    def _crossing(self, last, name, line):
        return conj([compare(last, ">=", line), compare(N(self.cells.get(f"{name}.before-1")), "<", line)])

    def _holds(self, name):
        return self.cells.get(f"title.{name}")

    def _ever(self, name):
        return self.cells.get(f"ever.{name}")

    def _stage(self, name):
        return self.cells.get(f"stage.{name}")

    def _in_register(self):
        return self.cells.get("register.in")

    def _was_registered(self):
        return self.cells.get("register.ever")

    def _flag(self, name):
        said = self.cells.get(f"flag.{name}")
        return False if said is None and name in self.missing_no else said

    def _event(self, name, years):
        day = self.cells.get(f"event.{name}")
        if day is None:
            return False if name in self.missing_no else None
        if years is None:
            return day != date(1, 1, 1)
        start = self.on.replace(year=self.on.year - years, day=min(self.on.day, 28) if self.on.month == 2 else self.on.day)
        return day >= start

    def _years_since_exit(self):
        return self._years(self.cells.get("register.last_exit"))

    def _years_since_registration(self):
        return self._years(self.cells.get("registered_on"))

    def _days_since_registration(self):
        day = self.cells.get("registered_on")
        return N(None if day is None else (self.on - day).days)

    def _years(self, day):
        if day is None:
            return N(None)
        full = self.on.year - day.year
        return N(full - 1 if (self.on.month, self.on.day) < (day.month, day.day) else full)

    def _codes(self, column, specs):
        return in_codes(self.cells.get(column), specs)

    def _industry(self, *specs):
        return self._codes("industry", specs)

    def _region(self, *specs):
        return self._codes("region", specs)

    def _zone(self, *specs):
        return self._codes("zone", specs)

    def _kind(self, *specs):
        return self._codes("kind", specs)

    def _size_at_most(self, name):
        level = self.size()
        return None if level is None else level <= ["micro", "small", "medium", "large"].index(name)

    def _score(self, name):
        return self.scores_of[name]

    def _register(self):
        return self.own_register()[1]

    def _met(self, name):
        return self.item(name)

    # rules

    def size(self):
        """划型 level 0–3, or None."""
        for row in self.book.size_class:
            here = True if not row.industries else in_codes(self.cells.get("industry"), row.industries, row.unless)
            if self.cells.get("industry") is None or here is None:
                return None
            if here:
                levels = []
                for lines in (row.a, row.b):
                    if lines is not None:
                        value = self.ask(lines.value).v
                        levels.append(None if value is None else sum(value >= amount(x).v for x in (lines.small, lines.medium, lines.large)))
                if 0 in levels:
                    return 0
                return None if None in levels else min(levels)
        return None

    def own_register(self):
        """(id or None, truth)."""
        for test in self.book.register_:
            here = in_codes(self.cells.get("industry"), test.industries, test.unless)
            if here is None:
                return None, None
            if here:
                return test.id, self.dated(test)
        return None, False

    def dated(self, entry):
        """Truth of a dated item; None when no rule is in force (see `state`)."""
        if (entry.from_ and entry.from_ > self.on) or (entry.to and entry.to < self.on):
            return None
        return self.tree(entry)

    def rule(self, key):
        """The rule in force of a title's key, or None."""
        name, purpose = (key[: -len(".review")], "review") if key.endswith(".review") else (key, "award")
        title = next(t for t in self.book.titles if t.id == name)
        return next((r for r in title.rules if r.purpose == purpose and r.from_ <= self.on and (r.to is None or self.on <= r.to)), None)

    def item(self, key):
        """Truth of an item: True, False, None."""
        if key == "register":
            return self.own_register()[1]
        for entry in (*self.book.register_, *self.book.pools, *self.book.levels, *self.book.notes):
            if entry.id == key:
                return self.dated(entry)
        if key.startswith("place."):
            return self.tree(next(p for p in self.book.places if p.id == key[6:]).requires)
        rule = self.rule(key)
        if rule is None:
            return None
        if rule.score is not None:
            self.score(rule.score)
        return self.tree(rule)

    def state(self, key):
        """'met', 'unmet', 'unknown', 'not_in_force' or 'not_applicable'."""
        self.ended = False
        if any(t.id == key for t in self.book.register_) and self.cells.get("industry") is not None:
            own, truth = self.own_register()
            if own != key and not (own is None and truth is None):
                return "not_applicable"
            if own is None:
                return "unknown"
        elif any(t.id == key for t in self.book.register_):
            return "unknown"
        if key == "register":
            own, truth = self.own_register()
            if own is None:
                return "unknown" if truth is None else "not_in_force"
            return self.state(own)
        entry = next((e for e in (*self.book.register_, *self.book.pools, *self.book.levels, *self.book.notes) if e.id == key), None)
        if entry is not None and ((entry.from_ and entry.from_ > self.on) or (entry.to and entry.to < self.on)):
            return "not_in_force"
        if entry is None and not key.startswith("place.") and self.rule(key) is None:
            return "not_in_force"
        return {True: "met", False: "unmet", None: "unknown"}[self.item(key)]

    def tree(self, node):
        """Truth of a node as written."""
        if node.test is not None:
            truth = self.tests[node.id] = self.ask(node.test)
        elif node.all is not None:
            truth = conj(self.tree(n) for n in node.all)
        elif node.any is not None:
            truth = disj(self.tree(n) for n in node.any)
        elif node.none is not None:
            truth = conj(None if (t := self.tree(n)) is None else not t for n in node.none)
        else:
            said = [self.tree(n) for n in node.at_least.of]
            truth = True if said.count(True) >= node.at_least.n else False if len(said) - said.count(False) < node.at_least.n else None
        if node.when is not None:
            asked = self.ask(node.when)
            truth = disj([None if asked is None else not asked, truth])
        return truth

    def score(self, score):
        """Intervals of a score and its parts."""
        total = [Fraction(0), Fraction(0)]
        for part in score.parts:
            ends = [self.points(i) for i in part.items]
            low, high = sum(e[0] for e in ends), sum(e[1] for e in ends)
            self.scores_of[part.id] = Interval((low, high))
            total = [total[0] + low, total[1] + high]
        self.scores_of[score.id] = Interval(total)

    def points(self, item):
        """(lowest, highest) points of an item, by trying every way the unknown could turn out."""
        if item.best_of:
            ends = [self.points(i) for i in item.best_of]
            return max(e[0] for e in ends), max(e[1] for e in ends)
        said = [(self.band(item, b), Fraction(str(b.points))) for b in item.bands or item.sum]
        if item.sum:
            top = Fraction(str(item.max))
            return min(top, sum((p for t, p in said if t is True), Fraction(0))), min(top, sum((p for t, p in said if t is not False), Fraction(0)))
        possible = []
        for truth, points in said:
            if truth is not False:
                possible.append(points)
            if truth is True:
                break
        return min(possible), max(possible)

    def band(self, item, band):
        """Truth of one band."""
        if band.else_:
            return True
        if band.if_ is not None:
            return self.ask(band.if_)
        op, line = next((o, v) for o, v in ((">=", band.at_least), (">", band.over), ("<=", band.at_most), ("<", band.under)) if v is not None)
        return self.ask(f"{item.value} {op} {line}")


class _Skip(Rewrite):
    """Leaves quantities alone."""

    def visit_Call(self, node):
        return node if isinstance(node.func, ast.Name) and node.func.id == "_q" else super().visit_Call(node)


def amount(text):
    """'3%' -> N(3/100)."""
    if isinstance(text, int):
        return N(text)
    found = re.fullmatch(r"(-?[\d,]+(?:\.\d+)?)\s*(\D*)", text)
    return N(Fraction(found[1].replace(",", "")) * UNITS.get(found[2], 1))


def in_codes(code, specs, unless=()):
    """Whether a code begins with or lies in the range of a spec; None when the code is too short to tell."""
    if code is None:
        return None

    def one(spec):
        low, high = spec.split("-") if "-" in spec else (spec, spec)
        size = min(len(low), len(code))
        inside = low[:size] <= code[:size] <= high[:size]
        return False if not inside else True if len(code) >= len(low) else None

    return conj([disj(one(s) for s in specs), *(None if (t := one(s)) is None else not t for s in unless)])
