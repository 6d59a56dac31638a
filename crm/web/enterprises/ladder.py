"""The staircase: the places of the firm's ladder and the steps between them, each step with how far the firm is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.criteria.explain import Explanation, StepView
    from crm.ladder.models import Standing
    from crm.ladder.places import Ladder
    from crm.web.enterprises.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Stair:
    """A place (`step` None) or a step. `css`: is-past, is-here, is-done, is-now or nothing."""

    code: str
    glyph: str
    label: str
    css: str
    text: str
    is_step: bool


def staircase(ladder: Ladder, standing: Standing | None, explanation: Explanation | None, rows: Ledger) -> list[Stair]:
    """Places and steps from the lowest up; before the first evaluation none is marked."""
    here = ladder.rank(standing.place) if standing else -1
    stairs = []
    for rank, place in enumerate(ladder.places):
        css = "is-here" if rank == here else "is-past" if rank < here else ""
        stairs.append(Stair(place, ladder.glyph(place), "现处" if rank == here else ladder.name(place), css, "", is_step=False))
        step = ladder.step_up(place)
        if step:
            css = "is-done" if rank < here else "is-now" if rank == here else ""
            stairs.append(Stair(step, "", ladder.steps[step], css, _text(step, rank - here, standing, explanation, rows), is_step=True))
    return stairs


def _text(step: str, ahead: int, standing: Standing | None, explanation: Explanation | None, rows: Ledger) -> str:
    if standing is None:
        return "还没有评估"
    if ahead < 0:
        first = min((item.on for item in rows.of("register") if item.on), default=None) if step == "step_up" else None
        return f"已完成 {first:%Y-%m}" if first else "已完成"
    view = next((s for s in explanation.steps if s.id == step), None) if explanation else None
    if ahead == 0:
        return _near(view) or "进行中"
    return (_near(view) if view and view.item is not None and view.item.near is not None and view.item.reach.missing == 1 else "") or "未启动"


def _near(view: StepView | None) -> str:
    """The nearest item and how far; an item named like its one condition is not named twice."""
    if view is None or view.item is None or view.item.near is None or view.item.label != view.item.near.label:
        return view.text if view else ""
    return view.item.text
