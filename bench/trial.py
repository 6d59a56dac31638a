"""python -m bench.trial [--database URL] [--pack taizhou] [--json]: a what-if over every firm of a database: one number changed, everybody evaluated twice."""

from __future__ import annotations

import argparse
import json
import time
from datetime import date

from sqlalchemy.orm import Session

import crm.schema
from crm.config import ROOT, Settings
from crm.core.db import make_engine
from crm.criteria.loading import load_packs
from crm.ladder.trial import trial
from crm.security.access import Access

CHANGE = {"srdi.rd_ratio": "2.5%"}


def main() -> None:
    """Time it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", default=Settings.from_env().url)
    parser.add_argument("--pack", default="taizhou")
    parser.add_argument("--as-of", default=date.today().isoformat())  # noqa: DTZ011  (a measurement, not a rule)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    assert crm.schema.metadata
    pack = load_packs(ROOT / "plugins", [asked.pack])[asked.pack]
    access = Access(None, "bench", frozenset({"manager"}), (pack.region or "",))
    with Session(make_engine(asked.database)) as session:
        wall, cpu = time.perf_counter(), time.process_time()
        found = trial(session, access, pack, CHANGE, date.fromisoformat(asked.as_of))
        figures = {"firms": found["firms"], "touched": found["touched"], "wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}
    print(json.dumps(figures) if asked.json else figures)


if __name__ == "__main__":
    main()
