"""What the year so far says about its rest: few numbers per firm, all logarithms of ratios, so that size does not matter.

The unknown is the rest of the year against the rest of last year. At the year's end nothing is left and nothing is uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crm.alerts.forecasting.history import between

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crm.alerts.forecasting.history import History

OWN, UNSEASONED, NEW = 0, 1, 2
"""What the forecast rests on: the firm's own last year by month; last year's total only; this year only."""
LEAST = 0.01
"""The rest of a year counts as at least this part of the year: logarithms need something."""
RECENT = 3
BOUND = 3.0
ORDINARY = 1e7
"""A firm's size is told against this much in a year, 元."""
NORMAL = 0.08
"""The growth of all together (a logarithm) that is taken where it is not known."""
FEWEST = 50
"""Firms with a season of their own that must show how all grow together."""


@dataclass(frozen=True, slots=True)
class Signs:
    """One value per firm. `so_far` C and `rest_before` R' in 元; the others are logarithms of ratios, 0 where not known.

    `pace` how all firms of the place grow together so far, for each of its firms alike; `growth` C against the same months last year; `recent` the same of the last three months; `shape` own rest-to-so-far of last year
    against the industry's; `shape_moved` the year before's against it; `trend` last year against the year before; `exit_speed` its last quarter's;
    `size` last year against `ORDINARY`.
    """

    case: NDArray[np.int64]
    month: NDArray[np.int64]
    so_far: NDArray[np.float64]
    last_year: NDArray[np.float64]
    rest_before: NDArray[np.float64]
    growth: NDArray[np.float64]
    recent: NDArray[np.float64]
    shape: NDArray[np.float64]
    shape_moved: NDArray[np.float64]
    has_two: NDArray[np.float64]
    trend: NDArray[np.float64]
    exit_speed: NDArray[np.float64]
    size: NDArray[np.float64]
    pace: NDArray[np.float64]

    def columns(self) -> tuple[NDArray[np.float64], ...]:
        """The seven logarithms, in the order the model weighs them; growth beyond the common pace."""
        pace = np.where(self.case == NEW, 0.0, self.pace)
        return self.growth - pace, self.recent - pace, self.shape, self.shape_moved, self.has_two, self.trend, self.exit_speed


def read(history: History, curves: NDArray[np.float64], month: NDArray[np.int64] | None = None, *, forget: int = OWN) -> Signs:
    """Signs of N firms by `month` (default: the newest on file). `curves` N×13; `forget` = UNSEASONED or NEW hides history, for fitting."""
    month = history.month if month is None else month
    rows = np.arange(len(month))
    now = between(np.where(np.arange(13) <= month[:, None], history.figures[:, 0], np.nan), curves)
    so_far, share = now[rows, month], curves[rows, month]
    last, before = _year(history.figures[:, 1], curves), _year(history.figures[:, 2], curves)
    same, whole, case = _last_year(last, before, share, month, forget)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(case == NEW, so_far * (1 - share) / share, np.maximum(whole - same, LEAST * whole))
        growth = np.where(case == NEW, 0.0, _log(so_far / same))
        pooled = _log((1 - share) / share)
        shape = np.where(case == OWN, _log(rest / same) - pooled, 0.0)
        older = _log(np.maximum(before[:, 12] - before[rows, month], LEAST * before[:, 12]) / before[rows, month]) - pooled
        two = (case == OWN) & np.isfinite(older)
        trend = np.where(case == NEW, np.nan, np.log(whole / before[:, 12]))
        exit_speed = np.where(case == OWN, np.log(_last_quarter(last) / _last_quarter(before)), np.nan)
    trend, known = _bounded(trend, 2.0), np.isfinite(exit_speed)
    return Signs(
        case, month, so_far, np.where(case == NEW, np.nan, whole), rest, _bounded(growth), _recent(now, last, month, growth, case, whole), _bounded(shape),
        np.where(two, _bounded(older) - _bounded(shape), 0.0), two.astype(float), trend, np.where(known, _bounded(exit_speed), trend),
        np.where(case == NEW, 0.0, _bounded(_log(whole / ORDINARY))), np.full(len(month), NORMAL),
    )


def _year(figures: NDArray[np.float64], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """A past year with its gaps filled; one of which only the total is known stays without months. Totals of zero are no history."""
    months: NDArray[np.bool_] = np.asarray(np.isfinite(figures[:, 1:12]).any(axis=1))
    filled = np.where(months[:, None], between(figures, curves), np.nan)
    filled[:, 12] = np.where(figures[:, 12] > 0, figures[:, 12], np.nan)
    newest = np.where(np.isfinite(figures[:, 1:12]), np.arange(1, 12), 0).max(axis=1)
    nearly = (newest >= 10) & np.isnan(figures[:, 12])
    at = np.where(nearly)[0]
    filled[at, 12] = figures[at, newest[at]] / curves[at, newest[at]]
    return filled


def _last_year(last: NDArray[np.float64], before: NDArray[np.float64], share: NDArray[np.float64], month: NDArray[np.int64], forget: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Last year's same months, its total, and what is known of them. A season two years old serves where last year's is missing."""
    rows = np.arange(len(month))
    same, whole = last[rows, month].copy(), last[:, 12].copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        older = before[rows, month] / before[:, 12] * whole
        guessed = np.where(np.isnan(whole) & (same > 0), same / share, np.nan)
    borrowed = np.where(np.isfinite(older) & (older < whole), older, np.nan)
    same = np.where((same > 0) & (same <= whole), same, borrowed)
    if forget >= UNSEASONED:
        same, guessed = np.full_like(same, np.nan), np.full_like(same, np.nan)
    if forget == NEW:
        whole = np.full_like(whole, np.nan)
    whole = np.where(np.isfinite(guessed), guessed, whole)
    case = np.where(np.isfinite(whole), np.where(np.isfinite(same) & (same > 0), OWN, UNSEASONED), NEW)
    return np.where(case == UNSEASONED, whole * share, same), whole, case


def _recent(now: NDArray[np.float64], last: NDArray[np.float64], month: NDArray[np.int64], growth: NDArray[np.float64], case: NDArray[np.int64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Growth of the last three months; the year's own growth where they cannot be told apart."""
    rows, start = np.arange(len(month)), np.maximum(month - RECENT, 0)
    floor = LEAST / 2 * whole
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.log(np.maximum(now[rows, month] - now[rows, start], floor) / np.maximum(last[rows, month] - last[rows, start], floor))
    use = (case == OWN) & (start > 0) & np.isfinite(made)
    return _bounded(np.where(use, made, growth))


def _last_quarter(year: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(year[:, 12] - year[:, 9], LEAST * year[:, 12])


def _log(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(np.maximum(ratio, 1e-9))


def _bounded(values: NDArray[np.float64], bound: float = BOUND) -> NDArray[np.float64]:
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=bound, neginf=-bound), -bound, bound)


def common(signs: Signs) -> float | None:
    """How all firms together grow so far: the median of `growth` over those with a season of their own; None where too few show it."""
    own = signs.growth[(signs.case == OWN) & (signs.month > 0)]
    return float(np.median(own)) if len(own) >= FEWEST else None


def paced(signs: Signs, pace: float | NDArray[np.float64] | None) -> Signs:
    """The same firms in a year that goes at this pace; `NORMAL` where it is not known."""
    return replace(signs, pace=np.broadcast_to(np.asarray(NORMAL if pace is None else pace, dtype=np.float64), signs.growth.shape))


def take(signs: Signs, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Signs:
    """Some of the firms."""
    return Signs(**{name: getattr(signs, name)[rows] for name in Signs.__slots__})
