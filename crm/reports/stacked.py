"""Stacked columns over time as geometry: templates draw them with CSS classes. A week nobody counted leaves a gap, it is not zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crm.reports.charts import Frame, Mark, scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

WIDE = Frame(860, 236, left=44, right=70)
NARROW = Frame(346, 200, left=36, right=14)
GAP = 0.3  # of a column's room
LABEL_ROOM = 14  # px between two labels at the end


@dataclass(slots=True)
class Stacked:
    """What the template draws; `boxes` are (part, x, y, width, height)."""

    frame: Frame
    grid: list[Mark] = field(default_factory=list)
    labels: list[Mark] = field(default_factory=list)
    boxes: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    ends: list[tuple[float, float, str, int]] = field(default_factory=list)  # x, y, part, number at the last column


def stacked(series: Sequence[tuple[date, Mapping[str, int | None]]], parts: Sequence[str], frame: Frame = WIDE, every: int = 4) -> Stacked | None:
    """Columns with `parts` from the bottom up, or None when nothing was counted. `every`: columns between two labels."""
    sums = [sum(numbers[part] or 0 for part in parts) for _, numbers in series if any(numbers[part] is not None for part in parts)]
    if not sums:
        return None
    _, step, count = scale(0, max(*sums, 4))
    made = Stacked(frame)
    high, wide = frame.height - frame.top - frame.bottom, (frame.width - frame.left - frame.right) / len(series)
    made.grid = [(0, round(frame.top + high - high * i / count, 1), f"{step * i:,}") for i in range(count + 1)]
    for at, (day, numbers) in enumerate(series):
        x, below = frame.left + wide * (at + GAP / 2), frame.top + float(high)
        last = at == len(series) - 1
        if (len(series) - 1 - at) % every == 0:
            made.labels.append((round(frame.left + wide * (at + 0.5), 1), frame.height - 6, f"{day.month}-{day.day:02d}"))
        for part in parts:
            tall = high * (numbers[part] or 0) / (step * count)
            if tall > 0:
                below -= tall
                made.boxes.append((part, round(x, 1), round(below, 1), round(wide * (1 - GAP), 1), round(tall, 1)))
            if last and numbers[part]:
                made.ends.append((round(x + wide * (1 - GAP) + 8, 1), round(below + tall / 2 + 4, 1), part, numbers[part] or 0))
    made.ends = _apart(made.ends)
    return made


def _apart(ends: list[tuple[float, float, str, int]]) -> list[tuple[float, float, str, int]]:
    """Labels that would lie on each other move up."""
    spread: list[tuple[float, float, str, int]] = []
    for x, y, part, number in ends:
        spread.append((x, min(y, spread[-1][1] - LABEL_ROOM) if spread else y, part, number))
    return spread
