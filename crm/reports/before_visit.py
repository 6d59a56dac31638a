"""What 走访前一页纸 says of a firm on a day: read once, as plain JSON (see crm.reports.briefing for its shape)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.cases import queries as cases
from crm.cases.models import KINDS as CASE_KINDS
from crm.core.clock import local
from crm.core.money import human
from crm.ladder.models import Standing
from crm.security.models import User
from crm.visits.operations.freezing import enterprise_facts
from crm.visits.operations.standing import ladder_status
from crm.visits.queries import last_visit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.enterprises.models import Enterprise
    from crm.security.access import Access
    from crm.visits.schemas import LadderStatus


def briefing_of(
    session: Session, access: Access, firm: Enterprise, pack: Pack, on: date, *,
    alerts: Sequence[dict[str, str]] = (), policies: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The card's data. `alerts` [{level, rule, text}] and `policies` [{title, why, draft}] come from those who know them."""
    ladder = ladder_status(session, firm.id, pack)
    return {
        "on": on.isoformat(), "officer": _name(session, firm.officer_id), "firm": enterprise_facts(session, firm, on.year),
        "trend": _trend(session.get(Standing, firm.id)), "promise": _promise(session, access, firm.id),
        "cases": _cases(session, access, firm.id, on), "alerts": list(alerts), "ladder": _ladder(ladder), "policies": list(policies),
        "ask": _to_ask(ladder),
    }  # fmt: skip


def _name(session: Session, user_id: int | None) -> str:
    user = session.get(User, user_id) if user_id else None
    return f"{user.first_name} {user.last_name}".strip() if user else ""


def _trend(standing: Standing | None) -> list[dict[str, str]]:
    """Revenue so far beside last year's, and where the year will end."""
    if standing is None:
        return []
    lines = []
    if standing.revenue_ytd is not None and standing.ytd_period:
        text = f"1—{int(standing.ytd_period[5:])} 月 {human(standing.revenue_ytd)}"
        if before := standing.revenue_ytd_before:
            change = (standing.revenue_ytd - before) * 1000 // before
            text += f"，比上年同期 {'+' if change >= 0 else '−'}{abs(change) // 10}.{abs(change) % 10} %" if before > 0 else "，同比不可比"
        lines.append({"label": "本年营收", "text": text})
    if standing.projected_low is not None and standing.projected_high is not None:
        lines.append({"label": "全年预计", "text": f"{human(standing.projected_low)} 至 {human(standing.projected_high)}（八成把握，估算）"})
    return lines


def _promise(session: Session, access: Access, enterprise_id: int) -> dict[str, Any] | None:
    visit = last_visit(session, access, enterprise_id)
    if visit is None:
        return None
    return {
        "on": local(visit.started_at).date().isoformat(), "by": _name(session, visit.author_id), "summary": visit.summary, "step": visit.next_step,
        "due": visit.next_on.isoformat() if visit.next_on else None,
    }  # fmt: skip


def _cases(session: Session, access: Access, enterprise_id: int, on: date) -> list[dict[str, Any]]:
    return [
        {"title": c.title, "kind": CASE_KINDS.get(c.kind, ""), "unit": c.lead_unit, "due": c.due_on.isoformat() if c.due_on else None,
         "late": c.due_on is not None and c.due_on < on}
        for c in cases.open_of(session, access, enterprise_id)
    ]  # fmt: skip


def _ladder(ladder: LadderStatus | None) -> dict[str, Any] | None:
    if ladder is None:
        return None
    tests = [
        {"name": t.name, "source": t.source, "draft": t.draft, "criteria": [
            {"label": c.label, "state": c.state, "required": c.required, "actual": c.actual, "gap": c.gap, "clause": c.clause} for c in t.criteria]}
        for t in ladder.tests
    ]  # fmt: skip
    return {"place": ladder.place, "as_of": ladder.as_of.isoformat(), "tests": tests}


def _to_ask(ladder: LadderStatus | None) -> list[str]:
    """What the tests nearest to the firm lack data for, each once."""
    lines = [c.label for t in (ladder.tests if ladder else ()) for c in t.criteria if c.state == "unknown"]
    return list(dict.fromkeys(lines))
