"""One firm's figures as its page shows them: the months with a chart, the years side by side, what was corrected."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from crm.indicators.models import SOURCES
from crm.indicators.queries import PRIORITY
from crm.reports.charts import NARROW, WIDE, LineChart, line_chart
from crm.reports.fan import Outlook
from crm.reports.trend import Month, monthly

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crm.indicators.models import Filing
    from crm.ladder.models import Standing

TREND = ("revenue", "revenue_taxable", "invoiced_sales", "revenue_main", "output_gross")
"""What the trend is drawn of: the first of these that was filed by month."""
YEARLY = (
    "revenue", "revenue_main", "revenue_taxable", "profit_total", "profit_net", "tax_paid", "rd_expense", "assets_total",
    "liabilities_total", "employees", "rd_staff", "export_delivery",
)
MONTHS_SHOWN = 24
YEARS_SHOWN = 3
_RANK = {source: rank for rank, source in enumerate(PRIORITY)}


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest cumulative figure and the same months a year earlier."""

    measure: str
    period: str
    value: int
    before: int | None
    filing: Filing

    @property
    def span(self) -> str:
        """1–9 月."""
        return f"1–{int(self.period[5:])} 月" if self.period[5:] != "01" else "1 月"

    @property
    def source(self) -> str:
        """Who filed it."""
        return SOURCES.get(self.filing.source, self.filing.source)


@dataclass(frozen=True, slots=True)
class Trend:
    """Months of one measure: two drawings and the table behind them."""

    measure: str
    months: list[Month]
    wide: LineChart | None
    narrow: LineChart | None
    table: list[tuple[int, dict[int, Month]]]  # month number -> {year: month}
    years: list[int]
    sources: str
    has_shared: bool


@dataclass(frozen=True, slots=True)
class Yearly:
    """One measure over years; a year without a figure holds None."""

    measure: str
    values: list[tuple[int | None, str | None]]  # figure, source


@dataclass(frozen=True, slots=True)
class LastYear:
    """The newest whole year with a revenue, and the year before it."""

    measure: str
    year: str
    value: int
    before: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A figure that was filed anew: both stand, with their instants."""

    before: Filing
    after: Filing
    measure: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything about a firm's figures."""

    latest: Latest | None
    trend: Trend | None
    years: list[str]
    yearly: list[Yearly]
    last_year: LastYear | None
    corrections: list[Correction]
    newest: dict[str, tuple[int, str, str]]  # measure -> (value, period, source) of the latest filing that has it


def read(filings: Sequence[Filing]) -> Figures:
    """From every filing of the firm, superseded ones included."""
    live = [f for f in filings if f.superseded_at is None]
    best = _best(live)
    years, yearly = _yearly(best)
    return Figures(_latest(best), _trend(best), years, yearly, _last_year(years, yearly), _corrections(filings), _newest(live))


def outlook(filings: Sequence[Filing], standing: Standing | None, line: int | None) -> Outlook | None:
    """The running year with the forecast the last night stored; None before there is one."""
    if standing is None or standing.projected is None or standing.projected_low is None or standing.projected_high is None or not standing.ytd_period:
        return None
    book, year = _best(f for f in filings if f.superseded_at is None), int(standing.ytd_period[:4])
    for measure in ("revenue", "revenue_main"):
        series = _series(book, "ytd", measure)
        if series.get(standing.ytd_period) == standing.revenue_ytd:
            this = {int(p[5:]): v for p, v in series.items() if v is not None and p[:4] == str(year) and p <= standing.ytd_period}
            last = {int(p[5:]): v for p, v in series.items() if v is not None and p[:4] == str(year - 1)}
            return Outlook(year, this, last, standing.projected_low, standing.projected, standing.projected_high, line, measure)
    return None


Book = dict[tuple[str, str], list["Filing"]]


def _best(live: Iterable[Filing]) -> Book:
    """(period, form) -> filings, the most believed source first."""
    book: Book = {}
    for filing in sorted(live, key=lambda f: _RANK.get(f.source, len(_RANK))):
        book.setdefault((filing.period, filing.form), []).append(filing)
    return book


