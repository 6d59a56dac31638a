"""A past for the demo's alerts: raised over the last weeks, some taken on, counted week by week. As fictional as its firms."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from crm.alerts.attaching import attach
from crm.alerts.models import Alert, AlertEvent, AlertWeek
from crm.alerts.operations import acknowledge, snooze
from crm.alerts.weeks import monday
from crm.core.bulk import insert_rows
from crm.enterprises.models import Enterprise
from crm.security.access import load_access

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

WEEKS, DAYS = 25, 45
SHAPE = {"red": (0.25, 1.0), "orange": (0.5, 1.0), "yellow": (0.9, 1.0), "grey": (1.6, 1.0)}
"""Level -> how many stood half a year ago and stand now, as a share of now: red grows towards the review in November."""


def give_a_past(session: Session, on: date, officers: list[tuple[int, str]]) -> None:
    """Spread the days alerts were raised, let officers take some on, and count the weeks before this one."""
    session.flush()
    ids = session.scalars(select(Alert.id).order_by(Alert.id)).all()
    days = [on - timedelta(days=number * 7 % DAYS) for number in range(len(ids))]
    instants = [datetime.combine(day, time(21), UTC) - timedelta(days=1) for day in days]
    moved = [{"key": key, "day": day, "at": at} for key, day, at in zip(ids, days, instants, strict=True)]
    if not moved:
        return
    alerts, events = Alert.__table__, AlertEvent.__table__
    connection = session.connection()
    connection.execute(update(alerts).where(alerts.c.id == bindparam("key")).values(raised_on=bindparam("day"), raised_at=bindparam("at"), waiting_since=on), moved)
    connection.execute(update(events).where(events.c.alert_id == bindparam("key"), events.c.kind == "raised").values(at=bindparam("at")), moved)
    session.expire_all()
    for user_id, name in dict(officers).items():
        _handled(session, user_id, name, on)
    _weeks(session, on)


def _handled(session: Session, user_id: int, name: str, on: date) -> None:
    """Of an officer's own alerts two in five are taken on some hours later, some put off, some with a task."""
    who = load_access(session, user_id, name, ["officer"])
    mine = session.scalars(
        select(Alert).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(Enterprise.officer_id == user_id, Alert.state == "open", Alert.raised_on < on).order_by(Alert.id)
    ).all()
    for number, alert in enumerate(mine):
        at = (alert.raised_at or datetime.combine(on, time(), UTC)) + timedelta(hours=12 + number * 5 % 40)
        if number % 5 == 0:
            acknowledge(session, who, alert.id, at=at)
        elif number % 5 == 1:
            attach(session, who, alert.id, at=at, task="上门核实订单和用电，问清原因", due_on=on + timedelta(days=number % 9 + 1))
        elif number % 15 == 2:
            snooze(session, who, alert.id, until=on + timedelta(days=10), at=datetime.combine(on, time(1), UTC), reason="企业说下月交付大单，届时再看")


def _weeks(session: Session, on: date) -> None:
    now = session.execute(select(AlertWeek.region_code, AlertWeek.zone_code, AlertWeek.rule, AlertWeek.level, AlertWeek.standing).where(AlertWeek.week == monday(on))).all()
    columns: dict[str, list[object]] = {name: [] for name in ("week", "region_code", "zone_code", "rule", "level", "standing", "waiting")}
    for back in range(1, WEEKS + 1):
        for number, (region, zone, rule, level, standing) in enumerate(now):
            first, last = SHAPE.get(level, (1.0, 1.0))
            then = int(standing * (last + (first - last) * back / WEEKS) + (number * 0.618 + back * 0.07) % 1)  # single alerts come one after the other, not all in one week
            for name, value in zip(columns, (monday(on) - timedelta(weeks=back), region, zone, rule, level, then, then // 2), strict=True):
                columns[name].append(value)
    insert_rows(session, AlertWeek, columns)
