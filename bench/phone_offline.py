"""Airplane mode and a killed app: `python -m bench.phone_offline [--runs 20] [--visits 50] [--photos 3] [--kills 12] [--json]`.

One run is an officer's day without signal. The server is stopped and the browser offline; visit after visit is written in
the shell with photos and saved. At random moments the browser is killed with SIGKILL, all of its processes; the person
opens it again, looks at the queue and at the drafts, and goes on where it was: a visit that stands in the queue is not
written again, one whose draft is there is finished from the draft, one without either is begun anew. Then the server comes
back, the person signs in, and while the queue is sent browser and server are each killed again.

Counted at the end, in the server's database: visits lost (none of theirs with the text), doubled (more than one), out of
order (not in the order they were saved), photos lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error, Page, sync_playwright

from bench.phone import Instance, browser, instance, kill, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

WAIT = 60_000


class Person:
    """Somebody with the phone in hand: knows what has to be written, not what the phone did before it died."""

    def __init__(self, playwright: Playwright, made: Instance, profile: Path, dice: random.Random) -> None:
        self.playwright, self.made, self.profile, self.dice = playwright, made, profile, dice
        self.context: BrowserContext | None = None
        self.page: Page
        self.kills = self.deaths = 0

    def open(self, *, online: bool = False) -> None:
        """Start the app, as after it was killed."""
        if self.context is not None:
            with contextlib.suppress(Error):  # it is dead
                self.context.close()
        self.context = browser(self.playwright, self.profile)
        self.page = self.context.pages[0]
        self.page.set_default_timeout(WAIT)
        if online:
            sign_in(self.page, self.made)
        else:
            self.context.set_offline(True)
            self.page.goto(self.made.url + "/m/")
            self.page.locator("[data-ready]").wait_for(state="attached")

    def to(self, where: str) -> None:
        """A page of the shell."""
        self.page.evaluate(f"location.hash = '{where}'")
        self.page.locator(f"[data-shown='{where[1:]}']").wait_for(state="attached")

    def queue(self) -> dict[str, str]:
        """Text of each visit in the queue -> its state."""
        items = self.page.evaluate("qijie.outbox.list().then(l => l.map(i => [i.body?.entries.find(e => e[0] === 'summary')?.[1], i.state]))")
        return {text: state for text, state in items if text}

    def write(self, firm: int, text: str, photos: list[bytes]) -> None:
        """Fill and save one visit, finishing its draft when there is one."""
        self.to(f"#/visit/{firm}")
        self.page.locator("#visit[data-ready]").wait_for()
        if self.page.input_value("#summary") != text:
            self.page.fill("#summary", text)
        have = self.page.locator(".shot img").count()
        for n in range(have, len(photos)):
            self.page.set_input_files("[data-shoot]", {"name": f"{text}-{n}.jpg", "mimeType": "image/jpeg", "buffer": photos[n]})
            self.page.locator(".shot img").nth(n).wait_for()
        self.page.click("[data-save]")
        self.page.locator("[data-shown='/queue']").wait_for(state="attached")

    def doomed(self, within: float) -> threading.Timer:
        """Kill the app at a random moment from now."""
        timer = threading.Timer(self.dice.uniform(0, within), lambda: (setattr(self, "kills", self.kills + 1), kill(self.profile)))
        timer.start()
        return timer


def day(playwright: Playwright, made: Instance, number: int, given: argparse.Namespace) -> dict[str, Any]:
    """One run."""
    dice, profile = random.Random(number), Path(tempfile.mkdtemp(prefix="qijie-phone-"))
    person, began = Person(playwright, made, profile, dice), time.monotonic()
    photos = [[tiny(number, v, p) for p in range(given.photos)] for v in range(given.visits)]
    texts = [f"第{number}天第{v}次" for v in range(given.visits)]
    made.start()
    person.open(online=True)
    person.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    firms = [f["id"] for f in person.page.evaluate("qijie.carried.all().map(f => ({id: f.id}))")]
    made.stop()
    person.context.set_offline(True)
    doomed = set(dice.sample(range(given.visits), min(given.kills, given.visits)))
    for v, text in enumerate(texts):
        timer = person.doomed(2.5) if v in doomed else None
        while True:
            try:
                if text not in person.queue():
                    person.write(firms[v % len(firms)], text, photos[v])
                if timer is not None:
                    timer.join()  # it dies after saving, then
                    gone()
            except Error:
                if timer is None:
                    raise
                timer.join()
                timer, person.deaths = None, person.deaths + 1
                person.open()
                continue
            break
    send(person, made, dice, texts)
    found = verify(made.folder, texts, given.photos)
    kill(profile)
    shutil.rmtree(profile, ignore_errors=True)
    return {"run": number, "seconds": round(time.monotonic() - began, 1), "killed": person.kills, **found}


def gone() -> None:
    """The app was killed, whether or not the driver noticed yet."""
    raise Error("killed")


def send(person: Person, made: Instance, dice: random.Random, texts: list[str]) -> None:
    """Signal again: sign in and let the queue go, with the app killed twice and the server once on the way."""
    made.start()
    for death in ("app", "server", "app", None):
        try:
            person.open(online=death is None) if death is None else open_to_send(person, made)
            if death == "server":
                time.sleep(dice.uniform(0.2, 1.5))
                made.stop(signal.SIGKILL)
                made.start()
            elif death == "app":
                person.doomed(2.0).join()
        except Error:
            continue
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        states = person.page.evaluate("qijie.outbox.list().then(l => l.map(i => i.state))")
        if len(states) == len(texts) and set(states) == {"sent"}:
            break
        person.page.evaluate("qijie.outbox.send({ now: true }).then(() => null)")
        time.sleep(0.3)
    made.stop()


def open_to_send(person: Person, made: Instance) -> None:
    """Sign in without waiting for the queue to be empty."""
    person.context = browser(person.playwright, person.profile)
    person.page = person.context.pages[0]
    person.page.goto(made.url + "/login/?next=/m/")
    if "/login" in person.page.url:
        person.page.fill("#username", "officer")
        person.page.fill("#password", made.password)
        person.page.click("button[type=submit]", no_wait_after=True)


def tiny(number: int, visit: int, photo: int) -> bytes:
    """A photo nobody else has, small enough that fifty visits take minutes."""
    import io

    from PIL import Image

    out = io.BytesIO()
    image = Image.effect_noise((480, 360), 40).convert("RGB")
    image.paste((number * 7 % 256, visit * 5 % 256, photo * 80 % 256), (0, 0, 120, 120))
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def verify(folder: Path, texts: list[str], photos: int) -> dict[str, int]:
    """What the server has of these visits."""
    db = sqlite3.connect(folder / "qijie.db")
    marks = ",".join("?" * len(texts))
    rows = db.execute(f"SELECT id, summary FROM visit WHERE summary IN ({marks}) ORDER BY id", texts).fetchall()
    attached = [[name for (name,) in db.execute("SELECT name FROM attachment WHERE visit_id = ? ORDER BY id", (key,))] for key, _ in rows]
    db.close()
    kept = [text for _, text in rows]
    wanted = {text: [f"{text}-{n}.jpg" for n in range(photos)] for text in texts}
    return {
        "visits": len(rows), "lost": sum(text not in kept for text in texts), "doubled": len(kept) - len(set(kept)),
        "out_of_order": sum(a != b for a, b in zip(kept, [t for t in texts if t in kept], strict=False)),
        "photos": sum(map(len, attached)), "photos_lost": sum(name not in have for text, have in zip(kept, attached, strict=True) for name in wanted[text]),
        "photos_doubled": sum(len(have) - len(set(have)) for have in attached), "photos_out_of_order": sum(have != wanted[text] for text, have in zip(kept, attached, strict=True)),
    }


def main() -> None:
    """Run and sum up; exit 1 when anything was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("runs", 20), ("visits", 50), ("photos", 3), ("kills", 12), ("first", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "qijie-bench-phone")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    made, runs = instance(given.folder), []
    with sync_playwright() as playwright:
        for number in range(given.first, given.first + given.runs):
            run = day(playwright, made, int(time.time()) * 100 + number, given)
            runs.append(run)
            print(json.dumps(run), file=sys.stderr, flush=True)
    bad = ("lost", "doubled", "out_of_order", "photos_lost", "photos_doubled", "photos_out_of_order")
    total = {key: sum(run[key] for run in runs) for key in ("visits", "photos", "killed", *bad)}
    print(json.dumps({"runs": len(runs), "visits_a_run": given.visits, "photos_a_visit": given.photos, **total}))
    if any(total[key] for key in bad):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
