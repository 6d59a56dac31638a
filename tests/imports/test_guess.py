"""What columns are taken for."""

from __future__ import annotations

import pytest

from crm.core.errors import Invalid
from crm.imports.guess import guess_kind, guess_mapping
from crm.imports.mapping import Mapping

from .test_reading import table

MONTHLY = "2025年1-9月规上企业快报\n单位：千元\n单位详细名称,统一社会信用代码,营业收入,,用电量(万千瓦时)\n,,本月,累计,本月\n甲厂,91331081MA17066936,1,2,3\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("企业名称,统一社会信用代码,成立日期,注册资本,住所\n甲,1,2,3,4\n", "registrations"),
        ("企业名称,年度,营业收入\n甲,2024,1\n", "annual"),
        (MONTHLY, "monthly"),
        ("企业名称,称号,认定日期\n甲,高企,2024-01-01\n", "titles"),
        ("企业名称,入库时间,退库时间\n甲,2024-01-01,\n", "register"),
    ],
)
def test_the_heads_tell_the_kind(text: str, kind: str) -> None:
    assert guess_kind(table(text)) == kind


def test_month_and_running_total_under_one_head_are_told_apart() -> None:
    mapping = guess_mapping(table(MONTHLY), "monthly")

    assert [(c.field, c.unit, c.form) for c in mapping.columns] == [
        ("name", None, None), ("uscc", None, None), ("revenue", None, "period"), ("revenue", None, "ytd"), ("electricity", "万千瓦时", "period")
    ]


def test_the_title_says_period_and_unit() -> None:
    mapping = guess_mapping(table(MONTHLY), "monthly")

    assert (mapping.period, mapping.form, mapping.unit) == ("2025-09", "ytd", "千元")


def test_years_in_the_heads_become_periods() -> None:
    mapping = guess_mapping(table("企业名称,2023年营业收入(万元),2024年营业收入(万元)\n甲,1,2\n"), "annual")

    assert [(c.field, c.period) for c in mapping.columns[1:]] == [("revenue", "2023"), ("revenue", "2024")]


def test_months_side_by_side_are_the_figure_the_title_names() -> None:
    mapping = guess_mapping(table("2025年规上企业营业收入（当月）\n单位：万元\n企业名称,1月,2月,3月\n甲,1,2,3\n"), "monthly")

    assert [(c.field, c.period) for c in mapping.columns[1:]] == [("revenue", "2025-01"), ("revenue", "2025-02"), ("revenue", "2025-03")]


@pytest.mark.parametrize("head", ["营业收入同比增长(%)", "上年同期营业收入", "营业收入占比", "净资产收益率"])
def test_a_rate_or_last_years_figure_is_not_taken_for_this_years(head: str) -> None:
    mapping = guess_mapping(table(f"企业名称,营业收入,净资产,{head}\n甲,1,2,3\n"), "annual")

    assert mapping.columns[3].field is None


def test_codes_are_known_by_their_look() -> None:
    mapping = guess_mapping(table("甲列,乙列\n91331081MA17066936,1\n91331002MA14177796,2\n"), "annual")

    assert mapping.columns[0].field == "uscc"


def test_what_a_person_says_overrules_the_guess() -> None:
    mapping = guess_mapping(table("企业名称,收入\n甲,1\n"), "annual").merge({"columns": {"收入": {"field": "revenue_main", "unit": "亿元"}}, "period": "2024"})

    assert (mapping.columns[1].field, mapping.columns[1].unit, mapping.period) == ("revenue_main", "亿元", "2024")


def test_a_head_the_file_lacks_is_refused() -> None:
    with pytest.raises(Invalid):
        guess_mapping(table("企业名称,收入\n甲,1\n"), "annual").merge({"columns": {"利润": "profit_total"}})


def test_a_mapping_comes_back_from_its_stored_form() -> None:
    mapping = guess_mapping(table(MONTHLY), "monthly")

    assert Mapping.from_json(mapping.to_json()) == mapping
