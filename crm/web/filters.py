"""Template filters: figures, days and instants as people read them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from crm.core import money
from crm.core.clock import local

if TYPE_CHECKING:
    from flask import Flask


def human_money(yuan: int) -> tuple[str, str]:
    """(figure, unit): 万元 under 1 亿, 亿元 above."""
    figure, _, unit = money.human(yuan).rpartition(" ")
    return figure, unit


def rough_money(yuan: int) -> tuple[str, str]:
    """An estimate as (figure, unit)."""
    figure, _, unit = money.rough(yuan).rpartition(" ")
    return figure, unit


def rough_span(low: int, high: int) -> str:
    """An interval of estimates: 2,575–3,120 万元; each end with its unit where they differ."""
    (first, unit), (last, unit_of_last) = rough_money(low), rough_money(high)
    return f"{first}–{last} {unit}" if unit == unit_of_last else f"{first} {unit}–{last} {unit_of_last}"


def day(value: date | datetime | None) -> str:
    """2026-10-20, in Asia/Shanghai for instants; '无' when missing."""
    if value is None:
        return "无"
    return (local(value).date() if isinstance(value, datetime) else value).isoformat()


def moment(value: datetime | None) -> str:
    """2026-10-20 05:12 in Asia/Shanghai."""
    return "无" if value is None else local(value).strftime("%Y-%m-%d %H:%M")


def change(now: int | None, before: int | None) -> str:
    """Year on year with a true minus; '不可比' on a zero or negative base, '无' when either is missing."""
    if now is None or before is None:
        return "无"
    if before <= 0:
        return "不可比"
    rate = (Decimal(now - before) * 100 / before).quantize(Decimal("0.1"))
    return f"{'+' if rate > 0 else ''}{rate}%".replace("-", "−")


def uscc(code: str) -> str:
    """Spaced for reading: 9133 1081 MA17 0669 36."""
    return " ".join(code[i : i + 4] for i in range(0, len(code), 4))


def install(app: Flask) -> None:
    """Register all."""
    for name, function in {
        "human_money": human_money, "rough_money": rough_money, "rough_span": rough_span, "exact_money": money.exact, "day": day, "moment": moment, "change": change, "uscc": uscc,
    }.items():
        app.add_template_filter(function, name)
