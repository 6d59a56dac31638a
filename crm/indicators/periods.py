"""Periods as people write them: '2024年度', '2024年1-9月', '202409', '前三季度', '9月' -> year, month or day, period or 累计."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

_DASH = "[-—–－~～至到]+"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), shape)
    for pattern, shape in (
        (r"^(?:截[至止])?(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:\d\d:\d\d(?::\d\d)?)?[末底止]*$", "day"),
        (r"^(\d{4})(\d{2})(\d{2})$", "day"),
        (rf"^(?:(\d{{4}})[-/.年度]*)?(?:0?1月?{_DASH})(\d{{1,2}})月?份?(?:累计)?$", "ytd"),
        (r"^(?:(\d{4})[-/.年度]*)(\d{1,2})月?份?末?累计(?:数|值)?$", "ytd"),
        (r"^(\d{4})[-/.年](\d{1,2})月?份?(?:当月|本月|当期)?末?$", "month"),
        (r"^(\d{4})(\d{2})$", "month"),
        (r"^()(\d{1,2})月份?(?:当月|本月)?$", "month"),
        (r"^()(\d{1,2})月份?累计$", "ytd"),
        (r"^(?:(\d{4})年?)?(上半年|前三季度|前3季度|一季度|第一季度|1季度|Q1)(?:累计)?$", "part"),
        (r"^(\d{4})(?:年度?|年末|年底|全年|年全年|\.0)?$", "year"),
    )
)
_PARTS = {"上半年": 6, "前三季度": 9, "前3季度": 9, "一季度": 3, "第一季度": 3, "1季度": 3, "Q1": 3}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """`text` is '2025', '2025-09' or '2025-06-30'; `form` is ytd when the words say 累计, period when 当月, else None."""

    kind: str  # year | month | day
    text: str
    form: str | None = None

    @property
    def year(self) -> int:
        """Calendar year."""
        return int(self.text[:4])

    @property
    def month(self) -> int | None:
        """Month of a monthly or daily period."""
        return int(self.text[5:7]) if len(self.text) >= 7 else None


def parse_period(text: object, default_year: int | None = None) -> Period | None:
    """Read a period; None when it is not one. `default_year` completes '9月' and '1-9月'."""
    if isinstance(text, date):
        return _day(text.year, text.month, text.day)
    bare = "".join(unicodedata.normalize("NFKC", str(text)).split())
    for pattern, shape in _PATTERNS:
        if (found := pattern.match(bare)) and (period := _read(shape, found, default_year, bare)):
            return period
    return None


def year_of(text: object, default_year: int | None = None) -> Period | None:
    """Read a period of annual figures: a whole year, or the year-end a report is dated."""
    period = parse_period(text, default_year)
    if period is None or (period.kind == "month" and period.month != 12):
        return None
    if period.kind == "day" and not period.text.endswith("12-31"):
        return None
    return Period("year", period.text[:4])


def _read(shape: str, found: re.Match[str], default_year: int | None, bare: str) -> Period | None:
    year = int(found[1]) if found[1] else default_year
    if year is None or not 1949 <= year <= 2100:
        return None
    if shape == "year":
        return Period("year", f"{year:04d}")
    if shape == "day":
        return _day(year, int(found[2]), int(found[3]))
    month = _PARTS[found[2]] if shape == "part" else int(found[2])
    if not 1 <= month <= 12:
        return None
    form = "ytd" if shape in {"ytd", "part"} else "period" if re.search("当月|本月|当期", bare) else None
    return Period("month", f"{year:04d}-{month:02d}", form)


def _day(year: int, month: int, day: int) -> Period | None:
    try:
        return Period("day", date(year, month, day).isoformat())
    except ValueError:
        return None
