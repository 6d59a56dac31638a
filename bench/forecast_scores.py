"""Scores of forecasts whose outcome is known: how far off, how well the event is told, whether the probabilities are true."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALLS = 0.4
"""From this chance on a firm is said to fall below: one number for all years, quarters and methods."""
LEAST = 50
"""Deciles with fewer firms are not shown."""


@dataclass(frozen=True, slots=True)
class Scores:
    """`f1`, `precision`, `recall` of the decision "falls below"; `f1_middle` that of "the middle forecast lies below the line"; errors in %; `inside` the share of outcomes within low–high."""

    firms: int
    base: float
    f1: float
    precision: float
    recall: float
    f1_middle: float
    brier: float
    median_error: float
    p90_error: float
    inside: float
    deciles: list[tuple[float, float, int]]
    bias_by_year: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """One line for reading."""
        return (
            f"n={self.firms} base={self.base:.3f} F1={self.f1:.3f} (mid {self.f1_middle:.3f}) P={self.precision:.2f} R={self.recall:.2f} "
            f"Brier={self.brier:.4f} median={self.median_error:.1f}% p90={self.p90_error:.1f}% inside80={self.inside:.2f}"
        )


def score(ended: NDArray[np.float64], mid: NDArray[np.float64], chance: NDArray[np.float64], line: NDArray[np.float64], year: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]) -> Scores:
    """Scores of N forecasts; all arrays N, money in one unit."""
    event = ended < line
    error = np.abs(mid - ended) / ended
    f1, precision, recall = _told(chance >= FALLS, event)
    bins = np.minimum((chance * 10).astype(int), 9)
    deciles = [
        (round(float(chance[b].mean()), 3), round(float(event[b].mean()), 3), int(b.sum()))
        for b in (bins == k for k in range(10)) if b.sum() >= LEAST
    ]
    bias = {str(y): round(float(chance[year == y].mean() - event[year == y].mean()), 3) for y in np.unique(year)}
    return Scores(
        len(ended), round(float(event.mean()), 4), f1, precision, recall, _told(mid < line, event)[0], round(float(((chance - event) ** 2).mean()), 4),
        round(float(np.median(error)) * 100, 2), round(float(np.quantile(error, 0.9)) * 100, 2), round(float(((ended >= low) & (ended <= high)).mean()), 3), deciles, bias,
    )


def _told(said: NDArray[np.bool_], event: NDArray[np.bool_]) -> tuple[float, float, float]:
    """F1, precision, recall."""
    hits = int((said & event).sum())
    return round(2 * hits / max(int(said.sum() + event.sum()), 1), 4), round(hits / max(int(said.sum()), 1), 4), round(hits / max(int(event.sum()), 1), 4)
