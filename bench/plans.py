"""Visiting campaigns at size: sharing out, coverage, a page, what one officer owes.

    python -m bench.plans [--firms 10000] [--database URL] [--json]

Wall and CPU seconds of this process; the database's own CPU is not counted on PostgreSQL. Without URL: a SQLite file that is removed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from crm.core.bulk import insert_rows
from crm.core.db import make_engine
from crm.enterprises.models import Enterprise
from crm.regions.models import Region
from crm.schema import metadata
from crm.security.access import Access
from crm.security.models import Role, User, UserRegion
from crm.visits.models import Visit
from crm.visits.plans import coverage, operations, queries
from crm.visits.plans.schemas import Firm, Plan, Rule, Sharer
from crm.visits.plans.sharing import share

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTY, TOWN, OFFICERS = "331081", "331081100", 100
ON, AT = date(2026, 11, 2), datetime(2026, 11, 2, 1, tzinfo=UTC)
SHARED, SHARERS = 50_000, 900


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firms", type=int, default=10_000)
    parser.add_argument("--database")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {"share 50,000 firms among 900 officers": timed(_share)} | measure(given.database or f"sqlite:///{folder}/plans.db", given.firms)
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for name, (wall, cpu) in found.items():
        print(f"{name}: {wall:.3f} s wall, {cpu:.3f} s CPU")


def timed(act: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def _share() -> None:
    towns = [f"33{county:04d}{town:03d}" for county in range(1000, 1090) for town in range(100, 110)]
    officers = [Sharer(n + 1, "", (towns[n % len(towns)][: 9 if n % 2 else 6],)) for n in range(SHARERS)]
    share([Firm(n, "", towns[n % len(towns)], None, n % SHARERS + 1 if n % 3 == 0 else None) for n in range(SHARED)], officers, Rule())


def measure(url: str, firms: int) -> dict[str, tuple[float, float]]:
    """A campaign of a county with so many firms, nine in ten of them visited. Empties the database first."""
    engine = make_engine(url)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        lead, officer = _people(session)
        ids = list(range(1, firms + 1))
        insert_rows(session, Enterprise, {
            "id": ids, "uscc": [f"9133{n:014d}" for n in ids], "name": [f"第{n}厂" for n in ids], "kind": ["corporate"] * firms, "region_code": [TOWN] * firms,
            "region_found": ["declared"] * firms, "status": ["active"] * firms, "name_key": [str(n) for n in ids], "initials": [""] * firms, "created_at": [AT] * firms,
            "updated_at": [AT] * firms, "version": [1] * firms,
        })  # fmt: skip
        session.commit()
        found = {f"make a campaign of {firms:,} firms, {OFFICERS} officers": timed(lambda: operations.create(session, lead, Plan("走访", COUNTY, ON, ON + timedelta(days=29)), on=ON, at=AT))}
        seen = ids[: firms * 9 // 10]
        insert_rows(session, Visit, {
            "uuid": [str(uuid.uuid4()) for _ in seen], "enterprise_id": seen, "kind": ["onsite"] * len(seen), "started_at": [AT + timedelta(hours=n % 300) for n in seen],
            "author_id": [officer.user_id] * len(seen), "created_at": [AT] * len(seen), "policies": [[]] * len(seen), "fields": [{}] * len(seen), "version": [1] * len(seen),
        })  # fmt: skip
        session.commit()
        made = session.query(operations.Campaign).one()
        on = ON + timedelta(days=14)
        found |= {f"coverage by {by}": timed(lambda by=by: coverage.coverage(session, lead, made, on, by)) for by in coverage.BY}  # type: ignore[misc]
        found["a page of what is overdue"] = timed(lambda: coverage.assignments(session, lead, made, coverage.Filters(state="late"), on))
        found["the list of campaigns"] = timed(lambda: queries.campaigns(session, lead, on))
        found["what one officer owes"] = timed(lambda: queries.due(session, officer, on))
        found["share out again, nothing missing"] = timed(lambda: operations.assign(session, lead, made.id, on=on, at=AT))
    engine.dispose()
    return found


def _people(session: Session) -> tuple[Access, Access]:
    for code, level, parent in (("330000", "province", None), ("331000", "city", "330000"), (COUNTY, "county", "331000"), (TOWN, "town", COUNTY)):
        session.add(Region(code=code, name=code, level=level, parent_code=parent))
        session.flush()
    role = Role(name="officer")
    users = [User(first_name=f"干部{n}", last_name="", username=f"u{n}", email=f"u{n}@bench.invalid", active=True, roles=[role]) for n in range(OFFICERS)]
    session.add_all(users)
    session.flush()
    session.add_all(UserRegion(user_id=user.id, code=COUNTY) for user in users)
    session.flush()
    return Access(users[0].id, "", frozenset({"manager"}), (COUNTY,)), Access(users[1].id, "", frozenset({"officer"}), (COUNTY,))


if __name__ == "__main__":
    main()
