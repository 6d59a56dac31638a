"""python -m bench.evaluate_city [--firms small|city] [--json]: make the demo in a fresh SQLite file, evaluate it, read the list and the board."""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

import crm.schema
from crm.config import Settings
from crm.core.clock import now
from crm.core.db import make_engine
from crm.jobs.chain import Chain, packs_of
from crm.ladder.queries import Filters, board, firms
from crm.regions.operations import load_reference
from crm.security.access import Access
from seeds.demo import create_demo

ON = date(2026, 11, 22)
MANAGER = Access(1, "bench", frozenset({"manager"}), ("331000",))
COLUMNS = dict.fromkeys(("step_up", "grow_strong", "go_public", "grow_large"), ())


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def page(session, statements, work, times=20):
    spent = []
    for _ in range(times):
        session.expunge_all()
        statements.clear()
        begun = time.perf_counter()
        work()
        spent.append((time.perf_counter() - begun) * 1000)
    return {"p50_ms": round(sorted(spent)[times // 2], 1), "p95_ms": round(sorted(spent)[int(times * 0.95) - 1], 1), "queries": len(statements)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--firms", default="city", choices=["small", "city"])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="qijie-bench-"))
    engine = make_engine(f"sqlite:///{folder / 'bench.db'}")
    crm.schema.metadata.create_all(engine)
    packs = packs_of(Settings(data_dir=folder))
    figures = {}
    with Session(engine) as session:
        load_reference(session)
        _, figures["generate"] = timed(lambda: (create_demo(session, given.firms, ON), session.commit()))
        for name in ("first", "again"):
            chain = Chain(session, packs, ON, now())
            done, figures[f"evaluate_{name}"] = timed(lambda chain=chain: (chain.evaluate(), session.commit())[0])
            figures[f"evaluate_{name}"] |= done
            done, figures[f"alerts_{name}"] = timed(lambda chain=chain: (chain.alerts(), session.commit())[0])
            figures[f"alerts_{name}"] |= done
            _, figures[f"escalate_{name}"] = timed(lambda chain=chain: (chain.escalate(), session.commit()))
            _, figures[f"counts_{name}"] = timed(lambda chain=chain: (chain.counts(), session.commit()))
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        figures["list"] = page(session, statements, lambda: firms(session, MANAGER))
        figures["list_county"] = page(session, statements, lambda: firms(session, MANAGER, Filters(region="331081"), sort="revenue"))
        figures["board"] = page(session, statements, lambda: board(session, MANAGER, Filters(), COLUMNS))
    figures["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(figures, ensure_ascii=False, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
