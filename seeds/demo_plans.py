"""A visiting campaign of the demo's county, half-way: colleagues of the officer, visits made, one colleague away. As fictional as its firms."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select, update

from crm.enterprises.models import Enterprise
from crm.ladder.models import Standing
from crm.regions.queries import regions_below
from crm.security.access import Access
from crm.security.models import Role, User, UserProfile, UserRegion
from crm.visits.models import Visit
from crm.visits.plans.absences import record_absence
from crm.visits.plans.models import Assignment
from crm.visits.plans.operations import create
from crm.visits.plans.schemas import Plan, Rule

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Packs

BEGAN, LASTS = 24, 45  # days ago, days in all
PER_OFFICER = 24
COLLEAGUES = (("陈溪", "助企干部", False), ("王屿", "助企干部", False), ("吴汀", "助企干部", False), ("郑岚", "镇工办干部", True))
"""Name, title, whether the jurisdiction is a town. Nobody can sign in as one of them: they have no password."""
KEPT = (0.9, 0.6, 0.95, 0.75, 0.85)
"""Of what was due by today, how much each made."""
SUMMARIES = ("看了车间，两条线都在开，订单排到下月。", "与财务负责人核对了开票数，比去年同期略好。", "企业关心技改补助何时能报，已记下回复。", "厂里招工难，准备参加下月招聘会。")


def give_plan(session: Session, packs: Packs, on: date, officer_id: int, region_code: str) -> int:
    """Make the campaign for a county and let it run until today; returns how many firms are in it."""
    officers = [officer_id, *_colleagues(session, region_code)]
    manager = session.scalar(select(User.id).where(User.roles.any(Role.name == "manager")).order_by(User.id).limit(1))
    lead = Access(manager, "示例管理者", frozenset({"manager"}), (region_code,))
    start = on - timedelta(days=BEGAN)
    at = datetime.combine(start, time(1), UTC)
    template = next((c for pack in [packs.for_region(region_code)] if pack.visit for c in pack.visit.campaigns), None)
    rule = Rule(places=tuple(p.id for p in packs.for_region(region_code).book.places if p.id != "small"))
    plan = Plan(
        name=template.label if template else "企业大走访", region_code=region_code, from_on=start, to_on=start + timedelta(days=LASTS - 1), officers=tuple(officers), per_officer=PER_OFFICER,
        rule=rule, source=_source(packs, region_code, template),
    )  # fmt: skip
    campaign = create(session, lead, plan, on=start, at=at)
    rows = session.scalars(select(Assignment).where(Assignment.campaign_id == campaign.id, Assignment.officer_id.is_not(None)).order_by(Assignment.due_on, Assignment.id)).all()
    for number, officer in enumerate(officers):
        due = [row for row in rows if row.officer_id == officer and row.due_on < on]
        for row in due[: round(len(due) * KEPT[number % len(KEPT)])]:
            _visit(session, row, officer, min(row.due_on, on - timedelta(days=1)))
    session.flush()
    away = Access(officers[1], COLLEAGUES[0][0], frozenset({"officer"}), (region_code,))
    record_absence(session, away, officers[1], officer_id, on - timedelta(days=1), on + timedelta(days=3), "参加市里培训", on=on, at=datetime.combine(on, time(), UTC))
    return len({row.enterprise_id for row in rows})


def _colleagues(session: Session, region_code: str) -> list[int]:
    towns = [town.code for town in regions_below(session, region_code, "town")] or [region_code]
    role = session.scalars(select(Role).where(Role.name == "officer")).one()
    made = []
    for number, (name, title, of_town) in enumerate(COLLEAGUES, 1):
        user = User(first_name=name, last_name="", username=f"demo-officer-{number}", email=f"demo-officer-{number}@local.invalid", active=True)
        user.roles = [role]
        session.add(user)
        session.flush()
        session.add(UserProfile(user_id=user.id, title=title))
        session.add(UserRegion(user_id=user.id, code=towns[number % len(towns)] if of_town else region_code))
        made.append(user.id)
    session.flush()
    return made


def _source(packs: Packs, region_code: str, template: Any) -> dict[str, Any] | None:
    if template is None:
        return None
    document = packs.for_region(region_code).documents.get(template.document or "")
    return {"template": template.id, "document": (document.number or document.title) if document else None, "status": document.status if document else None,
            "clause": template.clause, "quote": template.quote}  # fmt: skip


def _visit(session: Session, row: Assignment, officer: int, day: date) -> None:
    started = datetime.combine(day, time(1 + row.id % 7), UTC)
    firm = session.get_one(Enterprise, row.enterprise_id)
    session.add(Visit(
        uuid=str(uuid5(NAMESPACE_URL, f"demo-plan/{firm.uscc}")), enterprise_id=firm.id, kind="onsite", started_at=started, ended_at=started + timedelta(minutes=40), place=firm.address,
        summary=SUMMARIES[row.id % len(SUMMARIES)], policies=[], fields={}, author_id=officer, created_at=started,
    ))
    session.execute(update(Standing).where(Standing.enterprise_id == firm.id, (Standing.last_visit_on < day) | Standing.last_visit_on.is_(None)).values(last_visit_on=day))
