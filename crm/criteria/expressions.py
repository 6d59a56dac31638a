"""The small language conditions are written in: read with Python's own `ast`, checked, turned into terms.

Only what is listed here can be written; names are checked against the pack (measures, titles, parameters, events …) and
units are checked (元 is never compared with a percentage).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NoReturn

from crm.criteria import quantity
from crm.criteria.terms import (
    SIZES,
    Both,
    Cagr,
    Choice,
    Code,
    Column,
    Compare,
    Condition,
    Const,
    DayFrom,
    Figure,
    Happened,
    Is,
    Met,
    Not,
    Param,
    Product,
    Ratio,
    ScoreOf,
    Short,
    Since,
    SizeAtMost,
    Sum,
    Surely,
    Value,
    Window,
    shift,
)

STAGES = ("nurture", "share_reform", "neeq", "tutoring", "accepted", "registered", "listed")
_OPS: dict[type, str] = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<", ast.Eq: "=="}
_MEASURE_UNITS = {"分×100": ("分", Fraction(1, 100)), "级×10": ("级", Fraction(1, 10)), "bp": ("%", Fraction(1, 10_000))}
_LITERAL = re.compile(rf"(?<![\w.\"'\[-])(?:{quantity.QUANTITY.pattern})(?![\w.\"'])")


class ExpressionError(ValueError):
    """The expression cannot be read; the message says which part and what would be right."""


@dataclass(frozen=True, slots=True)
class Names:
    """What expressions of a pack may speak of. measures: id -> (unit, periods); facts: id -> missing counts as no."""

    measures: dict[str, tuple[str, tuple[str, ...]]]
    titles: frozenset[str] = frozenset()
    params: dict[str, str] = field(default_factory=dict)  # id -> unit
    events: dict[str, bool] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    items: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()  # items short() may be asked about
    scores: frozenset[str] = frozenset()
    extra: dict[str, str] = field(default_factory=dict)  # further value names (alert inputs): name -> unit; "?" = yes/no


def parse_condition(text: str, names: Names) -> Condition:
    """Read a yes/no expression. Raises ExpressionError."""
    try:
        return _Reader(text, names).condition(_tree(text))
    except IndexError:
        raise ExpressionError(f"函数少了参数（在 {text!r} 里）") from None


def parse_value(text: str, names: Names) -> Value:
    """Read a value expression; windows and cagr too, since it will be compared. Raises ExpressionError."""
    try:
        return _Reader(text, names).value(_tree(text), window=True)
    except IndexError:
        raise ExpressionError(f"函数少了参数（在 {text!r} 里）") from None


def unit_of(term: Value, names: Names) -> str:
    """Base unit of a value; '' for a bare count, '%' for ratios of like units."""
    match term:
        case Const(_, unit) | Figure(_, _, unit):
            return unit
        case Param(name):
            return names.params[name]
        case Sum(left, right) | Product(left, right):
            return unit_of(left, names) or unit_of(right, names)
        case Ratio(top, bottom):
            over, under = unit_of(top, names), unit_of(bottom, names)
            return "%" if over == under else (over if not under else f"{over}/{under}")
        case Choice(_, of) | Window(_, of):
            return next((u for v in of if (u := unit_of(v, names))), "")
        case Since(_, unit):
            return unit
        case Short():
            return "条"
        case ScoreOf():
            return "分"
        case Cagr():
            return "%"


def _tree(text: str) -> ast.expr:
    marked = _LITERAL.sub(lambda m: f"Q({m.group(0).strip()!r})" if m["unit"] else m.group(0), text)
    try:
        return ast.parse(marked.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"{text!r} 第 {error.offset} 个字符附近读不懂：{error.msg}") from None


class _Reader:
    """Walks one parsed expression."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names

    def refuse(self, why: str) -> NoReturn:
        raise ExpressionError(f"{why}（在 {self.text!r} 里）")

    # conditions

    def condition(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp(op=op, values=values):
                return Both("and" if isinstance(op, ast.And) else "or", tuple(self.condition(v) for v in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.condition(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPS:
                return self.compare(left, _OPS[type(op)], right)
            case ast.Compare():
                self.refuse("两个值用 >= > <= < == 之一比较；几个比较用 and 连接")
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _QUESTIONS:
                return _QUESTIONS[name](self, args)
            case ast.Name(id=name) if self.names.extra.get(name) == "?":
                return Is(Column("identity", name))
            case _:
                self.refuse(f"{ast.unparse(node)!r} 不是条件；写一个比较，或用：{'、'.join(sorted(_QUESTIONS))}")
        return None

    def compare(self, left: ast.expr, op: str, right: ast.expr) -> Condition:
        a, b = self.value(left, window=True), self.value(right)
        ua, ub = unit_of(a, self.names), unit_of(b, self.names)
        if ua != ub and ub == "" and isinstance(b, Const):
            if ua == "%" and b.value != 0:
                self.refuse(f"比率要与百分数比较：请写 {ast.unparse(right)}%")
            if ua == "元" and b.value != 0:
                self.refuse(f"金额要带单位：请写 {ast.unparse(right)}元 或 {ast.unparse(right)}万元")
            b = Const(b.value, ua)
        elif ua != ub and ua and ub:
            self.refuse(f"{ua} 不能与 {ub} 比较")
        if isinstance(a, ScoreOf | Cagr) and not isinstance(b, Const | Param):
            self.refuse("score(…)、cagr(…) 只能与数字或 param(…) 比较")
        return Compare(op, a, b)  # type: ignore[arg-type]  # _OPS holds exactly these

    # values

    def value(self, node: ast.expr, *, window: bool = False) -> Value:
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return Const(Fraction(number))
            case ast.Constant(value=float()):
                return Const(Fraction(ast.unparse(node)))
            case ast.UnaryOp(op=ast.USub(), operand=operand) if isinstance(value := self.value(operand), Const):
                return Const(-value.value, value.unit)
            case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=str() as text)]):
                found = quantity.parse(text)
                return Const(found.value, found.unit)
            case ast.Name(id=name):
                return self.figure(name, None)
            case ast.Subscript(value=ast.Name(id=name), slice=at):
                return self.figure(name, self.whole(at))
            case ast.BinOp(left=left, op=op, right=right):
                return self.arithmetic(self.value(left), op, self.value(right))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _VALUES:
                made = _VALUES[name](self, args)
                if isinstance(made, Window | Cagr) and not window:
                    self.refuse(f"{name}(…) 只能单独写在比较的左边")
                return made
            case _:
                self.refuse(f"{ast.unparse(node)!r} 不是数值；写指标、数量，或用：{'、'.join(sorted(_VALUES))}")
        return None

    def arithmetic(self, a: Value, op: ast.operator, b: Value) -> Value:
        ua, ub = unit_of(a, self.names), unit_of(b, self.names)
        if any(isinstance(v, ScoreOf) for v in (a, b)):
            self.refuse("评分是区间：只能比较，不能再计算")
        match op:
            case ast.Add() | ast.Sub():
                if ua != ub and not (ub == "" or ua == ""):
                    self.refuse(f"{ua} 与 {ub} 不能相加减")
                return Sum(a, b, 1 if isinstance(op, ast.Add) else -1)
            case ast.Mult():
                if not (isinstance(a, Const | Param) or isinstance(b, Const | Param)):
                    self.refuse("只能乘以数字或 param(…)")
                return Product(a, b)
            case ast.Div():
                return Ratio(a, b)
        self.refuse("只能用 + - * /")
        return None

    def figure(self, name: str, offset: int | None, form: str | None = None) -> Value:
        if name in self.names.extra:
            return Figure(name, "at", self.names.extra[name])
        if name not in self.names.measures:
            self.refuse(f"没有指标 {name!r}；请先在 measures.yaml 里声明")
        unit, periods = self.names.measures[name]
        base, scale = _MEASURE_UNITS.get(unit, (unit, Fraction(1)))
        if offset is not None:
            if "year" not in periods:
                self.refuse(f"{name} 没有年度数")
            if offset > 0:
                self.refuse(f"{name}[{offset}] 是将来的数；[-1] 是上年")
            return Figure(name, "year", base, scale, offset)
        if form is None:
            form = "either" if {"year", "at"} <= set(periods) else "year" if "year" in periods else "at"
            if form == "at" and "at" not in periods:
                self.refuse(f"{name} 只有月度数：请写 ytd({name})")
        return Figure(name, form, base, scale, -1 if form in {"year", "either", "before"} else 0)  # type: ignore[arg-type]

    def figure_of(self, node: ast.expr, form: str) -> Value:
        if not isinstance(node, ast.Name):
            self.refuse(f"{ast.unparse(node)!r}：这里要写指标名")
        needs = {"at": "at", "ytd": "month", "ytd_prior": "month", "before": "year"}[form]
        if node.id in self.names.measures and needs not in self.names.measures[node.id][1]:
            self.refuse(f"{node.id} 没有 {needs} 这种期间的数")
        return self.figure(node.id, None, form)

    def whole(self, node: ast.expr) -> int:
        value = self.value(node)
        if not isinstance(value, Const) or value.value.denominator != 1:
            self.refuse(f"{ast.unparse(node)!r} 不是整数")
        return int(value.value)

    def years(self, node: ast.expr) -> int:
        if not 1 <= (n := self.whole(node)) <= 10:
            self.refuse("年数要在 1 到 10 之间")
        return n

    def known(self, node: ast.expr, among: Container[str], what: str) -> str:
        name = node.value if isinstance(node, ast.Constant) else ast.unparse(node)
        if name not in among:
            self.refuse(f"没有这个{what} {name!r}")
        return str(name)

    def texts(self, args: list[ast.expr]) -> tuple[str, ...]:
        if not args or not all(isinstance(a, ast.Constant) and isinstance(a.value, str) for a in args):
            self.refuse('代码要加引号：industry("06-46")')
        return tuple(a.value for a in args)  # type: ignore[attr-defined]

    def window(self, args: list[ast.expr]) -> tuple[Value, ...]:
        if len(args) != 2:
            self.refuse("要写年数和数值：each(2, rd_expense / revenue)")
        inner = self.value(args[1])
        return tuple(shift(inner, -i) for i in range(self.years(args[0])))

    def total(self, args: list[ast.expr]) -> Value:
        first, *rest = self.window(args)
        for value in rest:
            first = Sum(first, value)
        return first

    def cagr(self, args: list[ast.expr]) -> Value:
        years, last = self.years(args[0]), self.value(args[1])
        return Cagr(years, last, shift(last, -years))

    def yoy(self, args: list[ast.expr]) -> Value:
        last = self.value(args[0])
        before = shift(last, -1)
        return Ratio(Sum(last, before, -1), before)

    def crossing(self, args: list[ast.expr]) -> Condition:
        last, line = self.value(args[0]), self.value(args[1])
        return Both("and", (Compare(">=", last, line), Compare("<", self.figure_of(args[0], "before"), line)))

    def event(self, args: list[ast.expr]) -> Condition:
        kind = self.known(args[0], self.names.events, "事件")
        return Happened(Column("event", kind), self.whole(args[1]) if len(args) > 1 else None, self.names.events[kind])

    def registered_since(self, args: list[ast.expr]) -> Condition:
        month, offset = self.whole(args[0]), self.whole(args[1])
        if not 1 <= month <= 12 or offset > 0:
            self.refuse("要写月份和年份：registered_since(10, -1) 是上年10月1日以后注册")
        return DayFrom(Column("identity", "registered_on"), month, offset)

    def flag(self, args: list[ast.expr]) -> Condition:
        name = self.known(args[0], self.names.flags, "标记")
        return Is(Column("flag", name), self.names.flags[name])


_Make = Callable[[_Reader, list[ast.expr]], Value]
_Ask = Callable[[_Reader, list[ast.expr]], Condition]
_VALUES: dict[str, _Make] = {
    "param": lambda r, a: Param(r.known(a[0], r.names.params, "参数")),
    "latest": lambda r, a: r.figure_of(a[0], "at"),
    "ytd": lambda r, a: r.figure_of(a[0], "ytd"),
    "ytd_prior": lambda r, a: r.figure_of(a[0], "ytd_prior"),
    "min": lambda r, a: Choice("min", tuple(r.value(x) for x in a)),
    "max": lambda r, a: Choice("max", tuple(r.value(x) for x in a)),
    "coalesce": lambda r, a: Choice("coalesce", tuple(r.value(x) for x in a)),
    "sum": _Reader.total,
    "mean": lambda r, a: Product(r.total(a), Const(Fraction(1, r.years(a[0])))),
    "each": lambda r, a: Window("each", r.window(a)),
    "some": lambda r, a: Window("some", r.window(a)),
    "yoy": _Reader.yoy,
    "cagr": _Reader.cagr,
    "score": lambda r, a: ScoreOf(r.known(a[0], r.names.scores, "评分")),
    "short": lambda r, a: Short(r.known(a[0], r.names.groups, "条目（short() 只能用在看板分组里，问 via 里的条目）")),
    "years_since_registration": lambda _r, _a: Since(Column("identity", "registered_on"), "年"),
    "days_since_registration": lambda _r, _a: Since(Column("identity", "registered_on"), "日"),
    "years_since_exit": lambda _r, _a: Since(Column("register", "last_exit"), "年"),
}
_QUESTIONS: dict[str, _Ask] = {
    "holds": lambda r, a: Is(Column("title", r.known(a[0], r.names.titles, "称号"))),
    "ever": lambda r, a: Is(Column("ever", r.known(a[0], r.names.titles, "称号"))),
    "surely": lambda r, a: Surely(r.condition(a[0])),
    "in_register": lambda _r, _a: Is(Column("register", "in")),
    "was_registered": lambda _r, _a: Is(Column("register", "ever")),
    "register": lambda _r, _a: Met("register"),
    "met": lambda r, a: Met(r.known(a[0], r.names.items, "条目")),
    "event": _Reader.event,
    "flag": _Reader.flag,
    "first_crossing": _Reader.crossing,
    "registered_since": _Reader.registered_since,
    "stage": lambda r, a: Is(Column("stage", r.known(a[0], frozenset(STAGES), "上市阶段"))),
    "size_at_most": lambda r, a: SizeAtMost(SIZES.index(r.known(a[0], frozenset(SIZES), "划型"))),
    "industry": lambda r, a: Code(Column("identity", "industry"), r.texts(a)),
    "region": lambda r, a: Code(Column("identity", "region"), r.texts(a)),
    "zone": lambda r, a: Code(Column("identity", "zone"), r.texts(a)),
    "kind": lambda r, a: Code(Column("identity", "kind"), r.texts(a)),
}
