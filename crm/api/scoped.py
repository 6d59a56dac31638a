"""Base of the JSON resources: Flask-AppBuilder's permissions, tokens and OpenAPI, with reads that cannot leave the scope.

Every resource names its columns, its sorts and its filters; anything else in the address is refused with a 400. Lists
are paged by key (`after`), 20 rows unless asked, 200 at most. Errors are `{"message", "request_id"}` in Chinese.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from flask import jsonify, request
from flask_appbuilder.api import BaseApi
from sqlalchemy import select

from crm.core.errors import CrmError, Invalid, NotFound
from crm.core.paging import page_of
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.security.request import access, db

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue
    from sqlalchemy import ColumnElement, Select

LARGEST = 2**63 - 1
DEFAULT_ROWS, MOST_ROWS = 20, 200
READERS = ("officer", "manager", "administrator")


class BadRequest(CrmError):
    """The address or the body is not what the resource takes."""

    status = 400


class ScopedApi(BaseApi):
    """A resource whose rows belong to firms; what lies outside the jurisdiction does not exist."""

    version = "v1"
    allow_browser_login = True  # the gate checks the CSRF token of cookie-authenticated writes
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    model: ClassVar[Any] = None
    noun: ClassVar[str] = "记录"
    fields: ClassVar[Mapping[str, Any]] = {}  # name on the wire -> column
    sorts: ClassVar[Mapping[str, Any]] = {}  # name -> column without NULLs
    filters: ClassVar[Mapping[str, Callable[[str], ColumnElement[bool]]]] = {}

    def select(self) -> Select[Any]:
        """Columns of rows in scope."""
        columns = [column.label(name) for name, column in self.fields.items()]
        query = select(*columns).select_from(self.model)
        if self.model is not Enterprise:
            query = query.join(Enterprise, Enterprise.id == self.model.enterprise_id)
        return query.where(visible(access()))

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row as this user may see it."""
        return row

    def rows(self) -> ResponseReturnValue:
        """One page: `{"result": […], "after": key or null}`."""
        known = {"after", "limit", "order", *self.filters}
        if unknown := sorted(set(request.args) - known):
            raise BadRequest(f"没有参数 {unknown[0][:32]}。可用：{'、'.join(sorted(known))}。")
        query = self.select()
        for name, condition in self.filters.items():
            if text := request.args.get(name, "").replace("\0", ""):
                query = query.where(condition(text[:128]))
        order = request.args.get("order", "-id")
        column = {"id": self.model.id, **self.sorts}.get(order.removeprefix("-"))
        if column is None:
            raise BadRequest(f"不能按 {order[:32]} 排序。可用：{'、'.join(sorted({'id', *self.sorts}))}，前加 - 为降序。")
        found = page_of(
            db(), query, self.model.id, order=column, descending=order.startswith("-"), after=whole("after", None),
            limit=min(whole("limit", DEFAULT_ROWS), MOST_ROWS),
        )
        names = list(self.fields)
        return jsonify({"result": [self._row(dict(zip(names, row, strict=True))) for row in found.rows], "after": found.after})

    def one(self, pk: int) -> ResponseReturnValue:
        """The row of a key in scope, else NotFound."""
        row = db().execute(self.select().where(self.model.id == pk)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"没有这条{self.noun}，或不在您的辖区内。")
        return jsonify({"result": self._row(dict(row))})

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: plain(value) for name, value in self.shown(row).items()}

    def saved(self, item: Any) -> ResponseReturnValue:
        """Commit and answer with the row as a read would."""
        pk = item.id
        db().commit()
        return self.one(pk)


def plain(value: Any) -> Any:
    """Dates and instants as ISO text."""
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def whole(name: str, default: Any) -> Any:
    """A positive whole number from the address, else 400."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST):
        raise BadRequest(f"{name} 要是正整数。")
    return int(text)


def id_is(column: Any) -> Callable[[str], ColumnElement[bool]]:
    """Filter: the column equals a key."""

    def condition(text: str) -> ColumnElement[bool]:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise BadRequest("编号要是正整数。")
        return column == int(text)

    return condition


def text_is(column: Any) -> Callable[[str], ColumnElement[bool]]:
    """Filter: the column equals the text."""
    return lambda text: column == text


class Body:
    """The JSON object a client sent: every field is asked for by name and kind, the rest is refused."""

    def __init__(self, *known: str) -> None:
        data = request.get_json(silent=True)
        if not isinstance(data, dict):
            raise BadRequest("请求内容要是一个 JSON 对象，并带 Content-Type: application/json。")
        if unknown := sorted(set(data) - set(known)):
            raise BadRequest(f"没有字段 {unknown[0][:32]}。可用：{'、'.join(known)}。")
        self.data = data

    def text(self, name: str, *, longest: int, needed: bool = False) -> str | None:
        """A string, trimmed; None when absent or empty."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, str):
            raise Invalid(f"{name} 要是文字。", name)
        value = (value or "").replace("\0", "").encode("utf-8", "ignore").decode().strip()
        if needed and not value:
            raise Invalid(f"{name} 没有填。", name)
        if len(value) > longest:
            raise Invalid(f"{name} 最多 {longest} 个字。", name)
        return value or None

    def day(self, name: str, *, needed: bool = False) -> date | None:
        """A day written 2026-10-20."""
        text = self.text(name, longest=10, needed=needed)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise Invalid(f"{name} 要写成 2026-10-20 这样。", name) from None

    def key(self, name: str) -> int:
        """A primary key."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST:
            raise Invalid(f"{name} 要是正整数。", name)
        return value
