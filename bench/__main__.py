"""`python -m bench`: every measurement one after the other, each in a process of its own; figures in docs/benchmarks.md."""

from __future__ import annotations

import subprocess
import sys

RUNS = (
    ("bench.evaluate", "--firms", "100000", "--json"),
    ("bench.evaluate_city", "--firms", "city", "--json"),
    ("bench.imports", "--json"),
    ("bench.pdf", "--json"),
    ("bench.phone_visit", "--runs", "5", "--json"),
    ("bench.phone_offline", "--runs", "1", "--json"),
    ("bench.forecast", "--json"),
    ("bench.kills", "--kills", "5", "--nights", "30", "--first", "2026-03-01", "--json"),
)


def main() -> None:
    """Print what each one says; the first that fails ends the run."""
    for name, *options in RUNS:
        print(f"\n== {name} {' '.join(options)}", flush=True)
        subprocess.run([sys.executable, "-m", name, *options], check=True)


if __name__ == "__main__":
    main()
