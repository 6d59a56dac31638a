"""Months out of what was filed: cumulative figures taken apart, January and February reported together.

January is not reported in industry: February's 1–2月 figure stands for both and is shared out evenly. A month whose
neighbour is missing stays missing: a two-month difference is never shown as one month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Month:
    """A month's own figure, integer 元; `is_shared`: half of January and February together."""

    period: str
    value: int | None
    is_shared: bool = False

    @property
    def year(self) -> int:
        """2026."""
        return int(self.period[:4])

    @property
    def month(self) -> int:
        """1–12."""
        return int(self.period[5:])


def months(first: str, last: str) -> list[str]:
    """Every month from '2025-01' to '2026-09', both included."""
    start, end = _index(first), _index(last)
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(start, end + 1)]


def monthly(ytd: Mapping[str, int | None], single: Mapping[str, int | None], first: str, last: str) -> list[Month]:
    """The months' own figures. `ytd` is 1–本月累计, `single` the month alone (it wins where both are filed)."""
    return [_month(period, ytd, single) for period in months(first, last)]


def _month(period: str, ytd: Mapping[str, int | None], single: Mapping[str, int | None]) -> Month:
    own = single.get(period)
    year, number = period[:4], int(period[5:])
    if own is not None:
        return Month(period, own)
    january, february = ytd.get(f"{year}-01"), ytd.get(f"{year}-02")
    if number <= 2 and january is None and single.get(f"{year}-01") is None and february is not None:
        half = february // 2
        return Month(period, half if number == 1 else february - half, is_shared=True)
    before = 0 if number == 1 else ytd.get(f"{year}-{number - 1:02d}")
    total = ytd.get(period)
    return Month(period, None if total is None or before is None else total - before)


def _index(period: str) -> int:
    return int(period[:4]) * 12 + int(period[5:]) - 1
