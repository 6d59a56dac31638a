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
RIDGE_LOCATION, RIDGE_SCALE = 1.0, 2.0
SMALLEST = 0.03
"""Errors below this count alike in the location's fit: it keeps the weights of the iteration finite."""
FARTHEST = 3.0
"""Outcomes beyond e^±3 of last year's rest count as that."""


def fit(signs_at: Callable[[int, int], tuple[Signs, NDArray[np.float64], NDArray[np.int64]]], quarter_ends: tuple[float, float, float], note: dict[str, Any]) -> Parameters:
    """Parameters from past years. `signs_at(month, case)` gives the signs with that much history, how the years ended (元) and which years."""
    knots = {case: {month: _knot(*signs_at(month, case), case) for month in KNOTS} for case in CASES.values()}
    return Parameters(quarter_ends, knots, note)


def _knot(signs: Signs, ended: NDArray[np.float64], years: NDArray[np.int64], case: int) -> Knot:
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.01 * (signs.so_far + signs.rest_before)
        target = np.log(np.maximum(ended - signs.so_far, least) / signs.rest_before)
    kept = np.isfinite(target) & (signs.case == case) & (signs.so_far > 0)
    z, middle, spread = np.clip(target[kept], -FARTHEST, FARTHEST), location_terms(signs)[kept], scale_terms(signs)[kept]
    weight, scale = _even(years[kept]), np.ones(kept.sum())
    for _ in range(ROUNDS):
        location = _median_fit(middle, z, weight / np.sqrt(scale))
        error = z - middle @ location
        low = error < 0
        below, above = (_scale_fit(spread[side], np.abs(error[side]), weight[side]) for side in (low, ~low))
        scale = np.exp(np.where(low, spread @ below, spread @ above))
    order = np.argsort(error / scale)
    so_far = np.cumsum(weight[order]) / weight.sum()
    return Knot(location, below, above, np.interp(LEVELS, so_far, (error / scale)[order]))


def _even(years: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights that give every year the same, mean 1."""
    _, which, counts = np.unique(years, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which]
    return weight / weight.mean()


def _median_fit(terms: NDArray[np.float64], z: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least absolute error by reweighting."""
    ridge = RIDGE_LOCATION * np.eye(terms.shape[1])
    ridge[0, 0] = 0.0
    now = weight.copy()
    for _ in range(STEPS):
        found = np.linalg.solve(terms.T @ (terms * now[:, None]) + ridge, (terms * now[:, None]).T @ z)
        now = weight / np.maximum(np.abs(z - terms @ found), SMALLEST)
    return found


def _scale_fit(terms: NDArray[np.float64], size: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponential errors of log-linear mean by Newton's steps; errors beyond 1.5 count as that."""
    size = np.minimum(size, 1.5)
    ridge = RIDGE_SCALE * np.eye(terms.shape[1])
    ridge[0, 0] = 1e-9
    found = np.zeros(terms.shape[1])
    found[0] = np.log(np.average(size, weights=weight) + 1e-6)
    for _ in range(STEPS):
        ratio = size / np.exp(terms @ found)
        slope = terms.T @ (weight * (1 - ratio)) + ridge @ found
        found = found - np.clip(np.linalg.solve(terms.T @ (terms * (weight * ratio)[:, None]) + ridge, slope), -0.5, 0.5)
    return found
