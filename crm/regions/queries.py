"""Reads about divisions and industries: names for codes, children, the path from province to town."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.regions.models import Industry, Region
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session


def region_names(session: Session, codes: Iterable[str]) -> dict[str, str]:
    """Names of many divisions in one query."""
    wanted = sorted(set(codes))
    return dict(session.execute(select(Region.code, Region.name).where(Region.code.in_(wanted))).tuples().all()) if wanted else {}


def region_path(session: Session, code: str) -> list[Region]:
    """From the province down to `code`: 浙江省, 台州市, 温岭市, 泽国镇."""
    codes = [code[:2] + "0000", code[:4] + "00", code[:6], code[:9]]
    return list(session.scalars(select(Region).where(Region.code.in_(codes)).order_by(Region.code)))


def regions_below(session: Session, code: str, *levels: str) -> list[Region]:
    """Divisions in force at or below `code`, of the given levels (all when none are given)."""
    low, high = prefix_range(code)
    query = select(Region).where(Region.code >= low, Region.code < high, Region.valid_to.is_(None), Region.is_virtual.is_(False))
    if levels:
        query = query.where(Region.level.in_(levels))
    return list(session.scalars(query.order_by(Region.code)))


def industry_path(session: Session, code: str) -> list[Industry]:
    """From the section down to `code`: C 制造业, 34, 344, 3441."""
    node = session.get(Industry, code)
    if node is None:
        return []
    codes = {node.section, *(code[:size] for size in (2, 3, 4) if size <= len(code))}
    return list(session.scalars(select(Industry).where(Industry.code.in_(codes)).order_by(Industry.level)))
