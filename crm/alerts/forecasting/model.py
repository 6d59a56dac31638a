"""The model: rest of the year = rest of last year × exp(location + scale × e). Small, linear in bounded signs, smooth in the month.

Location is the median; the scale below and above it differ and grow with how odd the year looks; e has one table of quantiles.
Parameters are fitted at the ends of March, June and September and lie on straight lines between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from crm.alerts.forecasting.season import pooled
from crm.alerts.forecasting.signs import NEW, NORMAL, OWN, UNSEASONED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crm.alerts.forecasting.signs import Signs

KNOTS = (3, 6, 9)
CASES = {"own": OWN, "unseasoned": UNSEASONED, "new": NEW}
FORM = 2
"""Which terms the weights belong to; parameters of another form are not read."""
FALLS = (0.28, 0.35, 0.40)
"""The chance from which "falls below" is said where nothing was learned: half of the F1 that can be had, which is where F1 is highest for chances that are true."""
LEVELS = np.array([0.01, 0.02, 0.05, *np.arange(0.1, 0.91, 0.05).round(2), 0.95, 0.98, 0.99])
"""The probabilities at which the quantiles of e are kept; beyond them the tails are exponential."""
WIDER = {1: 1.2, 2: 1.05, 10: 1.05, 11: 1.1}
"""How much wider e is in months outside March–September; no public firms report these months, so it is set on a made-up city (bench)."""


@dataclass(frozen=True, slots=True)
class Knot:
    """One case at one quarter-end: weights of location and of the two scales, quantiles of e at `LEVELS`."""

    location: NDArray[np.float64]
    below: NDArray[np.float64]
    above: NDArray[np.float64]
    quantiles: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parameters:
    """All that is fitted: shares of the year in at the quarter-ends, and a knot per case and quarter-end."""

    quarter_ends: tuple[float, ...]
    knots: dict[int, dict[int, Knot]]
    note: dict[str, Any]
    falls: tuple[float, ...] = FALLS  # the chance from which a fall is said, at the quarter-ends
    industries: dict[str, NDArray[np.float64]] = field(default_factory=dict)  # 大类 -> its season, where a city's own years showed one
    pace: float | None = None  # how all firms of the place grow in the year asked about; known by the place, never part of the file

    @property
    def curve(self) -> NDArray[np.float64]:
        """The pooled season, 13 numbers."""
        return pooled(self.quarter_ends)

    def falls_from(self, month: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """The chance from which a fall is said with data to this month: straight between the quarter-ends, and to a half when the year is in."""
        return np.asarray(np.interp(month, (*KNOTS, 12), (*self.falls, 0.5)), dtype=np.float64)

    def as_dict(self) -> dict[str, Any]:
        """For the file beside this module."""
        knots = {
            name: {str(month): {k: np.round(getattr(knot, k), 4).tolist() for k in ("location", "below", "above", "quantiles")} for month, knot in self.knots[case].items()}
            for name, case in CASES.items()
        }
        return {"form": FORM, "note": self.note, "quarter_ends": [round(share, 4) for share in self.quarter_ends], "falls": np.round(self.falls, 3).tolist(), "knots": knots, "industries": {k: np.round(v, 4).tolist() for k, v in self.industries.items()}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Parameters:
        """Read what `as_dict` wrote."""
        knots = {
            CASES[name]: {int(month): Knot(**{k: np.array(v) for k, v in one.items()}) for month, one in months.items()}
            for name, months in data["knots"].items()
        }
        return cls(tuple(data["quarter_ends"]), knots, data["note"], tuple(data["falls"]), {k: np.array(v) for k, v in data.get("industries", {}).items()})


@cache
def stored() -> Parameters:
    """The parameters that come with the product."""
    return Parameters.from_dict(orjson.loads(files("crm.alerts.forecasting").joinpath("parameters.json").read_bytes()))


def soft(values: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Straight near zero, never beyond ± limit."""
    bent: NDArray[np.float64] = limit * np.tanh(values / limit)
    return bent


def location_terms(signs: Signs) -> NDArray[np.float64]:
    """N×13: what moves the median of the rest. A season two years agree on is not leaned back on the industry's (`once` is 0 then).

    The first three are the level, the firm's own growth (this year and lately, bounded) and the common pace beyond a normal one.
    """
    growth, recent, shape, moved, has_two, trend, speed = signs.columns()
    bent, lately = soft(growth, 0.4), soft(recent, 0.4)
    agree = _agree(moved, has_two)
    once = 1 - agree
    return np.stack([
        np.ones_like(growth), (bent + lately) / 2, signs.pace - NORMAL, growth - bent, (lately - bent) / 2, recent - lately,
        once * soft(shape, 1.0), has_two * soft(moved, 1.0), agree * soft(shape, 1.0), soft(trend, 0.4), soft(speed, 0.4) - soft(trend, 0.4),
        soft(signs.size, 2.0), soft(signs.size, 2.0) * (bent + lately) / 2,
    ], axis=1)


