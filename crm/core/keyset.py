"""Paging by key: a page ends on a row, the next one begins after it. No OFFSET, no COUNT, missing values last."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson
from sqlalchemy import and_, or_

from crm.core.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Select

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page; `after` is the cursor of the next one, None on the last, `is_first` tells whether anything lies before."""

    rows: list[T]
    after: str | None
    is_first: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A sort: columns with their direction, the last one unique."""

    columns: tuple[tuple[Any, bool], ...]  # (column, descending)

    def apply(self, query: Select[Any], cursor: str | None, limit: int, *, whole: bool = False) -> Select[Any]:
        """The query in this order, from behind the cursor, with one row more than the page to see whether more follow.

        `whole`: the query gives only rows that have all the sorted values.
        """
        if cursor:
            query = query.where(self._behind(read_cursor(cursor, len(self.columns))))
        return query.order_by(*self.clauses(whole=whole)).limit(limit + 1)

    def clauses(self, *, whole: bool = False) -> list[Any]:
        """ORDER BY, missing values last. Where none can be missing this is not said: SQLite would sort instead of reading an index."""
        ordered = [(column, column.desc() if down else column.asc()) for column, down in self.columns]
        return [clause if whole or not getattr(column, "nullable", True) else clause.nulls_last() for column, clause in ordered]

    def reversed(self) -> Order:
        """The opposite order; the key column keeps deciding ties."""
        return Order(tuple((column, not down) for column, down in self.columns))

    def _behind(self, values: list[Any]) -> ColumnElement[bool]:
        tests: list[Any] = []
        equal: list[Any] = []
        for (column, down), raw in zip(self.columns, values, strict=True):
            value = _typed(column, raw)
            if value is not None:
                tests.append(and_(*equal, or_(column < value if down else column > value, column.is_(None))))
            equal.append(column.is_(None) if value is None else column == value)
        return or_(*tests)


def page(rows: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]], cursor: str | None) -> Page[T]:
    """Cut the extra row off and make the cursor of the next page from the last one kept."""
    kept = list(rows[:limit])
    return Page(kept, write_cursor(key(kept[-1])) if len(rows) > limit else None, is_first=not cursor)


def write_cursor(values: Sequence[Any]) -> str:
    """Values of the sort columns of a row, safe in a URL."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def read_cursor(cursor: str, size: int) -> list[Any]:
    """The values again. Raises Invalid for anything that is not a cursor of this sort."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        values = None
    if not isinstance(values, list) or len(values) != size or any(isinstance(v, list | dict) for v in values):
        raise Invalid("翻页位置已失效，请回到第一页。", field="after")
    return values


def _typed(column: Any, value: Any) -> Any:
    kind = getattr(column.type, "python_type", str)
    try:
        if value is None:
            return None
        return date.fromisoformat(value) if kind is date else kind(value)
    except (ValueError, TypeError, OverflowError):
        raise Invalid("翻页位置已失效，请回到第一页。", field="after") from None
