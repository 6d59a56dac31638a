"""The weekly bulletin: one set of figures for the page, the PDF and the workbook."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from crm.alerts import overview, queries
from crm.alerts.models import LEVEL_NAMES, RULES
from crm.alerts.weeks import monday
from crm.core.clock import local
from crm.regions.models import Region
from crm.web.alerts.rows import rows
from crm.web.alerts.words import interval_of, rough
from crm.web.frame import frame, place_name

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

SHOWN = 60
"""Red firms printed; the list has the rest."""
LEVELS = ("red", "orange", "yellow", "grey")
COLUMNS = ("地区", "红", "橙", "黄", "灰", "合计", "待认领", "本周新增", "本周解除", "认领用时中位数")


def gather(session: Session, access: Access, week: date, at: datetime) -> dict[str, Any]:
    """Plain data of a week (its Monday), over the jurisdiction."""
    since, until = overview.span(week)
    found = overview.places(session, access, since, until)
    stood, before = overview.week_standing(session, access, week), overview.week_standing(session, access, week - timedelta(days=7))
    running = monday(local(at).date()) == week
    if not running and stood is not None:  # a week that is over is told as it ended
        found = _as_it_ended(found, stood)
    names = region_names(session, [place.code for place in found])
    whole, last = overview.total(found), None if before is None else overview.total(list(before.values())).levels
    red = queries.alerts(session, access, queries.Filters(levels=("red",), rules=("exit_risk",)), limit=SHOWN)
    data: dict[str, Any] = {
        "title": "企业预警周报", "place": place_name(access), "since": since.isoformat(), "until": (until - timedelta(days=1)).isoformat(), "made_at": local(at).isoformat(timespec="minutes"),
        "running": running, "counted": running or stood is not None, "data_month": frame().data_month or "", "rows": [_row(names.get(place.code, place.code), place) for place in found], "total": _row("合计", whole),
        "levels": [_level(level, whole.levels.get(level, 0), None if last is None else last.get(level, 0)) for level in LEVELS],
        "raised": whole.raised, "handled": whole.handled, "closed": whole.closed, "waiting": whole.waiting, "median": duration(whole.median), "coverage": share(whole.coverage),
        "rules": [(RULES.get(rule, rule), *numbers) for rule, *numbers in sorted(overview.by_rule(session, access, since, until), key=lambda row: list(RULES).index(row[0]) if row[0] in RULES else 99)],
        "red": [_red(row) for row in rows(red.rows)], "red_more": red.after is not None,
    }
    return data | {"digest": hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()}


def _as_it_ended(found: list[overview.Place], stood: dict[str, overview.Place]) -> list[overview.Place]:
    now = {place.code: place for place in found}
    for place in now.values():
        then = stood.get(place.code, overview.Place(place.code))
        place.levels, place.waiting = then.levels, then.waiting
    return [now.get(code) or stood[code] for code in sorted(now.keys() | stood.keys())]


def region_names(session: Session, codes: list[str]) -> dict[str, str]:
    """Names of divisions by code; a county's own rows among its towns are those whose town nobody wrote down."""
    found = dict(session.execute(select(Region.code, Region.name).where(Region.code.in_(codes), Region.valid_to.is_(None))).tuples().all())
    return {code: f"{name}（镇街未填）" if len(code) == overview.COUNTY and any(len(other) == overview.TOWN for other in codes) else name for code, name in found.items()}


def _row(name: str, place: overview.Place) -> list[Any]:
    return [name, *(place.levels.get(level, 0) for level in LEVELS), place.standing, place.waiting, place.raised, place.closed, duration(place.median)]


def _level(level: str, number: int, before: int | None) -> dict[str, Any]:
    change = "" if before is None else "与上周持平" if number == before else f"比上周{'增' if number > before else '减'} {abs(number - before):,}"
    return {"level": level, "name": LEVEL_NAMES[level], "number": number, "change": change}


def _red(row: Any) -> list[str]:
    band = interval_of(row.alert.evidence)
    expected, between = ("无本期数据", "") if band is None else (rough(band.mid), band.range_text)
    return [row.name, row.region, expected, between, row.alert.headline, row.alert.raised_on.isoformat(), row.handled or "待认领", row.officer or "未指定"]


def duration(minutes: int | None) -> str:
    """'3 小时', '2.5 天'; empty when nobody took anything on."""
    if minutes is None:
        return ""
    if minutes < 60:
        return f"{minutes} 分钟"
    hours = minutes / 60
    return f"{hours:.0f} 小时" if hours < 48 else f"{hours / 24:.1f} 天"


def share(value: float | None) -> str:
    """'85%'; empty when there was nothing to share."""
    return "" if value is None else f"{value * 100:.0f}%"
