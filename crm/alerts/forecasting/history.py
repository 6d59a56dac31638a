"""Cumulative figures of this year and three before as arrays, with what was filed wrongly mended or left out, and said so.

Arrays are indexed [firm, years back, month]: month 0 is zero, month 12 the whole year; NaN = not on file. Money in 元 as float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEARS = 4
LEFT_OUT, ADDED_UP = 1, 2
"""Bits of `History.mended`: a figure in the wrong unit was left out; a month's figure filed as 累计 was added to the one before."""
SLIP = 50.0
"""A 累计 this many times what the months before suggest (or this small a part of it) is taken for a slip of the unit."""
JUMP = 1000.0
"""The same against last year's 累计 of the same month."""
FALL = 0.8
"""A 累计 below this part of the one before is no correction any more."""
MONTH_LIKE = (0.2, 5.0)
"""A fallen 累计 within these multiples of the mean month so far is a month's figure."""


@dataclass(frozen=True, slots=True)
class History:
    """What is on file for N firms: `figures` N×4×13 cumulative (元), `mended` N bits for this year and last."""

    figures: NDArray[np.float64]
    mended: NDArray[np.int8]

    @property
    def month(self) -> NDArray[np.int64]:
        """The newest month of this year with a figure, 0 where there is none."""
        known = np.isfinite(self.figures[:, 0, 1:])
        return np.where(known.any(axis=1), 12 - np.argmax(known[:, ::-1], axis=1), 0)


def read(cumulative: pl.DataFrame, totals: pl.DataFrame, firms: int, year: int, months: pl.DataFrame | None = None) -> History:
    """Figures as they lie on file, mended.

    `cumulative`: firm (0…N-1), year, month (1–12), value 元 (1–本月累计); `totals`: firm, year, value 元; `months`: like `cumulative`,
    single months (当月), used where the 累计 is missing. `year` is the year asked about; later rows are not looked at.
    """
    figures = _scatter(cumulative, firms, year)
    whole = _scatter(totals.with_columns(month=pl.lit(12)), firms, year)
    figures[:, 1:, 12] = np.where(np.isfinite(whole[:, 1:, 12]), whole[:, 1:, 12], figures[:, 1:, 12])
    mended = np.zeros(firms, dtype=np.int8)
    for back in range(YEARS - 1, -1, -1):
        before = figures[:, back + 1] if back + 1 < YEARS else None
        bits = _mend(figures[:, back], before)
        mended |= bits if back <= 1 else np.int8(0)
    if months is not None and months.height:
        _add_months(figures, _scatter(months, firms, year))
    figures[:, :, 0] = 0.0
    return History(figures, mended)


def _scatter(rows: pl.DataFrame, firms: int, year: int) -> NDArray[np.float64]:
    """Rows into [firm, years back, month]."""
    out = np.full((firms, YEARS, 13), np.nan)
    kept = rows.filter(pl.col("year").is_between(year - YEARS + 1, year) & pl.col("value").is_not_null())
    firm, back, month = kept["firm"].to_numpy(), year - kept["year"].to_numpy(), kept["month"].to_numpy()
    out[firm, back, month] = kept["value"].cast(pl.Float64).to_numpy()
    return out


def _mend(figures: NDArray[np.float64], before: NDArray[np.float64] | None) -> NDArray[np.int8]:
    """One year (N×13) in place, month by month against the last believed figure. Returns what was done, as bits."""
    count = len(figures)
    bits, last, at = np.zeros(count, dtype=np.int8), np.zeros(count), np.zeros(count)
    for month in range(1, 13):
        now = figures[:, month]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = last / at
            out = (at > 0) & (last > 0) & ((now > SLIP * mean * month) | (now * SLIP < mean))
            if before is not None:
                out |= (at == 0) & (before[:, month] > 0) & (now > JUMP * before[:, month])
            fell = (at == month - 1) & (now < FALL * last) & (now > MONTH_LIKE[0] * mean) & (now < MONTH_LIKE[1] * mean) & ~out & (month < 12)
        bits[out] |= LEFT_OUT
        bits[fell] |= ADDED_UP
        figures[out, month] = np.nan
        figures[fell, month] = last[fell] + now[fell]
        known = np.isfinite(figures[:, month])
        last[known], at[known] = figures[known, month], month
    return bits


def _add_months(figures: NDArray[np.float64], months: NDArray[np.float64]) -> None:
    """Where a 累计 is missing: the one before plus the month's own figure."""
    for month in range(1, 13):
        before = figures[:, :, month - 1] if month > 1 else np.zeros(figures.shape[:2])
        made = before + months[:, :, month]
        figures[:, :, month] = np.where(np.isfinite(figures[:, :, month]), figures[:, :, month], made)


def between(figures: NDArray[np.float64], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaps of one year (N×13) filled between known figures, along the season; beyond the last known figure they stay NaN."""
    known = np.isfinite(figures)
    months = np.arange(13)
    low = np.maximum.accumulate(np.where(known, months, 0), axis=1)
    high = np.minimum.accumulate(np.where(known, months, 13)[:, ::-1], axis=1)[:, ::-1]
    inside = high < 13
    top = np.minimum(high, 12)
    take = np.take_along_axis
    span = take(curves, top, axis=1) - take(curves, low, axis=1)
    part = np.where(span > 0, (curves - take(curves, low, axis=1)) / np.where(span > 0, span, 1.0), 0.0)
    first, last = take(figures, low, axis=1), take(figures, top, axis=1)
    return np.where(known, figures, np.where(inside, first + part * (last - first), np.nan))
