"""What the phone's measurements share: an instance of a demo city, a served copy of it, a browser that is a phone, photographs.

The instance is made once per folder (`--folder`, kept between runs) and holds the small demo city with its officer of 60
firms; coordinates are given to the officer's firms, which the demo does not have.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

ROOT = Path(__file__).resolve().parent.parent
SIZE = {"width": 390, "height": 844}
OFFICER = "officer"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]


@dataclass
class Instance:
    """A prepared folder and the server on it, when it runs."""

    folder: Path
    password: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; returns when the pages answer."""
        env = {**os.environ, "CRM_DATA_DIR": str(self.folder), "CRM_PORT": str(self.port), "CRM_LOG_LEVEL": "ERROR", "CRM_LOGIN_RATE": "10000 per minute"}
        self.process = subprocess.Popen([sys.executable, str(ROOT / "run.py"), "serve"], env=env, start_new_session=True, stdout=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + "/healthz", timeout=2).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("the server did not start")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, or kill it."""
        if self.process is not None:
            os.killpg(self.process.pid, how)
            self.process.wait()
            self.process = None


def instance(folder: Path) -> Instance:
    """The instance in `folder`, made when there is none."""
    from sqlalchemy import select

    from crm.config import Settings
    from crm.core import clock
    from crm.core.db import transaction
    from crm.enterprises.models import Enterprise
    from crm.prepare import make_demo, migrate_and_seed
    from crm.security.models import User

    note, port = folder / "password", _free_port()
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        app = migrate_and_seed(Settings(data_dir=folder, port=port), lambda _text: None)
        accounts = dict(make_demo(app, clock.today(), "small", lambda _text: None))
        with app.app_context(), transaction(app.extensions["crm_sessions"]) as session:
            me, dice = session.scalars(select(User.id).where(User.username == OFFICER)).one(), random.Random(7)
            for firm in session.scalars(select(Enterprise).where(Enterprise.officer_id == me)):
                firm.latitude, firm.longitude = 28.37 + dice.uniform(-0.08, 0.08), 121.38 + dice.uniform(-0.1, 0.1)
        app.extensions["crm_engine"].dispose()
        note.write_text(accounts[OFFICER])
    return Instance(folder, note.read_text(), port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def browser(playwright: Playwright, profile: Path) -> BrowserContext:
    """A phone with a profile that outlives it."""
    from tests.browser.chromium import executable

    return playwright.chromium.launch_persistent_context(
        str(profile), executable_path=executable(), args=FLAGS, viewport=SIZE, device_scale_factor=2, has_touch=True, is_mobile=True, locale="zh-CN",
        timezone_id="Asia/Shanghai", geolocation={"latitude": 28.37, "longitude": 121.38, "accuracy": 18}, permissions=["geolocation"],
    )


def sign_in(page: Page, made: Instance) -> None:
    """From the sign-in page into the shell, until it has sent and fetched."""
    page.goto(made.url + "/login/?next=/m/")
    if "/login" in page.url:
        page.fill("#username", OFFICER)
        page.fill("#password", made.password)
        page.click("button[type=submit]")
    page.locator("[data-synced]").wait_for(state="attached", timeout=180_000)


def photograph(seed: int, size: tuple[int, int] = (4000, 3000)) -> bytes:
    """A JPEG as a phone takes it: 12 megapixels, detail at every scale, a little sensor noise (about 3 to 5 MB)."""
    dice, image = random.Random(seed), Image.new("RGB", size)
    for step in (4, 16, 64, 256):
        small = (max(2, size[0] // (1024 // step)), max(2, size[1] // (1024 // step)))
        layer = Image.effect_noise(small, 70).resize(size, Image.Resampling.BICUBIC)
        tints = [[int(min(255, v * k)) for v in range(256)] for k in (dice.uniform(0.7, 1.2) for _ in range(3))]
        tinted = Image.merge("RGB", [layer.point(tint) for tint in tints])
        image = tinted if step == 4 else Image.blend(image, tinted, 0.35 if step < 256 else 0.12)
    image = image.filter(ImageFilter.GaussianBlur(1.2))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def kill(profile: Path) -> None:
    """kill -9 the browser of a profile, all of its processes."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"--user-data-dir={profile}".encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue


def spread(values: list[float]) -> dict[str, Any]:
    """Median, ninth decile and largest."""
    ranked = sorted(values)
    return {"median": round(ranked[len(ranked) // 2], 2), "p90": round(ranked[int(len(ranked) * 0.9)] if len(ranked) > 9 else ranked[-1], 2), "max": round(ranked[-1], 2)}
