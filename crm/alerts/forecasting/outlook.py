"""The door: figures of many firms in, the end of their year out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crm.alerts.forecasting import history, season, signs
from crm.alerts.forecasting.history import ADDED_UP, LEFT_OUT, History
from crm.alerts.forecasting.model import Distribution, distribution, soft, stored
from crm.alerts.forecasting.signs import NEW, UNSEASONED, Signs

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from crm.alerts.forecasting.model import Parameters

LOW, MID, HIGH = 0.1, 0.5, 0.9
DROP = 0.9
"""`below_last_year` is the chance of ending below this part of last year."""
SIGNALS = {"invoiced_yoy": 0.25, "electricity_yoy": 0.1, "insured_yoy": 0.1}
"""Default weights, not fitted (no public series joins them to sales): how much of a signal's growth beyond recent sales' goes into the rest."""
METHODS = {"own_season": "按本企业上年季节推算", "last_year_total": "按行业和总体季节推算", "this_year_only": "只按本年累计推算"}
"""What the forecast rests on, in the order of `Signs.case`, and how it is told."""
NOTES = {
    "left_out": "有累计数与前后月份相差50倍以上，疑为单位填错，未采用，请核对",
    "added_up": "有累计数小于上月，疑把当月数填成累计，已按当月数累加，请核对",
    "last_year_total": "缺上年同期，按行业和总体的季节推算",
    "this_year_only": "缺上年数，只按本年累计推算，把握较小",
    "stopped": "已停产、歇业或注销，推算到停止之月",
    "over": "全年数已到",
}
"""What is said beside a forecast, by its key."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The year of N firms, in the order asked. `year` of the firms; arrays of N; money in 元. `falls_from`: the chance from which a fall is said."""

    year: int
    signs: Signs
    spread: Distribution
    notes: list[list[str]]
    falls_from: NDArray[np.float64]

    @property
    def month(self) -> NDArray[np.int64]:
        """The newest month of the year with a figure, 0 = none."""
        return self.signs.month

    def frame(self) -> pl.DataFrame:
        """`month`, `so_far`, `low`, `mid`, `high` (central 80 %, 元), `method`, `below_last_year` (0–1); null where nothing is known."""
        known = pl.Series(self.month > 0)
        values = {"so_far": self.spread.so_far, **{name: self.spread.quantile(level) for name, level in (("low", LOW), ("mid", MID), ("high", HIGH))}}
        money = {name: pl.Series(np.rint(np.nan_to_num(value)).astype(np.int64)) for name, value in values.items()}
        frame = pl.DataFrame({
            "month": self.month, **money, "method": [tuple(METHODS)[case] for case in self.signs.case],
            "below_last_year": self.probability_below(DROP * self.signs.last_year),
        }).with_columns(pl.col("below_last_year").fill_nan(None))
        return frame.with_columns(pl.when(known).then(pl.all()))

    def probability_below(self, line: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Chance, 0–1, that each firm's year ends below its line (元, one or N); NaN where unknown."""
        return self.spread.probability_below(np.broadcast_to(np.asarray(line, dtype=np.float64), self.month.shape))

    def falls_below(self, line: NDArray[np.float64] | float) -> NDArray[np.bool_]:
        """Whether a firm is said to fall below its line: from `falls_from` on, since a missed fall costs more than a visit too many."""
        return self.probability_below(line) >= self.falls_from

    def needed_per_month(self, line: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """元 a month that the months left must bring to reach the line, rounded up, 0 once reached; NaN when no month is left or nothing is known."""
        left = np.where((self.month > 0) & (self.month < 12), 12 - self.month, np.nan)
        return np.maximum(np.ceil((line - self.spread.so_far) / left), 0.0)


def forecast(cumulative: pl.DataFrame, totals: pl.DataFrame, firms: pl.DataFrame, on: date, *, months: pl.DataFrame | None = None, parameters: Parameters | None = None) -> Outlook:
    """The year of `on` for every row of `firms`, from what is on file.

    `cumulative`: `firm` (row of `firms`), `year`, `month` (1–12), `value` 元 (1–本月累计); quarterly figures serve as well.
    `totals`: `firm`, `year`, `value` 元. `months`: like `cumulative`, 当月. `firms` may have `industry` (GB/T 4754), `stopped_on` (Date)
    and the columns of `SIGNALS` (ratio to the same time last year). Figures of months that end after `on` are not looked at.
    """
    past = history.read(_known(cumulative, on), totals.filter(pl.col("year") < on.year), firms.height, on.year, None if months is None else _known(months, on))
    return outlook(past, firms, on, parameters or stored())


def outlook(past: History, firms: pl.DataFrame, on: date, chosen: Parameters, *, noted: bool = True) -> Outlook:
    """The year from histories already read; `firms` as for `forecast`. Without `noted` nothing is said beside it and the batch teaches neither season nor pace."""
    curves = _curves(past, firms, chosen) if noted else season.of_industry(_industry(firms), chosen.curve, chosen.industries)
    read = signs.read(past, curves)
    read = signs.paced(read, signs.common(read) if noted and chosen.pace is None else chosen.pace)
    spread = _moved(distribution(read, chosen), read, firms)
    spread, stopped = _stopped(spread, read, firms, curves, on)
    return Outlook(on.year, read, spread, _notes(past, read, stopped) if noted else [], chosen.falls_from(read.month))


def _known(rows: pl.DataFrame, on: date) -> pl.DataFrame:
    """Months that are over on the day."""
    return rows.filter(pl.col("year").cast(pl.Int64) * 12 + pl.col("month") < on.year * 12 + on.month)


def _curves(past: History, firms: pl.DataFrame, parameters: Parameters) -> NDArray[np.float64]:
    """The season each firm's own is leaned on: its industry's where enough firms show it."""
    last = past.figures[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(last[:, 12:] > 0, last / last[:, 12:], np.nan)
    shares = np.where((shares >= 0) & (shares <= 1), shares, np.nan)
    if parameters.industries:
        return season.of_industry(_industry(firms), parameters.curve, parameters.industries)
    return season.by_industry(shares, _industry(firms), parameters.curve)


def _industry(firms: pl.DataFrame) -> list[str | None]:
    return firms["industry"].to_list() if "industry" in firms.columns else [None] * firms.height


def _moved(spread: Distribution, read: Signs, firms: pl.DataFrame) -> Distribution:
    """Signals beside sales move the median of the rest a little."""
    shift = np.zeros(firms.height)
    for name, weight in SIGNALS.items():
        if name in firms.columns:
            ratio = firms[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            with np.errstate(divide="ignore", invalid="ignore"):
                beyond = np.log(np.maximum(ratio, 1e-3)) - read.recent
            shift += weight * soft(np.nan_to_num(beyond), 0.7)
    return replace(spread, location=spread.location + shift)


def _stopped(spread: Distribution, read: Signs, firms: pl.DataFrame, curves: NDArray[np.float64], on: date) -> tuple[Distribution, NDArray[np.bool_]]:
    """A firm that stopped sells until that month and no longer."""
    if "stopped_on" not in firms.columns:
        return spread, np.zeros(firms.height, dtype=bool)
    day = firms["stopped_on"]
    stopped = (day.is_not_null() & (day <= on)).fill_null(value=False).to_numpy()
    month = np.where(day.dt.year().fill_null(0).to_numpy() < on.year, 0, day.dt.month().fill_null(0).to_numpy())
    rows = np.arange(firms.height)
    share, until = curves[rows, read.month], curves[rows, np.maximum(month - 1, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.clip(np.nan_to_num((until - share) / (1 - share)), 0.0, 1.0)
    return replace(spread, rest=np.where(stopped, spread.rest * left, spread.rest)), stopped


def _notes(past: History, read: Signs, stopped: NDArray[np.bool_]) -> list[list[str]]:
    """Keys of `NOTES` for each firm."""
    over = read.month == 12
    known = (read.month > 0) & ~over
    marks = {
        "left_out": (past.mended & LEFT_OUT) > 0, "added_up": (past.mended & ADDED_UP) > 0, "last_year_total": known & (read.case == UNSEASONED),
        "this_year_only": known & (read.case == NEW), "stopped": stopped, "over": over,
    }
    notes: list[list[str]] = [[] for _ in read.month]
    for key, which in marks.items():
        for row in np.flatnonzero(which):
            notes[row].append(key)
    return notes