def scale_terms(signs: Signs) -> NDArray[np.float64]:
    """N×11: what makes it less sure."""
    growth, recent, shape, moved, has_two, trend, _ = signs.columns()
    once = 1 - _agree(moved, has_two)
    return np.stack([
        np.ones_like(growth), soft(np.abs(growth), 2.0), soft(growth, 2.0), soft(np.abs(recent - growth), 1.0), once * soft(np.abs(shape), 1.0),
        soft(shape, 1.0), has_two * soft(np.abs(moved), 0.5), has_two, soft(np.abs(trend), 0.4), soft(trend, 0.4),
        soft(signs.size, 2.0),
    ], axis=1)


def _agree(moved: NDArray[np.float64], has_two: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far two years show one season: 1 when they are the same, 0 with one year only."""
    made: NDArray[np.float64] = has_two * np.exp(-2 * np.abs(moved))
    return made


@dataclass(frozen=True, slots=True)
class Distribution:
    """The year of N firms: `so_far` + `rest` × exp(`location` + scale × e); all N, `quantiles` N×23. Money in 元."""

    so_far: NDArray[np.float64]
    rest: NDArray[np.float64]
    location: NDArray[np.float64]
    below: NDArray[np.float64]
    above: NDArray[np.float64]
    quantiles: NDArray[np.float64]

    def quantile(self, level: float) -> NDArray[np.float64]:
        """The value the year stays under with probability `level` (0.01–0.99), 元."""
        at = int(np.clip(np.searchsorted(LEVELS, level) - 1, 0, len(LEVELS) - 2))
        part = (level - LEVELS[at]) / (LEVELS[at + 1] - LEVELS[at])
        e = self.quantiles[:, at] + part * (self.quantiles[:, at + 1] - self.quantiles[:, at])
        return self.so_far + self.rest * np.exp(self.location + e * np.where(e < 0, self.below, self.above))

    def probability_below(self, line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance that the year ends below `line` (N or a single value, 元); 0 once it is reached; NaN where nothing is known."""
        missing = line - self.so_far
        with np.errstate(divide="ignore", invalid="ignore"):
            e = np.log(np.maximum(missing, 1e-9) / self.rest) - self.location
        e = e / np.where(e < 0, self.below, self.above)
        chance = np.where(self.rest > 0, cumulative(e, self.quantiles), 1.0)
        unknown = np.isnan(self.so_far) | np.isnan(line)
        return np.where(unknown, np.nan, np.where(missing <= 0, 0.0, chance))


def cumulative(e: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the distribution below e, row by row; exponential tails with the slope between the outer quantiles."""
    at = np.clip((e[:, None] >= quantiles).sum(axis=1) - 1, 0, len(LEVELS) - 2)
    rows = np.arange(len(e))
    low, high = quantiles[rows, at], quantiles[rows, at + 1]
    chance = LEVELS[at] + (e - low) / np.maximum(high - low, 1e-9) * (LEVELS[at + 1] - LEVELS[at])
    outer = np.log(LEVELS[2] / LEVELS[0])
    left = LEVELS[0] * np.exp(outer * np.minimum(e - quantiles[:, 0], 0.0) / np.maximum(quantiles[:, 2] - quantiles[:, 0], 1e-9))
    right = 1 - LEVELS[0] * np.exp(-outer * np.maximum(e - quantiles[:, -1], 0.0) / np.maximum(quantiles[:, -1] - quantiles[:, -3], 1e-9))
    return np.where(e < quantiles[:, 0], left, np.where(e > quantiles[:, -1], right, chance))


def distribution(signs: Signs, parameters: Parameters) -> Distribution:
    """The year of every firm from its signs. December's figure is the year; without a figure of this year everything is NaN."""
    location, below, above = (np.zeros(len(signs.month)) for _ in range(3))
    quantiles = np.zeros((len(signs.month), len(LEVELS)))
    middle, spread = location_terms(signs), scale_terms(signs)
    month = np.clip(signs.month, KNOTS[0], KNOTS[-1])
    for case, knots in parameters.knots.items():
        for first, last in pairwise(KNOTS):
            rows = np.flatnonzero((signs.case == case) & (month >= first) & ((month < last) | ((month == last) & (last == KNOTS[-1]))))
            part = ((month[rows] - first) / (last - first))[:, None]
            one, two = knots[first], knots[last]
            location[rows] = (middle[rows] * (one.location + part * (two.location - one.location))).sum(axis=1)
            below[rows] = np.exp((spread[rows] * (one.below + part * (two.below - one.below))).sum(axis=1))
            above[rows] = np.exp((spread[rows] * (one.above + part * (two.above - one.above))).sum(axis=1))
            quantiles[rows] = one.quantiles + part * (two.quantiles - one.quantiles)
    wider = np.ones(13)
    wider[list(WIDER)] = list(WIDER.values())
    so_far = np.where(signs.month > 0, signs.so_far, np.nan)
    rest = np.where(signs.month >= 12, 0.0, np.maximum(signs.rest_before, 0.0))
    return Distribution(so_far, rest, location, below * wider[signs.month], above * wider[signs.month], quantiles)
