"""`kill -9` of the leading worker at random moments of a year of nights: what is lost, what is doubled, how soon the standby leads.

    python -m bench.kills [--kills 50] [--nights 365] [--first 2026-01-01] [--database sqlite|postgresql|URL] [--reference] --json

Real worker processes (one leads, one stands by) on a demo city of 60 firms; only their clock is ours: it stands at a night
until the night is worked off, then jumps to the next. Messages go to an HTTP receiver in this process, which now and then answers 503. A URL names an empty database.
`--reference` lives the same year once more without kills and compares alerts and their events.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import http.server
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

import crm.schema  # noqa: F401
from crm.alerts.models import Alert, AlertEvent
from crm.config import ROOT, Settings
from crm.core import migrate
from crm.core.clock import SHANGHAI
from crm.core.db import make_engine
from crm.core.outbound import Outbound
from crm.enterprises.models import Enterprise
from crm.jobs import ticks
from crm.jobs.models import JobRun
from crm.jobs.worker import Worker
from crm.notices import wishes
from crm.notices.models import Notice, Outbox
from crm.regions.operations import load_reference
from crm.security.models import User, UserRegion
from crm.security.vault import Vault
from seeds import demo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

FIRST = date(2026, 1, 1)
"""The first night's day."""
SECRET = "bench-only-secret-of-the-instance"
PEOPLE = (("manager", "331000", "each"), ("manager", "331081", "each"), ("officer", "331000", "each"), ("manager", "331082", "digest"))
REFUSE_ONE_IN = 30
AT_WORK = 0.9
"""Share of the kills that wait until something is worked on; the others strike at any moment after the clock was set."""
SENDING = 0.15
"""Seconds a morning's messages take, about."""
LEARN_EVERY = 25


def midnight(day: date) -> datetime:
    """The day's first instant in Shanghai."""
    return datetime.combine(day, datetime.min.time(), SHANGHAI).astimezone(UTC)


