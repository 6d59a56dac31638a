"""How fast a population is evaluated, packed and stored: python -m bench.evaluate --firms 1000000 --json

Facts are made up, seeded, in chunks, and their making is not timed. Figures, each as wall and CPU seconds of the process:
`evaluate` (outcomes), `store` (first write of masks, scores, evidence to SQLite or to --database), `few` (one firm in a
hundred evaluated again with a changed figure, differences and transitions written), `night` (everybody evaluated again,
another one in a hundred changed: differences and transitions written), `near` (who lacks one title for one criterion
alone, nothing unknown); `one_firm_ms`; `load_cold_s`, `load_s` (all shipped packs, from their files and from the cache);
`load` (others on the machine), peak memory of the process. `--pack bench` is a pack of 45 criteria and 15 bands.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

import crm.schema
from bench import made_pack
from crm.core.db import make_engine
from crm.criteria.columns import NEVER, dtype
from crm.criteria.engine import Evaluation, evaluate
from crm.criteria.explain import explain
from crm.criteria.loading import load_packs
from crm.criteria.masks import near_misses
from crm.criteria.models import PackVersion, Transition, VerdictMask, VerdictRow, VerdictRules, VerdictStale
from crm.criteria.packing import bodies, unpack
from crm.criteria.store import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crm.criteria.packs import Pack

PACKS = Path(__file__).parents[1] / "plugins"
CHUNK = 50_000
_SPREAD = {"元": 30_000_000, "人": 120, "分×100": 9_000, "bp": 1_500, "级×10": 40}
_INDUSTRIES = ["3441", "3484", "2921", "3360", "3670", "5169", "5211", "6210", "7020", "6510", "8010", "4813"]


class Clock:
    """Wall and CPU seconds of named stretches."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Do the work and add what it took to `name`."""
        wall, cpu = time.perf_counter(), time.process_time()
        made = work()
        for unit, spent in (("wall", time.perf_counter() - wall), ("cpu", time.process_time() - cpu)):
            key = f"{name}_{unit}_s"
            self.figures[key] = self.figures.get(key, 0.0) + spent
        return made


