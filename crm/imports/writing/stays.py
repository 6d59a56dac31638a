"""Write a plan of titles or of register entries and exits."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, bindparam, case, select, update

from crm.core.bulk import insert_rows, reserve_ids
from crm.core.db import UtcDateTime
from crm.core.signals import enterprise_changed, member_entered, member_left
from crm.imports.checking.stays import STAY_COLUMNS, TITLE_COLUMNS
from crm.ladder.models import RegisterMembership, TitleGrant

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Plan
    from crm.imports.mapping import Mapping
    from crm.imports.writing.journal import Journal

    Row = dict[str, Any]


def write_titles(session: Session, plan: Plan, _mapping: Mapping, journal: Journal) -> list[int]:
    """Insert grants and fill in what changed; returns ids of the firms touched."""
    new = [r for r in plan.data["rows"] if r["state"] == "new"]
    fields = (*TITLE_COLUMNS, "enterprise_id", "granted_on")
    _insert(session, TitleGrant, new, journal, fields, TITLE_COLUMNS, title=[r["title_id"] for r in new])
    _update(session, TitleGrant, [r for r in plan.data["rows"] if r["state"] == "changed"], journal, TITLE_COLUMNS)
    return _tell(session, plan)


def write_register(session: Session, plan: Plan, _mapping: Mapping, journal: Journal) -> list[int]:
    """Insert stays and close open ones; sends member_entered and member_left for each."""
    rows = plan.data["rows"]
    new = {r["row"]: r for r in rows if r["state"] == "new"}
    for row in rows:
        if "joins" in row:  # an exit of a stay this file itself opens
            new[row["joins"]] |= {c: row[c] for c in STAY_COLUMNS if row[c] is not None}
    changed = [r for r in rows if r["state"] == "changed" and r["id"] is not None]
    ids = _insert(session, RegisterMembership, list(new.values()), journal, (*STAY_COLUMNS, "enterprise_id", "entered_on", "entry"), STAY_COLUMNS)
    _update(session, RegisterMembership, changed, journal, STAY_COLUMNS)
    left = [r["id"] for r in changed if r["exited_on"] and not r["before"]["exited_on"]]
    for signal, keys in ((member_entered, ids), (member_left, left)):
        for i in range(0, len(keys), 5000):
            for membership in session.scalars(select(RegisterMembership).where(RegisterMembership.id.in_(keys[i : i + 5000]))):
                signal.send(None, session=session, membership=membership)
    return _tell(session, plan)


def _insert(
    session: Session, model: Any, rows: list[Row], journal: Journal, fields: tuple[str, ...], watched: tuple[str, ...], **more: list[Any]
) -> list[int]:
    size = len(rows)
    ids = reserve_ids(session, model, size)
    insert_rows(session, model, {
        "id": ids, **{f: [r[f] for r in rows] for f in fields}, **more, "batch_id": [journal.batch_id] * size, "recorded_at": [journal.at] * size,
        "recorded_by": [journal.by] * size,
    })
    journal.add([r["row"] for r in rows], model.__tablename__, ids, "insert", [{"after": {c: _plain(r[c]) for c in watched}} for r in rows])
    return ids


def _update(session: Session, model: Any, rows: list[Row], journal: Journal, columns: tuple[str, ...]) -> None:
    if not rows:
        return
    after = [{c: r[c] if r[c] is not None else r["before"][c] for c in columns} for r in rows]
    table, end = model.__table__, "exited_on" if "exited_on" in columns else "revoked_on"
    ended = case((bindparam("b_ended", type_=Boolean), bindparam("b_at", type_=UtcDateTime)), else_=table.c.end_recorded_at)
    statement = update(table).where(table.c.id == bindparam("b_id")).values({**{c: bindparam(f"b_{c}") for c in columns}, "end_recorded_at": ended})
    session.connection().execute(statement, [
        {"b_id": r["id"], "b_at": journal.at, "b_ended": now[end] is not None and r["before"][end] != now[end], **{f"b_{c}": v for c, v in now.items()}}
        for r, now in zip(rows, after, strict=True)])
    journal.add([r["row"] for r in rows], model.__tablename__, [r["id"] for r in rows], "update", [
        {"before": {c: _plain(v) for c, v in r["before"].items()}, "after": {c: _plain(v) for c, v in now.items()}} for r, now in zip(rows, after, strict=True)])


def _tell(session: Session, plan: Plan) -> list[int]:
    touched = sorted({r["enterprise_id"] for r in plan.data["rows"]})
    session.expire_all()
    if touched:
        enterprise_changed.send(None, session=session, enterprise_ids=touched)
    return touched


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
