"""Guess what each column is: by its words, the period and form its head names, its unit, and what its values look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crm.enterprises.uscc import normalise
from crm.imports.fields import KIND_FIELDS, Field, head_key, title_of, word_index
from crm.imports.mapping import ColumnMap, Mapping
from crm.imports.reading.cells import SCALES, without_unit
from crm.imports.reading.layout import samples
from crm.indicators.periods import Period, parse_period

if TYPE_CHECKING:
    from crm.imports.reading.layout import Head, Table

_YTD = re.compile(r"本年累计|累计数?|1[-—–~至到]本月|1[-—–~至到]\d+月|cum")
_MONTH = re.compile(r"当月数?|本月数?|当期数?|本期数?")
_YEAR = re.compile(r"当年|本年度?|全年|上年度?|(?<!\d)年度")
_BEFORE = re.compile(r"上年同期|去年同期|同期数?|上年累计|上年同月|上期")
_RATE = re.compile(r"同比|增长|增速|增幅|环比|占比|比重|每股|人均|指数|排名|序号|利润率|收益率|毛利率|净利率|负债率|利用率|周转")
_COARSE = {"city", "城市", "地市"}
_HEAD_PERIOD = re.compile(r"((?:19|20)\d{2}年?(?:度|1?\d月|0?1[-—–~至到]1?\d月|上半年|前三季度)?|\d{1,2}月|0?1[-—–~至到]\d{1,2}月)")
_DEFAULT_FORM = {"annual": "period"}
_LIKELY = 0.6
CASE_SOURCES = {"17687": "17687", "12345": "12345", "bqy": "帮企云", "qym": "企业码", "zqt": "政企通"}
FIGURES = frozenset({"money", "count", "bp", "score", "level", "kwh", "area", "energy"})


def guess_kind(table: Table) -> str:
    """Which import the heads speak for."""
    scores: dict[str, float] = {}
    keys = [head_key(h.text) for h in table.heads]
    for kind in KIND_FIELDS:
        index = word_index(kind)
        hits = {index[k].name for k in keys if k in index}
        own = {"registrations": {"registered_on", "capital", "scope", "address", "org_type", "legal_person"}, "titles": {"title", "granted_on"},
               "register": {"entered_on", "exited_on", "exit_reason"}, "cases": {"subject", "detail", "external_no"}}.get(kind, set())
        scores[kind] = len(hits) + 2.0 * len(hits & own)
    month = any(p.kind == "month" for p in _periods(table)) or any(re.search(r"月|季|quarter|累计|month", h.text) for h in table.heads)
    scores["monthly" if month else "annual"] += 1.5
    return max(scores, key=lambda kind: scores[kind])


def guess_mapping(table: Table, kind: str, file_name: str = "") -> Mapping:
    """A mapping with a confidence and a reason for every column; fields that may stand once go to the best column."""
    period = table_period(table, kind, file_name)
    context = _Context(kind, period.year if period else _title_year(table, file_name), _title_measure(table, kind, file_name))
    columns = [_column(table, head, context) for head in table.heads]
    _keep_best(columns, kind)
    form = (period.form if period else None) or _DEFAULT_FORM.get(kind) or _table_form(table, kind)
    source = {"source": _case_source(f"{file_name} {table.title} {table.sheet}")} if kind == "cases" else {}
    return Mapping(kind, tuple(columns), period=period.text if period else None, form=form, unit=table.unit, **source)


def _case_source(text: str) -> str:
    """The hotline or platform the file's name or title names."""
    return next((code for code, word in CASE_SOURCES.items() if word in text), "other")


def table_period(table: Table, kind: str, file_name: str) -> Period | None:
    """The period the title, the sheet or the file name says for the whole table."""
    if kind not in {"annual", "monthly"}:
        return None
    for text in (table.title, table.sheet, file_name):
        read = {p for found in _HEAD_PERIOD.findall(text) if (p := parse_period(found)) and (p.kind == "year") == (kind == "annual")}
        if len(read) == 1:  # "2020–2024" names no one period
            return read.pop()
    return None


def _periods(table: Table) -> list[Period]:
    return [p for h in table.heads if (p := parse_period(h.text.split("/")[-1]))]


def _table_form(table: Table, kind: str) -> str | None:
    if kind != "monthly":
        return None
    text = table.title + " ".join(h.text for h in table.heads)
    return "ytd" if _YTD.search(text) and not _MONTH.search(text) else "period" if _MONTH.search(text) and not _YTD.search(text) else None


@dataclass(frozen=True, slots=True)
class _Context:
    """What the title says about every column: the year its months are of, the one figure the table is about."""

    kind: str
    year: int | None
    measure: Field | None


def _title_year(table: Table, file_name: str) -> int | None:
    years = {int(y) for text in (table.title, table.sheet, file_name) for y in re.findall(r"((?:19|20)\d{2})年", text)}
    return years.pop() if len(years) == 1 else None


