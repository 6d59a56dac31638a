"""Geometry of a profile: an axis a dimension, the sure share as a corner, what nobody can tell yet as a dashed piece of the axis.

An axis of which nothing is known has no corner, and the outline is open there: it is never drawn at zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, pi, sin
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RINGS = (0.5, 1.0)
LINE = 15
"""Px between two lines of a label."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RadarFrame:
    """Size of a drawing, and the length of its axes, in px of the viewBox."""

    width: int
    height: int
    radius: int


WIDE = RadarFrame(860, 316, 108)
NARROW = RadarFrame(346, 240, 66)


@dataclass(frozen=True, slots=True)
class Axis:
    """A dimension: what stands at its end, and the least and largest share met; None: nothing known. `asked`: it has conditions at all."""

    head: str
    label: str
    share: tuple[float, float] | None
    asked: bool = True


@dataclass(slots=True)
class Radar:
    """What the template draws."""

    frame: RadarFrame
    centre: Point
    rings: list[str] = field(default_factory=list)
    spokes: list[Point] = field(default_factory=list)
    area: str = ""  # only when every axis has a corner
    lines: list[tuple[Point, Point]] = field(default_factory=list)  # between neighbours that both have one
    dots: list[Point] = field(default_factory=list)
    open: list[tuple[Point, Point]] = field(default_factory=list)  # not known yet
    labels: list[tuple[float, float, str, str, str]] = field(default_factory=list)  # x, y, class of the anchor, two lines


def radar(axes: Sequence[Axis], frame: RadarFrame = WIDE) -> Radar | None:
    """The drawing; None when no axis has anything known."""
    if all(axis.share is None for axis in axes):
        return None
    middle = (frame.width / 2, frame.height / 2)
    turns = [2 * pi * i / len(axes) - pi / 2 for i in range(len(axes))]

    def at(turn: float, share: float) -> Point:
        return round(middle[0] + cos(turn) * frame.radius * share, 1), round(middle[1] + sin(turn) * frame.radius * share, 1)

    made = Radar(frame, middle, [points([at(turn, ring) for turn in turns]) for ring in RINGS], [at(turn, 1) for turn in turns])
    corners = [at(turn, axis.share[0]) if axis.share is not None else None for turn, axis in zip(turns, axes, strict=True)]
    for i, (turn, axis) in enumerate(zip(turns, axes, strict=True)):
        here, following = corners[i], corners[(i + 1) % len(axes)]
        if here is not None:
            made.dots.append(here)
        if here is not None and following is not None:
            made.lines.append((here, following))
        low, high = axis.share if axis.share is not None else (0.0, 1.0 if axis.asked else 0.0)
        if high > low:
            made.open.append((at(turn, low), at(turn, high)))
        made.labels.append(_label(turn, axis, frame, middle))
    if None not in corners:
        made.area = points([corner for corner in corners if corner is not None])
    return made


def _label(turn: float, axis: Axis, frame: RadarFrame, middle: Point) -> tuple[float, float, str, str, str]:
    """Beside the end of an axis; above or below it at the top and the bottom."""
    across, down = cos(turn), sin(turn)
    x, y = middle[0] + across * (frame.radius + 10), middle[1] + down * (frame.radius + 10)
    anchor = "t-c" if abs(across) < 0.1 else "" if across > 0 else "t-r"
    first = y - LINE if anchor == "t-c" and down < 0 else y + 10 if anchor == "t-c" else y - 2
    return round(x, 1), round(first, 1), anchor, axis.head, axis.label


def points(corners: Sequence[Point]) -> str:
    """As an SVG points attribute."""
    return " ".join(f"{x},{y}" for x, y in corners)
