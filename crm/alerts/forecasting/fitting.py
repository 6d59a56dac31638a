"""Fitting the parameters on past years: a weighted least-absolute-error location and, on each side of it, a log-linear scale.

Every year weighs the same, and within a year firms weigh so that falls and rises are as frequent as in all known years together: one
odd year does not set the tone (`usual`, `witness`). Weak ridges keep weights small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crm.alerts.forecasting.model import CASES, KNOTS, LEVELS, Knot, Parameters, location_terms, scale_terms

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


def fit(
    signs_at: Callable[[int, int], tuple[Signs, NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]], quarter_ends: tuple[float, float, float], note: dict[str, Any],
    *, prior: Parameters | None = None,
) -> Parameters:
    """Parameters from past years. `signs_at(month, case)` gives the signs with that much history, how the years ended (元), which years and weights.

    `prior`: parameters that stand where the years given say little; each counts as `PRIOR` firm-years.
    """
    knots = {case: {month: _knot(*signs_at(month, case), case, prior.knots[case][month] if prior else None) for month in KNOTS} for case in CASES.values()}
    return Parameters(quarter_ends, knots, note)


def usual(growth: NDArray[np.float64], years: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often a year's growth (a logarithm, NaN = unknown) lies in each bin, on the mean of the years that enough firms show."""
    shares = [_frequencies(growth[years == year]) for year in np.unique(years) if np.isfinite(growth[years == year]).sum() >= SEEN]
    return np.mean(shares, axis=0) if shares else np.full(len(EDGES) + 1, np.nan)


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


def _knot(signs: Signs, ended: NDArray[np.float64], years: NDArray[np.int64], given: NDArray[np.float64], case: int, prior: Knot | None = None) -> Knot:
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.01 * (signs.so_far + signs.rest_before)
        target = np.log(np.maximum(ended - signs.so_far, least) / signs.rest_before)
    kept = np.isfinite(target) & (signs.case == case) & (signs.so_far > 0)
    z, middle, spread = np.clip(target[kept], -FARTHEST, FARTHEST), location_terms(signs)[kept], scale_terms(signs)[kept]
    if prior is not None and kept.sum() < FEWEST:
        return prior
    weight, scale = given[kept] / given[kept].mean(), np.ones(kept.sum())
    for _ in range(ROUNDS):
        location = _median_fit(middle, z, weight / np.sqrt(scale), len(np.unique(years[kept])), prior)
        error = z - middle @ location
        low = error < 0
        below, above = (_scale_fit(spread[side], np.abs(error[side]), weight[side], known) for side, known in ((low, prior and prior.below), (~low, prior and prior.above)))
        scale = np.exp(np.where(low, spread @ below, spread @ above))
    order = np.argsort(error / scale)
    so_far = np.cumsum(weight[order]) / weight.sum()
    quantiles = np.interp(LEVELS, so_far, (error / scale)[order])
    if prior is not None:
        own = kept.sum() / (kept.sum() + PRIOR)
        quantiles = own * quantiles + (1 - own) * prior.quantiles
    return Knot(location, below, above, quantiles)


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
