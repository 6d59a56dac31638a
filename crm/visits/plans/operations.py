"""Campaigns: preview, create, share out what is missing, give to somebody else, end. Done assignments never move."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crm.core.bulk import among
from crm.core.clock import start_of
from crm.core.db import is_postgresql
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.ladder.models import Standing
from crm.ladder.queries.firms import holds
from crm.notices.operations import Message, post_many
from crm.regions.models import Region
from crm.regions.scope import covers, prefix_range
from crm.security.audit import record
from crm.security.models import Role, User, UserRegion
from crm.visits.models import Visit
from crm.visits.plans.models import Assignment, Campaign, CampaignOfficer
from crm.visits.plans.queries import MANAGERS, get_visible, joined, made
from crm.visits.plans.schemas import MOST_FIRMS, Firm, Plan, Preview, Rule, Sharer
from crm.visits.plans.sharing import due_days, parts, sees, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from crm.security.access import Access

CHUNK = 2_000
URGENCY = case({"red": 0, "orange": 1, "yellow": 2}, value=Standing.alert_level, else_=3)


@dataclass(frozen=True, slots=True)
class Moved:
    """What giving assignments to somebody else did: moved, left where they are because they are done."""

    moved: int
    done: int


def eligible(session: Session, access: Access, region_code: str) -> list[Sharer]:
    """Active officers of the user's jurisdiction who have to do with a place: in it, or with all of it under them."""
    users = session.execute(
        select(User.id, User.first_name, User.last_name, UserRegion.code)
        .join(UserRegion, UserRegion.user_id == User.id)
        .where(User.active, User.roles.any(Role.name == "officer"), access.within(UserRegion.code, UserRegion.code))
        .order_by(User.id, UserRegion.code)
    )
    names: dict[int, str] = {}
    codes: dict[int, list[str]] = defaultdict(list)
    for key, first, last, code in users:
        names[key] = f"{first} {last}".strip()
        codes[key].append(code)
    return [Sharer(key, names[key], tuple(held)) for key, held in codes.items() if any(covers((region_code,), code) or covers((code,), region_code) for code in held if code[0].isdigit())]


def preview(session: Session, access: Access, plan: Plan, on: date, *, alerted: Select[Any] | None = None) -> Preview:
    """What the plan would do; nothing is written. `alerted` selects the ids of firms with the alert the rule asks for.

    Raises NotFound for a place outside the jurisdiction, Invalid with the field for what cannot be.
    """
    _may(session, access, plan, on)
    officers = eligible(session, access, plan.region_code)
    if plan.officers:
        if missing := set(plan.officers) - {o.id for o in officers}:
            raise Invalid(f"选的干部里有 {len(missing)} 位不在这个地方，请重新选。", field="officers")
        officers = [o for o in officers if o.id in plan.officers]
    firms = _chosen(session, access, plan, on, alerted)
    kept = firms[:MOST_FIRMS]
    return Preview(tuple(kept), tuple(officers), share(kept, officers, plan.rule, most=plan.per_officer), truncated=len(firms) > MOST_FIRMS)


