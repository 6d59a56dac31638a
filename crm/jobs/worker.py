"""The worker: leads or stands by, keeps the clock with APScheduler, works the queue one run at a time."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from crm.core.clock import SHANGHAI, now
from crm.core.db import transaction
from crm.core.errors import CrmError
from crm.jobs import operations, ticks
from crm.jobs.context import Context
from crm.jobs.dirty import ask_for_evaluation
from crm.jobs.errors import Interrupted, LostRun
from crm.jobs.leader import Leadership
from crm.jobs.messages import ask_for_messages
from crm.jobs.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from crm.config import Settings
    from crm.jobs.models import JobRun

log = structlog.get_logger("worker")
BEAT = 5  # seconds between signs of life
STANDBY = 0.5  # seconds between tries to lead
POLL = 0.5  # seconds between looks at an empty queue


class Worker:
    """One process. `run()` returns after stop(), or after the queue is empty when `once`.

    `clock` says what time it is, `beat` how many seconds lie between looks at it: bench/kills.py lives a year in minutes.
    """

    def __init__(self, settings: Settings, engine: Engine, name: str | None = None, *, clock: Callable[[], datetime] = now, beat: float = BEAT) -> None:
        self.name = name or f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._settings = settings
        self._engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._leadership = Leadership(engine)
        self._stop = threading.Event()
        self._now, self._beat = clock, beat
        self._started_at = clock()
        self._is_leader = False
        load()

    def stop(self, *_: Any) -> None:
        """Finish or give back what is running, then return from run()."""
        self._stop.set()

    def run(self, *, once: bool = False) -> int:
        """Work until stopped; returns how many runs were worked."""
        worked = 0
        clock = self._clock()
        try:
            while not self._stop.is_set():
                if not self._leading():
                    if once:
                        raise CrmError("已有一个工作进程在运行，本次不再启动。")
                    self._stop.wait(STANDBY)
                elif self.work_one():
                    worked += 1
                elif once:
                    break
                else:
                    self._stop.wait(POLL)
        finally:
            clock.shutdown(wait=False)
            self._leadership.release()
        log.info("worker stopped", worker=self.name)
        return worked

    def work_one(self) -> bool:
        """Claim and work one run; False when nothing waits."""
        with transaction(self._sessions) as session:
            run = operations.claim(session, self.name, self._now())
        if run is None:
            return False
        started = time.monotonic()
        context = Context(run, self._settings, self._engine, self._sessions, self._stop.is_set, self._now)
        state = work(context)
        log.info("run ended", job=run.job, key=run.key, state=state, attempt=run.attempts, seconds=round(time.monotonic() - started, 3))
        return True

    def tick(self) -> None:
        """Record what is due. Called by the clock and when this worker begins to lead."""
        if not self._is_leader:
            return
        with transaction(self._sessions) as session:
            at = self._now()
            for instant in ticks.record_due(session, at, self._settings.nightly_at):
                log.info("tick recorded", job=ticks.NIGHTLY, scheduled_for=instant.isoformat())
            ask_for_evaluation(session, at)
            ask_for_messages(session, at)

    def beat(self) -> None:
        """Write a sign of life; a busy SQLite is tried again at the next beat."""
        try:
            with transaction(self._sessions) as session:
                operations.beat(session, self.name, self._now(), self._started_at, is_leader=self._is_leader)
        except OperationalError as error:
            log.warning("no beat written", error=str(error.orig))

    def _leading(self) -> bool:
        if self._is_leader and self._leadership.held():
            return True
        self._is_leader = self._leadership.lead()
        if self._is_leader:
            log.info("leading", worker=self.name)
            with transaction(self._sessions) as session:
                taken = operations.take_back(session, self.name, self._now())
            if taken:
                log.warning("taken back from a worker that is gone", runs=taken)
            self.beat()
            self.tick()
        return self._is_leader

    def _clock(self) -> BackgroundScheduler:
        """APScheduler says when; what is due is decided from the recorded ticks, so a late or doubled call does no harm."""
        hour, minute = self._settings.nightly_at.split(":")
        clock = BackgroundScheduler(timezone=SHANGHAI)
        clock.add_job(self.beat, "interval", seconds=self._beat, coalesce=True, max_instances=1, misfire_grace_time=None)
        clock.add_job(self.tick, "cron", hour=int(hour), minute=int(minute), coalesce=True, misfire_grace_time=None)
        clock.add_job(self.tick, "interval", seconds=self._beat, coalesce=True, max_instances=1, misfire_grace_time=None)
        clock.start()
        return clock


def work(context: Context) -> str:
    """Run the handler of a claimed run and write how it ended: the edge where errors stop. Returns the run's state."""
    run = context.run
    kind = load().get(run.job)
    try:
        if kind is None:
            raise CrmError(f"没有名为“{run.job}”的任务。")  # noqa: TRY301
        result = kind.handler(context)
        with transaction(context.sessions) as session:
            operations.finish(session, run, result, context.now())
    except LostRun:
        log.warning("run lost to another worker", job=run.job, key=run.key)
        return "lost"
    except Interrupted:
        with transaction(context.sessions) as session:
            operations.give_back(session, run)
        return "queued"
    except CrmError as error:
        return _failed(context, error.message, for_good=True)
    except Exception as error:
        log.exception("run failed", job=run.job, key=run.key)
        return _failed(context, f"{type(error).__name__}: {error}\n{''.join(traceback.format_exception(error)[-3:])}", for_good=False)
    return "done"


def _failed(context: Context, message: str, *, for_good: bool) -> str:
    run: JobRun = context.run
    try:
        with transaction(context.sessions) as session:
            return operations.fail(session, run, message, context.now(), for_good=for_good)
    except LostRun:
        return "lost"


def serve(settings: Settings, engine: Engine) -> None:
    """Run a worker until SIGTERM or Ctrl-C."""
    worker = Worker(settings, engine)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    worker.run()
