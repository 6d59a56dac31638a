"""The audit trail: append-only, each entry's digest covers the entry and the digest before it.

Entries wait in the session and are written just before it commits, so they live and die with the change they tell of
and the chain's head is locked for milliseconds only. A bulk path calls `record` once, with counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crm.core.clock import now
from crm.core.db import is_postgresql
from crm.security.models import AuditEntry, AuditHead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

PENDING = "audit.pending"
LONGEST_TEXT = 500
LONGEST_LIST = 50
_COVERED = ("id", "actor_id", "actor", "action", "subject_type", "subject_id", "region_code", "detail", "ip", "request_id", "previous")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from; `session.info["origin"]` may hold one or a function that returns one."""

    ip: str | None = None
    request_id: str | None = None


def record(
    session: Session, access: Access | None, action: str, subject_type: str | None = None, subject_id: Any = None,
    region_code: str | None = None, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None, **detail: Any,
) -> None:
    """Say who did what to what. Written when `session` commits, gone when it rolls back.

    `access` None: whoever the session belongs to (`session.info["access"]`), else the system. `detail` takes counts and
    facts; texts over 500 characters are cut and carry their digest. Pass no secrets; phones and names are masked by the caller.
    """
    facts: dict[str, Any] = {k: v for k, v in {"before": before, "after": after}.items() if v is not None} | detail
    if not session.in_transaction():
        session.begin()  # so that a rollback reaches the entry
    who = access if access is not None else _of(session, "access")
    origin = _of(session, "origin") or Origin()
    session.info.setdefault(PENDING, []).append({
        "actor_id": who.user_id if who is not None else None,
        "actor": ((who.name if who is not None else "") or "system")[:64],
        "action": action[:48],
        "subject_type": subject_type,
        "subject_id": None if subject_id is None else str(subject_id)[:64],
        "region_code": region_code,
        "detail": plain(facts) or None,
        "ip": origin.ip,
        "request_id": origin.request_id,
    })


def _of(session: Session, name: str) -> Any:
    """`session.info[name]`, called when it is a function: a request's rights are read late, or never."""
    value: Callable[[], Any] | Any = session.info.get(name)
    return value() if callable(value) else value


def write_pending(session: Session) -> None:
    """Link the waiting entries to the chain. Called before commit; takes the head's lock until then."""
    entries = session.info.pop(PENDING, [])
    if not entries:
        return
    last_id, digest = _take_head(session, len(entries))
    at = now()
    rows = []
    for number, entry in enumerate(entries, last_id - len(entries) + 1):
        row = {"id": number, "at": at, **entry, "previous": digest}
        digest = row["digest"] = digest_of(row)
        rows.append(row)
    connection = session.connection()
    connection.execute(insert(AuditEntry.__table__), rows)
    connection.execute(update(AuditHead.__table__).where(AuditHead.id == 1).values(digest=digest))


def _take_head(session: Session, count: int) -> tuple[int, str]:
    """Lock the head row and move it on by `count`; returns the new last id and the digest before the first new entry."""
    connection, head = session.connection(), AuditHead.__table__
    forward = update(head).where(head.c.id == 1).values(last_id=head.c.last_id + count)
    if connection.execute(forward).rowcount == 0:
        dialect = postgresql if is_postgresql(session) else sqlite
        connection.execute(dialect.insert(head).values(id=1, last_id=0, digest="").on_conflict_do_nothing())
        connection.execute(forward)
    last_id, digest = connection.execute(select(head.c.last_id, head.c.digest).where(head.c.id == 1)).one()
    return last_id, digest


