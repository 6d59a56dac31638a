"""A campaign in a browser: previewed and made by a manager, found by the officer, done by a visit; accessible on the way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.core.clock import today
from crm.security.models import User
from crm.visits.plans.models import Assignment, Campaign
from tests.web.firms import DAXI, WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
def firms(app, session: Session) -> None:
    """Three firms of 温岭, one in a town."""
    city(session)
    for name, region in (("台州砚江机械有限公司", WENLING), ("温岭云帆泵业有限公司", WENLING), ("大溪浦口阀门厂", DAXI)):
        firm(session, name, region, alert_level="yellow")
    session.commit()


def test_a_manager_plans_an_officer_goes_and_it_is_done_without_a_tick(session: Session, open_as: OpenAs, firms: None) -> None:
    officer = open_as("officer", WENLING, path="/plans/", phone=True)
    manager = open_as("manager", "331000", path="/plans/new?template=tz.visit.officers_for_firms")
    manager.get_by_label("地方").select_option(WENLING)
    manager.get_by_role("button", name="预览").click()
    expect(manager.locator("#preview")).to_contain_text("3")
    manager.get_by_role("button", name="创建并通知干部").click()
    expect(manager.get_by_text("已创建，已通知参加的干部")).to_be_visible()
    session.rollback()
    for row in session.scalars(select(Assignment)):
        row.due_on = today()
    session.commit()
    officer.reload()
    officer.locator("#today").get_by_role("link", name="给 台州砚江机械有限公司 记走访").click()
    expect(officer.get_by_text("保存后自动算完成一次")).to_be_visible()
    officer.locator("label[for=k-onsite]").click()
    officer.get_by_role("button", name=re.compile("保存")).first.click()
    officer.wait_for_url(re.compile(r"/visits/[0-9a-f-]{36}"))
    manager.reload()
    expect(manager.get_by_role("row", name=re.compile("台州砚江机械有限公司"))).to_contain_text("已走访")


@pytest.mark.parametrize(("phone", "dark"), [(True, False), (False, True)])
@pytest.mark.one_database
def test_the_pages_of_plans_are_accessible_and_fit(session: Session, open_as: OpenAs, firms: None, phone: bool, dark: bool) -> None:
    officer = open_as("officer", WENLING, path="/plans/", phone=phone, dark=dark)
    page = open_as("manager", "331000", path="/plans/new", phone=phone, dark=dark)
    page.get_by_label("名称").fill("小微你好")
    page.get_by_label("地方").select_option(WENLING)
    page.get_by_role("button", name="预览").click()
    page.get_by_role("button", name="创建并通知干部").wait_for()  # the click does not wait for the page it leads to
    page.wait_for_load_state()
    found = {"preview": _wrong(page, phone=phone)}
    page.get_by_role("button", name="创建并通知干部").click()
    page.wait_for_url(re.compile(r"/plans/\d+$"))
    root, made = page.url.split("/plans/")[0], session.scalars(select(Campaign.id)).one()
    user = session.scalars(select(User.id).where(User.roles.any(name="officer"))).one()
    for path in ("/plans/", f"/plans/{made}?by=tier", f"/plans/{made}?state=done", f"/absences/?user={user}"):
        page.goto(root + path)
        found[path] = _wrong(page, phone=phone)
    for path in ("/plans/", "/absences/", "/today/"):
        officer.goto(root + path)
        found["officer " + path] = _wrong(officer, phone=phone)
    assert {path: ids for path, ids in found.items() if ids} == {}


def _wrong(page: Page, *, phone: bool) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [v["id"] for v in Axe().run(page, options={"runOnly": TAGS}).response["violations"]] + (["sideways"] if wide > (390 if phone else 1440) else [])
