"""/healthz: the process answers. /readyz: the database answers, is migrated, and a worker was seen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import jsonify
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from crm.core.clock import now
from crm.jobs.models import WorkerBeat
from crm.web.page import db

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue


def install(app: Flask) -> None:
    """Two open addresses for supervisors; they tell nothing about firms."""

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
