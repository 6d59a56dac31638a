"""CPU, size and memory of the printed record: `python bench/pdf.py [--data-dir D] [--records 200] [--memory 2000] [--json]`.

CPU seconds of making the faces; ms of process CPU (best, median, p90) for one page and for three pages with four photos, cold
and warm, and what a photo costs when it arrives; KB of each; records a minute with two rendering processes, by the clock and as
the CPU they took would allow on two free cores; with --memory N, resident memory of one process along N records. `yardstick_ms`
is a fixed loop of Python beside them: on a shared machine divide by it to compare.
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
    options.add_argument("--records", type=int, default=200, help="three-page records of the throughput figures; 0 leaves them out")
    options.add_argument("--memory", type=int, default=0, help="three-page records one process makes while its memory is looked at (2000: some 9 minutes)")
    options.add_argument("--json", action="store_true", help="the figures as JSON")
    options.add_argument("--child", choices=["cold", "warm", "memory"], help=argparse.SUPPRESS)
    given = options.parse_args()
    from crm.reports import fonts

    before = _spent(resource.RUSAGE_CHILDREN)
    faces = fonts.ensure(given.data_dir)
    made = _spent(resource.RUSAGE_CHILDREN) - before
    os.environ["FONTCONFIG_FILE"] = str(faces.config)
    if given.child:
        print(json.dumps({"cold": cold, "warm": warm, "memory": lambda: memory(given.memory)}[given.child]()))
        return
    figures = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", "kai": faces.has_kai}
    figures["faces_cpu_s"] = round(made, 1) if made else "were there (name another --data-dir to measure)"
    for name in ("cold", "warm", *(["memory"] if given.memory else [])):
        command = [sys.executable, __file__, "--child", name, "--data-dir", str(given.data_dir), "--memory", str(given.memory)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    if given.records:
        figures |= throughput(given.data_dir, given.records)
    if given.json:
        print(json.dumps(figures, ensure_ascii=False, indent=1))
        return
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


def warm() -> dict[str, object]:
    """Both sizes; garbage is collected where the child does it."""
    from crm.core import prints
    from crm.reports.child import tidy
    from crm.reports.render import render
    from tests.reports.samples import full_record, photo, short_record

    plain = short_record()
    plain["enterprise"]["legal_person"] = "王建国"  # the sample's rare name costs one more embedded face
    record, images = full_record()
    figures: dict[str, object] = {"yardstick_ms": f"{_yardstick():.1f}"}
    gc.disable()
    render("record", plain, {})
    tidy(1)
    kinds = (("1_page", plain, {}), ("1_page_rare_name", short_record(), {}), ("3_pages_4_photos", record, printed(images)), ("3_pages_old_photos", record, images))
    for name, data, pictures in kinds:
        times = []
        for _ in range(24):
            start = time.process_time()
            done = render("record", data, pictures)
            times.append((time.process_time() - start) * 1000)
            gc.collect()
        times = sorted(times[2:])
        figures[f"{name}_ms_best_median_p90"] = f"{times[0]:.0f} / {statistics.median(times):.0f} / {times[len(times) * 9 // 10]:.0f}"
        figures[f"{name}_pages_kb"] = f"{done.pages} / {len(done.pdf) / 1024:.0f}"
    uploaded = photo(1)
    start = time.process_time()
    for _ in range(5):
        prints.photo(uploaded)
    figures["print_of_a_photo_when_it_arrives_ms"] = round((time.process_time() - start) * 200, 1)
    return figures


def printed(images: dict[str, bytes]) -> dict[str, bytes]:
    """The pictures as crm.reports.operations.draw hands them over: prints, made when they arrived."""
    from crm.core import prints

    return {f"print:{key}": (prints.photo if key.startswith("p") else prints.ink)(data) for key, data in images.items()}


def memory(records: int) -> dict[str, object]:
    """Resident memory of one process along many three-page records, each with texts of its own,."""
    from crm.reports.child import tidy
    from crm.reports.render import render
    from tests.reports.samples import full_record

    record, images = full_record()
    pictures, figures, start = printed(images), {}, time.process_time()
    gc.disable()
    for n in range(1, records + 1):
        visit = {**record["visit"], "summary": f"{record['visit']['summary']}第 {n} 份。"}
        render("record", {**record, "visit": visit, "number": f"企访〔2026〕{n:04}号"}, pictures)
        tidy(n)
        if n in (10, 50) or n % 200 == 0 or n == records:
            figures[f"rss_mb_at_{n}"] = _rss()
    figures["cpu_ms_a_record"] = round((time.process_time() - start) * 1000 / records)
    return figures


def throughput(data_dir: Path, records: int) -> dict[str, object]:
    """Three-page records a minute through a pool of two."""
    from crm.reports.pool import RenderPool
    from tests.reports.samples import full_record

    full, images = full_record()
    images = printed(images)
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
    """Resident now; where the system does not say, the most there was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return round(int(statm.read_text().split()[1]) * resource.getpagesize() / (1 << 20))
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))


if __name__ == "__main__":
    main()
