"""Figures that cannot be right as they stand: wrong unit, 当月 filed as 累计, a falling 累计, a jump. Told, never corrected.

A month is compared with the month before it and with the same month of the year before. The database looks for suspects,
their kind is then decided here, by the pack's bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from crm.alerts.models import LIVE, Alert
from crm.alerts.settings import exact, whole
from crm.alerts.watches.base import FEW, Watched, levelled
from crm.core.bulk import among, fetch_columns
from crm.core.money import human
from crm.indicators.models import Filing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from crm.alerts.watches.base import Asked
    from crm.criteria.schema import AlertRule

RULE = "figure_suspicious"
MEASURES = ("revenue", "revenue_main")
LABELS = {"revenue": "营业收入", "revenue_main": "主营业务收入"}
MONTHS = 3  # newest months looked at of everybody; all months of firms asked for by number
UNIT_FROM, UNIT_TO = 2_000, 50_000  # around ten thousand; defaults, not policy
OWN_FROM, OWN_TO = 40, 250  # per cent of the months' average that a month of its own may be
JUMP = 5  # times
LIKE_LAST = 50  # per cent of this 累计 that last year's same months reach when the firm's own season explains a jump
SCHEMA = {
    "enterprise_id": pl.Int64, "measure": pl.String, "month": pl.Int64, "now": pl.Int64, "last_month": pl.Int64, "prior": pl.Int64,
}


def looked(asked: Asked, rule: AlertRule) -> Watched:
    """Of everybody the newest months; of the firms already under suspicion, or asked for by number, the whole year."""
    months = list(range(2, asked.on.month + 1))
    few = asked.few()
    if few is not None:
        return Watched(RULE, _found(asked, rule, months, few))
    live = select(Alert.enterprise_id).where(Alert.rule == RULE, Alert.state.in_(LIVE) | Alert.is_watched)
    recent = _read(asked, rule, months[-(whole(rule, "months", MONTHS) + 1) :], None)
    suspects = sorted({*asked.session.scalars(live.distinct()), *judged(rule, recent, asked.on)["enterprise_id"].to_list()})
    older = [_read(asked, rule, months, suspects[at : at + FEW]) for at in range(0, len(suspects), FEW)]
    return Watched(RULE, judged(rule, pl.concat([recent, *older]).unique(["enterprise_id", "measure", "month"]), asked.on).join(asked.firms.select("enterprise_id"), on="enterprise_id", how="semi"))


def _found(asked: Asked, rule: AlertRule, months: Sequence[int], few: Sequence[int]) -> pl.DataFrame:
    frame = judged(rule, _read(asked, rule, months, few), asked.on)
    return frame.join(asked.firms.select("enterprise_id"), on="enterprise_id", how="semi")


def _read(asked: Asked, rule: AlertRule, months: Sequence[int], few: Sequence[int] | None) -> pl.DataFrame:
    """Suspects of both measures: this month's 累计, the month's before, last year's."""
    frames = [pl.DataFrame(schema=SCHEMA)]
    for measure in MEASURES:
        for month in months:
            rows = fetch_columns(asked.session, _query(rule, asked.on.year, month, measure, few))
            part = pl.DataFrame(rows, schema={"enterprise_id": pl.Int64, "now": pl.Int64, "last_month": pl.Int64, "prior": pl.Int64})
            frames.append(part.with_columns(measure=pl.lit(measure), month=pl.lit(month, pl.Int64)).select(list(SCHEMA)))
    return pl.concat(frames)


def _query(rule: AlertRule, year: int, month: int, measure: str, few: Sequence[int] | None) -> Any:
    """One source per firm and period: where several filed, a figure is compared within its source."""
    now, before, prior = (aliased(Filing) for _ in range(3))
    value, last, same = (getattr(one, measure) for one in (now, before, prior))
    at = f"{year}-{month:02d}"

    def joined(one: Any, period: str) -> Any:
        return and_(one.enterprise_id == now.enterprise_id, one.period == period, one.form == "ytd", one.source == now.source, one.superseded_at.is_(None))

    low = exact(rule, "unit_from", UNIT_FROM)
    odd = or_(value < last, value - last > int(exact(rule, "jump", JUMP)) * last / max(month - 1, 1), value > int(low) * same, value * int(low) < same)
    query = (
        select(now.enterprise_id, value.label("now"), last.label("last_month"), same.label("prior"))
        .outerjoin(before, joined(before, f"{year}-{month - 1:02d}"))
        .outerjoin(prior, joined(prior, f"{year - 1}-{month:02d}"))
        .where(now.form == "ytd", now.period == at, now.superseded_at.is_(None), value.is_not(None), odd)
    )
    return query if few is None else query.where(among(now.enterprise_id, few))


def judged(rule: AlertRule, suspects: pl.DataFrame, on: date) -> pl.DataFrame:
    """Rows with level; subject: the measure and month, '2026-09.revenue'. The first kind that fits is told."""
    low, high = (float(exact(rule, name, default)) for name, default in (("unit_from", UNIT_FROM), ("unit_to", UNIT_TO)))
    own = [whole(rule, name, default) for name, default in (("own_from", OWN_FROM), ("own_to", OWN_TO))]
    jump = float(exact(rule, "jump", JUMP))
    now, before, prior, month = (pl.col(name) for name in ("now", "last_month", "prior", "month"))
    far = [(now >= other * low) & (now <= other * high) | (other >= now * low) & (other <= now * high) for other in (before, prior)]
    unit = pl.any_horizontal((now > 0) & (other > 0) & test for other, test in zip((before, prior), far, strict=True)).fill_null(value=False)
    average = before / pl.max_horizontal(month - 1, pl.lit(1))
    fell = ((now < before) & (month > 2)).fill_null(value=False)
    alone = ((now * 100 >= average * own[0]) & (now * 100 <= average * own[1])).fill_null(value=False)
    seasonal = (prior * 100 >= now * whole(rule, "like_last_year", LIKE_LAST)).fill_null(value=False)
    jumped = ~seasonal & ((before > 0) & (now - before > average * jump) & (month > 2)).fill_null(value=False)
    frame = suspects.with_columns(
        unit=unit, swapped=fell & alone & ~unit, falling=fell & ~alone & ~unit, jump=jumped & ~unit,
        subject=pl.format("{}-{}.{}", pl.lit(on.year), month.cast(pl.String).str.zfill(2), pl.col("measure")), year=pl.lit(on.year),
    )
    return levelled(rule, frame.filter(pl.any_horizontal("unit", "swapped", "falling", "jump")), on)


def kind(row: dict[str, Any]) -> str:
    """What it looks like."""
    if row["unit"]:
        return "像是单位错了一万倍（元与万元）"
    if row["swapped"]:
        return "像是把当月数填成了累计数"
    return "累计数比上月少" if row["falling"] else "当月数突然变大"


def headline(row: dict[str, Any]) -> str:
    """The two figures that do not fit together."""
    against = f"{row['month'] - 1} 月 {human(row['last_month'])}" if row["last_month"] is not None else f"上年同期 {human(row['prior'])}"
    return f"{row['month']} 月累计{LABELS[row['measure']]} {human(row['now'])}，{against}：{kind(row)}"


FACTS = ("measure", "month", "year", "now", "last_month", "prior", "unit", "swapped", "falling", "jump")
