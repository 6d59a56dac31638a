"""Whether time grows with the number of firms and no faster: python -m bench.growth [--sizes 100000,300000,1000000,3000000] [--database URL] --json

Each size is a run of bench.evaluate in a process of its own; per size microseconds of CPU and wall per firm for evaluating and
storing, peak memory, and how far each is from the mean of all sizes.
"""

from __future__ import annotations

import subprocess
import sys

import click
import orjson


def one(size: int, pack: str, database: str) -> dict[str, float]:
    """Figures of one size."""
    command = [sys.executable, "-m", "bench.evaluate", "--pack", pack, "--firms", str(size), "--json", *(["--database", database] if database else [])]
    said = orjson.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    spent = {unit: sum(said[f"{part}_{unit}_s"] for part in ("evaluate", "store")) for unit in ("cpu", "wall")}
    return {"firms": size, **{f"{unit}_us_per_firm": round(value * 1e6 / size, 3) for unit, value in spent.items()}, "peak_mb": said["peak_mb"], "load": said["load"]}


@click.command()
@click.option("--sizes", default="100000,300000,1000000,3000000", show_default=True)
@click.option("--pack", default="bench", show_default=True)
@click.option("--database", default="", help="SQLAlchemy URL; default: a SQLite file thrown away afterwards")
@click.option("--json", "as_json", is_flag=True)
def main(sizes: str, pack: str, database: str, *, as_json: bool) -> None:
    """Measure several sizes."""
    found = [one(int(size), pack, database) for size in sizes.split(",")]
    mean = sum(f["cpu_us_per_firm"] for f in found) / len(found)
    for f in found:
        f["cpu_off_mean_percent"] = round(100 * (f["cpu_us_per_firm"] / mean - 1), 1)
    click.echo(orjson.dumps(found).decode() if as_json else "\n".join(str(f) for f in found))


if __name__ == "__main__":
    main()
