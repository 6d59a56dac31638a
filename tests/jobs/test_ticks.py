"""Nights: when they are due in Shanghai, and that those missed are made up for in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from crm.jobs import ticks
from crm.jobs.models import JobRun

NIGHT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)  # 02:30 on the 22nd in Shanghai


def nights(session):
    return [run.scheduled_for for run in session.scalars(select(JobRun).where(JobRun.key != ticks.ANCHOR).order_by(JobRun.id))]


def test_the_night_is_at_half_past_two_in_shanghai():
    assert ticks.due(NIGHT - timedelta(hours=1), NIGHT, "02:30") == [NIGHT]


def test_a_tick_belongs_to_the_shanghai_day():
    assert ticks.day_of(NIGHT) == date(2026, 11, 22)


def test_the_first_start_makes_up_for_nothing(session):
    assert ticks.record_due(session, NIGHT + timedelta(hours=1), "02:30") == []


def test_three_missed_nights_are_recorded_in_order(session):
    ticks.record_due(session, NIGHT - timedelta(hours=1), "02:30")
    ticks.record_due(session, NIGHT + timedelta(days=2, hours=5), "02:30")
    assert nights(session) == [NIGHT, NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)]


def test_recording_twice_records_once(session):
    ticks.record_due(session, NIGHT - timedelta(hours=1), "02:30")
    ticks.record_due(session, NIGHT + timedelta(minutes=1), "02:30")
    assert ticks.record_due(session, NIGHT + timedelta(minutes=2), "02:30") == []


def test_after_a_year_without_worker_a_month_of_nights_is_made_up(session):
    ticks.record_due(session, NIGHT - timedelta(days=365), "02:30")
    assert len(ticks.record_due(session, NIGHT, "02:30")) == ticks.CATCH_UP