def _pick(book: Book, period: str, form: str, measure: str) -> Filing | None:
    return next((f for f in book.get((period, form), ()) if getattr(f, measure) is not None), None)


def _series(book: Book, form: str, measure: str) -> dict[str, int | None]:
    found = {period: _pick(book, period, form, measure) for period, filed in book if filed == form and len(period) == 7}
    return {period: getattr(filing, measure) for period, filing in found.items() if filing is not None}


def _latest(book: Book) -> Latest | None:
    for measure in TREND:
        series = _series(book, "ytd", measure)
        if series:
            period = max(series)
            filing = _pick(book, period, "ytd", measure)
            if filing is not None:
                earlier = series.get(f"{int(period[:4]) - 1}{period[4:]}")
                return Latest(measure, period, getattr(filing, measure), earlier, filing)
    return None


def _trend(book: Book) -> Trend | None:
    for measure in TREND:
        ytd, single = _series(book, "ytd", measure), _series(book, "period", measure)
        if periods := sorted({*ytd, *single}):
            last = periods[-1]
            first = max(periods[0][:4] + "-01", f"{int(last[:4]) - 1}-01")
            return _drawn(book, measure, monthly(ytd, single, first, last))
    return None


def _drawn(book: Book, measure: str, months: list[Month]) -> Trend:
    used = {f.source for filings in book.values() for f in filings if f.period_kind == "month" and getattr(f, measure) is not None}
    table: dict[int, dict[int, Month]] = {}
    for month in months:
        table.setdefault(month.month, {})[month.year] = month
    return Trend(
        measure, months, line_chart(months[-MONTHS_SHOWN:], WIDE), line_chart(months[-12:], NARROW), sorted(table.items()),
        sorted({m.year for m in months}), "、".join(SOURCES.get(s, s) for s in sorted(used)), any(m.is_shared for m in months),
    )


def _yearly(book: Book) -> tuple[list[str], list[Yearly]]:
    filed_years = {period for period, form in book if len(period) == 4 and form == "period"}
    years = sorted(year for year in filed_years if any(_pick(book, year, "period", m) for m in YEARLY))[-YEARS_SHOWN:]
    rows = []
    for measure in YEARLY:
        filed = [_pick(book, year, "period", measure) for year in years]
        if any(filed):
            rows.append(Yearly(measure, [(getattr(f, measure), SOURCES.get(f.source)) if f else (None, None) for f in filed]))
    return years, rows


def _last_year(years: list[str], rows: list[Yearly]) -> LastYear | None:
    for row in (r for r in rows if r.measure in TREND):
        for at in reversed(range(len(years))):
            value, source = row.values[at]
            if value is not None:
                before = row.values[at - 1][0] if at and int(years[at - 1]) == int(years[at]) - 1 else None
                return LastYear(row.measure, years[at], value, before, source or "")
    return None


def _corrections(filings: Iterable[Filing]) -> list[Correction]:
    """Each superseded figure beside what replaced it, newest first."""
    chains: dict[tuple[str, str, str], list[Filing]] = {}
    for filing in sorted(filings, key=lambda f: (f.recorded_at, f.id)):
        chains.setdefault((filing.period, filing.form, filing.source), []).append(filing)
    found = []
    for chain in chains.values():
        for before, after in pairwise(chain):
            found += [Correction(before, after, m) for m in YEARLY if getattr(before, m) != getattr(after, m)]
    return sorted(found, key=lambda c: c.after.recorded_at, reverse=True)


def _newest(live: Iterable[Filing]) -> dict[str, tuple[int, str, str]]:
    newest: dict[str, tuple[int, str, str]] = {}
    for filing in sorted(live, key=lambda f: (_end(f.period), -_RANK.get(f.source, 99))):
        for measure in ("employees", "insured_staff", "rd_expense"):
            if (value := getattr(filing, measure)) is not None:
                newest[measure] = (value, filing.period, SOURCES.get(filing.source, filing.source))
    return newest


def _end(period: str) -> str:
    return period + "-99" if len(period) == 4 else period  # a year ends after its months
