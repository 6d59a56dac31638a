"""Keyset paging: the next page starts after the last row's key, however deep; nothing is ever counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute, Session


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one page and the key the next one starts after, None at the end."""

    rows: Sequence[Any]
    after: Any


def page_of(
    session: Session, query: Select[Any], key: InstrumentedAttribute[Any], *, order: InstrumentedAttribute[Any] | None = None,
    descending: bool = True, after: Any = None, limit: int = 50,
) -> Slice:
    """One page of `query`, ordered by `order` (a column without NULLs) and then `key`.

    `after` is the key of the last row seen; one that is gone starts from the beginning.
    """
    column = order if order is not None else key
    if after is not None:
        seen = session.scalar(select(column).where(key == after))
        if seen is not None:
            query = query.where(_beyond(column, key, seen, after, descending))
    ends = [column.desc(), key.desc()] if descending else [column.asc(), key.asc()]
    rows = session.execute(query.add_columns(key.label("page_key")).order_by(None).order_by(*dict.fromkeys(ends)).limit(limit + 1)).all()
    more = len(rows) > limit
    return Slice([row[:-1] if len(row) > 2 else row[0] for row in rows[:limit]], rows[limit - 1][-1] if more else None)


def _beyond(column: Any, key: Any, seen: Any, after: Any, descending: bool) -> ColumnElement[bool]:
    further: ColumnElement[bool] = column < seen if descending else column > seen
    if column is key:
        return further
    return or_(further, and_(column == seen, key < after if descending else key > after))
