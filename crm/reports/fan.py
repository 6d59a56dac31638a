"""The year as it runs: 累计 so far, last year beside it, the interval of the year's end, the line to reach. Geometry only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crm.core.money import WAN, YI
from crm.reports.charts import WIDE, Frame, Mark, figure, scale

if TYPE_CHECKING:
    from collections.abc import Mapping

MONTHS = range(1, 13)


@dataclass(frozen=True, slots=True)
class Outlook:
    """A year's 累计 by month (元, absent where nothing was filed), last year's, and where it will end; `line` None: none to reach."""

    year: int
    this: Mapping[int, int]
    last: Mapping[int, int]
    low: int
    mid: int
    high: int
    line: int | None = None
    measure: str = "revenue"

    @property
    def month(self) -> int:
        """The last month on file."""
        return max(self.this)

    @property
    def needed(self) -> int | None:
        """What each month left must bring to reach the line, 元; 0 when it is reached, None without a line or months."""
        if self.line is None or self.month == 12:
            return None
        return max(0, -(-(self.line - self.this[self.month]) // (12 - self.month)))


@dataclass(slots=True)
class FanChart:
    """What the template draws. Coordinates are px of the viewBox."""

    frame: Frame
    unit: str
    grid: list[Mark] = field(default_factory=list)
    labels: list[Mark] = field(default_factory=list)
    this: str = ""
    last: str = ""
    band: str = ""
    middle: str = ""
    threshold: float | None = None
    end: Mark | None = None
    at: tuple[float, float] = (0, 0)


def fan_chart(outlook: Outlook, frame: Frame = WIDE) -> FanChart:
    """Draw an outlook; months without a figure are passed over, never drawn as zero."""
    top = max([outlook.high, *outlook.this.values(), *outlook.last.values(), *([outlook.line] if outlook.line else [])])
    base, unit = (YI, "亿元") if top >= YI else (WAN, "万元")
    first, step, count = scale(0, max(top, 1))
    chart = FanChart(frame, unit)
    wide, high = frame.width - frame.left - frame.right, frame.height - frame.top - frame.bottom

    def x(month: int) -> float:
        return round(frame.left + wide * month / 12, 1)

    def y(value: int) -> float:
        return round(frame.top + high - high * (min(max(value, first), first + step * count) - first) / (step * count), 1)

    chart.grid = [(0, y(first + step * i), figure(first + step * i, base)) for i in range(count + 1)]
    chart.labels = [(x(m), frame.height - 6, f"{m}月") for m in MONTHS if m % frame.every == 0]
    chart.this, chart.last = (" ".join(f"{x(m)},{y(v)}" for m, v in [(0, 0), *sorted(path.items())]) if path else "" for path in (outlook.this, outlook.last))
    month = outlook.month
    start = f"{x(month)},{y(outlook.this[month])}"
    chart.at = (x(month), y(outlook.this[month]))
    if month < 12:
        chart.band = f"{start} {x(12)},{y(outlook.high)} {x(12)},{y(outlook.low)}"
        chart.middle = f"{start} {x(12)},{y(outlook.mid)}"
    chart.end = (x(12), y(outlook.mid), figure(outlook.mid, base))
    chart.threshold = y(outlook.line) if outlook.line else None
    return chart
