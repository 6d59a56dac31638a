"""What an officer takes along of each firm: one compact line per firm, in a fixed number of queries however many there are.

A line holds who they are, where, whom to call, what was promised, what is open, where they stand and what is missing for
the next step, and which policies to mention. Days are ISO text, money is integer 元, missing is null. `d` is the digest the
phone sends back, so that only lines that changed travel again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import selectinload

from crm.alerts.models import Alert
from crm.cases.models import KINDS as CASE_KINDS
from crm.cases.models import Case
from crm.core.clock import local
from crm.criteria import packing
from crm.criteria.explain import explain
from crm.criteria.models import VerdictRow, VerdictRules
from crm.criteria.store import stored_pack
from crm.enterprises.models import STATUSES, Contact, Enterprise
from crm.enterprises.queries import visible
from crm.ladder.models import Standing
from crm.ladder.places import ladder_of
from crm.regions.models import Industry, Region
from crm.security.privacy import phone_for
from crm.visits.models import Visit
from crm.visits.operations.policies import worth_mentioning
from crm.visits.operations.standing import status_of
from crm.visits.plans.absences import stand_ins
from crm.visits.plans.queries import due
from crm.web.agenda import mine
from crm.web.packs import pack_for
from crm.web.visits.mention import claimable, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.ladder.places import Ladder
    from crm.security.access import Access
    from crm.visits.operations.policies import Policy
    from crm.visits.plans.absences import StandIn

MOST = 400
"""Firms carried along; an officer has 30 to 150."""
AHEAD = timedelta(days=14)
"""How far ahead visits of a campaign are carried: a phone may be without signal for days."""
CONTACTS, CASES, ALERTS, LINES = 4, 6, 4, 8
DIGEST = 8
EXACT = 100.0  # metres; a vaguer position says little of where a firm is
_former_packs: dict[str, Pack | None] = {}


def lines(session: Session, access: Access, on: date) -> list[dict[str, Any]]:
    """My firms and those a campaign or an absence gives me to visit, by name; a fixed number of queries for each pack."""
    handed = stand_ins(session, on, of=[access.user_id], by=access.user_id)
    planned, promised = _planned(session, access, on, handed), _promised(session, access, handed)
    rows = session.execute(
        select(Enterprise, Standing, Region.name, Industry.name).outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .join(Region, Region.code == Enterprise.region_code).outerjoin(Industry, Industry.code == Enterprise.industry_code)
        .where(or_(mine(access), and_(visible(access), Enterprise.id.in_(planned.keys() | promised.keys())))).order_by(Enterprise.name_key, Enterprise.id).limit(MOST)
    ).all()  # fmt: skip
    ids = [firm.id for firm, *_ in rows]
    if not ids:
        return []
    contacts, cases, alerts, visits = _contacts(session, ids), _cases(session, ids), _alerts(session, ids), _last_visits(session, ids)
    places = _seen_at(session, [firm.id for firm, *_ in rows if firm.latitude is None])
    counties = _counties(session, {firm.region_code[:6] for firm, *_ in rows})
    verdicts, owed = _verdicts(session, [(firm, standing) for firm, standing, *_ in rows]), _due(session, [firm for firm, *_ in rows], on)
    made = []
    for firm, standing, region, industry in rows:
        county = counties.get(firm.region_code[:6], "")
        line = _identity(firm, county + region if len(firm.region_code) > 6 else county, industry)
        line |= _standing(standing, ladder_of(pack_for(firm.region_code))) | verdicts.get(firm.id, {})
        policies = together(owed.get(firm.id, ()), line.get("policies", ()))
        line["policies"] = [[p.id, p.title, p.why, p.draft] for p in policies]
        line["contacts"] = [[c.name, c.title, phone_for(access, c.phone, firm.officer_id)] for c in contacts[firm.id]]
        if firm.latitude is None and firm.id in places:
            line |= {"lat": places[firm.id][0], "lon": places[firm.id][1], "seen": True}
        line |= {"plan": planned.get(firm.id), "handed": promised.get(firm.id), "other": firm.officer_id != access.user_id or None}
        line |= {"cases": cases[firm.id], "alerts": alerts[firm.id], "last": visits.get(firm.id)}
        line = {key: value for key, value in line.items() if value not in (None, [], "")}
        line["d"] = hashlib.sha256(orjson.dumps(line, option=orjson.OPT_SORT_KEYS)).hexdigest()[:DIGEST]
        made.append(line)
    return made


def _planned(session: Session, access: Access, on: date, handed: Sequence[StandIn]) -> dict[int, list[list[Any]]]:
    """Firm -> visits owed within AHEAD: [campaign, day, whom one stands in for, turn, turns]."""
    names = {s.user_id: s.user for s in handed}
    found: dict[int, list[list[Any]]] = defaultdict(list)
    for d in due(session, access, on, until=on + AHEAD, handed=handed):
        found[d.enterprise_id].append([d.campaign, d.due_on.isoformat(), names.get(d.for_officer) if d.for_officer else None, d.turn, d.turns])
    return found


def _promised(session: Session, access: Access, handed: Sequence[StandIn]) -> dict[int, list[str]]:
    """Firms of whom one stands in for with a next step due in that time -> [first day, last day, whose]."""
    found: dict[int, list[str]] = {}
    for s in (s for s in handed if s.substitute_id == access.user_id):
        query = select(Visit.enterprise_id).join(Enterprise, Enterprise.id == Visit.enterprise_id)
        for key in session.scalars(query.where(visible(access), Enterprise.officer_id == s.user_id, Visit.next_on.between(s.from_on, s.to_on))):
            found[key] = [s.from_on.isoformat(), s.to_on.isoformat(), s.user]
    return found


def _identity(firm: Enterprise, region: str, industry: str | None) -> dict[str, Any]:
    return {
        "id": firm.id, "name": firm.name, "initials": firm.initials, "uscc": firm.uscc, "region": region, "address": firm.address,
        "lat": firm.latitude, "lon": firm.longitude, "industry": industry, "products": firm.main_products,
        "status": None if firm.status == "active" else STATUSES.get(firm.status, firm.status), "pack": pack_for(firm.region_code).id,
    }  # fmt: skip


def _standing(at: Standing | None, ladder: Ladder) -> dict[str, Any]:
    """`rung`: how far up its city's ladder, of how many places, and the character that stands for the place."""
    if at is None:
        return {}
    return {
        "rung": [ladder.rank(at.place), len(ladder.places), ladder.glyph(at.place)], "level": at.alert_level, "step": ladder.steps.get(at.active_step or ""), "near": at.near_text, "near_missing": at.near_missing,
        "year": at.revenue_year, "revenue": at.revenue_last, "ytd": at.revenue_ytd, "ytd_period": at.ytd_period, "ytd_before": at.revenue_ytd_before,
        "projected": at.projected, "low": at.projected_low, "high": at.projected_high, "visited": at.last_visit_on.isoformat() if at.last_visit_on else None,
    }  # fmt: skip


