"""The watches over a facts file: those whose facts it can hold. Visits and cases are not among them, nor records of yearly updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from crm.alerts.watches import figures, filings, returning, titles
from crm.alerts.watches.base import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack


def watch_facts(pack: Pack, on: date, firms: list[Enterprise], seen: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows of the rules found for the firms of a file; `enterprise_id` is the place in the file. `seen`: crm.alerts.inputs."""
    known = seen.with_columns(pl.col("enterprise_id").cast(pl.Int64))
    found: dict[str, pl.DataFrame] = {}
    if rule := pack.alerts.get(titles.RULE):
        grants = [
            (at, grant.title, grant.granted_on, grant.valid_to)
            for at, firm in enumerate(firms)
            for grant in firm.titles or ()
            if grant.valid_to is not None and grant.granted_on is not None and grant.granted_on <= on and (grant.revoked_on is None or grant.revoked_on > on)
        ]
        rows = titles.judged(pack, rule, grants, [], on)
        found[titles.RULE] = rows.filter(~pl.col("subject").str.ends_with(titles.UPDATE)) if rows.height else rows
    if rule := pack.alerts.get(filings.RULE):
        found[filings.RULE] = filings.judged(pack, rule, known, on)
    if rule := pack.alerts.get(figures.RULE):
        found[figures.RULE] = figures.judged(rule, pl.DataFrame(list(_months(firms, on)), schema=figures.SCHEMA, orient="row"), on)
    if rule := pack.alerts.get(returning.RULE):
        found[returning.RULE] = returning.judged(pack, rule, known, _exits(firms, on), on)
    for name, frame in found.items():
        yield from Watched(name, frame).rows()


def _months(firms: list[Enterprise], on: date) -> Iterator[tuple[Any, ...]]:
    """Every month of the year that is on file, with the month before and last year's; the rule decides what is odd."""
    for at, firm in enumerate(firms):
        for measure in figures.MEASURES:
            for month in range(2, on.month):
                now, before, prior = (firm.ytd.get(period, {}).get(measure) for period in (f"{on.year}-{month:02d}", f"{on.year}-{month - 1:02d}", f"{on.year - 1}-{month:02d}"))
                if now is not None:
                    yield at, measure, month, now, before, prior


def _exits(firms: list[Enterprise], on: date) -> pl.DataFrame:
    rows = []
    for at, firm in enumerate(firms):
        stays = [stay for stay in firm.register_ or () if stay.entered_on is None or stay.entered_on <= on]
        left = [stay.exited_on for stay in stays if stay.exited_on is not None and stay.exited_on <= on]
        if left and len(left) == len(stays):
            rows.append((at, max(left)))
    return pl.DataFrame(rows, schema={"enterprise_id": pl.Int64, "left_on": pl.Date}, orient="row")
