"""Put figures on file. A filing is never overwritten: a correction is a new row, the old one is superseded.

Figures a filing does not mention stay as they were; a figure given as None is withdrawn. What is absent is missing, never zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.core.errors import Invalid
from crm.core.signals import enterprise_changed
from crm.indicators.models import COLUMNS, FORMS, SOURCES, Filing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

_MEASURE = re.compile(r"^[a-z][a-z0-9_.]{1,63}$")
_PERIOD = {4: "year", 7: "month", 10: "day"}
LIMIT = 10**16
"""Largest figure taken, in the measure's unit: far above any firm, far below what 64 bits hold."""


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a filing: `state` is new, changed or same; `before` the filing it superseded."""

    state: str
    filing: Filing
    before: Filing | None = None


def file_figures(
    session: Session, enterprise_id: int, *, period: str, form: str, source: str, values: Mapping[str, int | None], by: int | None, at: datetime,
    batch_id: int | None = None, visit_id: int | None = None,
) -> Filed:
    """File one firm's figures for a period ('2025', '2025-09', '2025-06-30'), `form` period or ytd, in the measures' units.

    Raises Invalid for an unknown form or source, a period that is none, or a value that is no whole number.
    """
    kind = _check(period, form, source, values)
    live = session.scalar(
        select(Filing).where(
            Filing.enterprise_id == enterprise_id, Filing.period == period, Filing.form == form, Filing.source == source, Filing.superseded_at.is_(None)
        )
    )
    before = contents(live) if live else {}
    after = {k: v for k, v in {**before, **values}.items() if v is not None}
    if live and after == before:
        return Filed("same", live)
    if not live and not after:
        raise Invalid("没有填写任何数据。", field="values")
    if live:
        live.superseded_at = at
        session.flush()
    filing = Filing(
        enterprise_id=enterprise_id, period_kind=kind, period=period, form=form, source=source, recorded_at=at, recorded_by=by, batch_id=batch_id,
        visit_id=visit_id, extra={k: v for k, v in after.items() if k not in _OWN} or None, **{k: v for k, v in after.items() if k in _OWN},
    )
    session.add(filing)
    session.flush()
    enterprise_changed.send(None, session=session, enterprise_ids=[enterprise_id])
    return Filed("changed" if live else "new", filing, live)


_OWN = frozenset(COLUMNS)


def contents(filing: Filing) -> dict[str, int]:
    """The figures of a filing by measure; missing ones are not there."""
    own = {name: value for name in COLUMNS if (value := getattr(filing, name)) is not None}
    return {**own, **(filing.extra or {})}


def _check(period: str, form: str, source: str, values: Mapping[str, Any]) -> str:
    kind = _PERIOD.get(len(period))
    if kind is None or not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", period):
        raise Invalid(f"“{period}”不是报告期，应写成 2025、2025-09 或 2025-06-30。", field="period")
    if form not in FORMS:
        raise Invalid("数据形式只能是当月（period）或累计（ytd）。", field="form")
    if source not in SOURCES:
        raise Invalid(f"没有“{source}”这种数据来源。", field="source")
    for name, value in values.items():
        if not _MEASURE.match(name):
            raise Invalid(f"“{name}”不是指标名。", field=name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) > LIMIT):
            raise Invalid("数据应为整数（金额以元计）。", field=name)
    return kind
