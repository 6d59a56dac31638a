"""No write path can forget: every session that flushes a change of ours leaves before and after in the audit trail.

Tracked are all mapped tables but those named here. Bulk statements that go through the ORM leave one entry each; rows
written by crm.core.bulk are the caller's to record, with counts.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from crm.security import audit
from crm.security.models import AuditEntry, AuditHead, User
from crm.security.privacy import mask_mobiles, mask_name, mask_phone

if TYPE_CHECKING:
    from sqlalchemy.orm import ORMExecuteState, SessionTransaction

UNTRACKED = frozenset({
    "audit_entry", "audit_head", "login_attempt", "password_history",  # the trail itself and what feeds it
    "job_run", "worker_beat", "import_finding", "import_change", "import_mapping", "notice", "outbox",  # their own record
    "verdict", "standing", "standing_count", "transition", "facts_dirty", "pack_version", "enterprise_search",  # computed, reproducible
    "ab_permission", "ab_view_menu", "ab_permission_view", "ab_api_key", "record_number", "rendered_record", "paper",
})
NOISE = frozenset({
    "version", "updated_at", "created_at", "changed_on", "changed_by_fk", "created_on", "created_by_fk", "last_login",
    "login_count", "fail_login_count", "done", "total", "seen_on", "name_key", "initials",
})
MANY = 50
"""More entries of one action in one commit become one entry with a count, a digest and the first ids."""


def _shown(table: str, column: str, value: Any) -> Any:
    """Personal data and secrets by shape only."""
    if column in {"password", "hash", "key_hash", "lookup_hash"} or (table == "notice_channel" and column in {"address", "secret"}):
        return None if value is None else "［已隐去］"
    if column == "phone":
        return mask_phone(value)
    if (table, column) in {("contact", "name"), ("visit_person", "name"), ("enterprise", "legal_person")}:
        return mask_name(value)
    if column in {"frozen", "verdict", "evidence"} and value is not None:
        return f"sha256:{sha256(repr(value).encode()).hexdigest()}"
    return mask_mobiles(value) if isinstance(value, str) else value


def _table(obj: Any) -> str:
    return obj.__table__.name if hasattr(obj, "__table__") else ""


def _changes(obj: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after) of the columns that changed; roles of a user by name."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    state, table = inspect(obj), _table(obj)
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if attribute.key in NOISE or not history.has_changes():
            continue
        before[attribute.key] = _shown(table, attribute.key, history.deleted[0] if history.deleted else None)
        after[attribute.key] = _shown(table, attribute.key, history.added[0] if history.added else None)
    if isinstance(obj, User) and state.attrs.roles.history.has_changes():
        history = state.attrs.roles.history
        before["roles"] = sorted(r.name for r in (*history.unchanged, *history.deleted))
        after["roles"] = sorted(r.name for r in (*history.unchanged, *history.added))
    return before, after


def _whole(obj: Any) -> dict[str, Any]:
    table = _table(obj)
    values = {a.key: inspect(obj).dict.get(a.key) for a in inspect(obj).mapper.column_attrs if a.key not in NOISE}
    return {key: _shown(table, key, value) for key, value in values.items() if value is not None}


def _note(session: Session, obj: Any, verb: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    table = _table(obj)
    key = "/".join(str(part) for part in inspect(obj).mapper.primary_key_from_instance(obj))
    audit.record(session, None, f"{table}.{verb}", table, key, getattr(obj, "region_code", None), before, after)


def _after_flush(session: Session, _context: Any) -> None:
    for obj in session.new:
        if _table(obj) not in UNTRACKED:
            _note(session, obj, "insert", None, _whole(obj))
    if any(isinstance(obj, (AuditEntry, AuditHead)) for obj in (*session.dirty, *session.deleted)):
        raise RuntimeError("the audit trail is append-only")
    for obj in session.dirty:
        if _table(obj) not in UNTRACKED:
            before, after = _changes(obj)
            if after and before != after:
                _note(session, obj, "update", before, after)
    for obj in session.deleted:
        if _table(obj) not in UNTRACKED:
            _note(session, obj, "delete", _whole(obj), None)


def _bulk(state: ORMExecuteState) -> None:
    """Note an UPDATE or DELETE that passes the ORM but not the unit of work."""
    if not (state.is_update or state.is_delete) or state.bind_mapper is None or state.is_from_statement:
        return
    name = state.bind_mapper.local_table.name
    if name in UNTRACKED:
        return
    compiled = state.statement.compile(state.session.get_bind(state.bind_mapper))
    told = {k: _shown(name, k.rsplit("_", 1)[0], v) for k, v in compiled.params.items()}
    verb = "update" if state.is_update else "delete"
    audit.record(state.session, None, f"{name}.bulk_{verb}", name, statement=str(compiled), parameters=told)


def _before_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    session.info[audit.PENDING] = _condensed(session.info.get(audit.PENDING, []))
    audit.write_pending(session)


def _condensed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter(entry["action"] for entry in entries)
    many = {action for action, count in counts.items() if count > MANY}
    if not many:
        return entries
    kept = [entry for entry in entries if entry["action"] not in many]
    for action in sorted(many):
        group = [entry for entry in entries if entry["action"] == action]
        digest = sha256(repr([(e["subject_id"], e["detail"]) for e in group]).encode()).hexdigest()
        detail = {"count": len(group), "digest": digest, "first": [e["subject_id"] for e in group[:10]]}
        kept.append({**group[0], "subject_id": None, "region_code": None, "detail": detail})
    return kept


def _mark(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.info.setdefault("audit.marks", {})[id(transaction)] = len(session.info.get(audit.PENDING, []))


def _forget(session: Session, transaction: SessionTransaction) -> None:
    """Drop what a rolled back savepoint, or the whole rolled back transaction, had noted."""
    mark = session.info.get("audit.marks", {}).pop(id(transaction), 0) if transaction.nested else 0
    del session.info.setdefault(audit.PENDING, [])[mark:]


def install() -> None:
    """Listen to every session of the process. Called once, when crm.security is imported."""
    event.listen(Session, "after_flush", _after_flush)
    event.listen(Session, "do_orm_execute", _bulk)
    event.listen(Session, "before_commit", _before_commit)
    event.listen(Session, "after_transaction_create", _mark)
    event.listen(Session, "after_soft_rollback", _forget)
