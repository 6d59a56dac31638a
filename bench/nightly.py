"""The night from filings in a database: python -m bench.nightly --firms 100000 [--database URL] [--pack bench|taizhou] [--chain] --json

Makes a population (bench/population.py; `--keep` leaves it, and a population that is there is taken), then measures, each as wall
seconds and CPU seconds of the process: `first` (filings → facts → verdicts → standings, all written), `again` (the next run:
nothing to write), `night` (one firm in a hundred has a corrected figure: everybody evaluated, differences and transitions
written), `few` (only those evaluated). `--chain`: the whole chain of the worker: forecast, alerts, cases, escalation, digests and counts.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

import crm.schema
from bench import made_pack, population
from crm.core.db import make_engine
from crm.criteria.loading import load_packs
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.jobs.chain import Chain
from crm.jobs.handlers import STEPS
from crm.ladder.evaluation import evaluate_population

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm.criteria.packs import Packs

PACKS = Path(__file__).parents[1] / "plugins"
ON = date(2026, 11, 22)


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work gave, and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return made, {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def correct(session: Session, offset: int) -> list[int]:
    """Correct last year's revenue of every hundredth firm."""
    where = (Filing.period == str(ON.year - 1), Filing.form == "period", Filing.enterprise_id % 100 == offset)
    session.execute(update(Filing).where(*where).values(revenue=Filing.revenue * 2 + 1))  # type: ignore[attr-defined]  # columns are set from a list
    session.commit()
    return list(session.scalars(select(Filing.enterprise_id).where(*where)))


def run(session: Session, packs: Packs, *, whole: bool, only: list[int] | None = None) -> dict[str, Any]:
    """One pass."""
    at = datetime.now(UTC)
    if not whole:
        done, spent = timed(lambda: (evaluate_population(session, packs, ON, at=at, only=only), session.commit())[0])
        return {**spent, **done.as_dict()}
    chain, parts, total = Chain(session, packs, ON, at, only), {}, [0.0, 0.0]
    for name in STEPS if only is None else ("evaluate", "alerts", "counts"):
        done, spent = timed(lambda name=name: (getattr(chain, name)(), session.commit())[0])
        parts[name] = {**spent, **done}
        total = [total[0] + spent["wall_s"], total[1] + spent["cpu_s"]]
    return {"wall_s": round(total[0], 2), "cpu_s": round(total[1], 2), **parts}


def measure(session: Session, packs: Packs, *, whole: bool) -> dict[str, Any]:
    """The four passes."""
    found = {name: run(session, packs, whole=whole) for name in ("first", "again")}
    correct(session, 7)
    found["night"] = run(session, packs, whole=whole)
    few = correct(session, 11)
    found["few"] = run(session, packs, whole=whole, only=few)
    return found


@click.command()
@click.option("--firms", default=100_000, show_default=True)
@click.option("--months", default=24, show_default=True)
@click.option("--pack", "name", default="taizhou", show_default=True)
@click.option("--database", default="", help="SQLAlchemy URL of an empty database; default: a SQLite file thrown away afterwards")
@click.option("--chain", "whole", is_flag=True, help="every step of the worker's night")
@click.option("--json", "as_json", is_flag=True)
def main(firms: int, months: int, name: str, database: str, *, whole: bool, as_json: bool) -> None:
    """Measure a night."""
    with tempfile.TemporaryDirectory() as folder:
        packs_dir = PACKS
        if name == "bench":
            packs_dir = Path(folder) / "packs"
            made_pack.write(packs_dir)
        packs = load_packs(packs_dir, [name], Path(folder) / "cache")
        engine = make_engine(database or f"sqlite:///{folder}/bench.db")
        crm.schema.metadata.create_all(engine)
        with Session(engine) as session:
            have = session.scalar(select(func.count()).select_from(Enterprise))
            made: dict[str, Any] = {}
            if not have:
                rows, made = timed(lambda: population.make(session, firms, ON, months))
                made |= rows
            if engine.dialect.name == "postgresql":
                session.commit()
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("VACUUM ANALYZE"))
            found = measure(session, packs, whole=whole)
        engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {"firms": firms, "months": months, "pack": name, "made": made, **found, "load": round(os.getloadavg()[0], 1), "peak_mb": peak}
    click.echo(orjson.dumps(result).decode() if as_json else "\n".join(f"{k:>8}  {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
