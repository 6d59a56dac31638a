"""What a user has to do on which day, for a calendar: next steps, assigned visits, cases, titles of the own firms.

A line names the firm, the reason and the page; no person, no phone number. Read with the user's rights each time it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import aliased

from crm.cases.life import LEADS, WITH_UNIT
from crm.cases.models import KINDS, Case, CaseEvent, CaseUnit
from crm.core.clock import start_of
from crm.enterprises.models import Enterprise, EnterpriseEvent
from crm.enterprises.queries import visible
from crm.ladder.models import TitleGrant
from crm.security.privacy import mask_phones
from crm.visits.models import Visit
from crm.visits.plans.models import Assignment
from crm.visits.plans.queries import due

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.security.access import Access

BACK, AHEAD = timedelta(days=60), timedelta(days=400)
"""How far a calendar looks; our own default, not policy."""
MOST = 300  # of each sort
CASE_DAY = case((Case.stage == "received", Case.accept_by), (Case.stage == "deferred", Case.recheck_on), else_=Case.due_on)
CASE_WORDS = {"received": "受理诉求", "review": "审核诉求", "deferred": "复查暂缓的诉求"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A day with something to do. `key` never changes for the same matter; `version` rises when it does."""

    key: str
    on: date
    title: str
    text: str
    path: str
    sort: str
    changed_at: datetime
    version: int = 0


def entries(session: Session, access: Access, on: date, pack_of: Callable[[str], Pack]) -> list[Entry]:
    """Everything between BACK ago and AHEAD, by day; a fixed number of queries."""
    found: list[Entry] = []
    if access.has("officer", "manager", "administrator"):
        found += [*_steps(session, access, on), *_assigned(session, access, on), *_titles(session, access, on, pack_of)]
    found += _cases(session, access, on)
    return sorted(found, key=lambda e: (e.on, e.key))


def _window(column: ColumnElement[date], on: date) -> ColumnElement[bool]:
    return and_(column >= on - BACK, column <= on + AHEAD)


def _mine(access: Access) -> ColumnElement[bool]:
    return and_(Enterprise.officer_id == access.user_id, visible(access))


def _steps(session: Session, access: Access, on: date) -> Iterator[Entry]:
    """Next steps of visits to my firms, or made by me, that no later visit has overtaken."""
    later = aliased(Visit)
    theirs = select(Visit.id).join(Enterprise, Enterprise.id == Visit.enterprise_id).where(Enterprise.officer_id == access.user_id, _window(Visit.next_on, on))
    own = select(Visit.id).where(Visit.author_id == access.user_id, _window(Visit.next_on, on))
    query = (
        select(Visit, Enterprise.name).join(Enterprise, Enterprise.id == Visit.enterprise_id)
        .where(Visit.id.in_(theirs.union(own)), visible(access))
        .where(~select(later.id).where(later.enterprise_id == Visit.enterprise_id, later.started_at > Visit.started_at).exists())
        .order_by(Visit.next_on, Visit.id).limit(MOST)
    )  # fmt: skip
    for visit, name in session.execute(query):
        yield Entry(f"step-{visit.uuid}", visit.next_on, f"走访跟进：{name}", mask_phones(visit.next_step or "上次走访约定的下一步"),
                    f"/enterprises/{visit.enterprise_id}", "走访", visit.signed_at or visit.created_at, visit.version - 1)  # fmt: skip


def _assigned(session: Session, access: Access, on: date) -> Iterator[Entry]:
    """Visits of campaigns, those of colleagues I stand in for included."""
    rows = due(session, access, on, until=on + AHEAD)[:MOST]
    written = dict(session.execute(
        select(Assignment.id, func.coalesce(Assignment.moved_at, Assignment.created_at)).where(Assignment.id.in_([row.assignment_id for row in rows]))
    ).tuples().all()) if rows else {}  # fmt: skip
    for row in rows:
        turn = f"（第 {row.turn}/{row.turns} 次）" if row.turns > 1 else ""
        yield Entry(f"assignment-{row.assignment_id}", row.due_on, f"{'代办' if row.for_officer else ''}走访：{row.name}", f"{row.campaign}{turn}，请在这天前走访。",
                    f"/visits/new?enterprise={row.enterprise_id}&campaign={row.campaign_id}", "走访", written.get(row.assignment_id) or start_of(on))  # fmt: skip


