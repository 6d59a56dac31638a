"""CPU, size and memory of the printed record: `python bench/pdf.py [--data-dir D] [--records 200]`.

Prints CPU seconds of making the faces; ms of process CPU (best and median) for one page, and three pages with four photos,
cold and warm; KB of each; peak memory at record 10 and at the end; records a minute with two rendering processes, by the
clock and as the CPU they took would allow on two free cores. `yardstick_ms` is a fixed loop of Python beside them: on a
shared machine divide by it to compare.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data-dir", type=Path, default=Path(tempfile.gettempdir()) / "qijie-bench-pdf")
    options.add_argument("--records", type=int, default=200, help="three-page records for the memory and throughput figures")
    options.add_argument("--child", choices=["cold", "warm"], help=argparse.SUPPRESS)
    given = options.parse_args()
    from crm.reports import fonts

    before = _spent(resource.RUSAGE_CHILDREN)
    faces = fonts.ensure(given.data_dir)
    made = _spent(resource.RUSAGE_CHILDREN) - before
    os.environ["FONTCONFIG_FILE"] = str(faces.config)
    if given.child:
        print(json.dumps(cold() if given.child == "cold" else warm(given.records)))
        return
    figures = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", "kai": faces.has_kai}
    figures["faces_cpu_s"] = round(made, 1) if made else "were there (name another --data-dir to measure)"
    for name in ("cold", "warm"):
        command = [sys.executable, __file__, "--child", name, "--data-dir", str(given.data_dir), "--records", str(given.records)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    figures |= throughput(given.data_dir, given.records)
    for name, value in figures.items():
        print(f"{name:32} {value}")


def cold() -> dict[str, object]:
    """One page, libraries and fonts included; without looking for garbage, as the child does."""
    gc.disable()
    start = time.process_time()
    from crm.reports.render import render
    from tests.reports.samples import short_record

    render("record", short_record(), {})
    return {"cold_1_page_ms": round((time.process_time() - start) * 1000)}


def warm(records: int) -> dict[str, object]:
    """Both sizes, then memory over many; garbage is collected where the child does it."""
    from crm.reports.child import tidy
    from crm.reports.render import render
    from tests.reports.samples import full_record, short_record

    plain = short_record()
    plain["enterprise"]["legal_person"] = "王建国"  # the sample's rare name costs one more embedded face
    full, images = full_record()
    figures: dict[str, object] = {"yardstick_ms": f"{_yardstick():.1f}"}
    gc.disable()
    render("record", plain, {})
    tidy(1)
    for name, record, pictures in (("1_page", plain, {}), ("1_page_rare_name", short_record(), {}), ("3_pages_4_photos", full, images)):
        times = []
        for _ in range(12):
            start = time.process_time()
            done = render("record", record, pictures)
            times.append((time.process_time() - start) * 1000)
            gc.collect()
        figures[f"{name}_ms_best_median"] = f"{min(times[2:]):.0f} / {statistics.median(times[2:]):.0f}"
        figures[f"{name}_pages_kb"] = f"{done.pages} / {len(done.pdf) / 1024:.0f}"
    for n in range(records):
        render("record", full, images)
        tidy(n + 2)
        if n == 9:
            figures["rss_mb_at_10"] = _rss()
    figures[f"rss_mb_at_{records}"] = _rss()
    return figures


def throughput(data_dir: Path, records: int) -> dict[str, object]:
    """Three-page records a minute through a pool of two."""
    from crm.reports.pool import RenderPool
    from tests.reports.samples import full_record

    full, images = full_record()
    with RenderPool(data_dir, size=2) as pool:
        first = [threading.Thread(target=pool.render, args=(full, images)) for _ in range(2)]
        _run(first)
        start = time.perf_counter()
        share = [threading.Thread(target=lambda: [pool.render(full, images) for _ in range(records // 2)]) for _ in range(2)]
        _run(share)
        seconds = time.perf_counter() - start
        before = _spent(resource.RUSAGE_CHILDREN)
    spent = _spent(resource.RUSAGE_CHILDREN) - before  # of two children, their start included
    done = records // 2 * 2
    return {
        "3_page_records_a_minute_2_proc": f"{done / seconds * 60:.0f} (load {os.getloadavg()[0]:.1f})",
        "as_their_cpu_allows": f"{(done + 2) / (spent / 2) * 60:.0f} ({spent / (done + 2) * 1000:.0f} ms of CPU each, start included)",
    }


def _run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _spent(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def _yardstick() -> float:
    times = []
    for _ in range(5):
        start, seen = time.process_time(), {}
        for i in range(60_000):
            seen[i % 1000] = seen.get(i % 1000, 0) + len(str(i))
        times.append((time.process_time() - start) * 1000)
    return min(times)


def _rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


if __name__ == "__main__":
    main()
