"""Files as offices circulate them: encodings, preambles, two-row heads, units, notes, turned tables."""

from __future__ import annotations

import io

import polars as pl
import pytest
import xlsxwriter

from crm.imports.errors import UnreadableFile
from crm.imports.reading.cells import capital, clean, dates, integers, table_unit, unit_of
from crm.imports.reading.grids import read_grids
from crm.imports.reading.layout import Table, best_table


def table(text: str | bytes) -> Table:
    return best_table(read_grids(text if isinstance(text, bytes) else text.encode()))


def column(table_: Table, head: str) -> list[str | None]:
    index = next(h.index for h in table_.heads if h.text == head)
    return table_.body[f"c{index}"].to_list()


def workbook(rows: list[list[object]], merges: tuple[tuple[int, int, int, int, str], ...] = ()) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet("Sheet1")
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell is not None:
                    sheet.write(r, c, cell)
        for merge in merges:
            sheet.merge_range(*merge)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_is_read_in_any_usual_encoding(encoding: str) -> None:
    assert column(table("企业名称,营业收入\n甲厂,1\n乙厂,2\n".encode(encoding)), "企业名称") == ["甲厂", "乙厂"]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_the_separator_is_found(mark: str) -> None:
    assert [h.text for h in table(f"企业名称{mark}营业收入\n甲厂{mark}1\n").heads] == ["企业名称", "营业收入"]


def test_a_preamble_is_no_head_and_its_unit_holds_for_the_table() -> None:
    read = table("2024年规上工业企业主要指标\n单位：万元\n企业名称,营业收入,利润总额\n甲厂,1,2\n")

    assert (read.unit, [h.text for h in read.heads], read.body.height) == ("万元", ["企业名称", "营业收入", "利润总额"], 1)


def test_notes_and_totals_at_the_foot_are_left_out() -> None:
    read = table("企业名称,营业收入\n甲厂,1\n乙厂,2\n合计,3\n注：1.数据为快报\n　　2.口径同上\n数据来源：某局\n")

    assert (column(read, "企业名称"), read.dropped) == (["甲厂", "乙厂"], 4)


def test_a_stray_total_under_an_empty_first_cell_is_left_out() -> None:
    assert column(table("企业名称,营业收入\n甲厂,1\n乙厂,2\n,3\n"), "营业收入") == ["1", "2"]


def test_a_two_row_head_is_joined_over_merged_cells() -> None:
    rows = [["企业名称", "营业收入", None, "利润总额", None], [None, "本月", "累计", "本月", "累计"], ["甲厂", 1, 2, 3, 4]]

    read = table(workbook(rows, ((0, 1, 0, 2, "营业收入"), (0, 3, 0, 4, "利润总额"))))

    assert [h.text for h in read.heads] == ["企业名称", "营业收入/本月", "营业收入/累计", "利润总额/本月", "利润总额/累计"]


def test_a_two_row_head_is_joined_in_a_csv_too() -> None:
    read = table("企业名称,营业收入,,利润总额,\n,本月,累计,本月,累计\n甲厂,1,2,3,4\n")

    assert [h.text for h in read.heads] == ["企业名称", "营业收入/本月", "营业收入/累计", "利润总额/本月", "利润总额/累计"]


def test_a_row_of_units_belongs_to_the_head() -> None:
    read = table("指标,营业收入,从业人员\n单位,亿元,人\n2024-01,1,2\n2024-02,3,4\n")

    assert ([h.unit for h in read.heads], read.body.height) == ([None, "亿元", "人"], 2)


def test_a_turned_table_is_turned_back() -> None:
    read = table("报告日期,2024-12-31,2023-12-31\n营业收入(万元),10,9\n净利润(万元),--,1\n")

    assert (read.transposed, [h.text for h in read.heads], read.body.rows()) == (
        True, ["报告日期", "营业收入(万元)", "净利润(万元)"], [(2, "2024-12-31", "10", "--"), (3, "2023-12-31", "9", "1")]
    )


def test_firms_with_months_side_by_side_are_not_turned() -> None:
    assert table("企业名称,1月,2月,3月\n甲厂,1,2,3\n乙厂,1,2,3\n").transposed is False


def test_blank_trailing_columns_are_dropped() -> None:
    assert [h.text for h in table("企业名称,营业收入,,\n甲厂,1,,\n").heads] == ["企业名称", "营业收入"]


def test_rows_keep_their_number_in_the_file() -> None:
    assert table("标题\n\n企业名称,营业收入\n甲厂,1\n\n乙厂,2\n").body["row"].to_list() == [4, 6]


def test_a_line_end_inside_quotes_is_part_of_the_cell() -> None:
    assert column(table('企业名称,地址\n甲厂,"一号\n二号"\n乙厂,三号\n'), "地址") == ["一号\n二号", "三号"]


def test_numbers_of_a_workbook_keep_their_digits() -> None:
    assert column(table(workbook([["企业名称", "营业收入"], ["甲厂", 12345678.9], ["乙厂", 20000000]])), "营业收入") == ["12345678.9", "20000000"]


@pytest.mark.parametrize("data", [b"", b"  \n", b"PK\x03\x04garbage", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1garbage", b"<html><table></table></html>", b"\x89PNG\r\n\x1a\n\0\0\0"])
def test_what_is_no_table_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        table(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.5", 12_345_000), ("１２３．５", 1_235_000), ("(12)", -120_000), ("3.2万", 32_000), ("1.5亿元", 150_000_000), ("0", 0), ("1999.996", 19_999_960),
     ("--", None), ("", None), ("/", None), ("abc", None), ("1.2.3", None)],
)
def test_a_number_in_wan_becomes_whole_yuan(text: str, value: int | None) -> None:
    assert pl.DataFrame({"a": [text]}).select(integers(clean("a"), 10_000)).item() == value


@pytest.mark.parametrize(
    ("text", "yuan"),
    [("588万人民币", 5_880_000), ("50(万元人民币)", 500_000), ("2,216(万)", 22_160_000), ("100万元人民币", 1_000_000), ("10万人民币元", 100_000), ("30(万美元)", None), ("N/A", None)],
)
def test_capital_in_seven_spellings(text: str, yuan: int | None) -> None:
    assert pl.DataFrame({"a": [text]}).select(capital(clean("a"))[0]).item() == yuan


@pytest.mark.parametrize("text", ["2024-3-1", "2024/03/01", "2024.3.1", "2024年3月1日", "20240301", "2024-03-01 00:00:00", "45352"])
def test_a_day_in_many_forms(text: str) -> None:
    assert str(pl.DataFrame({"a": [text]}).select(dates(clean("a"))).item()) == "2024-03-01"


@pytest.mark.parametrize(("head", "unit"), [("营业收入(万元)", "万元"), ("主营收入，千元", "千元"), ("利润（单位：元）", "元"), ("revenue_wan", "万元"), ("资产总额", None)])
def test_a_head_names_its_unit(head: str, unit: str | None) -> None:
    assert unit_of(head) == unit


def test_a_line_names_the_unit_of_the_table() -> None:
    assert table_unit("编制单位：某局  金额单位：人民币千元") == "千元"
