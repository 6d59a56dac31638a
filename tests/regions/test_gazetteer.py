"""Addresses as registries write them, and the division they lie in."""

from __future__ import annotations

import pytest

from crm.regions.gazetteer import Gazetteer, Place
from crm.regions.operations import division_rows, zone_rows


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    rows = [(r["code"], r["name"], r["level"], r["successor_code"], r["is_virtual"]) for r in division_rows()]
    return Gazetteer(rows, [(r["code"], r["name"]) for r in zone_rows()])


@pytest.mark.parametrize(
    ("address", "within", "code"),
    [
        ("浙江省台州市温岭市泽国镇牧屿育英工业区内", None, "331081100"),
        ("台州市黄岩东城红四开发区", None, "331003001"),
        ("温岭市城北街道北新北路116号", None, "331081004"),
        ("玉环县坎门", None, "331083002"),  # retired county name
        ("台州市市府大道157号", None, "331000"),  # no county said
        ("塘下镇赵宅村工业区", "330300", "330381101"),  # only the city is known
        ("白云街道1号", "331000", "331002002"),  # 白云街道 of the hinted city
        ("浙江省浙江龙游工业园区茂盛路", None, "330825"),  # province said twice
        ("平阳县水头镇江山东路255号", "330800", "330326102"),  # the text contradicts the hint; a road is no city
        ("浙江省台州市 路桥区　峰江街道", None, "331004006"),
        ("莘塍镇东新工业区", "330381", "330381007"),  # a 镇 that became a 街道
        ("北京市朝阳区建国路", None, "110105"),
    ],
)
def test_an_address_is_read_to_the_deepest_division_it_names(gazetteer: Gazetteer, address: str, within: str | None, code: str) -> None:
    assert gazetteer.locate(address, within).code == code


def test_a_town_name_two_counties_share_is_not_guessed(gazetteer: Gazetteer) -> None:
    assert gazetteer.locate("石梁镇大街1号", None) == Place(None, "")


@pytest.mark.parametrize("address", [None, "", "第三车间", "安阳路12号东门"])
def test_an_address_without_a_division_stays_open(gazetteer: Gazetteer, address: str | None) -> None:
    assert gazetteer.locate(address, "330300").code is None


@pytest.mark.parametrize(("text", "code"), [("台州", "331000"), ("温岭市", "331081"), ("331081", "331081"), ("331081100000", "331081100"), ("市辖区", None), ("999999", None)])
def test_a_division_written_by_itself(gazetteer: Gazetteer, text: str, code: str | None) -> None:
    assert gazetteer.by_name(text) == code


def test_a_zone_is_found_inside_an_address(gazetteer: Gazetteer) -> None:
    assert gazetteer.zone("浙江省台州市台州湾新区聚祥路1号") == "331000-F01"
