"""The forecast's parameters from this city's own completed year, with those that come with the product as what stands where it says little.

Listed firms are larger and calmer than a county's: how much a season is worth and how wide a forecast must be is learned here once a
year, when the last year's totals are in. What was learned is kept with the year, the number of firms and the day; nothing is overwritten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sqlalchemy import func, select

from crm.alerts.forecasting import history, season, signs
from crm.alerts.forecasting.fitting import FEWEST, Past, fit, usual, witness
from crm.alerts.forecasting.model import FORM, Parameters, stored
from crm.alerts.models import ForecastParameters
from crm.core.frames import fetch_frame
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.indicators.queries import known
from crm.ladder.facts import narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

MOST = 20_000
"""Firms that are looked at: more tell little more."""
FROM_MONTH = 3
"""Last year's totals are expected from this month on; our default, not policy."""
MEASURES = ("revenue", "revenue_main")


def in_force(session: Session, on: date) -> Parameters:
    """The parameters a forecast of a day is made with: this city's own of an earlier year, else those that come with the product."""
    query = select(ForecastParameters.body).where(ForecastParameters.year < on.year).order_by(ForecastParameters.year.desc(), ForecastParameters.id.desc())
    body = next((body for body in session.scalars(query) if body.get("form") == FORM), None)
    return stored() if body is None else Parameters.from_dict(body)


def is_due(session: Session, on: date) -> bool:
    """Whether last year's totals should be in and nothing was learned from it yet."""
    if on.month < FROM_MONTH:
        return False
    return all(body.get("form") != FORM for body in session.scalars(select(ForecastParameters.body).where(ForecastParameters.year == on.year - 1)))


def calibrate(session: Session, on: date, at: datetime, run_id: int | None = None) -> dict[str, int]:
    """Learn from the year before that of `on`. Too few firms with a whole year: nothing is kept, the product's parameters go on."""
    year = on.year - 1
    firms = _sample(session, year)
    if len(firms) < FEWEST:
        return {"year": year, "firms": len(firms), "kept": 0}
    past, industry = _histories(session, firms, year)
    learned = learn(past, industry, year, {"learned_from": year, "firms": len(firms), "on": at.date().isoformat()})
    session.add(ForecastParameters(year=year, firms=len(firms), body=learned.as_dict(), recorded_at=at, run_id=run_id))
    session.flush()
    return {"year": year, "firms": len(firms), "kept": 1}


def learn(past: history.History, industry: Sequence[str | None], year: int, note: dict[str, Any], prior: Parameters | None = None) -> Parameters:
    """Parameters from one completed year of N firms; `past` has that year at index 0."""
    prior = prior or stored()
    whole = past.figures[:, 0, 12]
    with np.errstate(divide="ignore", invalid="ignore"):
        before = np.where(past.figures[:, 1, 12:] > 0, past.figures[:, 1] / past.figures[:, 1, 12:], np.nan)
        now = past.figures[:, 0] / whole[:, None]
    ends = tuple(_share(now[:, month], prior.quarter_ends[at]) for at, month in enumerate((3, 6, 9)))
    curve = season.pooled(ends)
    curves = season.by_industry(np.where((before >= 0) & (before <= 1), before, np.nan), industry, curve)

    growth = _growth(past)
    often = usual(growth.ravel(), np.tile(year - np.arange(growth.shape[1]), len(growth)))

    def past_at(month: int, case: int) -> Past:
        usable = np.isfinite(past.figures[:, 0, month]) & (whole > 0)
        seen, years = past.figures[usable], np.full(usable.sum(), year)
        seen[:, 0, month + 1 :] = np.nan
        cut = history.History(seen, past.mended[usable])
        read = signs.read(cut, curves[usable], np.full(len(seen), month))
        hidden = signs.read(cut, curves[usable], np.full(len(seen), month), forget=case)
        return Past(signs.paced(hidden, signs.common(read)), whole[usable], years, witness(growth[usable, 0], years, often))

    made = fit(past_at, ends, note, prior=prior, by_size=True)
    shares = np.where((now >= 0) & (now <= 1), now, np.nan)
    return replace(made, industries=season.learned(shares, industry, curve))


