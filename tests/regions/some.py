"""A small part of the reference tables, for tests that need divisions but not all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.core.bulk import insert_rows
from crm.regions.models import Industry, Region, Zone
from crm.regions.operations import division_rows, industry_rows, zone_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_PROVINCES = ("11", "33")
_COUNTIES = ("331", "3303", "3308", "3301")


def load_some(session: Session) -> None:
    """Divisions of our cities and their towns, every zone, the industries of 344."""
    regions = [r for r in division_rows() if r["level"] == "province" or (r["code"][:2] in _PROVINCES and (r["level"] != "county" or r["code"].startswith((*_COUNTIES, "11"))))]
    industries = [r for r in industry_rows() if r["code"] in {"C", "34"} or r["code"].startswith("344")]
    for model, rows in ((Region, regions), (Zone, zone_rows()), (Industry, industries)):
        insert_rows(session, model, {name: [row[name] for row in rows] for name in rows[0]})
