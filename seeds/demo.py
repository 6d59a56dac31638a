# ruff: noqa: PLR2004, D401 - shares of an invented city, not rules
"""The demo city: a seeded synthetic economy of 2,000, 65,500 or 1,000,000 firms. Nothing in it is a real firm.

    create_demo(session, "small", on)     writes firms, figures, titles, register stays, events and contacts
    assign_demo_officer(session, …)       gives a user some of them and a few visits

Shapes and shares are in demo.json; the same seed and day give the same city.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from crm.core.bulk import insert_rows
from crm.core.db import is_postgresql
from crm.core.errors import Conflict
from crm.enterprises.models import Contact, Enterprise, EnterpriseEvent, EnterpriseSearch
from crm.indicators.models import Filing
from crm.ladder.models import RegisterMembership, StageEntry, TitleGrant
from crm.regions.models import Industry, Region, Zone
from seeds.demo_firm import City, Sheets

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

SCALES = ("small", "city", "province")
SEED = 20261122
CHUNK = 8_000
TABLES = {
    "enterprise": Enterprise, "search": EnterpriseSearch, "contact": Contact, "event": EnterpriseEvent, "annual": Filing, "monthly": Filing,
    "power": Filing, "held": Filing, "register": RegisterMembership, "title": TitleGrant, "stage": StageEntry,
}


def load_spec() -> dict[str, Any]:
    """The numbers of demo.json."""
    return json.loads((Path(__file__).parent / "demo.json").read_text(encoding="utf-8"))


def data_month(on: date) -> tuple[int, int]:
    """(year, month) of the last month whose figures are in by `on`: some 15 days after its end; January is never reported."""
    month = on.replace(day=1) - timedelta(days=1)
    if on.day < 15:
        month = month.replace(day=1) - timedelta(days=1)
    return (month.year - 1, 12) if month.month == 1 else (month.year, month.month)


def create_demo(
    session: Session, scale: str, on: date, *, seed: int = SEED, progress: Callable[[int, int], None] | None = None
) -> dict[str, int]:
    """Write the city as of the day `on`; returns rows by table. Refuses when demo firms are there already.

    `progress(done, total)` is called after every chunk and may commit.
    """
    if session.scalar(select(Enterprise.id).where(Enterprise.uscc.like("91______MX%")).limit(1)):
        raise Conflict("示例城市已经建好。要重新建立，请换一个数据目录（CRM_DATA_DIR）。")
    spec = load_spec()
    total = spec["scales"][scale]["firms"]
    city = City(spec, Random(seed), on, data_month(on), _places(session, spec, scale), _codes(session), _zones(session))
    city.lift = spec["scales"][scale]["lift"]
    city.first_id = (session.scalar(select(func.max(Enterprise.id))) or 0) + 1
    written: dict[str, int] = {}
    for start in range(0, total, CHUNK):
        sheets = Sheets()
        for serial in range(start, min(start + CHUNK, total)):
            city.firm(serial, sheets)
        _write(session, sheets, written)
        if progress:
            progress(min(start + CHUNK, total), total)
    _move_sequence(session)
    return written


def _places(session: Session, spec: dict[str, Any], scale: str) -> list[tuple[str, str, float, list[tuple[str, str]]]]:
    """(county code, name, weight, towns) of the demo's area."""
    counties = session.execute(
        select(Region.code, Region.name).where(Region.level == "county", Region.is_virtual.is_(False), Region.valid_to.is_(None))
    ).all()
    weights = spec["counties"] if scale != "province" else {c.code: 1.0 for c in counties if c.code.startswith("33")}
    towns: dict[str, list[tuple[str, str]]] = {}
    for code, name in session.execute(
        select(Region.code, Region.name).where(Region.level == "town", Region.is_virtual.is_(False), Region.valid_to.is_(None)).order_by(Region.code)
    ):
        towns.setdefault(code[:6], []).append((code, name))
    found = [(c.code, c.name, weights[c.code], towns.get(c.code, [])) for c in sorted(counties) if c.code in weights]
    if not found:
        raise Conflict("还没有行政区划数据。请先运行 run.py db upgrade。")
    return found


def _codes(session: Session) -> set[str]:
    return set(session.scalars(select(Industry.code)))


def _zones(session: Session) -> set[str]:
    return set(session.scalars(select(Zone.code)))


def _write(session: Session, sheets: Sheets, written: dict[str, int]) -> None:
    for name, model in TABLES.items():
        rows = sheets.rows[name]
        if rows:
            insert_rows(session, model, dict(zip(Sheets.COLUMNS[name], zip(*rows, strict=True), strict=True)))
            table = model.__tablename__
            written[table] = written.get(table, 0) + len(rows)


def _move_sequence(session: Session) -> None:
    """Firms were written with their own ids: the next one must follow them."""
    if is_postgresql(session):
        session.execute(text("SELECT setval(pg_get_serial_sequence('enterprise', 'id'), (SELECT max(id) FROM enterprise))"))


def noon(day: date) -> datetime:
    """An instant on a day, for what was recorded then."""
    return datetime.combine(day, time(4, 0), UTC)
