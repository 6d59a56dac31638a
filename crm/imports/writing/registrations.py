"""Write a plan of registrations: new firms, changed firms, contacts, former names, stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import bindparam, select, update

from crm.core.bulk import insert_rows, reserve_ids, upsert_rows
from crm.core.clock import local
from crm.core.signals import enterprise_changed
from crm.enterprises.models import Contact, Enterprise, EnterpriseSearch, FormerName, RegionStay
from crm.enterprises.names import initials, name_key
from crm.enterprises.operations import search_text
from crm.imports.checking.registrations import COMPARED, contact_key

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Plan
    from crm.imports.mapping import Mapping
    from crm.imports.writing.journal import Journal


def write_registrations(session: Session, plan: Plan, _mapping: Mapping, journal: Journal) -> list[int]:
    """Insert and update; returns ids of the firms touched."""
    new, changed = plan.data["new"], plan.data["changed"]
    added = _insert(session, new, journal)
    _update(session, changed, journal)
    fresh = new.select("row", "contact", "phone").with_columns(pl.Series("id", added, dtype=pl.Int64))
    contacts = pl.concat([fresh, plan.data["known"].select("row", "contact", "phone", "id")])
    met = _contacts(session, contacts.filter(pl.col("contact").is_not_null() | pl.col("phone").is_not_null()), journal)
    refresh_search(session, {*changed["id"].to_list(), *met})
    touched = sorted({*added, *changed["id"].to_list(), *met})
    enterprise_changed.send(None, session=session, enterprise_ids=touched)
    return touched


def _insert(session: Session, new: pl.DataFrame, journal: Journal) -> list[int]:
    size = new.height
    ids = reserve_ids(session, Enterprise, size)
    told = [(name_key(name)[:200], letters := initials(name)[:200], search_text(name, short, letters, uscc))
            for name, short, uscc in new.select("name", "short_name", "uscc").rows()]
    keys, letters, texts = (list(part) for part in zip(*told, strict=True)) if told else ([], [], [])
    columns: dict[str, list[Any]] = {c: new[c].to_list() for c in (*COMPARED, "uscc", "kind", "region_code", "region_found") if c != "status"}
    columns |= {
        "id": ids, "status": new["status"].fill_null("active").to_list(), "name_key": keys, "initials": letters,
        "created_at": [journal.at] * size, "updated_at": [journal.at] * size, "version": [1] * size,
    }
    insert_rows(session, Enterprise, columns)
    insert_rows(session, EnterpriseSearch, {"enterprise_id": ids, "text": texts})
    journal.add(new["row"].to_list(), "enterprise", ids, "insert")
    return ids


def _update(session: Session, changed: pl.DataFrame, journal: Journal) -> None:
    if changed.is_empty():
        return
    today, rows = local(journal.at).date(), changed.to_dicts()
    values, before, renamed, moved = [], [], [], []
    for row in rows:
        now = {c: row[c] if row[c] is not None else row[f"was_{c}"] for c in COMPARED}
        was = {c: row[f"was_{c}"] for c in (*COMPARED, "region_code", "region_found", "name_key", "initials")}
        if now["name"] != was["name"]:
            renamed.append(row)
        if row["moved"]:
            moved.append(row)
        place = row if row["moved"] else {"region_code": was["region_code"], "region_found": was["region_found"]}
        values.append({**{f"b_{c}": v for c, v in now.items()}, "b_region_code": place["region_code"], "b_region_found": place["region_found"],
                       "b_name_key": name_key(now["name"])[:200], "b_initials": initials(now["name"])[:200], "b_at": journal.at, "b_id": row["id"]})
        was["registered_on"] = was["registered_on"] and was["registered_on"].isoformat()
        before.append({**was, "version": row["was_version"], "updated_at": row["was_updated_at"]})
    fields = (*COMPARED, "region_code", "region_found", "name_key", "initials")
    table = Enterprise.__table__
    statement = update(table).where(table.c.id == bindparam("b_id")).values(
        **{c: bindparam(f"b_{c}") for c in fields}, updated_at=bindparam("b_at"), version=table.c.version + 1
    )
    session.connection().execute(statement, values)
    journal.add([r["row"] for r in rows], "enterprise", [r["id"] for r in rows], "update", before)
    _history(session, renamed, moved, today, journal)


def _history(session: Session, renamed: list[dict[str, Any]], moved: list[dict[str, Any]], today: Any, journal: Journal) -> None:
    ids = reserve_ids(session, FormerName, len(renamed))
    insert_rows(session, FormerName, {"id": ids, "enterprise_id": [r["id"] for r in renamed], "name": [r["was_name"] for r in renamed], "until": [today] * len(ids)})
    journal.add([r["row"] for r in renamed], "former_name", ids, "insert")
    stood = set(session.scalars(select(RegionStay.enterprise_id).where(RegionStay.until == today))) if moved else set()
    first = [r for r in moved if r["id"] not in stood]
    upsert_rows(session, RegionStay, ["enterprise_id", "until"], {
        "enterprise_id": [r["id"] for r in first], "until": [today] * len(first), "region_code": [r["was_region_code"] for r in first]})
    journal.add([r["row"] for r in first], "region_stay", [r["id"] for r in first], "insert", [{"until": today.isoformat()}] * len(first))


def _contacts(session: Session, people: pl.DataFrame, journal: Journal) -> list[int]:
    """Add the people the file names; returns ids of firms that got one."""
    if people.is_empty():
        return []
    ids = people["id"].to_list()
    known: set[tuple[int, str, str]] = set()
    primary: set[int] = set()
    for i in range(0, len(ids), 10_000):
        for firm, name, phone, first in session.execute(
            select(Contact.enterprise_id, Contact.name, Contact.phone, Contact.is_primary).where(Contact.enterprise_id.in_(ids[i : i + 10_000]))
        ):
            known.add((firm, name, phone or ""))
            primary |= {firm} if first else set()
    rows = [(row, firm, *contact_key(name, phone)) for row, name, phone, firm in people.select("row", "contact", "phone", "id").rows()]
    rows = [r for r in rows if (r[1], r[2], r[3]) not in known]
    keys = reserve_ids(session, Contact, len(rows))
    insert_rows(session, Contact, {
        "id": keys, "enterprise_id": [r[1] for r in rows], "name": [r[2] for r in rows], "phone": [r[3] or None for r in rows],
        "is_primary": [r[1] not in primary for r in rows],
    })
    journal.add([r[0] for r in rows], "contact", keys, "insert")
    return [r[1] for r in rows]


def refresh_search(session: Session, ids: set[int]) -> None:
    """Rewrite what these firms are found by."""
    wanted, size = sorted(ids), 10_000
    for i in range(0, len(wanted), size):
        part = wanted[i : i + size]
        more: dict[int, list[str]] = {}
        for model, column in ((FormerName, FormerName.name), (Contact, Contact.phone)):
            query = select(model.enterprise_id, column).where(model.enterprise_id.in_(part), column.is_not(None))
            for firm, text in session.execute(query if model is FormerName else query.where(Contact.ended_on.is_(None))):
                more.setdefault(firm, []).append(text)
        rows = session.execute(
            select(Enterprise.id, Enterprise.name, Enterprise.short_name, Enterprise.initials, Enterprise.uscc).where(Enterprise.id.in_(part))
        ).all()
        upsert_rows(session, EnterpriseSearch, ["enterprise_id"], {
            "enterprise_id": [r[0] for r in rows], "text": [search_text(*r[1:], more.get(r[0], ())) for r in rows]})

