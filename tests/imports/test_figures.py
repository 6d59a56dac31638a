"""Annual and monthly figures: units, periods, forms, suspicions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.imports.errors import MissingColumn, NoEnterpriseColumn
from crm.imports.models import ImportBatch, ImportFinding
from crm.indicators.models import Filing

from .conftest import CODES, NAMES
from .test_registrations import counts, reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

pytestmark = pytest.mark.usefixtures("firms")


def filed(session: Session) -> list[tuple[str, str, int | None]]:
    query = select(Filing.period, Filing.form, Filing.revenue).where(Filing.superseded_at.is_(None)).order_by(Filing.enterprise_id, Filing.period, Filing.form)
    return list(session.execute(query).tuples())


def test_a_figure_in_wan_is_filed_in_yuan(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2024,1999.996\n")

    assert filed(reference) == [("2024", "period", 19_999_960)]


@pytest.mark.parametrize(("unit", "yuan"), [("元", 2), ("千元", 2_000), ("万元", 20_000), ("亿元", 200_000_000)])
def test_the_unit_may_stand_above_the_table(reference: Session, bring: Callable[..., ImportBatch], unit: str, yuan: int) -> None:
    bring(f"2024年度报表,\n单位：{unit},\n统一社会信用代码,营业收入\n{CODES[0]},2\n", kind="annual")

    assert filed(reference) == [("2024", "period", yuan)]


def test_a_unit_nobody_says_is_told(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(f"统一社会信用代码,年度,营业收入\n{CODES[0]},2024,2\n")

    assert reasons(reference, batch) == [(2, "suspicious", "unit_assumed")]


def test_missing_is_not_zero(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,年度,营业收入(万元),利润总额(万元)\n{CODES[0]},2024,--,5\n{CODES[1]},2024,0,5\n")

    assert [revenue for _, _, revenue in filed(reference)] == [None, 0]


def test_month_and_running_total_make_two_filings(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"2025年9月\n单位：万元\n统一社会信用代码,营业收入,\n,本月,累计\n{CODES[0]},10,90\n", kind="monthly")

    assert filed(reference) == [("2025-09", "period", 100_000), ("2025-09", "ytd", 900_000)]


def test_months_side_by_side_make_a_filing_each_and_january_may_be_missing(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"2025年营业收入（单位：万元）\n企业名称,1月,2月,3月\n{NAMES[0]},,5,6\n", kind="monthly")

    assert filed(reference) == [("2025-02", "period", 50_000), ("2025-03", "period", 60_000)]


def test_january_and_february_together_are_a_running_total(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,报告期,营业收入(万元)\n{CODES[0]},2025年1-2月,5\n", kind="monthly")

    assert filed(reference) == [("2025-02", "ytd", 50_000)]


def test_a_correction_supersedes(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2024,1\n")

    batch = bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2024,2\n")

    assert (counts(batch), filed(reference)) == ({"rows": 1, "changed": 1}, [("2024", "period", 20_000)])


def test_the_second_import_changes_nothing(bring: Callable[..., ImportBatch]) -> None:
    text = f"统一社会信用代码,年度,营业收入(万元),用地面积\n{CODES[0]},2024,1,300\n"
    bring(text)

    assert counts(bring(text)) == {"rows": 1, "same": 1}


@pytest.mark.parametrize("name", [NAMES[1], "浙江大元泵业有限公司", "大元泵业"])
def test_a_firm_is_known_by_name_or_by_name_without_place_and_form(bring: Callable[..., ImportBatch], name: str) -> None:
    assert counts(bring(f"企业名称,年度,营业收入(万元)\n{name},2024,1\n")) == {"rows": 1, "new": 1}


def test_a_code_column_is_mapped_to_firms_by_a_person(bring: Callable[..., ImportBatch]) -> None:
    assert counts(bring("证券代码,年度,营业收入(万元)\n603757,2024,1\n", aliases={"603757": CODES[1]})) == {"rows": 1, "new": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("91110108551385082Q,2024,1", "firm_unknown"),
        ("91110108551385082X,2024,1", "uscc_check"),
        (f"{CODES[1]},去年,1", "period_unreadable"),
        (f"{CODES[1]},2024,保密", "number_unreadable"),
        (f"{CODES[1]},2024,--", "no_figures"),
        (f"{CODES[0]},2024,7", "conflicting_row"),
    ],
)
def test_a_row_that_cannot_be_filed_is_given_back(reference: Session, bring: Callable[..., ImportBatch], row: str, reason: str) -> None:
    batch = bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2024,1\n{row}\n")

    assert (reasons(reference, batch), filed(reference)) == ([(3, "rejected", reason)], [("2024", "period", 10_000)])


def test_a_row_without_a_firm_is_given_back(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(f"统一社会信用代码,年度,营业收入(万元)\n,2024,1\n{CODES[0]},2024,1\n")

    assert reasons(reference, batch) == [(2, "rejected", "firm_missing")]


def test_ten_thousand_times_last_year_is_suspected(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2023,2650\n")

    batch = bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2024,27000000\n")

    assert reasons(reference, batch) == [(2, "suspicious", "unit_suspect")]


def test_a_falling_running_total_is_suspected(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(f"统一社会信用代码,月份,累计营业收入(万元)\n{CODES[0]},2025-02,9\n{CODES[0]},2025-03,8\n", kind="monthly")

    assert reasons(reference, batch) == [(3, "suspicious", "ytd_falling")]


def test_a_month_above_its_running_total_is_suspected(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(f"2025年9月\n单位：万元\n统一社会信用代码,营业收入,\n,本月,累计\n{CODES[0]},90,10\n", kind="monthly")

    assert reasons(reference, batch) == [(5, "suspicious", "period_exceeds_ytd")]


def test_months_that_grow_like_a_running_total_are_suspected(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    rows = "".join(f"{CODES[0]},2025-0{m},{m * 100}\n" for m in range(2, 8))

    batch = bring(f"统一社会信用代码,月份,当月营业收入(万元)\n{rows}", kind="monthly")

    assert reasons(reference, batch) == [(3, "suspicious", "looks_cumulative")]


def test_a_table_without_firms_is_refused_with_what_it_has(bring: Callable[..., ImportBatch]) -> None:
    with pytest.raises(NoEnterpriseColumn) as refused:
        bring("报告日期,2024-12-31,2023-12-31\n营业收入(万元),10,9\n净利润(万元),--,1\n")

    assert "没有企业列" in refused.value.message


def test_a_table_without_figures_is_refused(bring: Callable[..., ImportBatch]) -> None:
    with pytest.raises(MissingColumn):
        bring(f"统一社会信用代码,年度,备注\n{CODES[0]},2024,好\n", kind="annual")


def test_every_finding_names_column_and_value(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,年度,营业收入(万元)\n{CODES[0]},2024,保密\n")

    assert reference.execute(select(ImportFinding.row, ImportFinding.column, ImportFinding.value)).all() == [(2, "营业收入(万元)", "保密")]


def test_a_falling_meter_is_told_in_kilowatt_hours(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(f"统一社会信用代码,月份,1-本月累计用电量(千瓦时)\n{CODES[1]},2025-08,900000\n{CODES[1]},2025-09,83724\n", kind="monthly")

    assert reference.scalars(select(ImportFinding.value).where(ImportFinding.batch_id == batch.id)).all() == ["83,724 千瓦时"]
