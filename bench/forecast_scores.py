"""Scores of forecasts whose outcome is known: how far off, how well the event is told, whether the probabilities are true."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 50
"""Deciles with fewer firms are not shown."""
NEAR = 0.05
"""Predicted and seen should differ by no more in each decile."""
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Scores:
    """How a forecast did.

    `f1`, `precision`, `recall` of the decision "falls below" from the chance the product says it at; `f1_40` from 40 %; `f1_middle` that of
    "the middle forecast lies below the line"; errors in %; `inside` the share of outcomes within low–high; `deciles` (predicted, seen, firms);
    `outside` how many of them differ by more than 5 points, and `outside_by_chance` how many would if every probability were exactly true;
    `red` firms above the chance that turns them red, `red_wrong` those that did not fall.
    """

    firms: int
    base: float
    f1: float
    precision: float
    recall: float
    f1_40: float
    f1_middle: float
    brier: float
    median_error: float
    p90_error: float
    inside: float
    deciles: list[tuple[float, float, int]]
    worst: float
    outside: int
    outside_by_chance: float
    red: int
    red_wrong: int
    bias_by_year: dict[str, float]

    @property
    def f1_best(self) -> float:
        """The best of the three decisions: what a simple method is granted."""
        return max(self.f1, self.f1_40, self.f1_middle)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """One line for reading."""
        return (
            f"n={self.firms} base={self.base:.3f} F1={self.f1:.3f} (40% {self.f1_40:.3f}, mid {self.f1_middle:.3f}) P={self.precision:.2f} R={self.recall:.2f} "
            f"Brier={self.brier:.4f} median={self.median_error:.1f}% p90={self.p90_error:.1f}% inside80={self.inside:.2f}"
        )

    def told(self) -> str:
        """The calibration and the red ones, for reading."""
        table = "  ".join(f"{p:.2f} {s:.2f} {n}" for p, s, n in self.deciles)
        return (
            f"deciles (predicted, seen, firms): {table}\n  worst {100 * self.worst:.0f} points; beyond 5 points: {self.outside} of {len(self.deciles)} "
            f"({self.outside_by_chance:.1f} if every chance were true); red: {self.red}, wrong {self.red_wrong}"
        )


def score(
    ended: NDArray[np.float64], mid: NDArray[np.float64], chance: NDArray[np.float64], line: NDArray[np.float64], year: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64],
    falls: NDArray[np.float64] | float = 0.4, *, red: float = 0.85,
) -> Scores:
    """Scores of N forecasts; all arrays N, money in one unit. `falls`, `red`: the chance from which a fall is said, and from which it is red."""
    event = ended < line
    error = np.abs(mid - ended) / ended
    f1, precision, recall = _told(chance >= falls, event)
    deciles, outside, by_chance = _reliability(chance, event)
    bias = {str(y): round(float(chance[year == y].mean() - event[year == y].mean()), 3) for y in np.unique(year)}
    return Scores(
        len(ended), round(float(event.mean()), 4), f1, precision, recall, _told(chance >= 0.4, event)[0], _told(mid < line, event)[0], round(float(((chance - event) ** 2).mean()), 4),
        round(float(np.median(error)) * 100, 2), round(float(np.quantile(error, 0.9)) * 100, 2), round(float(((ended >= low) & (ended <= high)).mean()), 3),
        deciles, round(max((abs(p - s) for p, s, _ in deciles), default=0.0), 3), outside, by_chance, int((chance >= red).sum()), int(((chance >= red) & ~event).sum()), bias,
    )


def _reliability(chance: NDArray[np.float64], event: NDArray[np.bool_]) -> tuple[list[tuple[float, float, int]], int, float]:
    """The deciles with enough firms, how many are more than `NEAR` off, and how many would be by the luck of the draw alone."""
    dice, deciles, outside, by_chance = np.random.default_rng(1), [], 0, 0.0
    bins = np.minimum((chance * 10).astype(int), 9)
    for at in (bins == k for k in range(10)):
        if at.sum() < LEAST:
            continue
        said, seen = float(chance[at].mean()), float(event[at].mean())
        deciles.append((round(said, 3), round(seen, 3), int(at.sum())))
        outside += abs(said - seen) > NEAR
        by_chance += float((np.abs(dice.binomial(int(at.sum()), said, DRAWS) / at.sum() - said) > NEAR).mean())
    return deciles, int(outside), round(by_chance, 1)


def _told(said: NDArray[np.bool_], event: NDArray[np.bool_]) -> tuple[float, float, float]:
    """F1, precision, recall."""
    hits = int((said & event).sum())
    return round(2 * hits / max(int(said.sum() + event.sum()), 1), 4), round(hits / max(int(said.sum()), 1), 4), round(hits / max(int(event.sum()), 1), 4)
