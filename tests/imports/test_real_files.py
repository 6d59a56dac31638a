"""Real public files, where somebody has them: read as they are, imported whole."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from crm.core.errors import CrmError
from crm.enterprises.models import Enterprise
from crm.enterprises.operations import register_enterprise
from crm.imports.operations import stage
from crm.imports.queries import findings
from crm.imports.reading.grids import read_grids
from crm.imports.reading.layout import Table, best_table
from crm.indicators.models import Filing
from crm.regions.operations import load_reference

from .conftest import AT
from .test_registrations import counts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.imports.models import ImportBatch

pytestmark = pytest.mark.shared


def read(shared: Path, name: str) -> Table:
    return best_table(read_grids((shared / "data" / "messy" / name).read_bytes()))


def cells(table: Table, head: str) -> list[str | None]:
    return table.body[f"c{next(h.index for h in table.heads if h.text == head)}"].to_list()


def test_mixed_units_side_by_side_and_stray_totals(shared: Path) -> None:
    table = read(shared, "nbs_xls/营业收入.xls")

    assert (table.sheet, [h.unit for h in table.heads[1:3]], cells(table, "指标")[0], cells(table, "指标")[-1]) == ("Sheet1", ["亿元", "%"], "2010-05", "2020-04")


def test_blank_cells_of_a_quarterly_series_stay_blank(shared: Path) -> None:
    assert cells(read(shared, "nbs_xls/ExportData (2).xls"), "GDP_累计")[:3] == [None, "186848.7", None]


def test_months_from_right_to_left_without_january(shared: Path) -> None:
    table = read(shared, "nbs_xls/工业增加值-月度数据.xls")

    assert (table.transposed, table.title, table.dropped, cells(table, "指标")[:4], cells(table, "工业增加值同比增长(%)")[2]) == (
        True, "数据库:月度数据 时间:最近36个月", 4, ["2020年4月", "2020年3月", "2020年2月", "2019年12月"], None
    )


def test_a_gbk_file_with_a_preamble_and_notes(shared: Path) -> None:
    table = read(shared, "月度数据_gbk_preamble.csv")

    assert (table.encoding, table.head_rows, cells(table, "时间")[0], cells(table, "时间")[-1], table.body.row(0)[-1]) == ("gb18030", (2, 3), "2020年2月", "2016年1月", None)


def test_periods_across_the_top_with_units_in_the_labels(shared: Path) -> None:
    table = read(shared, "netease/603337.csv")

    assert (table.transposed, table.dropped, cells(table, "每股净资产(元)")[:2], cells(table, "主营业务收入(万元)")[0]) == (True, 18, ["--", "--"], "360806")


@pytest.mark.parametrize("name", ["nbs_xls/营业收入.xls", "nbs_xls/工业增加值-月度数据.xls", "nbs_xls/ExportData (2).xls", "月度数据_gbk_preamble.csv", "netease/603337.csv"])
def test_a_table_that_names_no_firm_is_refused_with_the_reason(session: Session, shared: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(CrmError) as refused:
        stage(session, shared / "data" / "messy" / name, name, by=None, at=AT, data_dir=tmp_path)

    assert "没有企业列" in refused.value.message


@pytest.fixture
def registry(session: Session, shared: Path, bring: Callable[..., ImportBatch]) -> bytes:
    """The whole registry as CSV bytes, divisions loaded."""
    load_reference(session)
    session.commit()
    return gzip.decompress((shared / "data" / "registry" / "registry_tz_qz_ruian.csv.gz").read_bytes())


@pytest.fixture
def reference(session: Session) -> Session:
    """This file loads all divisions itself."""
    return session


def test_the_registry_imports_whole_and_the_second_time_changes_nothing(session: Session, registry: bytes, bring: Callable[..., ImportBatch]) -> None:
    first = bring(registry, kind="registrations")

    second = bring(registry, kind="registrations")

    assert (counts(first), counts(second)) == (
        {"rows": 30024, "new": 30020, "duplicate": 3, "rejected": 1}, {"rows": 30024, "same": 30020, "duplicate": 3, "rejected": 1}
    )


def test_every_rejected_merged_or_repaired_row_of_the_registry_is_explained(session: Session, registry: bytes, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(registry, kind="registrations")

    told = {severity: [(f.row, f.reason) for f in findings(session, batch.id, severity)] for severity in ("rejected", "duplicate", "repaired")}

    assert (told["rejected"], told["duplicate"], len(told["repaired"]), session.scalar(select(func.count()).select_from(Enterprise))) == (
        [(21825, "uscc_old_registration")], [(31, "same_row"), (32, "same_row"), (3372, "same_uscc_differs")], 10, 30020
    )


def test_listed_firms_figures_come_onto_firms_by_short_name(session: Session, shared: Path, bring: Callable[..., ImportBatch]) -> None:
    load_reference(session)
    for code, name, region in (("91331002MA14177796", "浙江银轮机械股份有限公司", "331023"), ("91330803MA4391500M", "仙鹤股份有限公司", "330803")):
        register_enterprise(session, {"uscc": code, "name": name, "region_code": region, "short_name": "银轮股份" if "银轮" in name else None}, by=None, at=AT)

    batch = bring((shared / "data" / "listed" / "listed_annual_tz_qz_wz_1994_2019.csv").read_bytes(), kind="annual")

    figures = session.execute(select(Filing.period, Filing.revenue).where(Filing.enterprise_id == 1, Filing.period == "2019")).all()
    assert (counts(batch)["new"], counts(batch)["rejected"], figures) == (23, 768, [("2019", 5_520_740_000)])
