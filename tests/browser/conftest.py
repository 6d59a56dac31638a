"""A live server on a real port and a headless Chromium. Pages are looked at in 390 x 844 and 1440 x 900."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from tests.browser.chromium import executable
from tests.conftest import PASSWORD, make_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--force-color-profile=srgb",
]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Live:
    """A served application."""

    url: str
    app: Flask


@pytest.fixture
def live_server(app: Flask) -> Iterator[Live]:
    """The application on a free port of this machine, with CSRF on as in production."""
    before = app.config["WTF_CSRF_ENABLED"]
    app.config["WTF_CSRF_ENABLED"] = True
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Live(f"http://127.0.0.1:{server.server_port}", app)
    server.shutdown()
    thread.join(5)
    app.config["WTF_CSRF_ENABLED"] = before


@pytest.fixture
def open_as(chromium: Browser, live_server: Live) -> Iterator[Callable[..., Page]]:
    """open_as("officer", "331081", path="/today/", phone=True) -> a page signed in as a new user of that region.

    A page error or a refused resource (content security policy) fails the test at its end.
    """
    contexts: list[Any] = []
    errors: list[str] = []

    def _open(role: str, *regions: str, path: str = "/today/", phone: bool = False, dark: bool = False) -> Page:
        with live_server.app.app_context():
            user = make_user(live_server.app.extensions["crm_sessions"](), role, regions, f"{role}{len(contexts)}")
            name = user.username
            live_server.app.extensions["crm_sessions"].remove()
        context = chromium.new_context(
            viewport=PHONE if phone else DESK, has_touch=phone, is_mobile=phone, locale="zh-CN",
            timezone_id="Asia/Shanghai", color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None)
        page.goto(live_server.url + "/login/")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(live_server.url + path)
        return page

    yield _open
    for context in contexts:
        context.close()
    assert not errors, errors
