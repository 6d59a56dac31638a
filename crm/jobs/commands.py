"""run.py worker | run nightly | demo."""

from __future__ import annotations

import json
import os
import time
from datetime import date, datetime
from typing import Any

import click
from sqlalchemy.orm import sessionmaker

import crm.schema  # noqa: F401  # relationships look each other up by name
from crm.config import Settings
from crm.core.clock import now, today
from crm.core.db import make_engine, transaction
from crm.core.errors import CrmError
from crm.jobs import operations
from crm.jobs.context import Context
from crm.jobs.models import JobRun
from crm.jobs.worker import Worker, serve, work
from crm.security.logs import configure

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
day_option = click.option("--as-of", "on", type=click.DateTime(["%Y-%m-%d"]), help="The day (default: today in Shanghai).")


@click.command()
@click.option("--once", is_flag=True, help="Work what waits, then stop.")
def worker(*, once: bool) -> None:
    """The clock and the queue: nightly evaluation, imports, records. A second one stands by."""
    settings = Settings.from_env()
    configure(settings)
    engine = make_engine(settings.url)
    if not once:
        serve(settings, engine)
        return
    try:
        worked = Worker(settings, engine).run(once=True)
    except CrmError as error:
        raise click.ClickException(error.message) from None
    click.echo(f"{worked} runs")


@click.group("run")
def run_group() -> None:
    """Run a job now, in this process."""


@run_group.command("nightly")
@day_option
@as_json_option
def nightly(on: datetime | None, *, as_json: bool) -> None:
    """The chain the worker runs each night: evaluate, forecast, alerts, counts."""
    settings = Settings.from_env()
    engine = make_engine(settings.url)
    sessions = sessionmaker(engine, expire_on_commit=False)
    day = on.date() if on else today()
    with transaction(sessions) as session:
        run = operations.enqueue(session, "nightly", f"asked:{now().isoformat()}", {"as_of": day.isoformat()})
        run.state, run.attempts, run.started_at, run.heartbeat_at, run.worker = "running", 1, now(), now(), f"{operations.BY_HAND}{os.getpid()}"
    state = work(Context(run, settings, engine, sessions))
    with transaction(sessions) as session:
        done = session.get_one(JobRun, run.id)
        answer = {"state": state, "result": done.result, "error": done.error}
    _say(answer, as_json=as_json)
    if state != "done":
        raise SystemExit(1)


@click.command()
@click.option("--scale", type=click.Choice(["small", "city", "province"]), default="small", show_default=True, help="2,000, 65,500 or 1,000,000 firms.")
@click.option("--seed", type=int, help="Another seed gives another city.")
@day_option
@as_json_option
def demo(scale: str, seed: int | None, on: datetime | None, *, as_json: bool) -> None:
    """A seeded synthetic city in a migrated database: firms, figures, titles, register, evaluated as of the day. All invented."""
    from seeds.demo import SEED, build_city

    settings = Settings.from_env()
    sessions = sessionmaker(make_engine(settings.url), expire_on_commit=False)
    started = time.monotonic()
    try:
        with transaction(sessions) as session:
            made = build_city(
                session, scale, on.date() if on else today(), data_dir=settings.data_dir, settings=settings, seed=SEED if seed is None else seed,
                progress=None if as_json else _progress, checkpoint=session.commit,
            )
    except CrmError as error:
        raise click.ClickException(error.message) from None
    _say({**made, "seconds": round(time.monotonic() - started, 1)}, as_json=as_json)


def _progress(done: int, total: int) -> None:
    click.echo(f"{done:,} / {total:,}", err=True)


def _say(answer: dict[str, Any], *, as_json: bool) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False, default=_plain, indent=None if as_json else 2))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


commands = [worker, run_group, demo]
