"""The facts file of `run.py evaluate` and `run.py forecast`: checked with paths, turned into a facts frame.

The contract is docs/packs.md and the shape below. What is absent is unknown, never zero; a list that is given (titles,
register, listing, events) is complete, one that is absent is unknown.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError as NumberError

from crm.criteria.columns import NEVER, STAGE_ORDER, dtype
from crm.criteria.errors import FactsError
from crm.criteria.vectors import bound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crm.criteria.cells import Cell
    from crm.criteria.packs import Pack
    from crm.criteria.terms import Column

_PERIODS = {"year": re.compile(r"\d{4}"), "ytd": re.compile(r"\d{4}-(0[1-9]|1[0-2])"), "month": re.compile(r"\d{4}-(0[1-9]|1[0-2])"), "at": re.compile(r"\d{4}-\d\d-\d\d")}
_KINDS = {"year": "year", "ytd": "month", "month": "month", "at": "at"}
Figures = dict[str, dict[str, int | None]]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Stay(_Shape):
    """A stay in the register."""

    entered_on: date
    exited_on: date | None = None
    entry: str | None = Field(default=None, pattern="^(first|re_entry)$")


class Grant(_Shape):
    """A title held."""

    title: str
    granted_on: date
    valid_to: date | None = None
    revoked_on: date | None = None
    kind: str = Field(default="first", pattern="^(first|review)$")
    level: str | None = None


class Stage(_Shape):
    """A listing stage reached."""

    stage: str
    on: date
    ended_on: date | None = None
    board: str | None = None


class Event(_Shape):
    """Something that happened."""

    kind: str
    on: date


class Enterprise(_Shape):
    """One firm of the facts file."""

    uscc: str | None = None
    name: str | None = None
    region: Annotated[str, Field(pattern=r"^\d{6}(\d{3}(\d{3})?)?$")] | None = None
    zone: str | None = None
    industry: Annotated[str, Field(pattern=r"^[A-T]?\d{2}(\d(\d)?)?$")] | None = None
    registered_on: date | None = None
    kind: str | None = Field(default=None, pattern="^(corporate|individual|branch|cooperative|other)$")
    scale: str | None = Field(default=None, pattern="^(micro|small|medium|large)$")
    year: Figures = {}
    ytd: Figures = {}
    month: Figures = {}
    at: Figures = {}
    register_: list[Stay] | None = Field(default=None, alias="register")
    titles: list[Grant] | None = None
    listing: list[Stage] | None = None
    events: list[Event] | None = None
    flags: dict[str, bool | None] = {}


class Facts(_Shape):
    """The whole file."""

    enterprises: list[Enterprise]


def read_facts(text: bytes | str, pack: Pack) -> list[Enterprise]:
    """Check a facts file against the shape and the pack's names. Raises FactsError with the path of every problem."""
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FactsError([("文件", f"不是有效的 JSON：{error}")]) from None
    enterprises = _shaped(data).enterprises
    problems = [p for i, firm in enumerate(enterprises) for p in _check(firm, f"enterprises[{i}]", pack)]
    if problems:
        raise FactsError(problems)
    return enterprises


def read_enterprise(data: dict[str, Any], pack: Pack) -> Enterprise:
    """One firm given as data (a pack's example)."""
    return read_facts(orjson.dumps({"enterprises": [data]}), pack)[0]


def _shaped(data: object) -> Facts:
    try:
        return Facts.model_validate_json(orjson.dumps(data))
    except ValidationError as error:
        raise FactsError([(_path(e["loc"]), _message(e)) for e in error.errors(include_url=False)]) from None