def _contacts(session: Session, ids: Sequence[int]) -> dict[int, list[Contact]]:
    found: dict[int, list[Contact]] = defaultdict(list)
    query = select(Contact).where(Contact.enterprise_id.in_(ids), Contact.ended_on.is_(None))
    for contact in session.scalars(query.order_by(Contact.is_primary.desc(), Contact.id)):
        if len(found[contact.enterprise_id]) < CONTACTS:
            found[contact.enterprise_id].append(contact)
    return found


def _cases(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    query = select(Case).where(Case.enterprise_id.in_(ids), Case.state == "open")
    for case in session.scalars(query.order_by(Case.due_on.asc().nulls_last(), Case.id)):
        if len(found[case.enterprise_id]) < CASES:
            found[case.enterprise_id].append({
                "uuid": case.uuid, "title": case.title, "kind": CASE_KINDS.get(case.kind, ""), "unit": case.lead_unit,
                "due": case.due_on.isoformat() if case.due_on else None, "urgent": case.urgency == "urgent",
            })  # fmt: skip
    return found


def _alerts(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    query = select(Alert).where(Alert.enterprise_id.in_(ids), Alert.state.in_(("open", "acknowledged")))
    for alert in session.scalars(query.order_by(Alert.raised_on.desc(), Alert.id)):
        if len(found[alert.enterprise_id]) < ALERTS:
            found[alert.enterprise_id].append({"id": alert.id, "level": alert.level, "text": alert.headline, "open": alert.state == "open", "on": alert.raised_on.isoformat()})
    return found


def _last_visits(session: Session, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Each firm's latest visit: what the card reminds of and the form starts from."""
    newest = select(Visit.id, func.row_number().over(partition_by=Visit.enterprise_id, order_by=(Visit.started_at.desc(), Visit.id.desc())).label("n"))
    newest = newest.where(Visit.enterprise_id.in_(ids)).subquery()
    query = select(Visit).join(newest, newest.c.id == Visit.id).where(newest.c.n == 1).options(selectinload(Visit.people))
    return {
        v.enterprise_id: {
            "uuid": v.uuid, "on": local(v.started_at).date().isoformat(), "kind": v.kind, "place": v.place, "text": (v.summary or "")[:200] or None,
            "next": v.next_step, "next_on": v.next_on.isoformat() if v.next_on else None, "signed": v.signed_at is not None,
            "people": [[p.side, p.name, p.title, p.unit] for p in v.people],
        }
        for v in session.scalars(query)
    }  # fmt: skip


def _seen_at(session: Session, ids: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Where a firm without coordinates was visited last, by a position good enough to find it again."""
    if not ids:
        return {}
    query = select(Visit.enterprise_id, Visit.latitude, Visit.longitude).where(Visit.enterprise_id.in_(ids), Visit.kind == "onsite", Visit.latitude.is_not(None), Visit.accuracy_m <= EXACT)
    return {key: (lat, lon) for key, lat, lon in session.execute(query.order_by(Visit.started_at, Visit.id))}


def _counties(session: Session, codes: Iterable[str]) -> dict[str, str]:
    return dict(session.execute(select(Region.code, Region.name).where(Region.code.in_(sorted(codes)))).tuples().all())


def _due(session: Session, firms: Sequence[Enterprise], on: date) -> dict[int, tuple[Policy, ...]]:
    """Money each firm may claim, pack by pack."""
    by_pack: dict[Pack, list[int]] = defaultdict(list)
    for firm in firms:
        by_pack[pack_for(firm.region_code)].append(firm.id)
    return {key: found for pack, ids in by_pack.items() for key, found in claimable(session, pack, ids, on).items()}


def _verdicts(session: Session, firms: Sequence[tuple[Enterprise, Standing | None]]) -> dict[int, dict[str, Any]]:
    """Ladder and policies of each firm, by the rules that gave its verdict."""
    query = select(VerdictRow.enterprise_id, VerdictRow.as_of, VerdictRow.body, VerdictRules.pack, VerdictRules.pack_hash)
    query = query.join(VerdictRules, VerdictRules.id == VerdictRow.rules_id).where(VerdictRow.enterprise_id.in_([f.id for f, _ in firms]))
    rows = {row.enterprise_id: row for row in session.execute(query)}
    found = {}
    for firm, at in firms:
        row, pack = rows.get(firm.id), pack_for(firm.region_code)
        if row is None or row.pack != pack.id:
            continue
        if (made_by := pack if row.pack_hash == pack.hash else _former(session, row.pack_hash)) is not None:
            found[firm.id] = _said(made_by, row.as_of, row.body, at.place if at else None)
    return found


def _former(session: Session, pack_hash: str) -> Pack | None:
    """A pack as it was when it gave a verdict, read once a process."""
    if pack_hash not in _former_packs:
        _former_packs[pack_hash] = stored_pack(session, pack_hash)
    return _former_packs[pack_hash]


@lru_cache(maxsize=2000)
def _said(pack: Pack, as_of: date, body: bytes, place: str | None) -> dict[str, Any]:
    """Ten milliseconds a firm, and the same until the verdict changes: kept."""
    explanation = explain(pack, packing.unpack(pack.program(as_of), body), as_of)
    status = status_of(explanation, place, as_of)
    tests = []
    for test in status.tests:
        short = [c for c in test.criteria if c.state in ("unmet", "unknown")][:LINES]
        if not short:
            continue
        kept = [[c.label, c.state, c.required, c.actual, c.gap, c.clause] for c in short]
        tests.append({"name": test.name, "draft": test.draft, "met": sum(c.state == "met" for c in test.criteria), "lines": kept, "source": test.source})
    return {"as_of": as_of.isoformat(), "tests": tests, "policies": worth_mentioning(explanation)}
