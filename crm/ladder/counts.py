"""Counts by region so that no page counts a table: rewritten from the standings by evaluation, read by sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import Text, cast, delete, func, select, update

from crm.core.bulk import insert_rows
from crm.core.frames import fetch_frame
from crm.enterprises.models import Enterprise
from crm.ladder.models import Standing, StandingCount
from crm.regions.scope import covers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

NATION = "000000"
SCALARS = {
    "place": pl.col("place"),
    "tier": pl.col("tier"),
    "step": pl.col("active_step"),
    "group": pl.col("active_step") + "|" + pl.col("board_group").fill_null(""),
    "near": pl.when(pl.col("near_missing") <= 3).then(pl.col("near_missing").cast(pl.String)),
    "alert": pl.col("alert_level"),
    "register": pl.when(pl.col("in_register")).then(pl.lit("in")).when(pl.col("should_register")).then(pl.lit("should")).otherwise(pl.lit("out")),
    "size": pl.col("size_class"),
    "all": pl.lit("all"),
}
"""Dimension -> its value in a standing row. `near` holds how many criteria short, one to three."""
LISTS = {"pool": "pools", "title": "titles"}


def levels(region_code: str) -> list[str]:
    """A code and those above it: '331081100' -> ['330000', '331000', '331081', '331081100']."""
    found = [region_code[:2] + "0000", region_code[:4] + "00", region_code[:6], region_code[:9]]
    return list(dict.fromkeys(found))


def rebuild_counts(session: Session, at: datetime) -> int:
    """Write all counts anew from the standings; returns the rows written."""
    names = ["region_code", "place", "tier", "active_step", "board_group", "near_missing", "alert_level", "in_register", "should_register", "size_class", "pools", "titles"]
    columns = [cast(getattr(Standing, name), Text).label(name) if name in LISTS.values() else getattr(Standing, name) for name in names]
    query = select(Enterprise.zone_code, *columns).join(Enterprise, Enterprise.id == Standing.enterprise_id)
    kinds = {"zone_code": pl.String, **dict.fromkeys(names, pl.String), "near_missing": pl.Int64, "in_register": pl.Boolean, "should_register": pl.Boolean}
    frame = fetch_frame(session, query.where(Enterprise.deleted_at.is_(None)), kinds)
    counted = _count(frame.with_columns(pl.col(name).str.extract_all(r'[^"\[\], ]+') for name in LISTS.values()))
    session.execute(delete(StandingCount))
    return insert_rows(session, StandingCount, {**{n: counted[n].to_list() for n in counted.columns}, "counted_at": [at] * counted.height})


def _count(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per (region, dimension, value): every level of the divisions, and the zones beside them."""
    code = pl.col("region_code")
    places = pl.concat_list(code.str.head(2) + "0000", code.str.head(4) + "00", code.str.head(6), code.str.head(9), pl.col("zone_code")).list.unique().list.drop_nulls()
    parts = [frame.select("region_code", "zone_code", value=value) for value in SCALARS.values()]
    parts += [frame.select("region_code", "zone_code", value=pl.col(column)).explode("value") for column in LISTS.values()]
    named = [part.with_columns(dimension=pl.lit(name)) for part, name in zip(parts, [*SCALARS, *LISTS], strict=True)]
    small = pl.concat(named).drop_nulls("value").group_by("region_code", "zone_code", "dimension", "value").len("n")
    spread = small.with_columns(region_code=places).explode("region_code")
    return spread.group_by("region_code", "dimension", "value").agg(count=pl.col("n").sum()).sort("region_code", "dimension", "value")


def counts(session: Session, access: Access, dimension: str, region_code: str | None = None) -> dict[str, int]:
    """Value -> firms, summed over the user's jurisdiction, or one region inside it. Empty when there is nothing to see."""
    codes = [region_code] if region_code and access.covers(region_code) else [] if region_code else _disjoint(access)
    query = select(StandingCount.value, func.sum(StandingCount.count)).where(StandingCount.region_code.in_(codes), StandingCount.dimension == dimension)
    return {value: int(count) for value, count in session.execute(query.group_by(StandingCount.value))}


def tallies(session: Session, access: Access, dimensions: Iterable[str], region_code: str | None = None) -> dict[str, dict[str, int]]:
    """Several dimensions of `counts` in one query: dimension -> value -> firms."""
    codes = [region_code] if region_code and access.covers(region_code) else [] if region_code else _disjoint(access)
    wanted = list(dimensions)
    query = select(StandingCount.dimension, StandingCount.value, func.sum(StandingCount.count))
    query = query.where(StandingCount.region_code.in_(codes), StandingCount.dimension.in_(wanted))
    found: dict[str, dict[str, int]] = {name: {} for name in wanted}
    for name, value, count in session.execute(query.group_by(StandingCount.dimension, StandingCount.value)):
        found[name][value] = int(count)
    return found


def counts_by_region(session: Session, access: Access, dimension: str, codes: list[str]) -> dict[str, dict[str, int]]:
    """Region -> value -> firms, for those of `codes` the user may see. One query."""
    allowed = [code for code in codes if access.covers(code)]
    query = select(StandingCount).where(StandingCount.region_code.in_(allowed), StandingCount.dimension == dimension)
    found: dict[str, dict[str, int]] = {code: {} for code in allowed}
    for row in session.scalars(query):
        found[row.region_code][row.value] = row.count
    return found


def _disjoint(access: Access) -> list[str]:
    """The jurisdiction without codes that lie under another of its codes; zones count only beside divisions."""
    regions = [code for code in access.regions if not covers([other for other in access.regions if other != code], code)]
    return [*regions, *(zone for zone in access.zones if not covers(regions, zone))]


def shift_place(session: Session, region_code: str, before: str, after: str) -> None:
    """One firm changed its place: correct the counts above it without recounting."""
    for value, by in ((before, -1), (after, 1)):
        where = (StandingCount.region_code.in_(levels(region_code)), StandingCount.dimension == "place", StandingCount.value == value)
        session.execute(update(StandingCount).where(*where).values(count=StandingCount.count + by))