class SharedClock:
    """What time it is in the year lived, read from a file: the same in every process, moved by the one that measures."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)

    def __call__(self) -> datetime:
        """This instant of the year."""
        return datetime.fromtimestamp(struct.unpack("d", os.pread(self._file, 8, 0))[0], UTC)

    def set(self, at: datetime) -> None:
        """Move it."""
        os.pwrite(self._file, struct.pack("d", at.timestamp()), 0)


class Told(Worker):
    """A worker that says on its standard output when it stands ready and when it leads."""

    def _leading(self) -> bool:
        before = self._is_leader
        leads = super()._leading()
        if leads and not before:
            print("LEADS", flush=True)
        elif not leads and not getattr(self, "_said", False):
            print("STANDS", flush=True)
        self._said = True
        return leads


class Receiver(http.server.ThreadingHTTPServer):
    """Counts what it takes by idempotency key."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock, self.luck = threading.Lock(), random.Random(5)
        self.taken: Counter[str] = Counter()
        self.bodies: dict[str, set[str]] = {}
        self.refused = 0

    def handle_error(self, *_: Any) -> None:
        """A killed client is no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One POST."""

    server: Receiver

    def do_POST(self) -> None:
        """Take it or refuse it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            refused = self.server.luck.randrange(REFUSE_ONE_IN) == 0
            self.server.refused += refused
            if not refused:
                self.server.taken[self.headers["Idempotency-Key"]] += 1
                self.server.bodies.setdefault(self.headers["Idempotency-Key"], set()).add(sha256(body).hexdigest())
        self.send_response(503 if refused else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Process:
    """A worker process and what it said, with the moment it said it."""

    def __init__(self, options: list[str], log: Path) -> None:
        self._log = log.open("ab")
        self.child = subprocess.Popen([sys.executable, "-m", "bench.kills", "worker", *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=self._log)
        self.said: dict[str, float] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.child.stdout or ():
            word = line.decode().strip()
            if word in ("LEADS", "STANDS"):
                self.said[word] = time.monotonic()

    def kill(self) -> float:
        """-9, now."""
        at = time.monotonic()
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait()
        self._log.close()
        return at


class Year:
    """One run: two processes kept alive, the leader killed at random moments, the clock held until each night is worked off."""

    def __init__(self, url: str, folder: Path, first: date, nights: int, kills: int, seed: int) -> None:
        self._engine, self._luck = make_engine(url), random.Random(seed)
        self._first, self._nights, self._kills, self._folder = first, nights, kills, folder
        self.clock = SharedClock(folder / "clock")
        self.clock.set(midnight(first))
        self._options = ["--url", url, "--data", str(folder)]
        self._both: list[Process] = []
        self.takeovers: list[float] = []
        self.by_what: Counter[str] = Counter()

    def live(self) -> None:
        """Night after night: it becomes due, the leader is killed where the dice say so, the night and its morning are worked off."""
        self._both = [self._start(), self._start()]
        at_night, in_the_morning = self._drawn(self._kills - self._kills // 3), self._drawn(self._kills // 3)
        length, owed = 1.0, 0  # seconds a night's work takes, learnt as we go; mornings' kills that wait for a morning with messages
        try:
            self._roles()
            for number in range(self._nights):
                midday = midnight(self._first + timedelta(days=number)) + timedelta(hours=12)
                struck = at_night[number] + in_the_morning[number] + owed
                if struck:
                    self._roles()  # the standby is there, so that the kill comes at its moment
                self.clock.set(midday - timedelta(hours=9))  # 03:00: the night is due
                if not struck and number % LEARN_EVERY < 2:
                    length = self._length()
                for _ in range(at_night[number]):
                    self._kill_at_work(length)
                _wait(lambda day=number: self._is_quiet(day + 1), 900)
                self.clock.set(midday - timedelta(hours=3))  # 09:00: quiet hours are over, messages leave, the digest is due
                owed += in_the_morning[number]
                while owed and (self._has_messages() or number == self._nights - 1):
                    owed -= 1
                    self._kill_at_work(SENDING)
                _wait(lambda day=number: self._is_quiet(day + 1), 900)
                self.clock.set(midday)
        finally:
            for process in self._both:
                if process.child.poll() is None:
                    process.kill()

    def _drawn(self, kills: int) -> Counter[int]:
        """The nights struck, each once while there are enough of them."""
        return Counter(self._luck.sample(range(self._nights), kills) if kills <= self._nights else self._luck.choices(range(self._nights), k=kills))

    def _has_messages(self) -> bool:
        with Session(self._engine) as session:
            return session.scalar(select(Outbox.id).where(Outbox.state.in_(("queued", "held")), Outbox.next_at <= self.clock()).limit(1)) is not None

    def _length(self) -> float:
        """Seconds from the moment a night is being worked on to its end."""
        self._wait_for_work()
        began = time.monotonic()
        _wait(lambda: self._working() == "idle", 900)
        return time.monotonic() - began

    def _kill_at_work(self, length: float) -> None:
        """Kill at a moment drawn evenly from the time something is worked on; where nothing comes up, all the same."""
        if self._luck.random() < AT_WORK:
            self._wait_for_work()
        time.sleep(self._luck.uniform(0, length))
        self._kill()

    def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            _wait(lambda: self._working() != "idle", 3)

    def _start(self) -> Process:
        return Process(self._options, self._folder / "worker.log")

    def _kill(self) -> None:
        leader, standby = self._roles()
        self.by_what[self._working()] += 1
        killed_at = leader.kill()
        self.takeovers.append(_wait(lambda: standby.said.get("LEADS"), 60) - killed_at)
        self._both = [standby, self._start()]

    def _roles(self) -> tuple[Process, Process]:
        """(leader, standby), when both are there."""
        both = self._both
        _wait(lambda: any("LEADS" in p.said for p in both) and any("LEADS" not in p.said and "STANDS" in p.said for p in both), 600)
        leader = next(p for p in both if "LEADS" in p.said)
        return leader, next(p for p in both if p is not leader)

    def _working(self) -> str:
        """What is being worked on at this moment."""
        with Session(self._engine) as session:
            run = session.scalars(select(JobRun).where(JobRun.state == "running")).first()
            return "idle" if run is None else run.job + (f" {run.step}" if run.step else "")

    def _is_quiet(self, nights: int) -> bool:
        """Whether so many nights are done and nothing waits that could be done now. The clock goes on by the second meanwhile."""
        time.sleep(0.1)
        self.clock.set(self.clock() + timedelta(seconds=20))
        with Session(self._engine) as session:
            done = session.scalar(select(func.count()).where(JobRun.job == ticks.NIGHTLY, JobRun.state == "done", JobRun.started_at.is_not(None)))
            unfinished = session.scalar(select(func.count()).where(JobRun.state.in_(("queued", "running"))))
            waiting = session.scalar(select(func.count()).where(Outbox.state == "queued", Outbox.next_at <= self.clock()))
        return bool(done and done >= nights and not unfinished and not waiting)


def _wait(until: Any, seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := until()):
        if time.monotonic() > end:
            raise TimeoutError("a worker did not get there in time; see worker.log")
        time.sleep(0.01)
    return found


def found_city(engine: Engine, url: str, vault: Vault, first: date) -> None:
    """Sixty demo firms and four people with webhooks at the receiver."""
    migrate.upgrade(engine)
    spec = copy.deepcopy(demo.load_spec())
    spec["scales"]["small"] = {"firms": 60, "lift": 0.6}
    kept, demo.load_spec = demo.load_spec, lambda: spec
    doors = wishes.Doors(vault, Outbound(("127.0.0.1",)))
    with Session(engine) as session:
        load_reference(session)
        demo.create_demo(session, "small", date(first.year, 12, 31))
        for number, (role, region, mode) in enumerate(PEOPLE):
            held = session.scalars(select(Role).where(Role.name == role)).first() or Role(name=role)
            user = User(first_name=role, last_name=str(number), username=f"u{number}", email=f"u{number}@local.invalid", active=True)
            user.roles = [held]
            session.add(user)
            session.flush()
            session.add(UserRegion(user_id=user.id, code=region))
            wishes.set_channel(session, user.id, "webhook", mode=mode, at=midnight(first), doors=doors, address=url, secret=SECRET[:20], is_administrator=True)
            if role == "officer":
                session.execute(update(Enterprise).where(Enterprise.id % 2 == 0).values(officer_id=user.id))
        before = midnight(first)
        session.add(JobRun(job=ticks.NIGHTLY, key=ticks.ANCHOR, scheduled_for=before, state="done", attempts=0, done=0, total=0, finished_at=before))
        session.commit()
    demo.load_spec = kept


def judge(engine: Engine, receiver: Receiver, first: date, nights: int) -> dict[str, Any]:
    """What was lost and what was doubled."""
    expected = {instant.isoformat() for instant in _nights(first, nights)}
    with Session(engine) as session:
        runs = session.scalars(select(JobRun).where(JobRun.job == ticks.NIGHTLY, JobRun.key != ticks.ANCHOR)).all()
        done = [run.key for run in runs if run.state == "done"]
        order = [run.key for run in sorted(runs, key=lambda run: run.finished_at or datetime.max.replace(tzinfo=UTC))]
        live = session.execute(select(Alert.enterprise_id, Alert.rule, Alert.subject).where(Alert.state.not_in(("resolved", "expired"))).group_by(Alert.enterprise_id, Alert.rule, Alert.subject).having(func.count() > 1)).all()
        raised = session.execute(select(AlertEvent.alert_id).where(AlertEvent.kind == "raised").group_by(AlertEvent.alert_id).having(func.count() > 1)).all()
        stays = session.execute(select(Alert.enterprise_id, Alert.rule, Alert.subject, Alert.raised_on).group_by(Alert.enterprise_id, Alert.rule, Alert.subject, Alert.raised_on).having(func.count() > 1)).all()
        outbox = {row.key: row.state for row in session.execute(select(Outbox.key, Outbox.state))}
        notices = session.scalar(select(func.count()).select_from(Notice))
        alerts = session.scalar(select(func.count()).select_from(Alert))
        retaken = sum(run.attempts > 1 for run in runs)
    sent = {key for key, state in outbox.items() if state not in ("held", "bundled")}
    return {
        "nights": len(expected), "ticks_lost": len(expected - set(done)), "ticks_doubled": len(done) - len(set(done)), "nights_out_of_order": sum(a > b for a, b in pairwise(order)),
        "nights_retaken": retaken, "alerts": alerts, "alerts_doubled": len(live) + len(raised) + len(stays), "notices": notices,
        "messages": len(sent), "messages_lost": len(sent - set(receiver.taken)), "messages_dead": sum(state == "dead" for state in outbox.values()),
        "messages_held_at_the_end": sum(state == "held" for state in outbox.values()),
        "received_raw": sum(receiver.taken.values()), "received_by_key": len(receiver.taken), "refused_by_the_receiver_on_purpose": receiver.refused,
        "keys_nobody_wrote": len(set(receiver.taken) - sent), "keys_with_two_contents": sum(len(bodies) > 1 for bodies in receiver.bodies.values()),
    }


def _nights(first: date, nights: int) -> list[datetime]:
    days = [midnight(first) + timedelta(days=n) for n in range(nights + 1)]
    return [instant for after, until in pairwise(days) for instant in ticks.due(after, until, Settings().nightly_at)]


def history(engine: Engine) -> Counter[Any]:
    """Alerts and their events without keys and instants, to compare two years."""
    query = select(Alert.enterprise_id, Alert.rule, Alert.subject, Alert.raised_on, Alert.level, Alert.state, Alert.escalation, AlertEvent.kind, AlertEvent.level)
    with Session(engine) as session:
        return Counter(session.execute(query.join(AlertEvent, AlertEvent.alert_id == Alert.id)).all())


@contextlib.contextmanager
def database(given: str, folder: Path, name: str) -> Iterator[str]:
    """URL of an empty database."""
    if given == "sqlite":
        yield f"sqlite:///{folder}/{name}.db"
    elif given == "postgresql":
        from tests.postgresql import running_server

        with running_server() as url:
            yield url
    else:
        yield given


def run(kills: int, nights: int, given: str, seed: int = 1, first: date = FIRST) -> tuple[dict[str, Any], Counter[Any]]:
    """One year; returns the figures and the history of its alerts."""
    folder = Path(tempfile.mkdtemp(prefix="qijie-kills-"))
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    began = time.monotonic()
    try:
        with database(given, folder, "year") as url:
            engine = make_engine(url)
            found_city(engine, f"http://127.0.0.1:{receiver.server_port}/", Vault(SECRET), first)
            year = Year(url, folder, first, nights, kills, seed)
            year.live()
            figures = judge(engine, receiver, first, nights)
            lived = history(engine)
            engine.dispose()
    finally:
        receiver.shutdown()
        receiver.server_close()
        shutil.rmtree(folder, ignore_errors=True)
    takeovers = sorted(year.takeovers)
    figures |= {
        "database": given.partition(":")[0], "kills": len(takeovers), "killed_while": dict(year.by_what.most_common()),
        "standby_leads_after_s": {"median": round(takeovers[len(takeovers) // 2], 2), "max": round(takeovers[-1], 2)} if takeovers else None,
        "seconds": round(time.monotonic() - began, 1),
    }
    return figures, lived


def serve(given: argparse.Namespace) -> None:
    """The worker process of a run."""
    settings = Settings(data_dir=given.data, database_url=given.url, secret_key=SECRET, outbound_allow=("127.0.0.1",))
    worker = Told(settings, make_engine(given.url), clock=SharedClock(given.data / "clock"), beat=0.5)
    signal.signal(signal.SIGTERM, worker.stop)
    worker.run()


def main() -> None:
    """Read the options, live the year, say what came of it; exit 1 when something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["worker"], help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--database", default="sqlite", help="sqlite | postgresql (a throw-away server) | URL of an empty database")
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST, help="the first night's day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--json", action="store_true")
    for name, kind in (("--url", str), ("--data", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.what == "worker":
        serve(given)
        return
    figures, lived = run(given.kills, given.nights, given.database, given.seed, given.first)
    if given.reference:
        _, undisturbed = run(0, given.nights, given.database if given.database in ("sqlite", "postgresql") else "sqlite", first=given.first)
        figures["alert_histories_that_differ"] = sum(((lived - undisturbed) + (undisturbed - lived)).values())
    figures["cpu_s"] = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime + resource.getrusage(resource.RUSAGE_SELF).ru_utime, 1)
    print(json.dumps(figures, ensure_ascii=False) if given.json else json.dumps(figures, ensure_ascii=False, indent=2))
    bad = [name for name in ("ticks_lost", "ticks_doubled", "alerts_doubled", "messages_lost", "keys_with_two_contents", "keys_nobody_wrote", "alert_histories_that_differ") if figures.get(name)]
    slow = figures["standby_leads_after_s"] and figures["standby_leads_after_s"]["max"] > 5
    sys.exit(1 if bad or slow else 0)


if __name__ == "__main__":
    main()
