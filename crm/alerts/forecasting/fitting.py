"""Fitting the parameters on past years: a weighted least-absolute-error location and, on each side of it, a log-linear scale.

Every year weighs the same, so that one odd year with many firms does not set the tone. Weak ridges keep weights small.
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
GROWTH, YEARS = 0.08, 2.0
"""Before any year is seen the rest of a year is expected this much above the last one's (a logarithm), with the weight of this many years."""
CARRIED = 0.5
"""Before any year is seen so much of the growth so far is expected to go on: the blend of own shape and rest as last year."""
PRIOR, FEWEST = 100.0, 300
"""Parameters given as prior weigh like so many firm-years; with fewer than `FEWEST` they stay as they are."""
SMALLEST = 0.03
"""Errors below this count alike in the location's fit: it keeps the weights of the iteration finite."""
FARTHEST = 3.0
"""Outcomes beyond e^±3 of last year's rest count as that."""


def fit(
    signs_at: Callable[[int, int], tuple[Signs, NDArray[np.float64], NDArray[np.int64]]], quarter_ends: tuple[float, float, float], note: dict[str, Any],
    *, prior: Parameters | None = None,
) -> Parameters:
    """Parameters from past years. `signs_at(month, case)` gives the signs with that much history, how the years ended (元) and which years.

    `prior`: parameters that stand where the years given say little; each counts as `PRIOR` firm-years.
    """
    knots = {case: {month: _knot(*signs_at(month, case), case, prior.knots[case][month] if prior else None) for month in KNOTS} for case in CASES.values()}
    return Parameters(quarter_ends, knots, note)


def _knot(signs: Signs, ended: NDArray[np.float64], years: NDArray[np.int64], case: int, prior: Knot | None = None) -> Knot:
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.01 * (signs.so_far + signs.rest_before)
        target = np.log(np.maximum(ended - signs.so_far, least) / signs.rest_before)
    kept = np.isfinite(target) & (signs.case == case) & (signs.so_far > 0)
    z, middle, spread = np.clip(target[kept], -FARTHEST, FARTHEST), location_terms(signs)[kept], scale_terms(signs)[kept]
    if prior is not None and kept.sum() < FEWEST:
        return prior
    weight, scale = _even(years[kept]), np.ones(kept.sum())
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


def _even(years: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights that give every year the same, mean 1."""
    _, which, counts = np.unique(years, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which]
    return weight / weight.mean()


def _median_fit(terms: NDArray[np.float64], z: NDArray[np.float64], weight: NDArray[np.float64], years: int, prior: Knot | None) -> NDArray[np.float64]:
    """Least absolute error by reweighting. A year moves as a whole, so its firms are one witness for the level: it leans on `GROWTH` like `YEARS` more."""
    ridge, towards = RIDGE_LOCATION * np.eye(terms.shape[1]), np.zeros(terms.shape[1])
    towards[:2] = GROWTH, CARRIED
    if prior is not None:
        ridge, towards = PRIOR * np.diag(np.maximum((terms**2).mean(axis=0), 1e-3)), prior.location
    now = weight.copy()
    for _ in range(STEPS):
        ridge[0, 0] = YEARS * now.sum() / years if prior is None else PRIOR
        found = np.linalg.solve(terms.T @ (terms * now[:, None]) + ridge, (terms * now[:, None]).T @ z + ridge @ towards)
        now = weight / np.maximum(np.abs(z - terms @ found), SMALLEST)
    return found


def _scale_fit(terms: NDArray[np.float64], size: NDArray[np.float64], weight: NDArray[np.float64], prior: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Exponential errors of log-linear mean by Newton's steps; errors beyond 1.5 count as that."""
    size = np.minimum(size, 1.5)
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
