"""How well cases are handled (facts of a period): 办结率, 化解率 in both readings, 满意率 in both readings; by county, unit or kind.

No published formula of 化解率 exists; the one public figure (温州 1529/1833) is resolved ÷ collected. Both that and the reading
without cases that are not yet due are given, and whether 基本满意 counts as content is not decided by any text: both are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func

from crm.cases.models import Case
from crm.cases.queries import visible
from crm.enterprises.models import Enterprise

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

BY = {"county": "县（市、区）", "unit": "责任单位", "kind": "类型", "source": "来源"}
LEFT_OUT = ("declined", "joined", "ended")
"""Stages that are no cases to be solved: sent back as no enterprise matter, counted with another, or ended with the firm."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Counts of one group; rates are None where nothing can be divided."""

    name: str
    received: int
    closed: int
    resolved: int
    due: int  # closed, or open and past the day
    overdue: int
    asked: int  # firms asked whether they are content
    content: int  # 满意 and 非常满意
    fairly: int  # 基本满意

    @property
    def close_rate(self) -> float | None:
        """办结 ÷ 收集."""
        return _rate(self.closed, self.received)

    @property
    def resolve_rate(self) -> float | None:
        """化解 ÷ 收集."""
        return _rate(self.resolved, self.received)

    @property
    def resolve_rate_due(self) -> float | None:
        """化解 ÷ those that should have been solved by now."""
        return _rate(self.resolved, self.due)

    @property
    def content_rate(self) -> float | None:
        """满意及以上 ÷ 已评价."""
        return _rate(self.content, self.asked)

    @property
    def content_rate_wide(self) -> float | None:
        """基本满意及以上 ÷ 已评价."""
        return _rate(self.content + self.fairly, self.asked)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def measures(session: Session, access: Access, by: str, since: datetime, until: datetime, on: date) -> list[Measures]:
    """Cases that came in within [since, until), as they stand now; groups of `by`, the total last. Declined, joined and ended ones are left out."""
    group = {
        "county": func.substr(Enterprise.region_code, 1, 6), "unit": func.coalesce(Case.lead_unit, "待交办"), "kind": Case.kind, "source": Case.source,
    }[by]  # fmt: skip
    is_closed = Case.state == "closed"
    late = (Case.state == "open") & (Case.due_on < on)
    query = (
        visible(access).with_only_columns(
            group.label("name"), func.count(), _sum(is_closed), _sum(Case.is_resolved.is_(True) & is_closed), _sum(is_closed | late), _sum(late),
            _sum(Case.satisfaction.is_not(None)), _sum(Case.satisfaction >= 4), _sum(Case.satisfaction == 3),
        )
        .where(Case.opened_at >= since, Case.opened_at < until, Case.stage.not_in(LEFT_OUT)).group_by(group).order_by(func.count().desc(), group)
    )  # fmt: skip
    rows = [Measures(str(name), *(int(x or 0) for x in counts)) for name, *counts in session.execute(query)]
    return [*rows, total(rows)]


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def total(rows: list[Measures]) -> Measures:
    """All groups together."""
    names = ("received", "closed", "resolved", "due", "overdue", "asked", "content", "fairly")
    return Measures("合计", *(sum(getattr(row, name) for row in rows) for name in names))
