"""Cells to values, whole columns at a time: numbers with units to integers, dates in their many spellings, capital."""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from crm.core.money import UNITS as MONEY

MISSING = frozenset({
    "", "-", "--", "---", "—", "——", "－", "/", "\\", "n/a", "na", "#n/a", "null", "none", "nan", "无", "空", "未报", "未填报", "暂无", "不详", "未知", "…",
    "...", "*", "**", "#div/0!", "#value!", "#ref!",
})
"""What people write for "no figure". Missing is never zero; a zero is written as one."""
SCALES: dict[str, int] = {
    **MONEY, "百元": 100, "人": 1, "户": 1, "家": 1, "个": 1, "项": 1, "件": 1, "年": 1, "级": 10, "分": 100, "%": 100, "‰": 10,
    "千瓦时": 1, "度": 1, "kwh": 1, "万千瓦时": 10_000, "万度": 10_000, "平方米": 1, "㎡": 1, "亩": 0, "吨标煤": 1000, "千克标煤": 1,
}
"""Unit as written -> factor to the measure's own unit (元, 人, kWh, bp, 分×100, 级×10, kgce). 0: not convertible exactly."""
FULL = "０１２３４５６７８９．，－＋（）％：／　"
HALF = "0123456789.,-+()%:/ "
"""Full-width signs and what they become, for whole columns; the same as NFKC for what offices type."""
_UNIT = re.compile(
    r"[(\[（【,，/_:：]\s*(?:单位\s*[:：]?\s*)?(元|百元|千元|万元|百万元|亿元|人|户|家|个|项|件|年|级|分|%|‰|千瓦时|万千瓦时|度|万度|kwh|平方米|㎡|亩|吨标煤|千克标煤)"
    r"(?:人民币)?\s*[)\]）】]?\s*$",
    re.IGNORECASE,
)
_TABLE_UNIT = re.compile(r"(?:金额)?(?:计量)?单位\s*[:：]\s*(?:人民币)?\s*(元|百元|千元|万元|百万元|亿元)")


def unit_of(head: str) -> str | None:
    """The unit a head names: '营业收入(万元)', '主营收入，千元', '利润（单位：元）', 'revenue_wan'."""
    text = fold_cell(head)
    if found := _UNIT.search(text):
        return found[1].lower()
    for ending, unit in (("_wan", "万元"), ("_million_yuan", "百万元"), ("_yi", "亿元"), ("_yuan", "元"), ("_pct", "%")):
        if text.lower().endswith(ending):
            return unit
    return None


def without_unit(head: str) -> str:
    """The head without the unit it names."""
    text = _UNIT.sub("", fold_cell(head))
    return re.sub(r"_(wan|million_yuan|yi|yuan|pct)$", "", text, flags=re.IGNORECASE).strip()


def table_unit(text: str) -> str | None:
    """A unit said for the whole table: '单位：万元'."""
    found = _TABLE_UNIT.search(fold_cell(text))
    return found[1] if found else None


def fold_cell(text: str) -> str:
    """Half width, without surrounding blanks or line ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def clean(column: str) -> pl.Expr:
    """Text of a column: half-width digits and marks, no blanks around, a defusing apostrophe taken off; missing is null."""
    text = pl.col(column).str.replace_many(list(FULL), list(HALF)).str.strip_chars(" \t\r\n\u3000\u00a0\ufeff").str.strip_prefix("'")
    return pl.when(text.str.to_lowercase().is_in(list(MISSING))).then(None).otherwise(text)


def integers(text: pl.Expr, scale: int) -> pl.Expr:
    """Exact integers in the measure's unit, the nearest one; null where it is no number. Takes 1,234.5, (12), +3, 5%, 3.2万, 1.5亿元."""
    bare = text.str.replace_all(r"[,\s¥￥]", "").str.replace(r"^\((.+)\)$", "-$1").str.replace(r"^[+]", "")
    tail = bare.str.extract(r"(亿|万|千)?元?[%人户家个项]?$", 1)
    factor = tail.replace_strict({"亿": 100_000_000, "万": 10_000, "千": 1_000}, default=0, return_dtype=pl.Int64)
    number = bare.str.replace(r"(亿|万|千)?元?[%人户家个项]?$", "").str.replace(r"\.$", "")
    value = pl.when(number.str.contains(r"^-?\d{1,16}(\.\d+)?$")).then(number).str.slice(0, 28).cast(pl.Decimal(38, 9), strict=False)
    exact = value * pl.when(factor > 0).then(factor).otherwise(scale).cast(pl.Decimal(20, 0))
    rough = pl.when(number.str.contains(r"^-?\d+(\.\d+)?[eE][+-]?\d+$")).then(number).cast(pl.Float64, strict=False) * scale
    return pl.coalesce(exact.round(0).cast(pl.Int64, strict=False), rough.round(0).cast(pl.Int64, strict=False))


def dates(text: pl.Expr) -> pl.Expr:
    """Days: 2024-3-1, 2024/03/01, 2024.3.1, 2024年3月1日, 20240301, with a time behind, or an Excel serial (1954–2079)."""
    parts = text.str.extract_groups(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ].*)?$")
    solid = text.str.extract_groups(r"^(\d{4})(\d{2})(\d{2})$")
    serial = pl.when(text.str.contains(r"^[2-6]\d{4}$")).then(text).cast(pl.Int32, strict=False)
    return pl.coalesce(_ymd(parts), _ymd(solid), pl.lit("1899-12-30").str.to_date() + pl.duration(days=serial))


def _ymd(groups: pl.Expr) -> pl.Expr:
    fields = [groups.struct.field(str(i)) for i in (1, 2, 3)]
    return pl.format("{}-{}-{}", fields[0], fields[1].str.zfill(2), fields[2].str.zfill(2)).str.to_date("%Y-%m-%d", strict=False)


def capital(text: pl.Expr, scale: int | None = None) -> tuple[pl.Expr, pl.Expr]:
    """Registered capital as registries write it -> (元 or null, whether it is in a foreign currency).

    588万人民币, 50(万元人民币), 2,216(万), 100万元人民币, 10万人民币元, 300000元; 30(万美元) stays as written. `scale` is the head's unit, for cells that
    are bare numbers; without one they are not guessed at.
    """
    bare = text.str.replace_all(r"[,\s()（）]", "")
    number = bare.str.extract(r"^(?:人民币)?(\d+(?:\.\d+)?)", 1).cast(pl.Decimal(38, 9), strict=False)
    foreign = bare.str.contains(r"美元|港元|港币|欧元|日元|英镑|韩元|台币|澳元|加元|新加坡元|瑞士法郎|USD|HKD|EUR|JPY")
    factor = pl.when(bare.str.contains("亿")).then(100_000_000).when(bare.str.contains("万")).then(10_000).when(bare.str.contains("元")).then(1).otherwise(scale)
    yuan = (number * factor.cast(pl.Decimal(20, 0))).round(0).cast(pl.Int64, strict=False)
    return pl.when(~foreign).then(yuan), foreign.fill_null(value=False)
