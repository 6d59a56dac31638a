"""The night as a job: killed between its steps and taken up again, and the worker as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from crm.alerts.models import Alert, AlertEvent
from crm.config import ROOT, Settings
from crm.criteria.models import VerdictRow
from crm.jobs import operations
from crm.jobs.chain import Chain
from crm.jobs.context import Context
from crm.jobs.handlers import nightly
from crm.ladder.models import Move, Standing, StandingCount
from tests.city import AT, ON, Databases, city_engines, packs

__all__ = ["city_engines", "packs"]
COUNTED = (VerdictRow, Standing, Move, Alert, AlertEvent, StandingCount)


def counted(engine):
    with Session(engine) as session:
        return {model.__tablename__: session.scalar(select(func.count()).select_from(model)) for model in COUNTED}


def test_a_night_killed_after_its_evaluation_ends_as_one_that_was_not(city_engines, request, tmp_path, monkeypatch):
    founded, settled = city_engines
    databases = Databases(request.getfixturevalue("postgresql_url") if founded.dialect.name == "postgresql" else None)
    engine = databases.create("killed", founded)
    sessions = sessionmaker(engine, expire_on_commit=False)
    with sessions.begin() as session:
        operations.enqueue(session, "nightly", "one", {"as_of": ON.isoformat()}, at=AT)
    with sessions.begin() as session:
        run = operations.claim(session, "dead", AT)
    with monkeypatch.context() as broken:
        broken.setattr(Chain, "alerts", _killed)
        with pytest.raises(KeyboardInterrupt):
            nightly(Context(run, Settings(data_dir=tmp_path), engine, sessions))
    with sessions.begin() as session:
        operations.take_back(session, "new", AT)
    with sessions.begin() as session:
        run = operations.claim(session, "new", AT)
    nightly(Context(run, Settings(data_dir=tmp_path), engine, sessions))
    done = counted(engine)
    engine.dispose()
    databases.drop()
    assert done == counted(settled)


def _killed(_self):
    raise KeyboardInterrupt


@pytest.fixture
def instance(tmp_path):
    """The environment of an instance with an empty, migrated database."""
    env = {**os.environ, "CRM_DATA_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "run.py", "db", "upgrade"], cwd=ROOT, env=env, check=True, capture_output=True)
    return env


def test_a_second_worker_stands_by_and_a_terminated_one_leaves_at_once(instance):
    first = subprocess.Popen([sys.executable, "run.py", "worker"], cwd=ROOT, env=instance, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        refused = _until_refused(instance)
        first.send_signal(signal.SIGTERM)
        assert (first.wait(timeout=20), "已有一个工作进程在运行" in refused) == (0, True)
    finally:
        first.kill()


def _until_refused(env):
    for _ in range(20):
        second = subprocess.run([sys.executable, "run.py", "worker", "--once"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if second.returncode:
            return second.stderr
        time.sleep(0.5)
    return ""
