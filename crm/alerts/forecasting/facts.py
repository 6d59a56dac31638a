"""Firms of a facts file as the forecast's frames: which revenue counts, single months, signals beside sales, the stop that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from crm.criteria.facts import Enterprise, Figures

MAIN, ALL = "revenue_main", "revenue"
ENDS = ("suspended", "closed", "deregistered")
"""Events that end the year's sales unless `resumed` came later. 经营异常 is a warning, not a stop."""
SIGNALS = {"electricity_yoy": "electricity", "invoiced_yoy": "invoiced_sales", "insured_yoy": "insured_staff"}
_ROWS = {"firm": pl.Int64, "year": pl.Int64, "month": pl.Int64, "value": pl.Int64}


def frames(firms: Sequence[Enterprise], asks_main: Sequence[bool], on: date) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """`cumulative`, `totals`, `firms` and `months` as `forecast` takes them; `asks_main`: whose register test asks for 主营业务收入."""
    cumulative, totals, months, about = [], [], [], []
    for row, (firm, main) in enumerate(zip(firms, asks_main, strict=True)):
        measure = _measure(firm, main=main, year=on.year)
        cumulative += _rows(firm.ytd, measure, row)
        months += _rows(firm.month, measure, row)
        totals += [{"firm": row, "year": int(year), "value": value} for year, values in firm.year.items() if (value := values.get(measure)) is not None]
        about.append({"industry": (firm.industry or "").lstrip("ABCDEFGHIJKLMNOPQRST") or None, "stopped_on": _stopped(firm, on), **{name: _ratio(firm, key, on) for name, key in SIGNALS.items()}})
    schema: dict[str, Any] = {"industry": pl.String, "stopped_on": pl.Date, **dict.fromkeys(SIGNALS, pl.Float64)}
    whole = {k: v for k, v in _ROWS.items() if k != "month"}
    return pl.DataFrame(cumulative, schema=_ROWS), pl.DataFrame(totals, schema=whole), pl.DataFrame(about, schema=schema), pl.DataFrame(months, schema=_ROWS)


def _measure(firm: Enterprise, *, main: bool, year: int) -> str:
    """The revenue the register test asks for where this year and the last have it, else the one that is on file."""
    order = (MAIN, ALL) if main else (ALL, MAIN)

    def has(measure: str, back: int) -> bool:
        wanted = str(year - back)
        filed = (*firm.ytd.items(), *firm.month.items(), *(firm.year.items() if back else ()))
        return any(period[:4] == wanted and values.get(measure) is not None for period, values in filed)

    for measure in order:
        if has(measure, 0) and has(measure, 1):
            return measure
    return next((measure for measure in order if has(measure, 0)), order[0])


def _rows(figures: Figures, measure: str, row: int) -> list[dict[str, int]]:
    return [
        {"firm": row, "year": int(period[:4]), "month": int(period[5:7]), "value": value}
        for period, values in figures.items() if (value := values.get(measure)) is not None
    ]


def _ratio(firm: Enterprise, measure: str, on: date) -> float | None:
    """This year's months over the same months of last year, those that both have; 累计 before 当月."""
    for figures, newest in ((firm.ytd, True), (firm.month, False)):
        both = [
            (now, before) for period, values in sorted(figures.items())
            if period[:4] == str(on.year) and period < f"{on:%Y-%m}" and (now := values.get(measure)) is not None
            and (before := figures.get(f"{on.year - 1}{period[4:]}", {}).get(measure)) is not None
        ]
        both = both[-1:] if newest else both
        total = sum(before for _, before in both)
        if total > 0:
            return sum(now for now, _ in both) / total
    return None


def _stopped(firm: Enterprise, on: date) -> date | None:
    ends = [event.on for event in firm.events or () if event.kind in ENDS and event.on <= on]
    resumed = [event.on for event in firm.events or () if event.kind == "resumed" and event.on <= on]
    last = max(ends, default=None)
    return None if last is None or (resumed and max(resumed) >= last) else last
