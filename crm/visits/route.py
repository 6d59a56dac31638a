"""The order in which to call on a day's firms: a short way from where one stands, or from the first firm of the list.

Distances are great circles: no map service is asked, and between the firms of a county they order the stops as roads do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EARTH = 6_371_000.0
"""Mean radius in metres; crm/web/static/js/visit.js has the same."""
EXACT = 9
"""Stops up to which every order is weighed; more are improved from good beginnings."""
GAIN = 1e-6  # metres; a smaller one is rounding


@dataclass(frozen=True, slots=True)
class Stop:
    """A firm to call on. Without a position it comes last, beside others of its township."""

    key: int
    latitude: float | None = None
    longitude: float | None = None
    township: str = ""

    @property
    def at(self) -> tuple[float, float] | None:
        """Where it lies, if anybody knows."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class Leg:
    """A stop and the metres to it from the stop before; None where one of the two has no position."""

    key: int
    metres: float | None


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) in degrees."""
    (south, west), (north, east) = a, b
    half = sin(radians(north - south) / 2) ** 2 + cos(radians(south)) * cos(radians(north)) * sin(radians(east - west) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(half)))


def in_order(stops: Sequence[Stop], start: tuple[float, float] | None = None) -> list[Leg]:
    """Every stop once. Without `start` the first stop that has a position stays first.

    At most EXACT stops: no order is shorter. More: never longer than the order given, nor than going to the nearest each time.
    """
    placed = [(stop, stop.at) for stop in stops if stop.at is not None]
    points = [at for _, at in placed]
    origin = start or (points[0] if points else None)
    apart = [[metres(a, b) for b in (origin, *points)] for a in (origin, *points)] if origin else []
    # row 0 is where one stands; without a start that is the first stop itself
    free = range(1, len(points) + 1) if start else range(2, len(points) + 1)
    way = ([] if start or not points else [1]) + _shortest(apart, list(free))
    legs = [Leg(placed[n - 1][0].key, None if start is None and i == 0 else apart[way[i - 1] if i else 0][n]) for i, n in enumerate(way)]
    return legs + [Leg(stop.key, None) for stop in sorted((s for s in stops if s.at is None), key=lambda s: (s.township == "", s.township, s.key))]


def _shortest(apart: Sequence[Sequence[float]], free: list[int]) -> list[int]:
    """The order of `free` that makes an open way from 0 short."""
    if len(free) <= EXACT:
        return _exact(apart, free)
    found = [_improved(apart, way) for way in (_nearest(apart, free), list(free))]
    return min(found, key=lambda way: _length(apart, way))


def _length(apart: Sequence[Sequence[float]], way: Sequence[int]) -> float:
    return sum(apart[a][b] for a, b in zip((0, *way), way, strict=False))


def _nearest(apart: Sequence[Sequence[float]], free: Sequence[int]) -> list[int]:
    """The nearest of those left, each time; the earlier in the list of two equally near."""
    left, at, way = list(free), 0, []
    while left:
        at = min(left, key=lambda n: apart[at][n])
        left.remove(at)
        way.append(at)
    return way


def _exact(apart: Sequence[Sequence[float]], free: Sequence[int]) -> list[int]:
    """Held and Karp, from the end: for each set of stops and each first one, the shortest way through; of two equal the earlier in the list."""
    many = len(free)
    best: dict[tuple[int, int], tuple[float, int]] = {(1 << n, n): (0.0, -1) for n in range(many)}
    for left in range(1, 1 << many):
        for first in range(many):
            rest = left ^ 1 << first
            if left >> first & 1 and rest:
                best[left, first] = min((apart[free[first]][free[n]] + best[rest, n][0], n) for n in range(many) if rest >> n & 1)
    way, left = [], (1 << many) - 1
    at = min(range(many), key=lambda n: apart[0][free[n]] + best[left, n][0], default=-1)
    while at >= 0:
        way.append(free[at])
        left, at = left ^ 1 << at, best[left, at][1]
    return way


def _improved(apart: Sequence[Sequence[float]], way: list[int]) -> list[int]:
    """2-opt with moved stretches (Or-opt) until neither helps: the way is never longer than it was."""
    while _untangle(apart, way) or _move(apart, way):
        pass
    return way


def _untangle(apart: Sequence[Sequence[float]], way: list[int]) -> bool:
    """Turn one stretch round where that saves most; False when none saves."""
    most, found = GAIN, None
    for i in range(len(way)):
        before = way[i - 1] if i else 0
        for j in range(i + 1, len(way)):
            old, new = apart[before][way[i]], apart[before][way[j]]
            if j + 1 < len(way):
                old, new = old + apart[way[j]][way[j + 1]], new + apart[way[i]][way[j + 1]]
            if old - new > most:
                most, found = old - new, (i, j)
    if found:
        i, j = found
        way[i : j + 1] = way[i : j + 1][::-1]
    return found is not None


def _move(apart: Sequence[Sequence[float]], way: list[int]) -> bool:
    """Put one stretch of up to three stops elsewhere where that saves most; False when nothing saves."""
    most, found = GAIN, None
    for size in (1, 2, 3):
        for i in range(len(way) - size + 1):
            stretch, rest = way[i : i + size], way[:i] + way[i + size :]
            saved = _joint(apart, way, i, i + size)
            for k in range(len(rest) + 1):
                cost = _cost(apart, rest, k, stretch)
                if k != i and saved - cost > most:
                    most, found = saved - cost, rest[:k] + stretch + rest[k:]
    if found:
        way[:] = found
    return found is not None


def _joint(apart: Sequence[Sequence[float]], way: Sequence[int], i: int, j: int) -> float:
    """What taking way[i:j] out saves."""
    before, first, last = way[i - 1] if i else 0, way[i], way[j - 1]
    if j == len(way):
        return apart[before][first]
    return apart[before][first] + apart[last][way[j]] - apart[before][way[j]]


def _cost(apart: Sequence[Sequence[float]], rest: Sequence[int], k: int, stretch: Sequence[int]) -> float:
    """What putting `stretch` before rest[k] costs."""
    before = rest[k - 1] if k else 0
    cost = apart[before][stretch[0]]
    return cost + apart[stretch[-1]][rest[k]] - apart[before][rest[k]] if k < len(rest) else cost