def _growth(past: history.History) -> NDArray[np.float64]:
    """N×3: the year's growth and that of the two before, logarithms; NaN where unknown."""
    whole = past.figures[:, :, 12]
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.log(whole[:, :-1] / whole[:, 1:])
    return np.where(np.isfinite(made), made, np.nan)


def _share(values: NDArray[np.float64], known_share: float) -> float:
    """The median share of the year in, leaned on what is known by how many firms show it."""
    fits = values[(values > 0) & (values <= 1)]
    weight = len(fits) / (len(fits) + FEWEST)
    return weight * float(np.median(fits)) + (1 - weight) * known_share if len(fits) else known_share


def _sample(session: Session, year: int) -> list[int]:
    """Firms with a total of the year and of the one before, spread evenly over all when there are more than enough."""
    query = select(Filing.enterprise_id).where(
        Filing.period_kind == "year", Filing.form == "period", Filing.period.in_([str(year), str(year - 1)]), known(),
        func.coalesce(Filing.revenue, Filing.revenue_main) > 0,  # type: ignore[attr-defined]
    ).group_by(Filing.enterprise_id).having(func.count(Filing.period.distinct()) == 2).order_by(Filing.enterprise_id)
    ids = list(session.scalars(query))
    return ids[:: -(-len(ids) // MOST)] if len(ids) > MOST else ids


def _histories(session: Session, firms: list[int], year: int) -> tuple[history.History, list[str | None]]:
    """The year and three before of the firms, in their order, and their industries."""
    place = {firm: row for row, firm in enumerate(firms)}
    kinds = {"enterprise_id": pl.Int64, "period": pl.String, "form": pl.String, "value": pl.Int64}
    value = func.coalesce(*(getattr(Filing, name) for name in MEASURES)).label("value")
    periods = [str(year - back) for back in range(history.YEARS)]
    months = [f"{year - back}-{month:02d}" for back in (0, 1) for month in range(1, 13)]
    query = select(Filing.enterprise_id, Filing.period, Filing.form, value).where(
        known(), value.is_not(None), ((Filing.form == "period") & Filing.period.in_(periods)) | ((Filing.form == "ytd") & Filing.period.in_(months))
    )
    rows = pl.concat([fetch_frame(session, part, kinds) for part in narrowed(query, Filing.enterprise_id, firms)]).unique(["enterprise_id", "period", "form"], keep="first", maintain_order=True)
    rows = rows.with_columns(firm=pl.col("enterprise_id").replace_strict(place, default=None, return_dtype=pl.Int64), year=pl.col("period").str.head(4).cast(pl.Int64))
    filed = rows.filter(pl.col("form") == "ytd").select("firm", "year", month=pl.col("period").str.slice(5).cast(pl.Int64), value="value")
    past = history.read(filed, rows.filter(pl.col("form") == "period").select("firm", "year", "value"), len(firms), year)
    past.figures[:, 0, 12] = _totals(rows, len(firms), year)
    codes: dict[int, str | None] = {}
    for part in narrowed(select(Enterprise.id, Enterprise.industry_code), Enterprise.id, firms):
        codes |= dict(session.execute(part).tuples().all())
    return past, [codes.get(firm) for firm in firms]


def _totals(rows: pl.DataFrame, count: int, year: int) -> NDArray[np.float64]:
    """The year's total of each firm: NaN where it is not on file."""
    out = np.full(count, np.nan)
    own = rows.filter((pl.col("form") == "period") & (pl.col("year") == year))
    out[own["firm"].to_numpy()] = own["value"].cast(pl.Float64).to_numpy()
    return out
