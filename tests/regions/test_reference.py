"""Reference tables: counts, parents, successors, loading twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from crm.regions.models import Industry, Region, Zone
from crm.regions.operations import division_rows, industry_rows, load_reference
from crm.regions.queries import industry_path, region_path, regions_below

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def test_industries_count_as_the_standard_does() -> None:
    levels = [row["level"] for row in industry_rows()]

    assert [levels.count(n) for n in (1, 2, 3, 4)] == [20, 97, 473, 1382]


def test_every_industry_has_its_parent_in_the_table() -> None:
    rows = industry_rows()
    codes = {row["code"] for row in rows}

    assert [row["code"] for row in rows if row["parent_code"] is not None and row["parent_code"] not in codes] == []


def test_every_division_comes_after_its_parent() -> None:
    seen: set[str | None] = {None}

    orphans = [row["code"] for row in division_rows() if row["parent_code"] not in seen or seen.add(row["code"])]

    assert orphans == []


def test_taizhou_has_nine_counties_in_force(session: Session) -> None:
    load_reference(session)

    names = [region.name for region in regions_below(session, "331000", "county")]

    assert names == ["椒江区", "黄岩区", "路桥区", "三门县", "天台县", "仙居县", "温岭市", "临海市", "玉环市"]


def test_a_retired_code_names_its_successor(session: Session) -> None:
    load_reference(session)

    assert session.get(Region, "331021").successor_code == "331083"


def test_loading_twice_writes_nothing(session: Session) -> None:
    load_reference(session)

    again = load_reference(session)

    assert (again.regions, again.zones, again.industries) == (0, 0, 0)


def test_a_zone_the_bureau_renamed_keeps_its_name(session: Session) -> None:
    load_reference(session)
    session.get(Zone, "331000-F01").name = "台州湾新区（改）"
    session.flush()

    load_reference(session)

    assert session.get(Zone, "331000-F01").name == "台州湾新区（改）"


def test_a_corrected_industry_name_is_brought_back(session: Session) -> None:
    load_reference(session)
    session.get(Industry, "3441").name = "错"
    session.flush()

    load_reference(session)

    assert session.scalar(select(Industry.name).where(Industry.code == "3441")) == "泵及真空设备制造"


def test_the_path_of_a_town_runs_from_the_province(session: Session) -> None:
    load_reference(session)

    assert [r.name for r in region_path(session, "331081100")] == ["浙江省", "台州市", "温岭市", "泽国镇"]


def test_the_path_of_a_class_begins_with_its_section(session: Session) -> None:
    load_reference(session)

    assert [n.code for n in industry_path(session, "3441")] == ["C", "34", "344", "3441"]


def test_towns_of_the_three_cities_are_there(session: Session) -> None:
    load_reference(session)

    assert session.scalar(select(func.count()).select_from(Region).where(Region.level == "town")) == 427
