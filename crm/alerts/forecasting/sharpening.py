"""Weights made true where it matters: the chance of ending below parts of last year, against what happened.

Least absolute errors place the middle of all firms; the chances asked for are those of firms near a line. With enough firms of one
place the same weights are moved a little by Gauss–Newton steps on the squared error of those chances (Brier, summed over lines), with a
ridge towards where they were. The table of quantiles is taken anew afterwards, so that low and high stay true for all firms together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crm.alerts.forecasting.model import LEVELS, Knot, cumulative, location_terms, scale_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crm.alerts.forecasting.signs import Signs

LINES = (0.5, 0.65, 0.8, 0.9, 1.0, 1.2)
"""Parts of last year."""
STEPS, RIDGE, LONGEST, STEP = 3, 0.002, 0.3, 0.05
"""Steps; weight of where the weights were, as part of the firms; longest step of a weight; half the width over which density is taken."""


def sharpened(knot: Knot, signs: Signs, ended: NDArray[np.float64], weight: NDArray[np.float64]) -> Knot:
    """The knot of these firms (all of its case), moved. `weight` has mean 1."""
    middle, spread = location_terms(signs), scale_terms(signs)
    start = np.concatenate([knot.location, knot.below, knot.above])
    power = np.concatenate([(middle**2).mean(axis=0), *[(spread**2).mean(axis=0)] * 2])
    ridge = np.maximum(RIDGE * weight.sum() * power, 1.0)
    now = start.copy()
    for _ in range(STEPS):
        curve, slope = np.diag(ridge), ridge * (now - start)
        for line in LINES:
            jacobian, missed, live = _line(line, now, knot, signs, ended, middle, spread)
            curve += jacobian.T @ (jacobian * weight[live, None])
            slope += jacobian.T @ (weight[live] * missed)
        now = now - np.clip(np.linalg.solve(curve, slope), -LONGEST, LONGEST)
    location, below, above = _parts(now, middle.shape[1], spread.shape[1])
    return Knot(location, below, above, _table(location, below, above, signs, ended, weight, middle, spread))


def _parts(weights: NDArray[np.float64], middle: int, spread: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    return weights[:middle], weights[middle : middle + spread], weights[middle + spread :]


def _line(
    line: float, now: NDArray[np.float64], knot: Knot, signs: Signs, ended: NDArray[np.float64], middle: NDArray[np.float64], spread: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """At one part of last year: how the chance moves with each weight, chance less outcome, and the firms that have not reached it."""
    last = signs.so_far + signs.rest_before if np.isnan(signs.last_year).all() else signs.last_year
    live = np.asarray(line * last > signs.so_far)
    location, below, above = _parts(now, middle.shape[1], spread.shape[1])
    x, z = middle[live], spread[live]
    off = np.log((line * last[live] - signs.so_far[live]) / signs.rest_before[live]) - x @ location
    low = off < 0
    scale = np.exp(np.where(low, z @ below, z @ above))
    e, table = off / scale, np.broadcast_to(knot.quantiles, (int(live.sum()), len(LEVELS)))
    density = (cumulative(e + STEP, table) - cumulative(e - STEP, table)) / (2 * STEP)
    turned = (-density * e)[:, None] * z
    jacobian = np.concatenate([(-density / scale)[:, None] * x, np.where(low[:, None], turned, 0.0), np.where(low[:, None], 0.0, turned)], axis=1)
    return jacobian, cumulative(e, table) - (ended[live] < line * last[live]), live


def _table(
    location: NDArray[np.float64], below: NDArray[np.float64], above: NDArray[np.float64], signs: Signs, ended: NDArray[np.float64], weight: NDArray[np.float64],
    middle: NDArray[np.float64], spread: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The quantiles of e with the moved weights."""
    least = 0.01 * (signs.so_far + signs.rest_before)
    error = np.log(np.maximum(ended - signs.so_far, least) / signs.rest_before) - middle @ location
    e = error / np.exp(np.where(error < 0, spread @ below, spread @ above))
    order = np.argsort(e)
    made: NDArray[np.float64] = np.interp(LEVELS, np.cumsum(weight[order]) / weight.sum(), e[order])
    return made
