"""What is due today, for one officer or one place. Each read is one query, bounded, over indexed columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import aliased

from crm.alerts.models import LEVELS, Alert
from crm.cases.models import Case
from crm.enterprises.models import Contact, Enterprise
from crm.enterprises.queries import visible
from crm.ladder.models import Move, Standing
from crm.regions.models import Region
from crm.visits.models import Visit
from crm.visits.plans.absences import owed_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

    from crm.security.access import Access
    from crm.visits.plans.absences import StandIn

QUIET_DAYS = 90
"""A firm nobody visited for this many days is shown on Today. Our own default, not policy."""
SHOWN = 8
"""Lines of a list on Today; the page behind it has the rest."""
WEEK = timedelta(days=7)
WORST_FIRST = case({level: rank for rank, level in enumerate(LEVELS)}, value=Alert.level, else_=len(LEVELS))


@dataclass(frozen=True, slots=True)
class Some:
    """The first lines of a list and how many there are, counted up to a limit."""

    rows: Sequence[Row[Any]]
    count: int

    @property
    def rest(self) -> int:
        """Lines not shown."""
        return max(self.count - len(self.rows), 0)


def mine(access: Access) -> ColumnElement[bool]:
    """Firms given to this officer, inside the jurisdiction."""
    return and_(Enterprise.officer_id == access.user_id, visible(access))


def due_visits(session: Session, access: Access, on: date, handed: Sequence[StandIn] = ()) -> Some:
    """Next steps that fall due within a week or are overdue, where no later visit was made; those `handed` over are the substitute's."""
    later = aliased(Visit)
    query = (
        select(Visit.id, Visit.next_on, Visit.next_step, Visit.started_at, Enterprise.id.label("enterprise_id"), Enterprise.name, Enterprise.address, Enterprise.officer_id, Standing, _phone())
        .join(Enterprise, Enterprise.id == Visit.enterprise_id)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .where(visible(access), owed_by(handed, access.user_id, Enterprise.officer_id, Visit.next_on), Visit.next_on <= on + WEEK)
        .where(~select(later.id).where(later.enterprise_id == Visit.enterprise_id, later.started_at > Visit.started_at).exists())
        .order_by(Visit.next_on, Visit.id)
    )
    return _some(session, query)


def overdue_cases(session: Session, access: Access, on: date) -> Some:
    """Open cases of my firms past their day."""
    query = (
        select(Case.id, Case.title, Case.due_on, Case.lead_unit, Enterprise.id.label("enterprise_id"), Enterprise.name)
        .join(Enterprise, Enterprise.id == Case.enterprise_id)
        .where(mine(access), Case.state == "open", Case.due_on < on)
        .order_by(Case.due_on, Case.id)
    )
    return _some(session, query)


def new_alerts(session: Session, access: Access) -> Some:
    """Alerts of my firms nobody has taken on, worst first."""
    return _some(session, _alerts().where(mine(access), Alert.state == "open"))


def red_alerts(session: Session, access: Access) -> Some:
    """Red alerts of the place that are still open."""
    return _some(session, _alerts().where(visible(access), Alert.state == "open", Alert.level == "red"))


def quiet_firms(session: Session, access: Access, on: date) -> Some:
    """My firms in business that nobody visited for QUIET_DAYS, those with an alert first, never visited before long ago."""
    limit = on - timedelta(days=QUIET_DAYS)
    level = case({level: rank for rank, level in enumerate(LEVELS)}, value=Standing.alert_level, else_=len(LEVELS))
    query = (
        select(Enterprise.id.label("enterprise_id"), Enterprise.name, Enterprise.region_code, Standing.last_visit_on, Standing.alert_level, Standing.place)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .where(mine(access), Enterprise.status == "active", or_(Standing.last_visit_on.is_(None), Standing.last_visit_on < limit))
        .order_by(level, Standing.last_visit_on.is_not(None), Standing.last_visit_on, Enterprise.id)
    )
    return _some(session, query)


def open_moves(session: Session, access: Access) -> Some:
    """Proposed moves of the place that wait for a decision, oldest first."""
    query = (
        select(Move, Enterprise.name, Enterprise.region_code)
        .join(Enterprise, Enterprise.id == Move.enterprise_id)
        .where(visible(access), Move.state == "proposed")
        .order_by(Move.proposed_on, Move.id)
    )
    return _some(session, query)


def my_firms(session: Session, access: Access) -> int:
    """How many firms an officer looks after; an officer has tens, so they are counted."""
    return session.scalar(select(func.count()).select_from(Enterprise).where(mine(access))) or 0


def places_below(session: Session, access: Access) -> list[Region]:
    """The divisions right below the jurisdiction that are in force: counties of a city, towns of a county."""
    query = select(Region).where(Region.parent_code.in_(access.regions), Region.valid_to.is_(None), Region.is_virtual.is_(False))
    return list(session.scalars(query.order_by(Region.code)))


def _alerts() -> Any:
    return (
        select(Alert, Enterprise.name, Enterprise.region_code, Standing.place)
        .join(Enterprise, Enterprise.id == Alert.enterprise_id)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .order_by(WORST_FIRST, Alert.raised_on.desc(), Alert.id)
    )


def _phone() -> Any:
    return (
        select(Contact.phone)
        .where(Contact.enterprise_id == Enterprise.id, Contact.ended_on.is_(None), Contact.phone.is_not(None))
        .order_by(Contact.is_primary.desc(), Contact.id).limit(1).scalar_subquery().label("phone")
    )


def _some(session: Session, query: Any) -> Some:
    """The first SHOWN rows and the count of all, in one query: the lists are an officer's, or narrow by index."""
    found = session.execute(query.add_columns(func.count().over().label("all_rows")).limit(SHOWN)).all()
    return Some(found, found[0].all_rows if found else 0)
