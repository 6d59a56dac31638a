"""Reads of campaigns: which a user may see, how far they are, and what an officer owes on a day.

An assignment is done when its firm had as many visits in the campaign's window as its turn says, whoever went: asked of the
visits each time, so it can never disagree with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select

from crm.core.errors import NotFound
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise
from crm.ladder.models import Standing
from crm.visits.models import Visit
from crm.visits.plans.absences import owed_by, stand_ins
from crm.visits.plans.models import Assignment, Campaign, CampaignOfficer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, timedelta

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access
    from crm.visits.plans.absences import StandIn

MANAGERS = ("manager", "administrator", "system")
PHASES = {"coming": "未开始", "running": "进行中", "over": "已结束", "ended": "提前结束"}
LISTED, OWED = 100, 500


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign with how many visits are owed, made and overdue, in the user's jurisdiction."""

    campaign: Campaign
    owed: int
    done: int
    overdue: int
    nobody: int  # owed, but no officer could take them


@dataclass(frozen=True, slots=True)
class Due:
    """A visit somebody owes. `for_officer` is whom the user stands in for; None: the own one."""

    assignment_id: int
    campaign_id: int
    campaign: str
    enterprise_id: int
    name: str
    region_code: str
    address: str | None
    latitude: float | None
    longitude: float | None
    turn: int
    turns: int
    due_on: date
    place: str | None
    alert_level: str | None
    last_visit_on: date | None
    for_officer: int | None = None

    def late(self, on: date) -> int:
        """Days overdue; 0 when it is not."""
        gone: timedelta = on - self.due_on
        return max(gone.days, 0)


def made() -> Any:
    """Visits of an assignment's firm in its campaign's window, as a column beside Assignment and Campaign."""
    inside = (Visit.enterprise_id == Assignment.enterprise_id, Visit.started_at >= Campaign.opens_at, Visit.started_at < Campaign.closes_at)
    kind = or_(Campaign.onsite_only.is_(False), Visit.kind == "onsite")
    return select(func.count()).select_from(Visit).where(*inside, kind).correlate(Assignment, Campaign).scalar_subquery()


def done() -> ColumnElement[bool]:
    """SQL condition: the assignment is done."""
    return made() >= Assignment.turn  # type: ignore[no-any-return]


def late(on: date) -> ColumnElement[bool]:
    """SQL condition: past its day and not done."""
    return and_(Assignment.due_on < on, made() < Assignment.turn)


def phase(campaign: Campaign, on: date) -> str:
    """coming | running | over | ended."""
    if campaign.ended_at is not None:
        return "ended"
    return "coming" if on < campaign.from_on else "over" if on > campaign.to_on else "running"


def visible(access: Access) -> ColumnElement[bool]:
    """Condition on Campaign: those who manage see the campaigns of their place and of places above it; officers those they take part in."""
    taking = select(CampaignOfficer.user_id).where(CampaignOfficer.campaign_id == Campaign.id, CampaignOfficer.user_id == access.user_id)
    if not access.has(*MANAGERS):
        return taking.exists()
    above = {code for full in access.regions for code in (f"{full[:2]}0000", f"{full[:4]}00", full[:6])}
    return or_(access.within(Campaign.region_code), Campaign.region_code.in_(above), taking.exists())


def get_visible(session: Session, access: Access, campaign_id: int) -> Campaign:
    """The campaign, or NotFound: the same answer whether it does not exist or lies elsewhere."""
    found = session.scalar(select(Campaign).where(Campaign.id == campaign_id, visible(access)))
    if found is None:
        raise NotFound("没有这个走访计划，或不在您的辖区内。")
    return found


def campaigns(session: Session, access: Access, on: date) -> list[Progress]:
    """Campaigns with their progress, those that run and the newest first; two queries."""
    listed = session.scalars(select(Campaign).where(visible(access)).order_by(Campaign.ended_at.is_not(None), Campaign.to_on.desc(), Campaign.id.desc()).limit(LISTED)).all()
    numbers = progress(session, access, [c.id for c in listed], on)
    return sorted((Progress(c, *numbers.get(c.id, (0, 0, 0, 0))) for c in listed), key=lambda p: ("running", "coming", "over", "ended").index(phase(p.campaign, on)))


def progress(session: Session, access: Access, ids: Sequence[int], on: date) -> dict[int, tuple[int, int, int, int]]:
    """Campaign -> (owed, done, overdue, with nobody) over the firms the user may see."""
    query = joined(Assignment.campaign_id, *tally(on)).where(Assignment.campaign_id.in_(ids), enterprises.visible(access)).group_by(Assignment.campaign_id)
    return {row[0]: (row[1], row[2] or 0, row[3] or 0, row[4] or 0) for row in session.execute(query)} if ids else {}


def tally(on: date) -> tuple[Any, ...]:
    """Columns: owed, done, overdue, with nobody."""
    return (
        func.count(), func.sum(case((done(), 1), else_=0)), func.sum(case((late(on), 1), else_=0)),
        func.sum(case((and_(Assignment.officer_id.is_(None), made() < Assignment.turn), 1), else_=0)),
    )  # fmt: skip


def joined(*columns: Any) -> Any:
    """A select over assignments with their campaign and firm."""
    return select(*columns).select_from(Assignment).join(Campaign, Campaign.id == Assignment.campaign_id).join(Enterprise, Enterprise.id == Assignment.enterprise_id)


def due(session: Session, access: Access, on: date, *, until: date | None = None, handed: Sequence[StandIn] | None = None) -> list[Due]:
    """Visits the user owes on a day: due by then (or by `until`) and not made, in campaigns that run; substitution included.

    The longest overdue first. What falls due while the user is away is left out; what falls due while somebody is away for
    whom the user stands in is there, with `for_officer`. `handed` is stand_ins of the user, where the caller has them.
    """
    if access.user_id is None:
        return []
    handed = stand_ins(session, on, of=[access.user_id], by=access.user_id) if handed is None else handed
    owed = owed_by(handed, access.user_id, Assignment.officer_id, Assignment.due_on)
    query = _due().where(
        owed, Assignment.due_on <= (until or on), made() < Assignment.turn, Campaign.from_on <= (until or on), Campaign.to_on >= on,
        Campaign.ended_at.is_(None), enterprises.visible(access),
    )  # fmt: skip
    rows = session.execute(query.order_by(Assignment.due_on, Assignment.id).limit(OWED))
    return [Due(*row[:-1], for_officer=row[-1] if row[-1] != access.user_id else None) for row in rows]


def of_firm(session: Session, access: Access, enterprise_id: int, on: date) -> list[tuple[str, date, int]]:
    """Campaigns that run and still owe a firm a visit: (name, last day, campaign). For whoever may see the firm."""
    query = joined(Campaign.name, Campaign.to_on, Campaign.id).where(
        Assignment.enterprise_id == enterprise_id, enterprises.visible(access), made() < Assignment.turn, Campaign.from_on <= on, Campaign.to_on >= on, Campaign.ended_at.is_(None),
    )
    return [tuple(row) for row in session.execute(query.distinct().order_by(Campaign.to_on, Campaign.id))]


def _due() -> Any:
    return joined(
        Assignment.id, Campaign.id, Campaign.name, Enterprise.id, Enterprise.name, Enterprise.region_code, Enterprise.address, Enterprise.latitude, Enterprise.longitude,
        Assignment.turn, Campaign.per_firm, Assignment.due_on, Standing.place, Standing.alert_level, Standing.last_visit_on, Assignment.officer_id,
    ).outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