def _title_measure(table: Table, kind: str, file_name: str) -> Field | None:
    text = head_key(f"{table.title} {table.sheet} {Path(file_name).stem}")
    named = [(word, field) for word, field in word_index(kind).items() if field.shape in FIGURES and len(word) >= 3 and word in text]
    return max(named, key=lambda pair: len(pair[0]))[1] if named else None


def _column(table: Table, head: Head, context: _Context) -> ColumnMap:
    kind = context.kind
    text, shown = without_unit(head.text), samples(table, head.index)
    blank = ColumnMap(head.index, head.text, unit=head.unit, samples=shown)
    form = "ytd" if _YTD.search(text.lower()) else "period" if _MONTH.search(text) else None
    period, rest = _head_period(text, context)
    if kind in {"annual", "monthly"} and (_BEFORE.search(text) or _RATE.search(text)):
        return ColumnMap(head.index, head.text, unit=head.unit, samples=shown, confidence=90, why="同期数或比率，默认不导入")
    field, confidence, why = _by_words(text, rest, kind)
    if field is None and period and context.measure and not head_key(_plain(rest)):
        field, confidence, why = context.measure, 75, f"标题写着“{context.measure.label}”，这一列是其中一期，请核对"
    if field is None:
        field, confidence, why = _by_values(shown, kind)
    if field is None:
        return blank
    if field.name == "region" and text.lower() in _COARSE:
        confidence = 85  # a column of counties says more
    if field.shape not in FIGURES:
        return ColumnMap(head.index, head.text, field.name, head.unit, None, None, confidence, why, shown)
    if head.unit and head.unit not in SCALES:
        return ColumnMap(head.index, head.text, None, head.unit, None, None, 60, f"不认识单位“{head.unit}”，默认不导入", shown)
    return ColumnMap(head.index, head.text, field.name, head.unit, period.text if period else None, (period.form if period else None) or form, confidence, why, shown)


def _head_period(text: str, context: _Context) -> tuple[Period | None, str]:
    """A period inside a head ('2023年营业收入', '营业收入/9月') and the head without it."""
    for found in sorted(_HEAD_PERIOD.findall(text), key=len, reverse=True):
        period = parse_period(found, context.year)
        if period and (period.kind == "year") == (context.kind == "annual"):
            return period, text.replace(found, "", 1)
    return None, text


def _by_words(text: str, rest: str, kind: str) -> tuple[Field | None, int, str]:
    index = word_index(kind)
    for candidate, confidence in ((text, 98), (rest, 95), (_plain(rest), 92), (_plain(rest.split("/", maxsplit=1)[0]), 90), (_plain(rest.rsplit("/", maxsplit=1)[-1]), 90)):
        if field := index.get(head_key(candidate)):
            return field, confidence, f"列名“{text}”就是{field.label}"
    key = head_key(_plain(rest))
    inside = [(word, field) for word, field in index.items() if len(word) >= 3 and word in key]
    if not inside:
        return None, 0, ""
    word, field = max(inside, key=lambda pair: len(pair[0]))
    return field, 50 + round(40 * len(word) / len(key)), f"列名里有“{word}”，请核对"


def _plain(text: str) -> str:
    """A head without the words for form and year."""
    bare = _YEAR.sub("", _MONTH.sub("", _YTD.sub("", text.lower())))
    return re.sub(r"[(（][^()（）]*[)）]$", "", bare).strip("/_ ")


def _by_values(shown: tuple[str, ...], kind: str) -> tuple[Field | None, int, str]:
    index = {f.name: f for f in KIND_FIELDS[kind]}
    tests = (
        ("uscc", lambda t: bool(re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{18}", normalise(t))), "值都是 18 位信用代码"),
        ("name", lambda t: bool(re.search(r"(公司|厂|合作社|企业|中心|店|集团)([(（].*[)）])?$", t)), "值像企业名称"),
        ("title", lambda t: title_of(t) is not None, "值像称号"),
    )
    for name, test, why in tests:
        if name in index and shown and sum(map(test, shown)) >= _LIKELY * len(shown):
            return index[name], 80, why
    return None, 0, ""


def _keep_best(columns: list[ColumnMap], kind: str) -> None:
    """Two columns for one field (and period, form): the surer keeps it, the other is left for the person."""
    best: dict[tuple[str | None, ...], int] = {}
    for i, column in enumerate(columns):
        if column.field is None:
            continue
        key = (column.field, column.period, column.form)
        j = best.get(key)
        if j is None or columns[j].confidence < column.confidence:
            best[key] = i
    for i, c in enumerate(columns):
        if c.field is not None and best[c.field, c.period, c.form] != i:
            columns[i] = ColumnMap(c.index, c.head, None, c.unit, None, None, 40, f"已有别的列对应{_label(kind, c.field)}，请核对", c.samples)


def _label(kind: str, name: str) -> str:
    return next(f.label for f in KIND_FIELDS[kind] if f.name == name)
