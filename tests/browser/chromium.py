"""Where a Chromium is: installed by the system, or Playwright's own. `python -m tests.browser.chromium` exits 1 when none is."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium")


def executable() -> str | None:
    """Path of a browser, or None when only Playwright's own may be there."""
    given = os.environ.get("QIJIE_CHROMIUM")
    if given:
        return given
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or next((path for path in MAC if Path(path).exists()), None)


def playwrights_own() -> bool:
    """Whether Playwright downloaded a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


if __name__ == "__main__":
    sys.exit(0 if executable() or playwrights_own() else 1)