def _cases(session: Session, access: Access, on: date) -> Iterator[Entry]:
    """Cases of my firms; for those who lead, what waits for them; for a department, what it has not answered yet."""
    if access.is_department:
        held = select(CaseUnit.case_id).where(CaseUnit.unit_id.in_(access.units), CaseUnit.ended_at.is_(None), CaseUnit.feedback_at.is_(None))
        owed = and_(Case.id.in_(held), Case.stage.in_(WITH_UNIT), Enterprise.deleted_at.is_(None))
    else:
        leads = Case.stage.in_(("received", "review")) if access.has(*LEADS) else None
        owed = and_(visible(access), Enterprise.officer_id == access.user_id if leads is None else or_(leads, Enterprise.officer_id == access.user_id))
    changed = select(func.max(CaseEvent.at)).where(CaseEvent.case_id == Case.id).scalar_subquery()
    query = select(Case, CASE_DAY, Enterprise.name, changed).join(Enterprise, Enterprise.id == Case.enterprise_id).where(Case.state == "open", owed, _window(CASE_DAY, on))
    for row, day, name, at in session.execute(query.order_by(CASE_DAY, Case.id).limit(MOST)):
        kind = KINDS.get(row.kind, "其他")
        yield Entry(f"case-{row.uuid}", day, f"{CASE_WORDS.get(row.stage, '诉求到期')}：{name}", f"{row.number}，{kind}{'，紧急' if row.urgency == 'urgent' else ''}。",
                    f"/cases/{row.uuid}", "诉求", at or row.opened_at, row.version - 1)  # fmt: skip


def _titles(session: Session, access: Access, on: date, pack_of: Callable[[str], Pack]) -> Iterator[Entry]:
    """Of the titles my firms hold: the last day, and the days of the yearly update that nobody has recorded as made."""
    query = select(TitleGrant, Enterprise.name, Enterprise.region_code).join(Enterprise, Enterprise.id == TitleGrant.enterprise_id)
    query = query.where(_mine(access), TitleGrant.revoked_on.is_(None), TitleGrant.granted_on <= on, TitleGrant.valid_to >= on - BACK)
    latest: dict[tuple[int, str], tuple[TitleGrant, str, str]] = {}
    for grant, name, region in session.execute(query.order_by(TitleGrant.valid_to, TitleGrant.id).limit(2 * MOST)):
        latest[grant.enterprise_id, grant.title] = (grant, name, region)
    said = _updated(session, {firm for firm, _ in latest})
    for (firm, key), (grant, name, region) in latest.items():
        title, path = pack_of(region).titles.get(key), f"/enterprises/{firm}"
        if title is None or grant.valid_to is None:
            continue
        called = title.short or title.label
        if grant.valid_to <= on + AHEAD:
            yield Entry(f"title-{firm}-{key}-{grant.valid_to}", grant.valid_to, f"{called}到期：{name}", "请提前安排复核或重新认定。", path, "称号", grant.recorded_at)
        for year in (on.year, on.year + 1):
            day = title.update_due(year)
            if day and on - BACK <= day <= on + AHEAD and grant.granted_on < day <= grant.valid_to and (firm, key, year) not in said:
                yield Entry(f"update-{firm}-{key}-{year}", day, f"{called}年度信息更新截止：{name}", "请提醒企业在这天前更新。", path, "称号", grant.recorded_at)


def _updated(session: Session, firms: set[int]) -> set[tuple[int, str, int]]:
    """(firm, title, year) whose yearly update somebody has spoken of, made or missed."""
    if not firms:
        return set()
    query = select(EnterpriseEvent.enterprise_id, EnterpriseEvent.kind, EnterpriseEvent.on).where(EnterpriseEvent.enterprise_id.in_(firms))
    rows = session.execute(query.where(or_(*(EnterpriseEvent.kind.startswith(prefix, autoescape=True) for prefix in ("title_updated.", "title_not_updated.")))))
    return {(firm, kind.partition(".")[2], day.year) for firm, kind, day in rows}
