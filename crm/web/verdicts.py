"""What the rules say to each move a firm could make, in a few words: shown before anybody drops a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.ladder.models import Standing
from crm.ladder.operations.moves import against_verdict
from crm.web.packs import ladder_for

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.ladder.places import Ladder

Verdict = dict[str, Any]
"""{"against": a reason must be given, "text": Chinese}."""


def verdicts(session: Session, enterprise_id: int) -> dict[str, Verdict]:
    """Place -> verdict for a firm in hand; empty when it was never evaluated."""
    standing = session.get(Standing, enterprise_id)
    return {} if standing is None else verdicts_of(standing)


def verdicts_of(standing: Standing) -> dict[str, Verdict]:
    """Every place of the firm's ladder but its own."""
    ladder = ladder_for(standing.region_code)
    return {place: {"against": against_verdict(standing, place, ladder), "text": _text(standing, place, ladder)} for place in ladder.places if place != standing.place}


def _text(standing: Standing, place: str, ladder: Ladder) -> str:
    if ladder.rank(place) < ladder.rank(standing.place):
        return f"按评估应在“{ladder.name(standing.tier)}”"
    step = standing.steps.get(ladder.step_for(standing.place, place), {})
    missing = step.get("missing")
    words = {"met": "符合", "unmet": f"未达 {missing} 条" if missing else "未达", "unknown": "缺数据", "not_in_force": "没有现行规定"}
    return f"规则结论：{words.get(step.get('state', 'unknown'), '缺数据')}"
