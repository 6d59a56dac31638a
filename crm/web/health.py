"""/healthz: the process answers. /readyz: the database answers, is migrated, and a worker was seen. /metrics: for Prometheus, with a token.

Numbers about the machinery only; nothing here tells of firms or people.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response, abort, current_app, jsonify, request
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from crm.core.clock import now
from crm.jobs import queries as jobs
from crm.jobs import ticks
from crm.jobs.models import JobRun, WorkerBeat
from crm.notices import queries as notices
from crm.web.page import db

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from flask import Flask
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session


def install(app: Flask) -> None:
    """Addresses for supervisors: two are open, the third asks for CRM_METRICS_TOKEN and does not exist without one."""

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return jsonify({"status": "ok"})

    @app.get("/readyz")
    def readyz() -> ResponseReturnValue:
        try:
            revision = db().execute(text("SELECT version_num FROM alembic_version")).scalar()
            beat = db().scalar(select(func.max(WorkerBeat.at)))
        except SQLAlchemyError:
            return jsonify({"status": "unavailable", "database": "no answer or not migrated: run.py db upgrade"}), 503
        alive = beat is not None and now() - beat < timedelta(seconds=60)
        return jsonify({"status": "ok", "revision": revision, "worker": "ok" if alive else "none for 60 s"})

    @app.get("/metrics")
    def metrics() -> ResponseReturnValue:
        token = current_app.extensions["crm_settings"].metrics_token
        if not token:
            abort(404)
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
            abort(401)
        return Response("\n".join(lines(db(), now())) + "\n", mimetype="text/plain; version=0.0.4")


def lines(session: Session, at: datetime) -> Iterator[str]:
    """The figures in the Prometheus text format; what has never been is left out."""
    worker, night = jobs.worker_state(session, at), jobs.latest(session).get(ticks.NIGHTLY)
    yield from _gauge("qijie_worker_alive", "1: a worker wrote a sign of life within 60 s.", {"": int(worker.alive)})
    if worker.last_seen is not None:
        yield from _gauge("qijie_worker_silent_seconds", "Seconds since its last sign of life.", {"": round((at - worker.last_seen).total_seconds(), 1)})
    if night is not None:
        yield from _gauge("qijie_night_ok", "1: the latest night ended well; 0: it runs or failed.", {"": int(night.state == "done")})
        yield from _gauge("qijie_night_steps_done", "Steps of the latest night that are done.", {"": night.done})
        yield from _gauge("qijie_night_steps", "Steps of a night.", {"": night.total})
        if night.started_at is not None and night.finished_at is not None:
            yield from _gauge("qijie_night_seconds", "How long it ran.", {"": round((night.finished_at - night.started_at).total_seconds(), 1)})
            yield from _gauge("qijie_night_ended_timestamp_seconds", "When it ended.", {"": round(night.finished_at.timestamp())})
    runs = session.execute(select(JobRun.state, func.count()).where(JobRun.state.in_(("queued", "running", "failed"))).group_by(JobRun.state))
    yield from _gauge("qijie_job_runs", "Runs by state; finished ones are not counted.", {f'{{state="{state}"}}': count for state, count in runs})
    traffic = notices.traffic(session, at)
    for name, what in (("waiting", "Messages that wait for their time or turn."), ("late", "Of them those that could have left five minutes ago."), ("held", "Messages held for a digest."), ("dead", "Messages given up."), ("delivered", "Messages delivered today, Asia/Shanghai.")):
        yield from _gauge(f"qijie_messages_{name}", what, {f'{{channel="{channel}"}}': getattr(found, name) for channel, found in sorted(traffic.items())})


def _gauge(name: str, what: str, values: dict[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} gauge"
    yield from (f"{name}{labels} {value}" for labels, value in values.items())
