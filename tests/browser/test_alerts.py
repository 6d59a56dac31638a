"""Alerts in a browser: taken on and given back without leaving the list, read on a phone, accessible."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.alerts.models import Alert
from tests.web.test_alerts import alert, taizhou  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]

TAKE = re.compile(r"认领\s*台州砚江机械有限公司")


def states(session: Session) -> list[str]:
    session.expire_all()
    return sorted(session.scalars(select(Alert.state)))


def test_an_alert_is_taken_on_and_given_back_in_the_list(session: Session, open_as: OpenAs) -> None:
    alert(session)
    page: Page = open_as("manager", "331000", path="/alerts/")
    page.get_by_role("button", name=TAKE).click()
    expect(page.get_by_role("row", name="台州砚江机械有限公司")).to_contain_text("已认领")
    taken = states(session)
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("button", name=TAKE)).to_be_focused()
    assert (taken, states(session)) == (["acknowledged"], ["open"])


def test_several_are_taken_on_with_one_press(session: Session, open_as: OpenAs) -> None:
    for name in ("甲厂", "乙厂", "丙厂"):
        alert(session, name)
    page: Page = open_as("manager", "331000", path="/alerts/")
    page.get_by_label("选本页全部").check()
    page.get_by_role("button", name="认领所选 3 条").click()
    expect(page.locator(".toast")).to_contain_text("已认领 3 条")
    assert states(session) == ["acknowledged"] * 3


def test_several_are_put_off_in_the_list_and_taken_back(session: Session, open_as: OpenAs) -> None:
    for name in ("甲厂", "乙厂"):
        alert(session, name)
    page: Page = open_as("manager", "331000", path="/alerts/")
    page.get_by_label("选本页全部").check()
    page.get_by_text("暂缓所选").click()
    page.get_by_label("理由").fill("等十月数据")
    page.get_by_role("button", name="暂缓", exact=True).click()
    expect(page.get_by_role("row", name="甲厂")).to_contain_text("暂缓到")
    put_off = states(session)
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("row", name="甲厂").get_by_role("button", name="认领")).to_be_visible()
    assert (put_off, states(session)) == (["snoozed"] * 2, ["open"] * 2)


def test_the_list_is_worked_with_the_keyboard(session: Session, open_as: OpenAs) -> None:
    for name in ("甲厂", "乙厂"):
        alert(session, name)
    page: Page = open_as("manager", "331000", path="/alerts/")
    first, second = page.locator("a.rowlink").all()
    first.focus()
    page.keyboard.press("x")
    page.keyboard.press("j")
    expect(second).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator(".toast")).to_contain_text("已认领")
    assert (page.locator("input[name=id]:checked").count(), states(session)) == (1, ["acknowledged", "open"])


def test_an_officer_puts_an_alert_off_on_the_phone(session: Session, open_as: OpenAs) -> None:
    made = alert(session)
    page: Page = open_as("officer", "331081", path=f"/alerts/{made.id}", phone=True)
    page.get_by_text("暂缓到某天").click()
    page.get_by_label("理由").first.fill("十一月交付大单")
    page.get_by_role("button", name="暂缓", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("已暂缓")
    assert states(session) == ["snoozed"]


@pytest.mark.parametrize(("phone", "dark"), [(True, False), (False, False), (False, True), (True, True)])
@pytest.mark.one_database
def test_list_and_page_are_accessible_and_do_not_scroll_sideways(session: Session, open_as: OpenAs, *, phone: bool, dark: bool) -> None:
    made = alert(session)
    alert(session, "灰色的厂", level="grey", evidence={"reason": "缺本期数据"}, headline="本年没有数据，无法判断")
    page: Page = open_as("manager", "331000", path="/alerts/", phone=phone, dark=dark)
    found = {}
    for path in ("/alerts/", f"/alerts/{made.id}", "/alerts/overview/", "/alerts/overview/effect", "/alerts/overview/bulletin", "/alerts/year/"):
        page.goto(page.url.split("/alerts")[0] + path)
        wide = page.evaluate("document.documentElement.scrollWidth - screen.width")
        found[path] = ([v["id"] for v in Axe().run(page).response["violations"]], wide)
    assert all(value == ([], 0) for value in found.values()), found


def test_the_months_of_the_map_show_their_last_column_on_a_phone(session: Session, open_as: OpenAs) -> None:
    alert(session)
    page: Page = open_as("manager", "331000", path="/alerts/year/", phone=True)
    assert page.locator(".tbl--year").evaluate("table => table.scrollWidth - table.parentElement.clientWidth") <= 0
