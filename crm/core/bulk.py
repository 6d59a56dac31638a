"""Many rows at once: COPY on PostgreSQL, executemany on SQLite. The ORM is for single records.

Rows come as columns (name -> sequence of equal length), the shape a Polars frame and a generator both have; values are
the ORM's (date, aware datetime, dict, bool, int, str, bytes, None).
"""

# ruff: noqa: S608  (names of tables and columns come from the models; values are bound)
from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Date, Table, bindparam
from sqlalchemy.types import JSON

from crm.core.db import UtcDateTime, is_postgresql
from crm.core.garbage import uncollected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def insert_rows(session: Session, table: Any, columns: Mapping[str, Sequence[Any]]) -> int:
    """Append rows; returns how many. `table` is a mapped class or a Table. Part of the session's transaction."""
    target = _table(table)
    names = list(columns)
    size = len(columns[names[0]]) if names else 0
    if not size:
        return 0
    session.flush()
    if is_postgresql(session):
        _copy(session, target.name, names, _rows(target, columns, postgresql=True))
    else:
        marks = ",".join("?" * len(names))
        sql = f'INSERT INTO "{target.name}" ({_list(names)}) VALUES ({marks})'
        session.connection().exec_driver_sql(sql, list(_rows(target, columns, postgresql=False)))
    return size


def upsert_rows(session: Session, table: Any, keys: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> int:
    """Insert, or overwrite the other columns where a row with these `keys` (a unique key) exists. Returns the rows given."""
    target = _table(table)
    names = list(columns)
    size = len(columns[names[0]]) if names else 0
    if not size:
        return 0
    session.flush()
    sets = ", ".join(f'"{n}" = excluded."{n}"' for n in names if n not in keys)
    conflict = f"ON CONFLICT ({_list(keys)}) DO UPDATE SET {sets}" if sets else "ON CONFLICT DO NOTHING"
    if is_postgresql(session):
        connection = session.connection()
        connection.exec_driver_sql(f'CREATE TEMP TABLE IF NOT EXISTS "bulk_{target.name}" (LIKE "{target.name}") ON COMMIT DROP')
        for name in (c.name for c in target.columns if not c.nullable and c.name not in names):
            connection.exec_driver_sql(f'ALTER TABLE "bulk_{target.name}" ALTER "{name}" DROP NOT NULL')
        _copy(session, f"bulk_{target.name}", names, _rows(target, columns, postgresql=True))
        connection.exec_driver_sql(
            f'INSERT INTO "{target.name}" ({_list(names)}) SELECT {_list(names)} FROM "bulk_{target.name}" {conflict}'
        )
        connection.exec_driver_sql(f'TRUNCATE "bulk_{target.name}"')
    else:
        marks = ",".join("?" * len(names))
        sql = f'INSERT INTO "{target.name}" ({_list(names)}) VALUES ({marks}) {conflict}'
        session.connection().exec_driver_sql(sql, list(_rows(target, columns, postgresql=False)))
    return size


def fetch_columns(session: Session, statement: Any) -> dict[str, list[Any]]:
    """Run a select and give its columns as lists, driver values untouched: for many rows of numbers and codes."""
    result = session.connection().exec_driver_sql(*compiled(session, statement))
    names = list(result.keys())
    with uncollected():
        rows = result.cursor.fetchall()
        columns = [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(names, columns or [[] for _ in names], strict=True))


def among(column: Any, ids: Iterable[int]) -> ColumnElement[bool]:
    """The column is one of these whole numbers: written into the statement, for a placeholder each costs more than the look-up."""
    return column.in_(bindparam(None, [int(number) for number in ids], expanding=True, literal_execute=True, unique=True))  # type: ignore[no-any-return]


def compiled(session: Session, statement: Any) -> tuple[str, Any]:
    """A statement as the driver takes it: its text and its parameters."""
    made = statement.compile(session.connection().engine, compile_kwargs={"render_postcompile": True})
    parameters = made.construct_params()
    if not is_postgresql(session):  # the driver's own way of writing instants is not how they are stored, and texts are compared
        parameters = {name: _sqlite_instant(value) if isinstance(value, datetime) else value for name, value in parameters.items()}
    return str(made), tuple(parameters[name] for name in made.positiontup) if made.positional else parameters


def _table(table: Any) -> Table:
    return table if isinstance(table, Table) else table.__table__


def _list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _rows(table: Table, columns: Mapping[str, Sequence[Any]], *, postgresql: bool) -> Iterator[tuple[Any, ...]]:
    wire = [_wire(table, name, values, postgresql=postgresql) for name, values in columns.items()]
    return zip(*wire, strict=True)


def _wire(table: Table, name: str, values: Sequence[Any], *, postgresql: bool) -> Sequence[Any]:
    kind = table.columns[name].type
    if isinstance(kind, JSON) or type(kind).__name__ == "JSONB":
        return _map(lambda value: value if isinstance(value, str) else orjson.dumps(value).decode(), values)
    if postgresql:
        return values
    if isinstance(kind, UtcDateTime):
        return _map(_sqlite_instant, values)
    if isinstance(kind, Date):
        return _map(lambda value: value.isoformat(), values)
    return values


def _sqlite_instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("naive datetime; use crm.core.clock.now()")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _map(convert: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Convert with a memory: the same instant is written many times."""
    seen: dict[Any, Any] = {None: None}
    out = []
    for value in values:
        if type(value) in (dict, list):
            out.append(convert(value))
            continue
        if value not in seen:
            seen[value] = convert(value)
        out.append(seen[value])
    return out


def _copy(session: Session, table: str, names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    cursor = session.connection().connection.cursor()
    with cursor.copy(f'COPY "{table}" ({_list(names)}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def reserve_ids(session: Session, table: Any, count: int) -> list[int]:
    """Keys for `count` rows about to be inserted, so that rows of two tables can name each other before either is written.

    On SQLite the transaction must already hold the write lock (have written something), or another writer may take the same.
    """
    target = _table(table)
    if count == 0:
        return []
    connection = session.connection()
    if is_postgresql(session):
        sql = f"SELECT nextval(pg_get_serial_sequence('{target.name}', 'id')) FROM generate_series(1, {count})"  # our own names
        return [row[0] for row in connection.exec_driver_sql(sql)]
    last = connection.exec_driver_sql(f'SELECT COALESCE(MAX(id), 0) FROM "{target.name}"').scalar_one()
    return list(range(last + 1, last + count + 1))


def parts(items: Sequence[Any], size: int = 1000) -> Iterator[Sequence[Any]]:
    """Slices of at most `size`: databases limit how many values a statement may name."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
