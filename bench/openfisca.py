"""Outcomes alone, the same facts and rules in this engine and in OpenFisca-Core: python -m bench.openfisca --python PATH --firms 1000000

OpenFisca-Core is AGPL and no part of this project. PATH is an interpreter of yours that has it:

    python3 -m venv /tmp/of && /tmp/of/bin/pip install openfisca-core

What is compared: the eleven titles of the made pack (42 criteria, one score of 15 bands), outcome by outcome, twice: on facts with
one figure in twenty missing (met, unmet, unknown), and on facts without gaps. OpenFisca reads a missing figure as zero and keeps
32-bit floats; to make the outcomes comparable, figures are whole 万元 whose products stay below 2^24 and ratios are products, and
with gaps each of its tests also looks at whether its figures are there. Setting the facts and compiling the rules is timed on
neither side.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import orjson
import polars as pl

from bench import made_pack
from bench.evaluate import facts
from crm.criteria.engine import MET, UNKNOWN, UNMET, evaluate
from crm.criteria.loading import load_packs

if TYPE_CHECKING:
    from crm.criteria.packs import Pack

ON = date(2026, 6, 1)
CHUNK = 250_000
WAN = 10_000
SIDE = Path(__file__).parent / "openfisca_side.py"


def both(pack: Pack, frame: pl.DataFrame, other: str, folder: Path) -> dict[str, Any]:
    """Seconds of each and how many outcomes differ."""
    names = [c.name for c in pack.program(ON).columns if c.kind != "identity"]
    evaluate(pack, frame.head(100), ON)  # rules are compiled once
    wall, cpu = time.perf_counter(), time.process_time()
    states = [f"s:{t}" for t in made_pack.TITLES]
    found = pl.concat([evaluate(pack, frame[start : start + CHUNK], ON).frame.select(states) for start in range(0, len(frame), CHUNK)])
    ours = {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}
    columns, gaps = {}, any(frame[n].null_count() for n in names)
    for name in names:
        key, cell = name.replace(".", "_").replace("-", "_"), frame[name]
        columns[key] = (cell.fill_null(0) // WAN).to_numpy().astype(np.float32) if cell.dtype == pl.Int64 else cell.fill_null(value=False).to_numpy()
        if gaps:
            columns[f"has_{key}"] = cell.is_not_null().to_numpy()
    np.savez(folder / "facts.npz", **columns)
    (folder / "rules.json").write_bytes(orjson.dumps({"titles": made_pack.TITLES, "score": made_pack.SCORE}))
    said = subprocess.run([other, str(SIDE), str(folder / "facts.npz"), str(folder / "rules.json"), str(folder / "out.npz")], check=True, capture_output=True)
    theirs, outcomes = orjson.loads(said.stdout), np.load(folder / "out.npz")
    code = np.array([UNMET, UNKNOWN, MET]) if gaps else np.array([UNMET, MET])
    differ = sum(int((found[f"s:{t}"].to_numpy() != code[outcomes[t].astype(int)]).sum()) for t in made_pack.TITLES)
    counts = {label: int(sum((found[s] == state).sum() for s in states)) for label, state in (("met", MET), ("unmet", UNMET), ("unknown", UNKNOWN))}
    return {"ours": ours, "openfisca": theirs, "cpu_ratio": round(theirs["cpu_s"] / ours["cpu_s"], 2), "outcomes": counts, "different": differ}


@click.command()
@click.option("--python", "other", required=True, help="an interpreter that has OpenFisca-Core")
@click.option("--firms", default=100_000, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(other: str, firms: int, *, as_json: bool) -> None:
    """Measure both and compare every outcome."""
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        made_pack.write(folder / "packs")
        pack = load_packs(folder / "packs", ["bench"])["bench"]
        frame = facts(pack, ON, 1, firms)
        frame = frame.with_columns((pl.col(n) // WAN + 1) * WAN for n, kind in frame.schema.items() if kind == pl.Int64 and n != "enterprise_id")
        whole = frame.with_columns(pl.col(pl.Int64).fill_null(1_230_000), pl.col(pl.Boolean).fill_null(value=False))
        result = {
            "firms": firms, "criteria": sum(map(len, made_pack.TITLES.values())), "with_gaps": both(pack, frame, other, folder),
            "without_gaps": both(pack, whole, other, folder), "load": round(os.getloadavg()[0], 1),
        }
    click.echo(orjson.dumps(result).decode() if as_json else "\n".join(f"{k:>12}  {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
