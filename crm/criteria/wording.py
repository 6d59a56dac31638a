"""Figures, requirements, gaps, periods and questions as people say them: '差 0.24 个百分点', '差 87 万元', '2024–2025年'."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from crm.criteria import terms
from crm.criteria.terms import Column, Compare, Figure, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from crm.criteria.cells import Cell
    from crm.criteria.packs import Pack

SIGNS = {">=": "≥", ">": ">", "<=": "≤", "<": "<", "==": "="}
_SCALES = {"元": [(Fraction(10**8), "亿元"), (Fraction(10**4), "万元"), (Fraction(1), "元")]}


def amount(value: Fraction, unit: str, *, rounding: str = ROUND_HALF_EVEN, places: int = 2) -> str:
    """A value with its unit: 26500000 元 -> '2,650万元', 3/100 % -> '3%', 12 项 -> '12项'."""
    if unit == "%":
        return f"{_digits(value * 100, places, rounding)}%"
    if unit == "元":
        scale, name = next(((s, n) for s, n in _SCALES["元"] if abs(value) >= s), _SCALES["元"][-1])
        return f"{_digits(value / scale, max(4, places), rounding)}{name}"
    return f"{_digits(value, places, rounding)}{unit}"


def gap(value: Fraction, unit: str) -> str:
    """How far: rounded up, so that closing what is shown is enough."""
    if unit == "%":
        return f"{_digits(value * 100, 2, ROUND_CEILING) or '0'}个百分点"
    return amount(value, unit, rounding=ROUND_CEILING)


def _digits(value: Fraction, places: int, rounding: str) -> str:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    step = Decimal(1).scaleb(-places)
    shown = exact.quantize(step, rounding=rounding)
    if shown == 0 and value > 0:  # never say 0 of something that is there
        shown = step
    text = f"{shown:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def period(term: Term, on: date) -> str:
    """The period a condition looks at: '2025年', '2024–2025年', '2026-06-01', '2026年累计'."""
    years, days, ytd = set(), False, False
    for part in terms.walk(term):
        if isinstance(part, Figure):
            match part.form:
                case "year" | "either" | "before":
                    years.add(on.year + part.offset)
                case "at":
                    days = True
                case _:
                    ytd = True
    if years:
        return f"{min(years)}年" if len(years) == 1 else f"{min(years)}–{max(years)}年"
    if ytd:
        return f"{on.year}年累计"
    return on.isoformat() if days or not years else ""


def required(op: str, value: Fraction, unit: str) -> str:
    """'≥3%'."""
    return f"{SIGNS[op]}{amount(value, unit)}"


def question(column: Column, pack: Pack, on: date) -> str:
    """What to ask the firm (or look up) to know a column."""
    match column.kind:
        case "year":
            return f"{on.year + column.offset}年{_measure(column, pack)}"
        case "before":
            return f"{on.year - 2}年及以前各年{_measure(column, pack)}"
        case "at":
            return f"{_measure(column, pack)}（截至{on.isoformat()}）"
        case "ytd" | "ytd_month":
            return f"{on.year}年{_measure(column, pack)}累计"
        case "ytd_prior":
            return f"{on.year - 1}年同期{_measure(column, pack)}累计"
        case "title" | "ever":
            return f"是否持有{pack.label(column.key)}"
        case "event" | "flag":
            entry = next(e for e in (*pack.book.events, *pack.book.flags) if e.id == column.key)
            return entry.ask or entry.label
        case "stage":
            return "上市进展阶段"
        case "register":
            return "在库名录（入库、退库日期）"
        case _:
            return {"industry": "国民经济行业代码（四位）", "registered_on": "成立日期", "region": "所属区划", "zone": "所属功能区", "kind": "单位类型"}[column.key]


def _measure(column: Column, pack: Pack) -> str:
    measure = pack.measures[column.key]
    return measure.ask or measure.label


def unknown_columns(term: Term, cells: Mapping[str, Cell]) -> Iterable[Column]:
    """The columns of a condition that are empty, each once; of alternatives (`either`) only if all are empty."""
    seen: set[str] = set()
    for part in terms.walk(term):
        for group in _groups(part):
            if all(cells.get(c.name) is None for c in group) and group[0].name not in seen:
                seen.add(group[0].name)
                yield group[0]


def _groups(part: Term) -> list[tuple[Column, ...]]:
    """Columns looked at by this part alone, alternatives together; facts whose absence means no are never asked."""
    match part:
        case Figure():
            return [tuple(c for c in terms.columns(part) if c.kind != "ytd_month")]
        case terms.Is(column, False) | terms.Happened(column, _, False) | terms.Code(column) | terms.DayFrom(column) | terms.Since(column):
            return [(column,)]
        case _:
            return []


def compared(term: Term) -> Compare | None:
    """The comparison whose gap can be shown: a value against a number."""
    return term if isinstance(term, Compare) and isinstance(term.right, terms.Const) else None
