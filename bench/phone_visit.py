"""A visit on a throttled mid-range phone: `python -m bench.phone_visit [--runs 30] [--json]`.

Headless Chromium, 390 × 844, touch, CPU slowed four times, "slow 4G" as the browser's own preset has it: 562 ms latency, 1.44 Mbit/s
down, 675 kbit/s up. The app was installed before (opened once). What one run does, and the human pace it is given (seconds, waited
for; what the machine takes comes on top):

    opens the app from its icon               look at Today                       2.0
    1  taps 记走访                             find the firm in the list           3.0
    2  taps the firm                          read the head of the form           2.0
    3  taps a phrase                          read the phrases, choose            2.0
    4  taps another phrase                                                        1.5
    5  taps 拍照                               the camera opens                    1.5
    6  presses the shutter                    aim, confirm                        4.0
    7  taps 7 天后                             scroll to the foot                  2.0
    8  taps 保存走访                                                               1.0
    until the visit stands in the queue (saved; sending goes on without the person)

Each tap itself takes 0.4 s of a finger. Kind, time, people and place arrive filled and are left as they are. The shutter is the
camera's own button: the browser gets a 12-megapixel photograph. Human pace adds up to 22.2 s; the figure says how much the machine
adds to it.

Interactive: from the start of the navigation until the shell has drawn Today and answers (the mark "qijie-ready"). Transferred: bytes
that crossed the (throttled) network in both directions from opening the app until everything was sent, head lines estimated by the
browser; the photograph is also given apart. `--cold` also opens the app on a phone that never had it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from bench.phone import Instance, browser, instance, photograph, sign_in, spread

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Locator, Page, Playwright

NETWORK = {"offline": False, "latency": 562.5, "downloadThroughput": 1_440_000 / 8, "uploadThroughput": 675_000 / 8}
SLOWER = 4
FINGER = 0.4
PACE = (2.0, 3.0, 2.0, 2.0, 1.5, 1.5, 4.0, 2.0, 1.0)


class Meter:
    """Bytes over the network, by the browser's own count of what arrived and the sizes of what was sent."""

    def __init__(self, cdp: CDPSession) -> None:
        self.down = self.up = 0
        cdp.on("Network.loadingFinished", lambda e: self._add(down=e["encodedDataLength"]))
        cdp.on("Network.requestWillBeSent", lambda e: self._add(up=_sent(e["request"])))

    def _add(self, down: float = 0, up: float = 0) -> None:
        self.down += int(down)
        self.up += int(up)


def _sent(request: dict[str, Any]) -> int:
    """Head lines and body of a request, where the body is text; files are counted apart."""
    head = sum(len(k) + len(str(v)) + 4 for k, v in request["headers"].items()) + len(request["url"]) + 20
    return head + sum(len(part.get("bytes", "")) * 3 // 4 for part in request.get("postDataEntries", []))


def throttled(page: Page) -> CDPSession:
    """The page on a slow phone and a slow network."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", NETWORK)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return cdp


def interactive(page: Page, url: str) -> float:
    """Open the app; seconds until it answers."""
    page.goto(url, wait_until="commit")
    page.locator("[data-ready]").wait_for(state="attached")
    return float(page.evaluate("performance.getEntriesByName('qijie-ready')[0].startTime")) / 1000


def visit(page: Page, cdp: CDPSession, url: str, firm: int, photo: Path) -> dict[str, float]:
    """One visit at human pace."""
    meter, taps = Meter(cdp), 0

    def tap(what: Locator) -> None:
        nonlocal taps
        time.sleep(FINGER)
        what.tap()
        taps += 1

    pace = iter(PACE)
    began = time.monotonic()
    ready = interactive(page, url)
    time.sleep(next(pace))
    tap(page.locator(".bottombar__go"))
    page.locator("[data-shown='/visit']").wait_for(state="attached")
    time.sleep(next(pace))
    tap(page.locator(".wl a.wl__n").nth(firm % 5))
    page.locator("#visit[data-ready]").wait_for()
    time.sleep(next(pace))
    for number in (firm % 3, 3 + firm % 3):
        tap(page.locator("[data-phrase]").nth(number))
        time.sleep(next(pace))
    time.sleep(FINGER)
    with page.expect_file_chooser() as chooser:
        page.locator(".shot--add").first.tap()
    taps += 1
    time.sleep(next(pace) + FINGER)
    chooser.value.set_files(photo)  # the shutter
    taps += 1
    page.locator(".shot img").first.wait_for()
    time.sleep(next(pace))
    tap(page.locator("label[for=n-7]"))
    time.sleep(next(pace))
    tap(page.locator("[data-save]"))
    page.locator("[data-shown='/queue']").wait_for(state="attached")
    saved = time.monotonic() - began
    size = page.evaluate("qijie.store.all('files').then(l => l.reduce((n, f) => n + f.size, 0))")
    page.locator("[data-item][data-state=sent]").first.wait_for(timeout=120_000)
    while page.evaluate("qijie.outbox.counts().then(c => c.waiting + c.stuck)"):
        page.wait_for_timeout(200)
    page.wait_for_timeout(3000)  # the bundle that follows
    return {"interactive_s": ready, "saved_s": saved, "taps": taps, "sent_after_s": time.monotonic() - began - saved - 3, "down": meter.down, "up": meter.up, "photo": size}


def measure(playwright: Playwright, made: Instance, runs: int, *, cold: bool) -> dict[str, Any]:
    """All runs on one phone, where the app is installed."""
    profile, found = Path(tempfile.mkdtemp(prefix="qijie-phone-")), []
    photos = [profile / f"IMG_{n}.jpg" for n in range(3)]
    context = browser(playwright, profile / "profile")
    page = context.pages[0]
    page.set_default_timeout(120_000)
    first = []
    if cold:
        cdp = throttled(page)
        first = [interactive(page, made.url + "/m/")]
        cdp.detach()
    sign_in(page, made)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.wait_for_timeout(2000)
    for n, path in enumerate(photos):
        path.write_bytes(photograph(n))
    page.goto("about:blank")
    for run in range(runs):
        page = context.new_page()
        page.set_default_timeout(120_000)
        cdp = throttled(page)
        row = visit(page, cdp, made.url + "/m/", run, photos[run % len(photos)])
        row["whole"] = row["down"] + row["up"] + row["photo"]
        found.append(row)
        print(json.dumps({k: round(v, 2) for k, v in row.items()}), file=sys.stderr, flush=True)
        page.close()
    context.close()
    shutil.rmtree(profile, ignore_errors=True)
    kilobytes = {f"{name}_kb": spread([row[name] / 1024 for row in found]) for name in ("down", "up", "photo", "whole")}
    rest = {name: spread([row[name] for row in found]) for name in ("interactive_s", "saved_s", "taps", "sent_after_s")}
    return {"runs": runs, **rest, **kilobytes, "human_s": sum(PACE) + FINGER * 8, **({"cold_interactive_s": round(first[0], 2)} if first else {})}


def main() -> None:
    """Measure; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "qijie-bench-phone")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    made = instance(given.folder)
    made.start()
    try:
        with sync_playwright() as playwright:
            found = measure(playwright, made, given.runs, cold=given.cold)
    finally:
        made.stop()
    print(json.dumps(found))
    goals = found["saved_s"]["median"] <= 45, found["taps"]["max"] <= 8, found["interactive_s"]["median"] <= 1.5, found["whole_kb"]["median"] <= 200
    if not all(goals):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
