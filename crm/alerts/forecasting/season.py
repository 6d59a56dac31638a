"""How much of a year's sales is in by the end of each month: pooled over all firms, and leaned towards each firm's industry.

A curve is 13 numbers, index = month, 0 at index 0 and 1 at index 12. January and February are reported as one figure, so February
carries two months; January alone is half of it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NATIONAL = np.array([0, 0.0735, 0.1471, 0.2378, 0.3218, 0.4076, 0.4995, 0.5837, 0.6684, 0.7541, 0.8346, 0.9156, 1.0])
"""Mean cumulative share of above-size industry's revenue by month, 2017–2019 (国家统计局, 规模以上工业企业营业收入)."""
KNOTS = (0, 3, 6, 9, 12)
INDUSTRY_WEIGHT = 40.0
"""An industry's own curve counts as n / (n + this) against the pooled one, n = its firms with a whole year on file."""
INDUSTRY_LEAST = 10


def pooled(quarter_ends: Sequence[float]) -> NDArray[np.float64]:
    """The curve through the measured shares at March, June and September; between them months keep the national proportions."""
    at = (0.0, *quarter_ends, 1.0)
    curve = np.zeros(13)
    for (first, last), (low, high) in zip(pairwise(KNOTS), pairwise(at), strict=True):
        months = np.arange(first, last + 1)
        part = (NATIONAL[months] - NATIONAL[first]) / (NATIONAL[last] - NATIONAL[first])
        curve[months] = low + part * (high - low)
    return curve


def by_industry(shares: NDArray[np.float64], industry: Sequence[str | None], curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve per firm (N×13): its industry's median share (大类, first two digits) leaned on `curve` by how many firms it rests on.

    `shares` N×13 are the firms' own cumulative shares of last year, NaN where unknown.
    """
    curves = np.tile(curve, (len(shares), 1))
    division = np.array([(code or "")[:2] for code in industry])
    for one in np.unique(division[division != ""]):
        members = np.flatnonzero(division == one)
        known = shares[members]
        counts = np.isfinite(known).sum(axis=0)
        if counts[1:12].max(initial=0) < INDUSTRY_LEAST:
            continue
        middle = np.where(counts >= INDUSTRY_LEAST, _median(known), curve)
        weight = np.where(counts >= INDUSTRY_LEAST, counts / (counts + INDUSTRY_WEIGHT), 0.0)
        leaned = np.maximum.accumulate(weight * middle + (1 - weight) * curve)
        curves[members] = np.clip(leaned, 0.0, 1.0)
    curves[:, 0], curves[:, 12] = 0.0, 1.0
    return curves


def of_industry(industry: Sequence[str | None], curve: NDArray[np.float64], known: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """A curve per firm (N×13) from curves already learned, by 大类; `curve` for the others."""
    table = np.stack([curve, *known.values()])
    at = {division: row for row, division in enumerate(known, start=1)}
    if not at:
        return np.tile(curve, (len(industry), 1))
    return table[np.array([at.get((code or "")[:2], 0) for code in industry], dtype=np.int64)]


def learned(shares: NDArray[np.float64], industry: Sequence[str | None], curve: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The curve of each industry that enough firms show: what `of_industry` takes."""
    curves = by_industry(shares, industry, curve)
    found = {(code or "")[:2]: row for row, code in enumerate(industry)}
    return {division: curves[row] for division, row in sorted(found.items()) if division and not np.allclose(curves[row], curve)}


def _median(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Column medians, 0 for a column without any figure."""
    out = np.zeros(known.shape[1])
    some = np.isfinite(known).any(axis=0)
    out[some] = np.nanmedian(known[:, some], axis=0)
    return out
