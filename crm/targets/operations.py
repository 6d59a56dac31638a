"""Bring a figure the system cannot count, with its source; say how far a task has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from crm.core.errors import Conflict, Invalid, NotFound
from crm.criteria import quantity
from crm.targets.models import TASK_STATES, TargetActual, TaskEntry

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Target
    from crm.security.access import Access

KEEPERS = ("manager", "administrator")


def bring(session: Session, access: Access, pack: Pack, target: str, year: int, region: str, *, value: str, as_of: date, source: str, on: date, at: datetime) -> TargetActual:
    """Enter what was reached, by whom it is told. Replaces nothing: an entry on file is revoked first."""
    access.need(*KEEPERS)
    found = next((t for t in pack.book.targets if t.id == target), None)
    if found is None or year not in {v.year for v in found.values}:
        raise NotFound("没有这个目标，或者它没有这一年的数。")
    if not region or not access.covers(region):
        raise NotFound("这个地方不在您的辖区内。")
    if not source.strip():
        raise Invalid("请写明数从哪里来。", field="source")
    if as_of > on:
        raise Invalid("日期不能在今天之后。", field="as_of")
    made = TargetActual(pack=pack.id, target=target, year=year, region_code=region, value=_value(found, value), as_of=as_of, source=source.strip()[:200], recorded_at=at, recorded_by=access.user_id)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict("这一年已有录入的数，先撤销再录。") from None
    return made


def take_back(session: Session, access: Access, actual_id: int, *, at: datetime) -> TargetActual:
    """Revoke a figure; the record stays."""
    access.need(*KEEPERS)
    made = session.get(TargetActual, actual_id, with_for_update=True)
    if made is None or not access.covers(made.region_code):
        raise NotFound("没有这条录入，或者它不在您的辖区内。")
    if made.revoked_at is not None:
        raise Conflict("这条录入已经撤销。")
    made.revoked_at, made.revoked_by = at, access.user_id
    session.flush()
    return made


def advance(session: Session, access: Access, pack: Pack, task: str, *, state: str, note: str, on: date, at: datetime) -> TaskEntry:
    """Say where a task stands."""
    access.need(*KEEPERS)
    if pack.region is None or not access.covers(pack.region):
        raise NotFound("任务进展由管这个规则包整个地方的管理者登记。")
    if task not in {t.id for t in pack.book.tasks}:
        raise NotFound("没有这项任务。")
    if state not in TASK_STATES:
        raise Invalid("请选择进展。", field="state")
    made = TaskEntry(pack=pack.id, task=task, state=state, note=note.strip()[:1000], on=on, recorded_at=at, recorded_by=access.user_id)
    session.add(made)
    session.flush()
    return made


def _value(target: Target, text: str) -> str:
    """The value with the goal's unit, as a quantity."""
    written = next((v.value for v in target.values if v.value is not None), None)
    try:
        given = quantity.parse(text.strip()[:40].replace("\x00", ""))
    except ValueError as error:
        raise Invalid(str(error), field="value") from None
    unit = quantity.parse(written).unit if written is not None else ""
    if given.unit not in {unit, "", target.unit}:
        raise Invalid(f"单位是{target.unit}，请核对。", field="value")
    return text.strip() if given.unit or not unit else f"{text.strip()}{unit}"
