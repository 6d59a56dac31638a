"""Titles that run out, and the yearly update of their particulars: due by a day of every year of validity, two misses cost the title."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select

from crm.alerts.settings import whole
from crm.alerts.watches.base import levelled, parts
from crm.core.bulk import fetch_columns
from crm.enterprises.models import EnterpriseEvent
from crm.ladder.models import TitleGrant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crm.alerts.watches.base import Asked
    from crm.criteria.packs import Pack
    from crm.criteria.schema import AlertRule, Title

RULE = "title_expiring"
UPDATED, MISSED = "title_updated.", "title_not_updated."
"""Kinds of events that say a year's update was made or not, followed by the title; `on` lies in that year."""
UPDATE = ".update"
"""Ending of the subject that speaks of the yearly update."""
AFTER, UPDATE_AFTER = 60, 60  # days an unrenewed title, an update without a record stay on the list; defaults, not policy
SCHEMA = {
    "enterprise_id": pl.Int64, "subject": pl.String, "days_left": pl.Int64, "update_left": pl.Int64, "misses": pl.Int64,
    "title": pl.String, "valid_to": pl.Date, "due_on": pl.Date, "granted_on": pl.Date, "expires_on": pl.Date, "unrecorded": pl.Int64,
    "one_year": pl.Boolean,
}


def find(asked: Asked, rule: AlertRule) -> pl.DataFrame:
    """Titles of the firms asked about that are near their end, past it without a newer grant, or due for their update."""
    few, on = asked.few(), asked.on
    horizon = on + timedelta(days=400)
    query = select(TitleGrant.enterprise_id, TitleGrant.title, TitleGrant.granted_on, TitleGrant.valid_to)
    query = query.where(TitleGrant.revoked_on.is_(None), TitleGrant.granted_on <= on, TitleGrant.valid_to.is_not(None), TitleGrant.valid_to >= on - timedelta(days=400))
    grants = fetch_columns(asked.session, parts(query, TitleGrant.enterprise_id, few))
    said = parts(select(EnterpriseEvent.enterprise_id, EnterpriseEvent.kind, EnterpriseEvent.on), EnterpriseEvent.enterprise_id, few)
    told = fetch_columns(asked.session, said.where(EnterpriseEvent.kind.startswith("title_", autoescape=True), EnterpriseEvent.on <= horizon))
    rows = zip(*(grants[name] for name in ("enterprise_id", "title", "granted_on", "valid_to")), strict=True)
    statements = zip(*(told[name] for name in ("enterprise_id", "kind", "on")), strict=True)
    found = judged(asked.pack, rule, ((f, t, _day(g), _day(v)) for f, t, g, v in rows), ((f, k, _day(d)) for f, k, d in statements), on)
    return found.join(asked.firms.select("enterprise_id"), on="enterprise_id", how="semi")


def judged(pack: Pack, rule: AlertRule, grants: Iterable[tuple[int, str, date, date]], said: Iterable[tuple[int, str, date]], on: date) -> pl.DataFrame:
    """Rows with level. `grants`: firm, title, granted, valid to; `said`: firm, kind of event, day."""
    latest: dict[tuple[int, str], tuple[date, date]] = {}
    for firm, title, granted, valid_to in grants:
        if title in pack.titles and ((firm, title) not in latest or valid_to > latest[firm, title][1]):
            latest[firm, title] = (granted, valid_to)
    years: dict[tuple[int, str], dict[int, bool]] = {}
    for firm, kind, day in said:
        for prefix, done in ((UPDATED, True), (MISSED, False)):
            if kind.startswith(prefix):
                years.setdefault((firm, kind.removeprefix(prefix)), {})[day.year] = done
    rows: list[dict[str, Any]] = []
    for (firm, title), (granted, valid_to) in latest.items():
        rows += _rows(firm, pack.titles[title], granted, valid_to, years.get((firm, title), {}), rule, on)
    return levelled(rule, pl.DataFrame(rows, schema=SCHEMA), on)


def _rows(firm: int, title: Title, granted: date, valid_to: date, years: dict[int, bool], rule: AlertRule, on: date) -> Iterator[dict[str, Any]]:
    left, after = (valid_to - on).days, whole(rule, "after", AFTER)
    base = {"enterprise_id": firm, "title": title.short or title.label, "valid_to": valid_to, "granted_on": granted, "misses": None, "unrecorded": None, "due_on": None, "one_year": title.valid_years == 1}
    if left >= -after:
        yield base | {"subject": title.id, "days_left": left, "update_left": None, "expires_on": valid_to + timedelta(days=after)}
    due = title.update_due(on.year)
    if due is None or not granted < due <= valid_to or valid_to < on:
        return
    misses = sum(not done for year, done in years.items() if granted.year <= year <= valid_to.year)
    last = due + timedelta(days=whole(rule, "update_after", UPDATE_AFTER))
    unrecorded = sum(year not in years for year in range(granted.year + 1, on.year))
    if on.year not in years and on <= last:
        yield base | {"subject": title.id + UPDATE, "days_left": None, "update_left": (due - on).days, "misses": misses, "due_on": due, "expires_on": last, "unrecorded": unrecorded}
    elif misses:
        yield base | {"subject": title.id + UPDATE, "days_left": None, "update_left": None, "misses": misses, "due_on": due, "expires_on": valid_to, "unrecorded": unrecorded}


def _day(value: str | date) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def headline(row: dict[str, Any]) -> str:
    """With days, not counts of days: the line stays the same while nothing changes."""
    if row["subject"].endswith(UPDATE):
        missed = f"，有效期内已 {row['misses']} 次未更新" if row["misses"] else ""
        return f"{row['title']}应在 {row['due_on']} 前更新年度信息{missed}" if row["update_left"] is not None else f"{row['title']}有效期内已 {row['misses']} 次未更新年度信息"
    return f"{row['title']} {row['valid_to']} 到期" + ("，没有复核或重新认定的记录" if row["days_left"] < 0 else "")


FACTS = ("title", "granted_on", "valid_to", "due_on", "misses", "unrecorded")
