"""Charts as geometry: templates draw them with CSS classes, so that one drawing serves light, dark and paper.

Widths and places are SVG attributes, never styles; a missing value breaks the line, it is never drawn as zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from crm.core.money import WAN, YI

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.reports.trend import Month

Mark = tuple[float, float, str]
"""x, y, text."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Size of a drawing and of the room around the lines, in px of the viewBox."""

    width: int
    height: int
    left: int
    right: int
    top: int = 22
    bottom: int = 26
    every: int = 3  # months between two labels


WIDE = Frame(860, 236, left=52, right=96)
NARROW = Frame(346, 200, left=44, right=14)


@dataclass(slots=True)
class LineChart:
    """What the template draws. Coordinates are px of the viewBox."""

    frame: Frame
    unit: str
    grid: list[Mark] = field(default_factory=list)
    labels: list[Mark] = field(default_factory=list)
    years: list[float] = field(default_factory=list)  # where a year begins
    lines: list[str] = field(default_factory=list)  # polyline points
    dots: list[tuple[float, float]] = field(default_factory=list)  # a month without neighbours
    last: Mark | None = None


def line_chart(series: Sequence[Month], frame: Frame = WIDE) -> LineChart | None:
    """A line over months, or None when fewer than two months have a figure."""
    known = [m.value for m in series if m.value is not None]
    if len(known) < 2:
        return None
    base, unit = (YI, "亿元") if max(map(abs, known)) >= YI else (WAN, "万元")
    low, step, count = scale(min(known), max(known))
    chart = LineChart(frame, unit)
    wide, high = frame.width - frame.left - frame.right, frame.height - frame.top - frame.bottom
    xs = [round(frame.left + wide * i / max(len(series) - 1, 1), 1) for i in range(len(series))]

    def y(value: int) -> float:
        return round(frame.top + high - high * (value - low) / (step * count), 1)

    chart.grid = [(0, y(low + step * i), figure(low + step * i, base)) for i in range(count + 1)]
    for i, month in enumerate(series):
        if i and month.month == 1:
            chart.years.append(round((xs[i - 1] + xs[i]) / 2, 1))
        if month.month % frame.every == 1 % frame.every:
            text = f"{month.year}年" if month.month == 1 else f"{month.month}月"
            chart.labels.append((xs[i], frame.height - 6, text))
    _trace(chart, series, xs, y)
    at = max(i for i, m in enumerate(series) if m.value is not None)
    chart.last = (xs[at], y(series[at].value or 0), f"{series[at].month}月 {figure(series[at].value or 0, base)}")
    return chart


def _trace(chart: LineChart, series: Sequence[Month], xs: Sequence[float], y: object) -> None:
    run: list[tuple[float, float]] = []
    for i in range(len(series) + 1):
        value = series[i].value if i < len(series) else None
        if value is not None:
            run.append((xs[i], y(value)))  # type: ignore[operator]
            continue
        if len(run) == 1:
            chart.dots.append(run[0])
        elif run:
            chart.lines.append(" ".join(f"{px},{py}" for px, py in run))
        run = []


def scale(low: int, high: int, steps: int = 4) -> tuple[int, int, int]:
    """(first tick, distance, number of steps) in round figures around [low, high]; from zero when that costs little."""
    if low > 0 and low < high * 0.6:
        low = 0
    raw = max((high - low) / steps, 1)
    magnitude = 10 ** (len(str(int(raw))) - 1)
    step = next(int(m * magnitude) for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw)
    first = low // step * step
    return first, step, max(-(-(high - first) // step), 1)


def figure(value: int, base: int) -> str:
    """A figure on an axis, in units of `base`."""
    number = (Decimal(value) / base).quantize(Decimal("0.1") if abs(value) < 1000 * base else Decimal(1))
    return f"{number:,}".removesuffix(".0").replace("-", "−")
