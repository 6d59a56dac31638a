"""Fitting the parameters on past years: a weighted least-absolute-error location and, on each side of it, a log-linear scale.

Every year weighs the same, and within a year firms weigh so that falls and rises are as frequent as in all known years together: one
odd year does not set the tone (`usual`, `witness`). Weak ridges keep weights small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from crm.alerts.forecasting.model import CASES, FALLS, KNOTS, LEVELS, Knot, Parameters, distribution, location_terms, scale_terms
from crm.alerts.forecasting.sharpening import sharpened
from crm.alerts.forecasting.signs import OWN, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from crm.alerts.forecasting.signs import Signs

ROUNDS, STEPS = 3, 30
RIDGE_LOCATION, RIDGE_SCALE = 10.0, 10.0
GROWTH, CARRIED, COMMON, YEARS = 0.08, 0.4, 0.2, 4.0
"""Before any year is seen the rest of a year is expected `GROWTH` above the last one's (a logarithm), with so much of a firm's own growth
going on and so much of what all share; each with the weight of `YEARS` years. `COMMON` is how one year's growth of listed firms followed
the one before, 2008–2015 (0.19); the others are between "as last year" and "own shape"."""
TYPICAL = 0.1
"""By so much (a logarithm) the common pace departs from a normal one."""
EDGES = np.array([-0.5, -0.3, -0.2, -0.105, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5])
"""Bins of a year's growth (a logarithm)."""
MOST_WEIGHT, SEEN = 4.0, 300
"""No firm weighs more than so many others; a year counts from so many firms on."""
PRIOR, FEWEST = 100.0, 300
"""Parameters given as prior weigh like so many firm-years; with fewer than `FEWEST` they stay as they are."""
SMALLEST = 0.03
"""Errors below this count alike in the location's fit: it keeps the weights of the iteration finite."""
FARTHEST, LARGEST = 3.0, 3.0
"""Outcomes beyond e^±3 of last year's rest count as that, and so do errors."""


@dataclass(frozen=True, slots=True)
class Past:
    """Firm-years that are over: their signs, how they ended (元), which years, and what each weighs."""

    signs: Signs
    ended: NDArray[np.float64]
    years: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __getitem__(self, rows: NDArray[np.bool_]) -> Past:
        return Past(take(self.signs, rows), self.ended[rows], self.years[rows], self.weight[rows] / self.weight[rows].mean() if rows.any() else self.weight[rows])


def fit(past_at: Callable[[int, int], Past], quarter_ends: tuple[float, ...], note: dict[str, Any], *, prior: Parameters | None = None, by_size: bool = False) -> Parameters:
    """Parameters from past years. `past_at(month, case)` gives firm-years with that much history.

    `by_size`: whether size may play a part; not where the levels of the figures say nothing. `prior`: parameters that stand where the years given say little; each counts as `PRIOR` firm-years.
    """
    knots: dict[int, dict[int, Knot]] = {case: {} for case in CASES.values()}
    for case, month in product(knots, KNOTS):
        past = past_at(month, case)
        sized = past if by_size else replace(past, signs=replace(past.signs, size=np.zeros(len(past.years))))
        knots[case][month] = _knot(sized, case, prior.knots[case][month] if prior else None)
    made = Parameters(quarter_ends, knots, note)
    known = prior.falls if prior else FALLS
    return replace(made, falls=tuple(_falls(past_at(month, OWN), made, known[at]) for at, month in enumerate(KNOTS)))


def _falls(past: Past, made: Parameters, known: float) -> float:
    """Half of the best F1 of "falls below a line", each firm set once in a band from half of last year up to it; what is known where few firms show it."""
    seen = past[np.isfinite(past.ended) & np.isfinite(past.signs.last_year) & (past.signs.case == OWN) & (past.signs.so_far > 0)]
    if len(seen.years) < FEWEST:
        return known
    line = seen.signs.last_year / np.power(2.0, np.arange(len(seen.years)) % 100 / 100)
    chance, hit = distribution(seen.signs, made).probability_below(line), seen.weight * (seen.ended < line)
    order = np.argsort(-chance)
    return float((np.cumsum(hit[order]) / (np.cumsum(seen.weight[order]) + hit.sum())).max())


