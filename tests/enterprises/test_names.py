"""Name keys and initials."""

from __future__ import annotations

import pytest

from crm.enterprises.names import initials, name_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("浙江省台州市黄岩精诚模具(集团)有限公司", "精诚模具"),
        ("浙江大元泵业股份有限公司", "大元泵业"),
        ("仙鹤股份", "仙鹤"),
        ("玉环县工星机械厂", "工星机械厂"),
        ("中捷环洲（台州）金属有限公司", "中捷环洲金属"),
        ("台州有限公司", "台州"),  # nothing would be left without the place
        ("东方机械有限公司", "东方机械"),  # 东方 is a city in 海南 and a brand here
    ],
)
def test_a_key_is_the_name_without_place_and_form(name: str, key: str) -> None:
    assert name_key(name) == key


@pytest.mark.parametrize(("name", "letters"), [("台州银轮3号有限公司", "tzyl3hyxgs"), ("乐清市重工", "yqszg"), ("ABC科技", "abckj")])
def test_initials_are_those_people_type(name: str, letters: str) -> None:
    assert initials(name) == letters
