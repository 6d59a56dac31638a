"""A population made in bulk for measurements: firms, yearly and monthly filings, register stays, titles. Seeded; nothing in it is a real firm.

Not the demo city (seeds/demo.py), which tells stories and takes minutes for a million: here every firm has four years, a
day's figures and `months` of 累计, so that reading is measured at its worst. Rows go in by COPY or executemany.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sqlalchemy import text

from crm.core.db import is_postgresql
from crm.core.frames import insert_frame
from crm.enterprises.models import Enterprise
from crm.indicators.models import COLUMNS, Filing
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.regions.operations import load_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

INDUSTRIES = ("3441", "3484", "2921", "3360", "3670", "5169", "5211", "6210", "7020", "6513", "8010", "4813")
TOWNS = ("331081", "331082", "331002", "331003", "331004", "331022", "331023", "331024", "331083")
AT = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 100_000
YEARS = 4
SEASON = np.array([60, 45, 85, 95, 100, 105, 100, 100, 110, 110, 130, 160]) / 1200
DAILY = ("employees", "rd_staff", "tech_staff", "niche_years", "ip_class1", "ip_class2", "patents_invention", "market_share")
YEARLY = COLUMNS[:20]
_HEAVY = ("uq_filing_live", "ix_filing_period", "ix_filing_ytd", "ix_filing_batch_id")


def make(session: Session, firms: int, on: date, months: int = 24, progress: Callable[[int], None] | None = None) -> dict[str, int]:
    """Write the population and commit; returns rows by table. On PostgreSQL the filings' indexes are made afterwards."""
    load_reference(session)
    definitions = _without_indexes(session)
    counts = dict.fromkeys(("enterprise", "filing", "register", "title"), 0)
    for start in range(0, firms, CHUNK):
        size = min(CHUNK, firms - start)
        rng = np.random.default_rng(20261122 + start)
        ids = np.arange(start + 1, start + size + 1)
        counts["enterprise"] += insert_frame(session, Enterprise, _firms(ids, rng))
        revenue = np.exp(rng.normal(16.2, 1.4, size)).astype(np.int64)
        for part in _filings(ids, revenue, rng, on, months):
            counts["filing"] += insert_frame(session, Filing, part)
        counts["register"] += insert_frame(session, RegisterMembership, _stays(ids[revenue > 20_000_000]))
        counts["title"] += insert_frame(session, TitleGrant, _titles(ids[rng.random(size) < 0.2], rng))
        session.commit()
        if progress:
            progress(start + size)
    for definition in definitions:
        session.execute(text(definition))
    session.commit()
    return counts


def _without_indexes(session: Session) -> list[str]:
    if not is_postgresql(session):
        return []
    found = session.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'filing'")).tuples().all()
    for name, _ in found:
        if name in _HEAVY:
            session.execute(text(f'DROP INDEX "{name}"'))
    return [definition for name, definition in found if name in _HEAVY]


def _firms(ids: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    number, size = pl.Series(ids).cast(pl.String), len(ids)
    return pl.DataFrame({
        "id": ids, "uscc": number.str.zfill(18), "name": pl.Series(["企业"]).gather(np.zeros(size, np.uint32)) + number, "kind": ["corporate"] * size,
        "industry_code": pl.Series(INDUSTRIES).gather(rng.integers(0, len(INDUSTRIES), size)), "region_code": pl.Series(TOWNS).gather(rng.integers(0, len(TOWNS), size)),
        "registered_on": pl.Series(rng.integers(11_000, 20_000, size)).cast(pl.Int32).cast(pl.Date),
    }).with_columns(
        region_found=pl.lit("declared"), status=pl.lit("active"), name_key=pl.lit("企业"), initials=pl.lit("qy"), created_at=pl.lit(AT), updated_at=pl.lit(AT), version=pl.lit(1),
    )


def _filings(ids: np.ndarray, revenue: np.ndarray, rng: np.random.Generator, on: date, months: int) -> list[pl.DataFrame]:
    """Years, a day, months: figures by share of revenue, one in twenty missing."""
    made = []
    for back in range(1, YEARS + 1):
        grown = (revenue * rng.normal(1.08, 0.1, len(ids)).clip(0.3, 3) ** -(back - 1)).astype(np.int64)
        made.append(_rows(ids, "year", str(on.year - back), "period", {name: _some(grown * (0.02 + (k * 7919 % 97) / 100), rng) for k, name in enumerate(YEARLY)} | {"revenue": _some(grown, rng)}))
    made.append(_rows(ids, "day", f"{on.year}-01-01", "period", {name: _some(rng.integers(0, 60, len(ids)), rng) for name in DAILY}))
    last = on.year * 12 + on.month - 2
    grown, total = revenue.astype(float), np.zeros(len(ids))
    for index in range(last - months + 1, last + 1):
        year, month = index // 12, index % 12 + 1
        if month == 1 or not total.any():
            grown, total = grown * rng.normal(1.04, 0.1, len(ids)).clip(0.5, 2), grown * SEASON[: month - 1].sum()
        total = total + grown * SEASON[month - 1] * rng.normal(1, 0.1, len(ids)).clip(0.3)
        ytd = total.astype(np.int64)
        made.append(_rows(ids, "month", f"{year}-{month:02d}", "ytd", {"revenue": _some(ytd, rng), "revenue_main": _some(ytd * 0.95, rng)}))
    return made


def _rows(ids: np.ndarray, kind: str, period: str, form: str, figures: dict[str, pl.Series]) -> pl.DataFrame:
    return pl.DataFrame({"enterprise_id": ids, **figures}).with_columns(
        period_kind=pl.lit(kind), period=pl.lit(period), form=pl.lit(form), source=pl.lit("demo"), recorded_at=pl.lit(AT),
    )


def _some(values: np.ndarray, rng: np.random.Generator) -> pl.Series:
    return pl.Series(np.asarray(values).astype(np.int64)).set(pl.Series(rng.random(len(values)) < 0.05), None)


def _stays(ids: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"enterprise_id": ids}).with_columns(entered_on=pl.lit(date(2023, 1, 1)), entry=pl.lit("first"), recorded_at=pl.lit(AT))


def _titles(ids: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    return pl.DataFrame({"enterprise_id": ids, "title": pl.Series(["srdi", "innovative_sme", "hnte"]).gather(rng.integers(0, 3, len(ids)))}).with_columns(
        kind=pl.lit("first"), granted_on=pl.lit(date(2024, 6, 1)), valid_to=pl.lit(date(2027, 5, 31)), recorded_at=pl.lit(AT)
    )
