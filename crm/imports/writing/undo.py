"""Take a batch out again: exactly what stood before, or nothing when somebody built on it since."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, bindparam, case, delete, func, select, text, update

from crm.core.db import UtcDateTime, metadata
from crm.criteria.models import VerdictRow
from crm.imports.errors import ChangedSince
from crm.imports.models import ImportChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Table
    from sqlalchemy.orm import Session

CHUNK = 5_000
_LAST = ("enterprise",)
_COMPUTED = {"alert": "state IN ('open', 'resolved', 'expired')", "move": "proposed_by IS NULL AND decided_at IS NULL"}
"""Rows the nightly run derives (no person has acted on them): they go with the firm. So do all tables that cascade."""


def undo_changes(session: Session, batch_id: int) -> list[int]:
    """Reverse the journal; returns the firms still there that changed. Raises ChangedSince with the first rows in the way."""
    changes = session.execute(
        select(ImportChange.table, ImportChange.action, ImportChange.row, ImportChange.row_id, ImportChange.before)
        .where(ImportChange.batch_id == batch_id).order_by(ImportChange.id.desc())
    ).all()
    groups: dict[tuple[str, str], list[Any]] = {}
    for change in changes:
        groups.setdefault((change.table, change.action), []).append(change)
    inserted = {table: {c.row_id for c in rows} for (table, action), rows in groups.items() if action == "insert"}
    _refuse_if_built_on(session, groups, inserted)
    touched = _firms(session, groups)
    for (name, action), rows in sorted(groups.items(), key=lambda item: (item[0][0] in _LAST, item[0][1] != "insert")):
        table = metadata.tables[name]
        if action == "insert":
            _remove(session, table, rows)
        elif action == "supersede":
            _reinstate(session, table, [c.row_id for c in rows])
        else:
            _restore(session, table, rows)
    return sorted(touched - inserted.get("enterprise", set()))


def _refuse_if_built_on(session: Session, groups: dict[tuple[str, str], list[Any]], inserted: dict[str, set[int]]) -> None:
    blocked: dict[int, str] = {}
    for (name, action), rows in groups.items():
        table, by_id = metadata.tables[name], {c.row_id: c for c in rows}
        if name == "enterprise":
            expected = {c.row_id: 1 if action == "insert" else c.before["version"] + 1 for c in rows}
            current = _column(session, table, "version", expected)
            blocked |= {by_id[i].row: "企业信息在导入后又改过" for i, version in expected.items() if current.get(i) != version}
        elif name == "filing" and action == "insert":
            live = _column(session, table, "superseded_at", by_id)
            blocked |= {c.row: "数据在导入后又更正过" for i, c in by_id.items() if live.get(i, "gone") is not None}
        elif action in {"insert", "update"} and rows[0].before and "after" in rows[0].before:
            blocked |= _changed_since(session, table, rows)
    for key in _worked_on(session, inserted.get("case_", set())):
        row = next(c.row for c in groups["case_", "insert"] if c.row_id == key)
        blocked[row] = "诉求在导入后已经办过"
    for i, what in _references(session, inserted):
        rows = {c.row_id: c.row for c in groups["enterprise", "insert"]}
        blocked[rows[i]] = f"企业名下已有{what}"
    if blocked:
        shown = "；".join(f"第 {row} 行：{why}" for row, why in sorted(blocked.items())[:5])
        raise ChangedSince(f"有 {len(blocked)} 行在导入后已被使用或修改，不能整批撤销（{shown}）。请逐条更正，或重新导入正确的数据。", rows=sorted(blocked))


def _references(session: Session, inserted: dict[str, set[int]]) -> Iterator[tuple[int, str]]:
    """Rows people added to firms this batch created: (firm, what)."""
    firms = inserted.get("enterprise", set())
    for table in metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                if key.column.table.name != "enterprise" or key.ondelete == "CASCADE" or "id" not in table.columns:
                    continue
                own, computed = inserted.get(table.name, set()), _COMPUTED.get(table.name)
                for part in _parts(firms):
                    query = select(column, table.c.id).where(column.in_(part))
                    kept = query.where(text(f"NOT ({computed})")) if computed else query
                    for firm, row_id in session.execute(kept):
                        if row_id not in own:
                            yield firm, table.comment or _LABELS.get(table.name, "其他记录")


def _worked_on(session: Session, cases: set[int]) -> set[int]:
    """Cases somebody took a step of, or that something else points at by now."""
    used: set[int] = set()
    for table in metadata.sorted_tables:
        for column in table.columns:
            if not any(key.column.table.name == "case_" for key in column.foreign_keys):
                continue
            for part in _parts(cases):
                counted = select(column).where(column.in_(part)).group_by(column).having(func.count() > (1 if table.name == "case_event" else 0))
                used |= set(session.scalars(counted))
    return used


_LABELS = {"visit": "走访记录", "case": "诉求", "case_": "诉求", "alert": "预警处理", "move": "层级变动", "filing": "其他来源的数据", "contact": "联系人",
           "enterprise_event": "大事记", "former_name": "更名记录", "title_grant": "称号", "register_membership": "入库记录", "stage_entry": "上市进程"}


def _changed_since(session: Session, table: Table, rows: Sequence[Any]) -> dict[int, str]:
    names = sorted(rows[0].before["after"])
    current = {}
    for part in _parts([c.row_id for c in rows]):
        for row in session.execute(select(table.c.id, *(table.c[n] for n in names)).where(table.c.id.in_(part))):
            current[row[0]] = [_plain(v) for v in row[1:]]
    return {c.row: "记录在导入后又改过" for c in rows if current.get(c.row_id) != [c.before["after"][n] for n in names]}


def _remove(session: Session, table: Table, rows: Sequence[Any]) -> None:
    if table.name == "region_stay":
        for c in rows:
            session.execute(delete(table).where(table.c.enterprise_id == c.row_id, table.c.until == date.fromisoformat(c.before["until"])))
        return
    for part in _parts([c.row_id for c in rows]):
        if table.name == "enterprise":
            _remove_derived(session, part)
        if table.name == "case_":
            session.execute(delete(metadata.tables["case_event"]).where(metadata.tables["case_event"].c.case_id.in_(part)))
        session.execute(delete(table).where(table.c.id.in_(part)))


def _remove_derived(session: Session, firms: Sequence[int]) -> None:
    session.execute(delete(VerdictRow).where(VerdictRow.enterprise_id.in_(firms)))
    for name in _COMPUTED:
        table = metadata.tables[name]
        mine = select(table.c.id).where(table.c.enterprise_id.in_(firms))
        for child in metadata.sorted_tables:
            for column in child.columns:
                if any(key.column.table.name == name for key in column.foreign_keys):
                    session.execute(delete(child).where(column.in_(mine)))
        session.execute(delete(table).where(table.c.enterprise_id.in_(firms)))


def _reinstate(session: Session, table: Table, ids: Sequence[int]) -> None:
    for part in _parts(ids):
        session.execute(update(table).where(table.c.id.in_(part)).values(superseded_at=None))


def _restore(session: Session, table: Table, rows: Sequence[Any]) -> None:
    """Write the former values back."""
    first = rows[0].before.get("before", rows[0].before)
    names = [n for n in first if n in table.columns]
    ended: dict[str, Any] = {}
    if end := next((n for n in ("exited_on", "revoked_on") if n in names), None):  # what is not ended has no day on which that was put on file
        ended = {"end_recorded_at": case((bindparam(f"b_{end}", type_=Date).is_not(None), table.c.end_recorded_at))}
    statement = update(table).where(table.c.id == bindparam("b_id")).values({**{n: bindparam(f"b_{n}") for n in names}, **ended})
    values = []
    for c in rows:
        former = c.before.get("before", c.before)
        values.append({"b_id": c.row_id, **{f"b_{n}": _typed(table, n, former[n]) for n in names}})
    session.connection().execute(statement, values)


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name].type
    if value is None or not isinstance(value, str):
        return value
    if isinstance(kind, UtcDateTime):
        instant = datetime.fromisoformat(value)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return date.fromisoformat(value[:10]) if isinstance(kind, Date) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _column(session: Session, table: Table, name: str, ids: Iterable[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for part in _parts(ids):
        found.update(session.execute(select(table.c.id, table.c[name]).where(table.c.id.in_(part))).tuples().all())
    return found


def _firms(session: Session, groups: dict[tuple[str, str], list[Any]]) -> set[int]:
    touched: set[int] = set()
    for (name, _), rows in groups.items():
        table = metadata.tables[name]
        if name in {"enterprise", "region_stay"}:
            touched |= {c.row_id for c in rows}
        else:
            touched |= set(_column(session, table, "enterprise_id", [c.row_id for c in rows]).values())
    return touched


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    every = list(ids)
    for i in range(0, len(every), CHUNK):
        yield every[i : i + CHUNK]