def create(session: Session, access: Access, plan: Plan, *, on: date, at: datetime, alerted: Select[Any] | None = None) -> Campaign:
    """Make the campaign and share its firms out. Raises as preview does; Conflict for one of the same name, place and first day."""
    seen = preview(session, access, plan, on, alerted=alerted)
    if not seen.firms:
        raise Invalid("没有符合条件的企业，请放宽条件再试。", field="rule")
    name = plan.name.strip()
    same = select(Campaign.id).where(Campaign.name == name, Campaign.region_code == plan.region_code, Campaign.from_on == plan.from_on, Campaign.ended_at.is_(None))
    if session.scalar(same) is not None:
        raise Conflict(f"已经有同名、同一天开始的计划“{name}”。要补企业请在那个计划里按“补充分配”。")
    campaign = Campaign(
        name=name, region_code=plan.region_code, from_on=plan.from_on, to_on=plan.to_on, opens_at=start_of(plan.from_on), closes_at=_after(plan.to_on),
        per_firm=plan.per_firm, per_officer=plan.per_officer, onsite_only=plan.onsite_only, rule=plan.rule.stored(), source=dict(plan.source) if plan.source else None,
        created_at=at, created_by=access.user_id,
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    session.add_all(CampaignOfficer(campaign_id=campaign.id, user_id=o.id) for o in seen.officers)
    session.flush()
    added = assign(session, access, campaign.id, on=on, at=at, alerted=alerted)
    record(session, access, "campaign.create", "campaign", campaign.id, region_code=plan.region_code, name=name, firms=added, officers=len(seen.officers))
    return campaign


def assign(session: Session, access: Access, campaign_id: int, *, on: date, at: datetime, alerted: Select[Any] | None = None) -> int:
    """Share out the firms of the rule that are not in the campaign yet, and those nobody could take; returns how many firms that were.

    What is there stays with whom it is. Two at once go one after the other; the second finds nothing left.
    """
    campaign = manageable(session, access, campaign_id, on)
    session.execute(update(Campaign).where(Campaign.id == campaign.id).values(assigned_at=at))  # waits for whoever is at it
    rule = Rule.read(campaign.rule)
    plan = Plan(campaign.name, campaign.region_code, campaign.from_on, campaign.to_on, per_firm=campaign.per_firm, rule=rule)
    known: dict[int, int | None] = {}
    for row in session.execute(select(Assignment.enterprise_id, Assignment.officer_id).where(Assignment.campaign_id == campaign.id)):
        known.setdefault(row.enterprise_id, row.officer_id)
    loads: dict[int, int] = defaultdict(int)
    for officer in known.values():
        if officer is not None:
            loads[officer] += 1
    room = max(MOST_FIRMS - len(known), 0)
    fresh = [f for f in _chosen(session, access, plan, on, alerted) if f.id not in known][:room]
    waiting = _waiting(session, access, campaign.id)
    firms = [*waiting, *fresh]
    taking = set(session.scalars(select(CampaignOfficer.user_id).where(CampaignOfficer.campaign_id == campaign.id)))
    shared = share(firms, [o for o in eligible(session, access, campaign.region_code) if o.id in taking], rule, most=campaign.per_officer, loads=loads)
    _write(session, campaign, fresh, shared.given, shared.left, on, at)
    found: dict[int, list[int]] = defaultdict(list)
    for firm in waiting:
        if firm.id in shared.given:
            found[shared.given[firm.id]].append(firm.id)
    for officer, keys in found.items():
        nobody = (Assignment.campaign_id == campaign.id, among(Assignment.enterprise_id, keys), Assignment.officer_id.is_(None))
        session.execute(update(Assignment).where(*nobody).values(officer_id=officer, why=None))
    _tell(session, campaign, list(shared.given.values()), at)
    session.flush()
    return len(fresh) + sum(map(len, found.values()))


def reassign(session: Session, access: Access, campaign_id: int, ids: Sequence[int], officer_id: int, *, on: date, at: datetime) -> Moved:
    """Give assignments to another officer. Done ones stay. Raises Invalid when the officer may not see one of the firms."""
    campaign = manageable(session, access, campaign_id, on)
    officer = next((o for o in eligible(session, access, campaign.region_code) if o.id == officer_id), None)
    if officer is None:
        raise Invalid("没有这位干部，或不在这个计划的地方。请从名单里选。", field="officer")
    session.execute(update(Campaign).where(Campaign.id == campaign.id).values(assigned_at=at))
    wanted = (Assignment.campaign_id == campaign.id, Assignment.id.in_(list(ids)[:CHUNK]), visible(access))
    rows = session.execute(joined(Assignment, Enterprise.name, Enterprise.region_code, Enterprise.zone_code, made()).where(*wanted)).all()
    if not rows:
        raise NotFound("没有选中这个计划里的企业，请勾选后再改派。")
    todo = [row for row in rows if row[4] < row[0].turn]
    if blind := [row for row in todo if not sees(officer.codes, row[2], row[3])]:
        raise Invalid(f"{officer.name}看不到其中 {len(blind)} 家（如{blind[0][1]}），请换一位或少选几家。", field="officer")
    for row in todo:
        row[0].officer_id, row[0].why, row[0].moved_at, row[0].moved_by = officer.id, None, at, access.user_id
    if session.get(CampaignOfficer, (campaign.id, officer.id)) is None:
        session.add(CampaignOfficer(campaign_id=campaign.id, user_id=officer.id))
    session.flush()
    _tell(session, campaign, [officer.id] * len(todo), at)
    record(session, access, "campaign.reassign", "campaign", campaign.id, region_code=campaign.region_code, to=officer.id, moved=len(todo), done=len(rows) - len(todo))
    return Moved(len(todo), len(rows) - len(todo))


def end(session: Session, access: Access, campaign_id: int, *, on: date, at: datetime) -> Campaign:
    """End a campaign before its last day: visits from now on do not count, nobody owes it anything."""
    campaign = manageable(session, access, campaign_id, on)
    campaign.ended_at, campaign.ended_by, campaign.closes_at = at, access.user_id, max(min(campaign.closes_at, at), campaign.opens_at)
    session.flush()
    record(session, access, "campaign.end", "campaign", campaign.id, region_code=campaign.region_code)
    return campaign


def manageable(session: Session, access: Access, campaign_id: int, on: date) -> Campaign:
    """The campaign, if the user may change it: a manager with its whole place under him, and it is not over."""
    access.need(*MANAGERS)
    campaign = get_visible(session, access, campaign_id)
    if not access.covers(campaign.region_code):
        raise Forbidden("这是上级的走访计划，您可以看进度，不能改。")
    if campaign.ended_at is not None or on > campaign.to_on:
        raise Conflict("这个计划已经结束，不能再改。需要时请新建一个。")
    return campaign


def _may(session: Session, access: Access, plan: Plan, on: date) -> None:
    access.need(*MANAGERS)
    if not access.covers(plan.region_code) or session.get(Region, plan.region_code) is None:
        raise NotFound("没有这个地方，或不在您的辖区内。")
    if plan.to_on < on:
        raise Invalid("结束日期已经过去，请改成今天或以后。", field="to_on")


def _chosen(session: Session, access: Access, plan: Plan, on: date, alerted: Select[Any] | None) -> list[Firm]:
    """Firms in business that meet the rule: those with the worst alerts first, then town by town, so that a day's visits lie together."""
    low, high = prefix_range(plan.region_code)
    query = (
        select(Enterprise.id, Enterprise.name, Enterprise.region_code, Enterprise.zone_code, Enterprise.officer_id)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .where(visible(access), Enterprise.status == "active", Enterprise.region_code >= low, Enterprise.region_code < high, *_asked(session, plan.rule, on, alerted))
        .order_by(URGENCY, Enterprise.region_code, Enterprise.id)
    )
    return [Firm(*row) for row in session.execute(query.limit(MOST_FIRMS + 1))]


def _asked(session: Session, rule: Rule, on: date, alerted: Select[Any] | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if rule.places:
        found.append(Standing.place.in_(rule.places))
    if rule.pools:
        found.append(or_(*(holds(session, Standing.pools, pool) for pool in rule.pools)))
    if rule.alerted:
        if alerted is None:
            raise ValueError("a rule by alert needs the caller's select of firms")
        found.append(Enterprise.id.in_(alerted))
    anytime = Visit.enterprise_id == Enterprise.id
    if rule.never_visited:
        found.append(~exists().where(anytime))
    elif rule.unvisited_days is not None:  # seen `unvisited_days` ago to the day: not seen for that many days
        found.append(~exists().where(and_(anytime, Visit.started_at >= _after_days_ago(on, rule.unvisited_days))))
    return found


def _waiting(session: Session, access: Access, campaign_id: int) -> list[Firm]:
    """Firms of the campaign that are nobody's and still owed a visit."""
    query = joined(Enterprise.id, Enterprise.name, Enterprise.region_code, Enterprise.zone_code, Enterprise.officer_id).where(
        Assignment.campaign_id == campaign_id, Assignment.officer_id.is_(None), made() < Assignment.turn, visible(access),
    )
    return [Firm(*row) for row in session.execute(query.distinct().order_by(Enterprise.id))]


def _write(session: Session, campaign: Campaign, fresh: Sequence[Firm], given: Mapping[int, int], left: Mapping[int, str], on: date, at: datetime) -> None:
    """Rows of new firms: each officer's own spread over the work days that are left, turn after turn."""
    windows = parts(max(campaign.from_on, on), campaign.to_on, campaign.per_firm)
    piles: dict[int | None, list[int]] = defaultdict(list)
    for firm in fresh:
        piles[given.get(firm.id)].append(firm.id)
    rows = []
    for officer, pile in piles.items():
        for turn, (first, last) in enumerate(windows, 1):
            rows += [
                {"campaign_id": campaign.id, "enterprise_id": key, "turn": turn, "officer_id": officer, "why": left.get(key), "due_on": day, "created_at": at}
                for key, day in zip(pile, due_days(len(pile), first, last), strict=True)
            ]
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    for start in range(0, len(rows), CHUNK):
        statement = insert(Assignment).on_conflict_do_nothing(index_elements=["campaign_id", "enterprise_id", "turn"])
        session.execute(statement, rows[start : start + CHUNK])


def _tell(session: Session, campaign: Campaign, takers: Sequence[int], at: datetime) -> None:
    """One message to each officer who got something."""
    counts = Counter(takers)
    post_many(session, [
        Message((user,), "visit", f"campaign:{campaign.id}:{at.isoformat()}", f"走访计划“{campaign.name}”分给您 {many} 家",
                f"{campaign.from_on} 至 {campaign.to_on}。打开“走访计划”看今天该去哪几家。", "/plans/", at)
        for user, many in sorted(counts.items())
    ])  # fmt: skip


def _after(day: date) -> datetime:
    return start_of(day.fromordinal(day.toordinal() + 1))


def _after_days_ago(on: date, days: int) -> datetime:
    return start_of(on.fromordinal(on.toordinal() - days + 1))
