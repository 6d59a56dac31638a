"""Jobs and audit in a browser: progress moves by itself, both pages are accessible at both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from crm.core.clock import now
from crm.jobs.models import JobRun
from tests.web.test_audit import note
from tests.web.test_jobs import beat, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]


def test_progress_moves_without_a_reload(session: Session, open_as: OpenAs) -> None:
    beat(session, 0)
    going = run(session, state="running", done=100, total=1000, heartbeat_at=now())
    page: Page = open_as("administrator", "331000", path="/jobs/")
    before = page.locator("[data-run] [data-progress-done]").inner_text()
    session.get(JobRun, going.id).done = 700
    session.commit()
    expect(page.locator("[data-run] [data-progress-done]")).to_have_text("700")
    assert before == "100"


@pytest.mark.parametrize(("phone", "dark"), [(True, True), (False, False)])
@pytest.mark.one_database
def test_jobs_and_audit_are_accessible_and_do_not_scroll_sideways(session: Session, open_as: OpenAs, *, phone: bool, dark: bool) -> None:
    failed = run(session, state="failed", error="Traceback (most recent call last):\n  x\nOperationalError: disk full", result={"steps": {"evaluate": {"firms": 2000}}})
    note(session, before={"name": "旧鞋材厂"}, after={"name": "新鞋材有限公司"})
    page: Page = open_as("administrator", "331000", path="/jobs/", phone=phone, dark=dark)
    base, found = page.url.split("/jobs")[0], {}
    for path in ("/jobs/", f"/jobs/{failed.id}", "/audit/"):
        page.goto(base + path)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        wide = page.evaluate("document.documentElement.scrollWidth - screen.width")
        found[path] = ([v["id"] for v in Axe().run(page).response["violations"]], wide)
    assert all(value == ([], 0) for value in found.values()), found