def _path(loc: tuple[str | int, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "文件"


def _message(error: Any) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "不认识的键，请核对拼写"
        case "missing":
            return "缺少这个键"
        case "int_type" | "int_from_float":
            return f"应是整数（钱按元），读到 {error['input']!r}"
        case "string_pattern_mismatch":
            return f"{error['input']!r} 不合格式"
        case _ if "date" in error["type"]:
            return f"应是日期，如 2025-06-30，读到 {error['input']!r}"
        case _:
            return f"{error['msg']}（读到 {error['input']!r}）"


def _check(firm: Enterprise, path: str, pack: Pack) -> list[tuple[str, str]]:  # noqa: C901, PLR0912  (one case per kind)
    problems = []
    if firm.uscc is not None and (trouble := _uscc(firm.uscc)):
        problems.append((f"{path}.uscc", trouble))
    for form in _PERIODS:
        problems += _figures(getattr(firm, form), form, f"{path}.{form}", pack)
    for i, grant in enumerate(firm.titles or ()):
        if grant.title not in pack.titles:
            problems.append((f"{path}.titles[{i}].title", f"不认识的称号 {grant.title!r}；可用：{', '.join(sorted(pack.titles))}"))
        if any(end is not None and end < grant.granted_on for end in (grant.valid_to, grant.revoked_on)):
            problems.append((f"{path}.titles[{i}]", "止日早于授予日"))
    for i, stay in enumerate(firm.register_ or ()):
        if stay.exited_on is not None and stay.exited_on < stay.entered_on:
            problems.append((f"{path}.register[{i}].exited_on", "退库日早于入库日"))
    for i, stage in enumerate(firm.listing or ()):
        if stage.stage not in STAGE_ORDER:
            problems.append((f"{path}.listing[{i}].stage", f"不认识的阶段 {stage.stage!r}；可用：{', '.join(STAGE_ORDER)}"))
    for i, event in enumerate(firm.events or ()):
        if event.kind not in pack.names.events:
            problems.append((f"{path}.events[{i}].kind", f"不认识的事件 {event.kind!r}；可用：{', '.join(sorted(pack.names.events))}"))
    for name in firm.flags:
        if name not in pack.names.flags:
            problems.append((f"{path}.flags.{name}", f"不认识的标记；可用：{', '.join(sorted(pack.names.flags))}"))
    return problems


def _uscc(code: str) -> str | None:
    try:
        uscc_number.validate(code)
    except NumberError:
        return f"统一社会信用代码 {code!r} 不正确（应为18位，末位为校验码）"
    return None if code == uscc_number.compact(code) else f"请写成 {uscc_number.compact(code)}"


def _figures(figures: Figures, form: str, path: str, pack: Pack) -> list[tuple[str, str]]:
    problems = []
    for period, values in figures.items():
        here = f"{path}[{period!r}]"
        if not _PERIODS[form].fullmatch(period) or not _real(period, form):
            problems.append((here, f"期间写法应如 {'2024' if form == 'year' else '2025-06-30' if form == 'at' else '2025-09'}"))
        for name, value in values.items():
            problems += [(f"{here}.{name}", trouble) for trouble in _figure(name, value, form, pack)]
    return problems


def _real(period: str, form: str) -> bool:
    try:
        date.fromisoformat(period if form == "at" else f"{period[:4]}-01-01")
    except ValueError:
        return False
    return True


def _figure(name: str, value: int | None, form: str, pack: Pack) -> list[str]:
    measure = pack.measures.get(name)
    if measure is None:
        return ["不认识的指标，请核对拼写"]
    if _KINDS[form] not in measure.periods:
        return [f"{measure.label}没有这种期间的数；它有：{'、'.join(measure.periods)}"]
    if value is None:
        return []
    if abs(value) > bound(measure.unit):
        return [f"{value} 大得不可信，请核对单位（应为{measure.unit}）"]
    return [f"{measure.label}不会是负数"] if value < 0 and not measure.may_be_negative else []


def facts_frame(enterprises: list[Enterprise], pack: Pack, on: date, more: Iterable[Column] = ()) -> pl.DataFrame:
    """One row per firm with the columns the pack needs on the day (see crm.criteria.columns) and `more`, plus `uscc`."""
    columns = dict.fromkeys([*pack.program(on).columns, *more])
    data = {c.name: pl.Series([cell(firm, c, on) for firm in enterprises], dtype=dtype(c)) for c in columns}
    return pl.DataFrame({"uscc": pl.Series([f.uscc for f in enterprises], dtype=pl.String), **data})


def cell(firm: Enterprise, column: Column, on: date) -> Cell:  # noqa: C901  (one case per kind)
    """One column of one firm; the meaning of each kind is in crm.criteria.columns."""
    key = column.key
    match column.kind:
        case "identity":
            value: Cell = getattr(firm, key)
            return value[1:] if key == "industry" and isinstance(value, str) and value[:1].isalpha() else value
        case "year":
            return firm.year.get(str(on.year + column.offset), {}).get(key)
        case "before":
            return max((v for y, values in firm.year.items() if int(y) < on.year + column.offset and (v := values.get(key)) is not None), default=None)
        case "at":
            days = [d for d, values in firm.at.items() if date.fromisoformat(d) <= on and values.get(key) is not None]
            return firm.at[max(days)][key] if days else None
        case "ytd" | "ytd_month" | "ytd_prior":
            return _ytd(firm, column, on)
        case "title" | "ever":
            return _title(firm, key, on, valid=column.kind == "title")
        case "stage":
            reached = [STAGE_ORDER.index(s.stage) for s in firm.listing or () if s.on <= on and (s.ended_on is None or s.ended_on > on)]
            return None if firm.listing is None else max(reached, default=-1) >= STAGE_ORDER.index(key)
        case "register":
            return _register(firm, key, on)
        case "event":
            days_of = [e.on for e in firm.events or () if e.kind == key and e.on <= on]
            return max(days_of, default=NEVER) if firm.events is not None else None
        case "flag":
            return firm.flags.get(key)
    raise ValueError(column.kind)


def _ytd(firm: Enterprise, column: Column, on: date) -> int | None:
    months = [p for p, values in firm.ytd.items() if p[:4] == str(on.year) and p < f"{on:%Y-%m}" and values.get(column.key) is not None]
    if not months:
        return None
    last = max(months)
    if column.kind == "ytd_month":
        return int(last[5:])
    if column.kind == "ytd_prior":
        return firm.ytd.get(f"{on.year - 1}{last[4:]}", {}).get(column.key)
    return firm.ytd[last][column.key]


def _title(firm: Enterprise, key: str, on: date, *, valid: bool) -> bool | None:
    if firm.titles is None:
        return None
    granted = [g for g in firm.titles if g.title == key and g.granted_on <= on]
    if not valid:
        return bool(granted)
    return any((g.valid_to is None or g.valid_to >= on) and (g.revoked_on is None or g.revoked_on > on) for g in granted)


def _register(firm: Enterprise, key: str, on: date) -> bool | date | None:
    if firm.register_ is None:
        return None
    stays = [s for s in firm.register_ if s.entered_on <= on]
    if key == "in":
        return any(s.exited_on is None or s.exited_on > on for s in stays)
    if key == "ever":
        return bool(stays)
    return max((s.exited_on for s in stays if s.exited_on is not None and s.exited_on <= on), default=NEVER)