def usual(growth: NDArray[np.float64], years: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often a year's growth (a logarithm, NaN = unknown) lies in each bin, on the mean of the years that enough firms show."""
    shares = [_frequencies(growth[years == year]) for year in np.unique(years) if np.isfinite(growth[years == year]).sum() >= SEEN]
    return np.asarray(np.mean(shares, axis=0), dtype=np.float64) if shares else np.full(len(EDGES) + 1, np.nan)


def witness(growth: NDArray[np.float64], years: NDArray[np.int64], often: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of firm-years, mean 1: all years alike, and each year's falls and rises as frequent as in `often` (of `usual`)."""
    weight = np.ones(len(growth))
    for year in np.unique(years):
        rows = years == year
        if np.isfinite(often).all():
            with np.errstate(divide="ignore", invalid="ignore"):
                odds = np.clip(np.nan_to_num(often / _frequencies(growth[rows]), nan=1.0, posinf=1.0), 1 / MOST_WEIGHT, MOST_WEIGHT)
            weight[rows] = np.where(np.isfinite(growth[rows]), odds[np.digitize(np.nan_to_num(growth[rows]), EDGES)], 1.0)
        weight[rows] /= weight[rows].sum()
    return weight / weight.mean() if len(weight) else weight


def _frequencies(growth: NDArray[np.float64]) -> NDArray[np.float64]:
    known = growth[np.isfinite(growth)]
    return np.bincount(np.digitize(known, EDGES), minlength=len(EDGES) + 1) / max(len(known), 1)


def _knot(past: Past, case: int, prior: Knot | None = None) -> Knot:
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.01 * (past.signs.so_far + past.signs.rest_before)
        target = np.log(np.maximum(past.ended - past.signs.so_far, least) / past.signs.rest_before)
    kept = np.isfinite(target) & (past.signs.case == case) & (past.signs.so_far > 0)
    if prior is not None and kept.sum() < FEWEST:
        return prior
    seen, z = past[kept], np.clip(target[kept], -FARTHEST, FARTHEST)
    middle, spread, weight, scale = location_terms(seen.signs), scale_terms(seen.signs), seen.weight, np.ones(len(z))
    for _ in range(ROUNDS):
        location = _median_fit(middle, z, weight / np.sqrt(scale), len(np.unique(seen.years)), prior)
        error = z - middle @ location
        low = error < 0
        below = _scale_fit(spread[low], np.abs(error[low]), weight[low], prior.below if prior else None)
        above = _scale_fit(spread[~low], np.abs(error[~low]), weight[~low], prior.above if prior else None)
        scale = np.exp(np.where(low, spread @ below, spread @ above))
    order = np.argsort(error / scale)
    so_far = np.cumsum(weight[order]) / weight.sum()
    quantiles = np.interp(LEVELS, so_far, (error / scale)[order])
    knot = Knot(location, below, above, quantiles)
    if prior is None:
        return knot
    if case == OWN:
        knot = sharpened(knot, seen.signs, seen.ended, weight)
    own = len(z) / (len(z) + PRIOR)
    return replace(knot, quantiles=own * knot.quantiles + (1 - own) * prior.quantiles)


def _median_fit(terms: NDArray[np.float64], z: NDArray[np.float64], weight: NDArray[np.float64], years: int, prior: Knot | None) -> NDArray[np.float64]:
    """Least absolute error by reweighting. A year moves as a whole, so its firms are one witness for level, growth carried on and pace: these lean on what is expected."""
    power = (terms**2).mean(axis=0)
    ridge, towards = RIDGE_LOCATION * np.eye(terms.shape[1]), np.zeros(terms.shape[1])
    towards[:3] = GROWTH, CARRIED, COMMON
    if prior is not None:
        ridge, towards = PRIOR * np.diag(np.maximum(power, 1e-3)), prior.location
    now = weight.copy()
    for _ in range(STEPS):
        if prior is None:
            ridge[range(3), range(3)] = YEARS * now.sum() / years * np.array([1.0, max(power[1], TYPICAL**2), TYPICAL**2])
        found = np.linalg.solve(terms.T @ (terms * now[:, None]) + ridge, (terms * now[:, None]).T @ z + ridge @ towards)
        now = weight / np.maximum(np.abs(z - terms @ found), SMALLEST)
    return found


def _scale_fit(terms: NDArray[np.float64], size: NDArray[np.float64], weight: NDArray[np.float64], prior: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Exponential errors of log-linear mean by Newton's steps."""
    size = np.minimum(size, LARGEST)
    ridge = RIDGE_SCALE * np.eye(terms.shape[1])
    ridge[0, 0] = 1e-9
    towards = np.zeros(terms.shape[1])
    if prior is not None:
        ridge, towards = PRIOR * np.diag(np.maximum((terms**2).mean(axis=0), 1e-3)), prior
    found = towards.copy()
    if prior is None:
        found[0] = np.log(np.average(size, weights=weight) + 1e-6)
    for _ in range(STEPS):
        ratio = size / np.exp(terms @ found)
        slope = terms.T @ (weight * (1 - ratio)) + ridge @ (found - towards)
        found = found - np.clip(np.linalg.solve(terms.T @ (terms * (weight * ratio)[:, None]) + ridge, slope), -0.5, 0.5)
    return found
