"""How well cases are handled (facts of a period): 办结率, 化解率 in both readings, 满意率 in both readings; by county, unit or kind.

No published formula of 化解率 exists; the one public figure (温州 1529/1833) is resolved ÷ collected. Both that and the reading
without cases that are not yet due are given, and whether 基本满意 counts as content is not decided by any text: both are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, literal, select

from crm.cases.models import Case, CaseUnit
from crm.cases.queries import visible
from crm.enterprises.models import Enterprise
from crm.security.models import Unit

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from crm.security.access import Access

BY = {"county": "县（市、区）", "unit": "主办单位", "co_unit": "协办单位", "kind": "类型", "source": "来源"}
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
    if by == "co_unit":
        return _by_co_unit(session, access, since, until, on)
    group = {
        "county": func.substr(Enterprise.region_code, 1, 6), "unit": func.coalesce(Case.lead_unit, "待交办"), "kind": Case.kind, "source": Case.source,
    }[by]  # fmt: skip
    rows = _counted(session, visible(access).where(*_within(since, until)), group, on)
    return [*rows, total(rows)]


def _by_co_unit(session: Session, access: Access, since: datetime, until: datetime, on: date) -> list[Measures]:
    """A case with two co-units stands with both and is counted once in the total."""
    ours = visible(access).where(*_within(since, until))
    have = (CaseUnit.is_lead.is_(False), CaseUnit.ended_at.is_(None))
    rows = _counted(session, ours.join(CaseUnit, CaseUnit.case_id == Case.id).join(Unit, Unit.id == CaseUnit.unit_id).where(*have), Unit.name, on)
    return [*rows, *(_counted(session, ours.where(Case.id.in_(select(CaseUnit.case_id).where(*have))), literal("合计"), on) or [total([])])]


def _within(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Case.opened_at >= since, Case.opened_at < until, Case.stage.not_in(LEFT_OUT))


def _counted(session: Session, cases: Select[Any], group: ColumnElement[Any], on: date) -> list[Measures]:
    is_closed = Case.state == "closed"
    late = (Case.state == "open") & (Case.due_on < on)
    name = group.label("grp")
    query = cases.with_only_columns(
        name, func.count(), _sum(is_closed), _sum(Case.is_resolved.is_(True) & is_closed), _sum(is_closed | late), _sum(late),
        _sum(Case.satisfaction.is_not(None)), _sum(Case.satisfaction >= 4), _sum(Case.satisfaction == 3),
    ).group_by(name).order_by(func.count().desc(), name)  # fmt: skip
    return [Measures(str(found), *(int(x or 0) for x in counts)) for found, *counts in session.execute(query)]


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def total(rows: list[Measures]) -> Measures:
    """All groups together."""
    names = ("received", "closed", "resolved", "due", "overdue", "asked", "content", "fairly")
    return Measures("合计", *(sum(getattr(row, name) for row in rows) for name in names))