def facts(pack: Pack, on: date, start: int, size: int) -> pl.DataFrame:
    """Made-up firms `start`…: log-like sizes, one value in twenty missing; the same for the same numbers."""
    key = pl.int_range(start, start + size, dtype=pl.Int64, eager=True).alias("enterprise_id")
    columns: dict[str, pl.Series] = {}
    for seed, column in enumerate(pack.program(on).columns):
        dice = key.hash(seed)
        kind = dtype(column)
        if column.key == "industry":
            made = pl.Series(_INDUSTRIES).gather((dice % len(_INDUSTRIES)).cast(pl.UInt32))
        elif kind == pl.Boolean():
            made = dice % 5 == 0
        elif kind == pl.Date():
            made = pl.select(pl.when(pl.lit(dice % 4 == 0)).then(pl.lit(date(2024, 3, 1))).otherwise(pl.lit(NEVER))).to_series()
        elif kind == pl.String():
            made = pl.Series(["331081"]).gather((dice % 1).cast(pl.UInt32))
        else:
            made = ((dice % 1000).cast(pl.Int64) ** 2) * _SPREAD.get(pack.measures[column.key].unit, 8) // 400_000
        columns[column.name] = pl.select(pl.when(pl.lit(dice // 7 % 20 != 0)).then(pl.lit(made))).to_series()
    return pl.DataFrame({"enterprise_id": key, **columns})


def chunks(pack: Pack, on: date, firms: int) -> Iterator[pl.DataFrame]:
    """The population, a chunk at a time."""
    for start in range(0, firms, CHUNK):
        yield facts(pack, on, start + 1, min(CHUNK, firms - start))


def measure(pack: Pack, on: date, firms: int, url: str) -> dict[str, Any]:
    """Evaluate, pack, store; then some again, then everybody again with some changed; then ask who lacks one criterion."""
    engine, clock, counts = make_engine(url), Clock(), {"written": 0, "written_few": 0, "written_night": 0, "transitions": 0}
    crm.schema.metadata.create_all(engine)
    at = datetime.now(UTC)
    with Session(engine) as session:
        _without_foreign_keys(session)
        for frame in chunks(pack, on, firms):
            evaluation: Evaluation = clock.run("evaluate", lambda frame=frame: evaluate(pack, frame, on))
            counts["written"] += clock.run("store", lambda evaluation=evaluation: store(session, evaluation, at=at, whole=True)).written
        clock.run("store", session.commit)
        few = _changed(pack, on, firms, 0)
        counts["written_few"] = clock.run("few", lambda: store(session, evaluate(pack, few, on), at=at)).written
        clock.run("few", session.commit)
        for frame in chunks(pack, on, firms):
            changed = _with_changes(pack, on, frame, 50)
            done = clock.run("night", lambda changed=changed: store(session, evaluate(pack, changed, on), at=at, whole=True))
            counts["written_night"] += done.written
            counts["transitions"] += done.transitions.height
        clock.run("night", session.commit)
        title = next(t for t in pack.titles if t in pack.items)
        found = clock.run("near", lambda: near_misses(session, pack, title, on))
        counts["near_firms"] = sum(len(n.firms) for n in found)
        session.rollback()
        for table in (Transition, VerdictRow, VerdictMask, VerdictStale, VerdictRules, PackVersion):
            session.execute(text(f'DELETE FROM "{table.__tablename__}"'))
        session.commit()
    return {**{k: round(v, 2) for k, v in clock.figures.items()}, **counts}


def _changed(pack: Pack, on: date, firms: int, offset: int) -> pl.DataFrame:
    """Every hundredth firm, its first figure ten times as much."""
    return pl.concat([_with_changes(pack, on, frame, offset).filter(pl.col("enterprise_id") % 100 == offset) for frame in chunks(pack, on, firms)])


def _with_changes(pack: Pack, on: date, frame: pl.DataFrame, offset: int) -> pl.DataFrame:
    figure = next(c.name for c in pack.program(on).columns if c.kind == "year")
    return frame.with_columns(pl.when(pl.col("enterprise_id") % 100 == offset).then(pl.col(figure) * 10 + 1).otherwise(pl.col(figure)).alias(figure))


def _without_foreign_keys(session: Session) -> None:
    """The firms themselves are not made here."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    session.execute(text("SET session_replication_role = replica" if postgresql else "PRAGMA foreign_keys=OFF"))


def one_firm(pack: Pack, on: date) -> float:
    """Milliseconds to expand one stored row to its full explanation, mean over 200."""
    evaluation = evaluate(pack, facts(pack, on, 1, 200), on)
    rows = [unpack(evaluation.program, body) for body in bodies(evaluation)]
    explain(pack, rows[0], on)
    start = time.process_time()
    for row in rows:
        explain(pack, row, on)
    return (time.process_time() - start) * 1000 / len(rows)


def loading(cache: Path) -> dict[str, float]:
    """Seconds to load all shipped packs: from their files (nothing cached), and again from the cache."""
    names, spent = sorted(path.parent.name for path in PACKS.glob("*/pack.yaml")), []
    for _ in range(2):
        start = time.perf_counter()
        load_packs(PACKS, names, cache)
        spent.append(time.perf_counter() - start)
    return {"packs": len(names), "load_cold_s": round(spent[0], 3), "load_s": round(spent[1], 3)}


@click.command()
@click.option("--firms", default=100_000, show_default=True)
@click.option("--pack", "name", default="taizhou", show_default=True)
@click.option("--database", default="", help="SQLAlchemy URL; default: a SQLite file thrown away afterwards")
@click.option("--json", "as_json", is_flag=True)
def main(firms: int, name: str, database: str, *, as_json: bool) -> None:
    """Measure the evaluation of a population."""
    on = date(2026, 6, 1)
    with tempfile.TemporaryDirectory() as folder:
        cache, packs = Path(folder) / "cache", PACKS
        if name == "bench":
            packs = Path(folder) / "packs"
            made_pack.write(packs)
        pack = load_packs(packs, [name], cache)[name]
        loads = loading(cache)
        program = pack.program(on)
        evaluate(pack, facts(pack, on, 1, 100), on)  # expressions are compiled once per day
        figures = measure(pack, on, firms, database or f"sqlite:///{folder}/bench.db")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    found = {"firms": firms, "pack": name, "criteria": len(program.criteria), "items": len(program.items), "columns": len(program.columns),
             **figures, "one_firm_ms": round(one_firm(pack, on), 1), **loads, "load": round(os.getloadavg()[0], 1), "peak_mb": round(peak)}
    click.echo(orjson.dumps(found).decode() if as_json else "\n".join(f"{k:>18}  {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
