"""Many rows as Polars frames, in and out of the database without a Python object per cell where the database can.

PostgreSQL gives each column as one array and takes rows as CSV; SQLite's driver knows rows only.
"""

# ruff: noqa: S608  (names of tables and columns come from the models; values are bound)
from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from crm.core.bulk import compiled, fetch_columns, insert_rows, upsert_rows
from crm.core.db import is_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

_INT8_ARRAY = 1016  # PostgreSQL's key of bigint[]
_MISSING = -(2**63)
_ARRAYS = {
    "Int64": f"array_agg(COALESCE({{0}}::bigint, {_MISSING}))", "String": "count(*), string_agg(COALESCE({0}, ''), chr(31))",
    "Date": f"array_agg(COALESCE(({{0}} - DATE '1970-01-01')::bigint, {_MISSING}))", "Boolean": f"array_agg(COALESCE({{0}}::int::bigint, {_MISSING}))",
    "Binary": "array_agg(length({0})::bigint), string_agg({0}, ''::bytea)",
}
_FEW = 200  # rows for which a statement each is as quick


def fetch_frame(session: Session, statement: Any, kinds: Mapping[str, Any]) -> pl.DataFrame:
    """Run a select and give it as a frame; `kinds` names each column's type (Int64, String, Date, Boolean, Binary). Rows come in no order.

    On PostgreSQL a text that is empty comes back as null; texts must not hold the unit separator (U+001F), bytes not be null.
    """
    if not is_postgresql(session):
        columns = fetch_columns(session, statement)
        made = [pl.Series(name, columns[name], dtype=_plain(kind)) for name, kind in kinds.items()]
        return pl.DataFrame(made).with_columns(_read(name, kind) for name, kind in kinds.items() if kind in (pl.Date, pl.Boolean))
    sql, parameters = compiled(session, statement)
    asked = ", ".join(_ARRAYS[str(kind)].format(f'q."{name}"') for name, kind in kinds.items())
    cursor: Any = session.connection().connection.cursor()  # psycopg's
    cursor.adapters.register_loader(_INT8_ARRAY, _raw_loader())
    cursor.execute(f"SELECT {asked} FROM ({sql}) AS q", parameters, binary=True)
    parts = iter(cursor.fetchone() or ())
    return pl.DataFrame([_series(name, kind, parts) for name, kind in kinds.items()])


def insert_frame(session: Session, table: Any, frame: pl.DataFrame) -> int:
    """Append a frame's rows; JSON columns are text. Part of the session's transaction."""
    if not is_postgresql(session) or frame.height < _FEW:
        return insert_rows(session, table, {name: frame[name].to_list() for name in frame.columns})
    session.flush()
    _copy(session, table.__table__.name, frame)
    return frame.height


def upsert_frame(session: Session, table: Any, keys: Sequence[str], frame: pl.DataFrame) -> int:
    """Insert, or overwrite the other columns where a row with these `keys` exists."""
    if not is_postgresql(session) or frame.height < _FEW:
        return upsert_rows(session, table, keys, {name: frame[name].to_list() for name in frame.columns})
    session.flush()
    name, connection = table.__table__.name, session.connection()
    names = ", ".join(f'"{column}"' for column in frame.columns)
    sets = ", ".join(f'"{column}" = excluded."{column}"' for column in frame.columns if column not in keys)
    connection.exec_driver_sql(f'CREATE TEMP TABLE "frame_{name}" ON COMMIT DROP AS SELECT {names} FROM "{name}" LIMIT 0')
    _copy(session, f"frame_{name}", frame)
    conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}"
    connection.exec_driver_sql(f'INSERT INTO "{name}" ({names}) SELECT {names} FROM "frame_{name}" {conflict}')
    connection.exec_driver_sql(f'DROP TABLE "frame_{name}"')
    return frame.height


def _copy(session: Session, table: str, frame: pl.DataFrame) -> None:
    names = ", ".join(f'"{column}"' for column in frame.columns)
    with session.connection().connection.cursor().copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv)') as copy:
        for part in frame.iter_slices(20_000):
            copy.write(part.write_csv(include_header=False))


@cache
def _raw_loader() -> Any:
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    class Raw(Loader):
        """The bytes of an array as the server sent them."""

        format = Format.BINARY

        def load(self, data: Any) -> bytes:
            """Nothing is read here."""
            return bytes(data)

    return Raw


def _series(name: str, kind: Any, parts: Iterator[Any]) -> pl.Series:
    first = next(parts)
    if kind == pl.String:
        text = next(parts)
        if not first:
            return pl.Series(name, [], dtype=pl.String)
        return pl.Series(name, [text]).str.split("\x1f").explode().replace("", None).alias(name)
    numbers = _numbers(first)
    if kind == pl.Binary:
        data, ends = next(parts) or b"", numbers.cumsum().tolist()
        return pl.Series(name, [data[a:b] for a, b in zip([0, *ends], ends, strict=False)], dtype=pl.Binary)
    made = pl.Series(name, numbers)
    if (numbers == _MISSING).any():
        made = made.set(made == _MISSING, None)
    return made.cast(pl.Int32).cast(pl.Date) if kind == pl.Date else made.cast(kind)


def _numbers(array: bytes | None) -> NDArray[np.int64]:
    """A binary bigint[] without nulls: after a head of 20 bytes, each number with its length (always 8) before it."""
    if array is None:
        return np.zeros(0, np.int64)
    return np.ascontiguousarray(np.frombuffer(array, np.uint8, offset=20).reshape(-1, 12)[:, 4:]).view(">i8").ravel().astype(np.int64)


def _plain(kind: Any) -> Any:
    """What SQLite's driver gives for a type: days are text, yes/no are numbers."""
    return pl.String if kind == pl.Date else pl.Int64 if kind == pl.Boolean else kind


def _read(name: str, kind: Any) -> pl.Expr:
    return pl.col(name).str.to_date("%Y-%m-%d") if kind == pl.Date else pl.col(name).cast(pl.Boolean)
