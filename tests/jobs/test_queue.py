"""The queue: asked once, claimed once, in order, given up after so many tries, never finished twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.jobs import operations
from crm.jobs.errors import LostRun, Unfinished
from crm.jobs.models import JobRun, WorkerBeat
from crm.jobs.registry import KINDS, job

AT = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def kinds():
    """Two kinds of work for the length of a test."""
    before = dict(KINDS)
    job("free", "随到随做", attempts=2)(lambda _context: None)
    job("ordered", "按序", attempts=3, in_order=True)(lambda _context: None)
    yield
    KINDS.clear()
    KINDS.update(before)


def test_asking_twice_with_one_key_makes_one_run(session):
    first = operations.enqueue(session, "free", "a", at=AT)
    assert operations.enqueue(session, "free", "a", at=AT).id == first.id


def test_a_tick_recorded_twice_is_one_run(session):
    operations.record_tick(session, "ordered", AT)
    assert operations.record_tick(session, "ordered", AT) is False


def test_work_a_person_asked_for_goes_before_a_tick(session):
    operations.record_tick(session, "ordered", AT - timedelta(hours=3))
    asked = operations.enqueue(session, "free", "a", by=7, at=AT)
    assert operations.claim(session, "w", AT).id == asked.id


def test_the_later_night_waits_for_the_earlier_one(session):
    operations.record_tick(session, "ordered", AT - timedelta(days=1))
    operations.record_tick(session, "ordered", AT)
    operations.claim(session, "w", AT)
    assert operations.claim(session, "w", AT) is None


def test_a_later_night_does_not_overtake_one_that_waits_to_be_tried_again(session):
    operations.record_tick(session, "ordered", AT - timedelta(days=1))
    operations.record_tick(session, "ordered", AT)
    operations.fail(session, operations.claim(session, "w", AT), "锁住了", AT)
    assert operations.claim(session, "w", AT) is None


def test_a_failed_run_is_tried_again_after_a_wait(session):
    operations.enqueue(session, "free", "a", at=AT)
    operations.fail(session, operations.claim(session, "w", AT), "锁住了", AT)
    assert operations.claim(session, "w", AT + operations.BACK_OFF).attempts == 2


def test_a_run_that_failed_too_often_stays_failed(session):
    operations.enqueue(session, "free", "a", at=AT)
    for hour in range(2):
        state = operations.fail(session, operations.claim(session, "w", AT + timedelta(hours=hour)), "坏了", AT)
    assert state == "failed"


def test_a_paused_job_is_not_claimed(session):
    operations.enqueue(session, "free", "a", at=AT)
    operations.pause(session, "free", 1, AT)
    assert operations.claim(session, "w", AT) is None


def test_a_resumed_job_is_claimed_again(session):
    operations.enqueue(session, "free", "a", at=AT)
    operations.pause(session, "free", 1, AT)
    operations.resume(session, "free")
    assert operations.claim(session, "w", AT).key == "a"


def test_what_a_dead_worker_left_running_is_taken_back(session):
    operations.enqueue(session, "free", "a", at=AT)
    operations.claim(session, "dead", AT)
    operations.take_back(session, "new", AT)
    assert operations.claim(session, "new", AT).attempts == 2


def test_a_run_that_killed_its_worker_too_often_is_not_started_again(session):
    operations.enqueue(session, "free", "a", at=AT)
    for worker in ("one", "two"):
        operations.claim(session, worker, AT)
        operations.take_back(session, "three", AT)
    session.expire_all()
    assert session.query(JobRun).one().state == "failed"


def test_a_run_by_hand_that_shows_life_is_left_alone(session):
    operations.enqueue(session, "free", "a", at=AT)
    operations.claim(session, "cli:1", AT)
    assert operations.take_back(session, "leader", AT + timedelta(seconds=30)) == []


def test_a_worker_that_lost_its_run_cannot_finish_it(session):
    operations.enqueue(session, "free", "a", at=AT)
    mine = operations.claim(session, "slow", AT)
    session.expunge(mine)
    operations.take_back(session, "new", AT)
    operations.claim(session, "new", AT)
    with pytest.raises(LostRun):
        operations.finish(session, mine, None, AT)


def test_an_interrupted_run_does_not_lose_an_attempt(session):
    operations.enqueue(session, "free", "a", at=AT)
    run = operations.claim(session, "w", AT)
    session.expunge(run)
    operations.give_back(session, run)
    assert operations.claim(session, "w", AT).attempts == 1


def test_a_running_run_cannot_be_asked_for_again(session):
    operations.enqueue(session, "free", "a", at=AT)
    run = operations.claim(session, "w", AT)
    with pytest.raises(Unfinished):
        operations.run_again(session, run.id, 1, AT)


def test_eight_claims_at_once_give_each_run_to_one_worker(clean_engine):
    with Session(clean_engine) as session:
        for number in range(20):
            operations.enqueue(session, "free", str(number), at=AT)
        session.commit()

    def take(worker: int) -> list[int]:
        taken = []
        with Session(clean_engine) as own:
            while run := operations.claim(own, f"w{worker}", AT):
                taken.append(run.id)
                own.commit()
        return taken

    with ThreadPoolExecutor(8) as pool:
        claimed = [key for keys in pool.map(take, range(8)) for key in keys]
    assert sorted(claimed) == list(range(1, 21))


def test_two_first_signs_of_life_at_once_are_one(clean_engine):
    """The clock's thread beats in the moment its process comes to lead."""
    def beat(_number):
        with Session(clean_engine) as session, session.begin():
            operations.beat(session, "w:1", AT, AT, is_leader=True)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(beat, range(8)))
    with Session(clean_engine) as session:
        assert session.scalars(select(WorkerBeat.worker)).all() == ["w:1"]
