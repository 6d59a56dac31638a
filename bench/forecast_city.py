"""A made-up city with months for the forecast's bench: sizes, growth, seasons, gaps and slips of real size, seeded.

Parameters follow public data where there is any (national month weights, spread of listed firms' growth by size); the rest are assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crm.alerts.forecasting import history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crm.alerts.forecasting.history import History

WEIGHTS = np.array([0.0735, 0.0735, 0.0907, 0.084, 0.0858, 0.0919, 0.0842, 0.0847, 0.0857, 0.0805, 0.081, 0.0844])
SPREADS = ((500, 0.55), (1000, 0.45), (2000, 0.36), (5000, 0.28), (10_000, 0.24), (30_000, 0.21), (100_000, 0.19), (np.inf, 0.17))
DRIFT, NOISE, NOISE_SPREAD, AR, WITHIN, OWN_SEASON, DECEMBER = 0.05, 0.24, 0.5, 0.5, 0.25, 0.08, 0.17
SPIKE, SPIKE_SIZE, MISSING, MONTH_AS_TOTAL, UNIT_SLIP, CLOSES = 0.012, 0.8, 0.03, 0.005, 0.003, 0.02
INDUSTRIES = ["3441", "3484", "2921", "3360", "3670", "5169", "5211", "6210", "7020", "6510"]


@dataclass(frozen=True, slots=True)
class City:
    """`truth` N×4×12 single months (元), years year-3…year; `filed` N×3×12 cumulative as filed, NaN = missing."""

    year: int
    truth: NDArray[np.float64]
    filed: NDArray[np.float64]
    goes_on: NDArray[np.bool_]

    @property
    def ended(self) -> NDArray[np.float64]:
        """This year's sales, 元."""
        return self.truth[:, 3].sum(axis=1)

    @property
    def last_year(self) -> NDArray[np.float64]:
        """Last year's."""
        return self.truth[:, 2].sum(axis=1)

    def asked(self, month: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Arguments of `forecast` with last year and this one to `month` on file; January is never filed."""
        kept = self.filed[:, 2:].copy()
        kept[:, 1, month:] = np.nan
        kept[:, :, 0] = np.nan
        firm, year, at = np.nonzero(np.isfinite(kept))
        figures = pl.DataFrame({"firm": firm, "year": year + self.year - 1, "month": at + 1, "value": np.rint(kept[firm, year, at]).astype(np.int64)})
        count = len(kept)
        totals = pl.DataFrame({"firm": np.tile(np.arange(count), 2), "year": np.repeat([self.year - 2, self.year - 1], count), "value": np.rint(self.truth[:, 1:3].sum(axis=2).T.ravel()).astype(np.int64)})
        return figures, totals, pl.DataFrame({"industry": [INDUSTRIES[i % len(INDUSTRIES)] for i in range(count)]})


    def completed(self) -> History:
        """Last year and the two before as an instance has them on file in spring: what it learns from."""
        filed = self.filed[:, 1:3].copy()
        filed[:, :, 0] = np.nan
        firm, year, at = np.nonzero(np.isfinite(filed))
        figures = pl.DataFrame({"firm": firm, "year": year + self.year - 2, "month": at + 1, "value": np.rint(filed[firm, year, at]).astype(np.int64)})
        count = len(filed)
        totals = pl.DataFrame({"firm": np.tile(np.arange(count), 2), "year": np.repeat([self.year - 3, self.year - 2], count), "value": np.rint(self.truth[:, :2].sum(axis=2).T.ravel()).astype(np.int64)})
        past = history.read(figures.filter(pl.col("month") < 12), totals, count, self.year - 1)
        past.figures[:, 0, 12] = self.last_year
        return past


def city(firms: int, seed: int, noise: float) -> City:
    """`noise` multiplies the spread of yearly growth."""
    dice = np.random.default_rng(seed)
    size = np.clip(np.exp(dice.normal(7.9, 1.2, firms)), 200, 3_000_000)  # 万元; dense around the register's lines
    spread = np.select([size < limit for limit, _ in SPREADS], [b for _, b in SPREADS]) * noise
    years = [size]
    for _ in range(3):
        years.append(years[-1] * np.exp(DRIFT + dice.laplace(0.0, spread)))
    season, phase = dice.normal(0, OWN_SEASON, firms), dice.random(firms) * 2 * np.pi
    sd = NOISE * np.exp(dice.normal(0, NOISE_SPREAD, firms))
    truth = np.stack([_year(dice, total * 10_000, season, phase, sd) for total in years], axis=1)
    goes_on = dice.random(firms) >= CLOSES
    return City(2025, truth, _filed(dice, np.cumsum(truth, axis=2)), goes_on)


def _year(dice: np.random.Generator, total: NDArray[np.float64], season: NDArray[np.float64], phase: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """N×12 months that sum to the total."""
    count, month = len(total), np.arange(1, 13)
    noise, now = np.zeros((count, 12)), dice.normal(0, sd)
    for m in range(12):
        now = AR * now + np.sqrt(1 - AR**2) * dice.normal(0, sd)
        noise[:, m] = now
    drift = dice.normal(0, WITHIN, count)[:, None] * (month - 6.5) / 12
    own = season[:, None] * np.cos(2 * np.pi * month / 12 - phase[:, None])
    spikes = np.where(dice.random((count, 12)) < SPIKE, np.abs(dice.normal(0, SPIKE_SIZE, (count, 12))), 0.0)
    parts = WEIGHTS * np.exp(drift + noise + own + np.where(month == 12, DECEMBER, 0.0) + spikes)
    return parts / parts.sum(axis=1, keepdims=True) * total[:, None]


def _filed(dice: np.random.Generator, cumulative: NDArray[np.float64]) -> NDArray[np.float64]:
    """What reaches the file: months missing, a month's figure filed as 累计, 元 for 万元."""
    filed = cumulative.copy()
    single = np.diff(cumulative, axis=2, prepend=0.0)
    filed = np.where(dice.random(filed.shape) < MONTH_AS_TOTAL, single, filed)
    filed = np.where(dice.random(filed.shape) < UNIT_SLIP, filed * 10_000, filed)
    return np.where(dice.random(filed.shape) < MISSING, np.nan, filed)