def digest_of(row: Any) -> str:
    """SHA-256 over the canonical JSON of everything in an entry but its own digest. `row`: a mapping or an AuditEntry."""
    read = row.get if isinstance(row, dict) else lambda name: getattr(row, name)
    facts = {name: read(name) for name in _COVERED} | {"at": read("at").astimezone(UTC).isoformat(timespec="microseconds")}
    return sha256(json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def plain(value: Any) -> Any:
    """JSON that both databases give back as it went in: no floats, no NUL, no lone surrogates, no endless text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, dict):
        return {_text(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [plain(v) for v in value]
        whole = len(items) <= LONGEST_LIST
        return items if whole else {"count": len(items), "digest": sha256(repr(items).encode()).hexdigest()}
    if isinstance(value, bytes):
        return f"sha256:{sha256(value).hexdigest()}"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return _text(value)


def _text(value: Any) -> str:
    text = str(value).replace("\0", "").encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… [sha256:{sha256(text.encode()).hexdigest()}]"


def verify(session: Session, start: int = 1) -> int | None:
    """Walk the chain from entry `start`; the id of the first entry that is missing, altered or unlinked, else None."""
    expected = start
    previous = "" if start == 1 else session.scalar(select(AuditEntry.digest).where(AuditEntry.id == start - 1))
    for entry in _in_order(session, start):
        if entry.id != expected or entry.previous != previous or entry.digest != digest_of(entry):
            return expected
        expected, previous = entry.id + 1, entry.digest
    head = session.execute(select(AuditHead.last_id, AuditHead.digest).where(AuditHead.id == 1)).one_or_none()
    known = (0, "") if head is None else (head.last_id, head.digest)
    return None if known == (expected - 1, previous) else expected


def _in_order(session: Session, start: int, step: int = 2000) -> Iterator[Any]:
    """Entries by id, a chunk at a time: the trail outgrows memory."""
    columns = AuditEntry.__table__.c
    while rows := session.execute(select(*columns).where(columns.id >= start).order_by(columns.id).limit(step)).all():
        yield from rows
        start = rows[-1].id + 1


def export(session: Session, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Entries oldest first as JSON-ready dicts, digests included."""
    names = [column.name for column in AuditEntry.__table__.c]
    for row in _in_order(session, 1):
        if since is None or row.at >= since:
            yield dict(zip(names, row, strict=True)) | {"at": row.at.isoformat()}


def head(session: Session) -> tuple[int, str]:
    """Number and digest of the last entry; (0, '') for an empty trail. Noted elsewhere, it proves the trail up to there."""
    row = session.execute(select(AuditHead.last_id, AuditHead.digest).where(AuditHead.id == 1)).one_or_none()
    return (0, "") if row is None else (row.last_id, row.digest)


def visible(access: Access) -> ColumnElement[bool]:
    """SQL condition: entries about a division of the jurisdiction, else those of users it covers and of the system."""
    nobody = and_(AuditEntry.actor_id.is_(None), AuditEntry.region_code.is_(None))
    theirs = and_(AuditEntry.region_code.is_(None), access.oversees(AuditEntry.actor_id))
    return or_(access.within(AuditEntry.region_code, AuditEntry.region_code), theirs, nobody)


def entries(
    session: Session, *, actor: str | None = None, action: str | None = None, subject_type: str | None = None,
    subject_id: str | None = None, since: datetime | None = None, until: datetime | None = None,
    before_id: int | None = None, limit: int = 50, access: Access | None = None,
) -> list[AuditEntry]:
    """Newest first. `action` matches the whole name or, ending in a dot, its beginning ('enterprise.'); `actor` a part of the name.

    `since` ≤ at < `until`. The next page starts with `before_id` = the last id given. `access` limits to its jurisdiction.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if access is not None:
        query = query.where(visible(access))
    if actor:
        query = query.where(AuditEntry.actor.contains(actor, autoescape=True))
    if action:
        query = query.where(AuditEntry.action.startswith(action, autoescape=True) if action.endswith(".") else AuditEntry.action == action)
    for column, value in ((AuditEntry.subject_type, subject_type), (AuditEntry.subject_id, subject_id)):
        if value:
            query = query.where(column == value)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    return list(session.scalars(query))
