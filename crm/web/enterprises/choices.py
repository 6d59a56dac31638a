"""What the forms and filters offer: towns, zones and officers of the user's jurisdiction."""

from __future__ import annotations

from itertools import groupby

from sqlalchemy import select

from crm.regions.models import Industry, Region, Zone
from crm.security.models import User, UserRegion
from crm.web.page import access, db

MOST_TOWNS = 700
"""A province's officer chooses a county; towns are offered up to this many divisions."""

Grouped = list[tuple[str, list[tuple[str, str]]]]


def places() -> list[Region]:
    """Counties and towns of the jurisdiction that are in force, parents first; one query."""
    who = access()
    wanted = select(Region).where(
        who.within(Region.code), Region.level.in_(("city", "county", "town")), Region.valid_to.is_(None), Region.is_virtual.is_(False)
    )
    found = list(db().scalars(wanted.order_by(Region.code).limit(MOST_TOWNS + 1)))
    if len(found) > MOST_TOWNS:
        found = list(db().scalars(wanted.where(Region.level != "town").order_by(Region.code)))
    return found


def counties() -> list[Region]:
    """The divisions a manager compares: counties of the jurisdiction, or the towns of a county; one query."""
    found = [r for r in places() if r.level != "city"]
    wide = [r for r in found if r.level == "county"]
    return wide if len(wide) > 1 else found


def grouped(regions: list[Region]) -> Grouped:
    """Select options: a county, then its towns, under the county's name. A town's officer has only the town."""
    names = {r.code: r.name for r in regions}
    rest = [r for r in regions if r.level != "city"]
    groups = []
    for county, members in groupby(rest, key=lambda r: r.code[:6]):
        options = [(r.code, r.name if r.level == "town" else f"{r.name}（乡镇待定）") for r in members]
        groups.append((names.get(county, "乡镇、街道"), options))
    return groups


def zones() -> list[tuple[str, str]]:
    """Zones whose division lies in the jurisdiction, or that are the jurisdiction."""
    who = access()
    mine = select(Zone.code, Zone.name).where(who.within(Zone.parent_code, Zone.code)).order_by(Zone.code)
    return [(code, name) for code, name in db().execute(mine)]


def officers() -> list[tuple[int, str]]:
    """Active users whose jurisdiction overlaps this one's from within: who a firm may be given to."""
    who = access()
    query = (
        select(User.id, User.first_name, User.last_name)
        .join(UserRegion, UserRegion.user_id == User.id)
        .where(User.active.is_(True), User.roles.any(name="officer"), who.within(UserRegion.code, UserRegion.code))
        .distinct()
        .order_by(User.first_name, User.id)
    )
    return [(row.id, f"{row.first_name} {row.last_name}".strip()) for row in db().execute(query)]


def industry_names(codes: set[str]) -> dict[str, str]:
    """Names of industries by code; one query."""
    return dict(db().execute(select(Industry.code, Industry.name).where(Industry.code.in_(codes))).tuples().all()) if codes else {}
