
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
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import case, func, select, text

from crm.alerts.season import data_month
from crm.config import Settings
from crm.core.bulk import insert_rows
from crm.core.clock import now
from crm.core.db import is_postgresql
from crm.core.errors import Conflict
from crm.enterprises.models import Contact, Enterprise, EnterpriseEvent, EnterpriseSearch
from crm.indicators.models import Filing
from crm.jobs.chain import Chain, packs_of
from crm.ladder.changes import clear
from crm.ladder.models import RegisterMembership, StageEntry, Standing, TitleGrant
from crm.regions.models import Industry, Region, Zone
from crm.regions.scope import prefix_range
from crm.security.models import User, UserRegion
from crm.visits.models import Visit
from seeds.demo_alerts import give_a_past
from seeds.demo_cases import give_cases
from seeds.demo_firm import City, Sheets
from seeds.demo_plans import give_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

SCALES = ("small", "city", "province")
SEED = 20261122
CHUNK = 8_000
OFFICER_FIRMS = 60
TABLES = {
    "enterprise": Enterprise, "search": EnterpriseSearch, "contact": Contact, "event": EnterpriseEvent, "annual": Filing, "monthly": Filing,
    "power": Filing, "held": Filing, "score": Filing, "register": RegisterMembership, "title": TitleGrant, "stage": StageEntry,
}


def load_spec() -> dict[str, Any]:
    """The numbers of demo.json."""
    return json.loads((Path(__file__).parent / "demo.json").read_text(encoding="utf-8"))


def build_city(
    session: Session, scale: str, on: date, *, data_dir: Path | None = None, settings: Settings | None = None, seed: int = SEED,
    progress: Callable[[int, int], None] | None = None, checkpoint: Callable[[], None] | None = None,
) -> dict[str, int]:
    """The whole demo: firms, evaluation as of the day, alerts, counts, and firms for every officer there is.

    `checkpoint` is called after every chunk and step (commit); without it all happens in the caller's transaction.
    """
    settings = settings or Settings(**({"data_dir": data_dir} if data_dir else {}))

    def told(done: int, total: int) -> None:
        if checkpoint:
            checkpoint()
        if progress:
            progress(done, total)

    made = create_demo(session, scale, on, seed=seed, progress=told)
    chain = Chain(session, packs_of(settings), on, now())
    made |= {f"evaluated.{name}": count for name, count in chain.evaluate().items()}
    made |= {f"alerts.{name}": count for name, count in chain.alerts().items()}
    officers = session.execute(
        select(User.id, UserRegion.code).join(UserRegion, UserRegion.user_id == User.id).where(User.roles.any(name="officer"))
    ).all()
    for user_id, code in officers:
        made["assigned"] = made.get("assigned", 0) + assign_demo_officer(session, user_id, code, OFFICER_FIRMS, on)
    department = session.scalar(select(User.id).where(User.roles.any(name="department")).order_by(User.id).limit(1))
    for user_id, code in officers[:1]:
        made["cases"] = give_cases(session, packs_of(settings), on, user_id, code, department)
        made["planned"] = give_plan(session, packs_of(settings), on, user_id, code)
    chain.counts()
    give_a_past(session, on, [(user_id, "") for user_id, _ in officers])
    chain.counts()
    clear(session, now())
    return made


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
    city = City(spec, Random(seed), on, data_month(on), _places(session, spec, scale), _codes(session), _zones(session))  # noqa: S311
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


def assign_demo_officer(session: Session, user_id: int, region_code: str, n: int, on: date) -> int:
    """Give a user `n` firms of a division nobody looks after, those with alerts and near misses first, and a few visits."""
    low, high = prefix_range(region_code)
    urgency = case({"red": 0, "orange": 1, "yellow": 2}, value=Standing.alert_level, else_=3)
    query = (
        select(Enterprise)
        .join(Standing, Standing.enterprise_id == Enterprise.id)
        .where(Enterprise.region_code >= low, Enterprise.region_code < high, Enterprise.officer_id.is_(None), Enterprise.status == "active")
        .order_by(urgency, Standing.near_missing.nulls_last(), Standing.revenue_last.desc().nulls_last(), Enterprise.id)
    )
    firms = session.scalars(query.limit(n)).all()
    for firm in firms:
        firm.officer_id = user_id
    session.flush()
    _visits(session, user_id, firms, on)
    return len(firms)


def _visits(session: Session, user_id: int, firms: Sequence[Enterprise], on: date) -> None:
    """Every third firm was visited in the last months; some next steps are due about now."""
    words = load_spec()["visits"]
    for number, firm in enumerate(firms[::3]):
        day = on - timedelta(days=5 + number * 9 % 120)
        started = datetime.combine(day, time(2, 0), UTC)
        session.add(Visit(
            uuid=str(uuid5(NAMESPACE_URL, f"demo-visit/{firm.uscc}")), enterprise_id=firm.id, kind=("onsite", "onsite", "phone", "meeting")[number % 4],
            started_at=started, ended_at=started + timedelta(minutes=50), place=firm.address, summary=words["summaries"][number % len(words["summaries"])],
            policies=[], fields={}, next_step=words["next_steps"][number % len(words["next_steps"])],
            next_on=on + timedelta(days=number * 5 % 35 - 8), author_id=user_id, created_at=started,
        ))
    session.flush()
