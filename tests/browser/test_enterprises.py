"""Finding a firm and reading its page in a browser: search as you type, filters, the quoted clause, both widths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.core.clock import now
from crm.criteria.engine import evaluate
from crm.criteria.store import store
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.ladder.facts import facts_frame
from crm.web.packs import main_pack
from tests.conftest import make_user
from tests.web.firms import ON, WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


@pytest.fixture
def explained(app: Flask, session: Session) -> Enterprise:
    made = firm(session)
    session.add(Filing(enterprise_id=made.id, period_kind="year", period="2025", form="period", source="firm", recorded_at=now(), revenue_main=19_130_000, revenue=19_500_000))
    for month in range(2, 10):
        session.add(Filing(enterprise_id=made.id, period_kind="month", period=f"2026-{month:02d}", form="ytd", source="firm", recorded_at=now(), revenue=1_600_000 * month))
    session.flush()
    with app.app_context():
        pack = main_pack()
    store(session, evaluate(pack, facts_frame(session, pack.program(ON).columns, ON), ON), at=now())
    session.commit()
    return made


def test_search_as_you_type_leads_to_the_firm(session: Session, open_as: OpenAs) -> None:
    made = firm(session)
    page = open_as("officer", WENLING)
    page.keyboard.press("/")
    page.keyboard.type("tzyj")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/enterprises/{made.id}$"))


def test_a_search_that_finds_nothing_says_so_and_escape_closes_it(open_as: OpenAs) -> None:
    page = open_as("officer", WENLING)
    page.keyboard.press("/")
    page.keyboard.type("没有这家")
    expect(page.locator(".found__none")).to_contain_text("没有匹配的企业")
    page.keyboard.press("Escape")
    expect(page.get_by_text("没有匹配的企业").first).to_be_hidden()


def test_a_filter_is_set_and_dropped_by_its_chip(session: Session, open_as: OpenAs) -> None:
    firm(session, "温岭甲厂")
    firm(session, "温岭乙厂", place="strong", near_missing=3)
    page = open_as("manager", WENLING, path="/enterprises/")
    page.get_by_role("link", name="只差一条").click()
    expect(page.get_by_role("row", name="温岭乙厂")).to_have_count(0)
    page.get_by_role("link", name="只差一条").click()
    expect(page.get_by_role("row", name="温岭乙厂")).to_have_count(1)


def test_ticked_firms_are_assigned_together(session: Session, open_as: OpenAs) -> None:
    for name in ("甲厂", "乙厂"):
        firm(session, name)
    page = open_as("manager", WENLING, path="/enterprises/")
    officer = make_user(session, "officer", (WENLING,), "lin")
    page.reload()
    page.get_by_label("选择本页全部").check()
    expect(page.locator("[data-bulk-n]")).to_have_text("已勾选 2 家")
    page.get_by_label("指定给").select_option(str(officer.id))
    page.get_by_role("button", name="指定", exact=True).click()
    expect(page.locator(".strip--ok")).to_contain_text("2 家指定给")
    session.expire_all()
    assert set(session.scalars(select(Enterprise.officer_id))) == {officer.id}


def test_the_clause_opens_the_quoted_text(explained: Enterprise, open_as: OpenAs) -> None:
    page = open_as("officer", WENLING, path=f"/enterprises/{explained.id}")
    page.locator("tr.is-unmet a.src").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("国家一套表调查单位标准")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_move_is_proposed_from_the_page_with_its_reason(explained: Enterprise, open_as: OpenAs) -> None:
    page = open_as("officer", WENLING, path=f"/enterprises/{explained.id}")
    page.get_by_role("button", name="提出变动").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[data-verdict-for=above_size]")).to_contain_text("须写理由")
    dialog.get_by_label("理由").fill("统计部门已答复")
    dialog.get_by_role("button", name="提出", exact=True).click()
    expect(page.get_by_text("待确认：规下 → 规上")).to_be_visible()


@pytest.mark.parametrize("phone", [True, False])
@pytest.mark.one_database
def test_the_pages_of_a_firm_are_accessible(explained: Enterprise, open_as: OpenAs, phone: bool) -> None:
    page = open_as("manager", WENLING, phone=phone, dark=phone)
    assert faults(page, [f"/enterprises/{explained.id}{tail}" for tail in ("", "/distance", "/distance?item=little_giant", "/awards", "/try", "/figures", "/history", "/edit")]) == {}


@pytest.mark.one_database
def test_the_daily_pages_fit_the_smallest_phone(explained: Enterprise, open_as: OpenAs) -> None:
    page = open_as("manager", WENLING, phone=True)
    page.set_viewport_size({"width": 360, "height": 740})
    assert faults(page, ["/today/", "/enterprises/", "/enterprises/new", "/near/", "/near/?title=srdi", "/awards/", "/targets/", "/rules/", "/rules/trial?target=srdi.rd_ratio&value=2%25", "/board/waiting"]) == {}


def faults(page: Page, paths: list[str]) -> dict[str, list[str]]:
    """Path -> what axe found, and whether the page scrolls sideways; only paths with faults."""
    found: dict[str, list[str]] = {}
    for path in paths:
        page.goto(urljoin(page.url, path))
        wrong = [violation["id"] for violation in Axe().run(page).response["violations"]]
        if not page.evaluate("document.documentElement.scrollWidth <= screen.width"):
            wrong.append("scrolls sideways")
        if wrong:
            found[path] = wrong
    return found


def test_escape_closes_an_open_form_and_gives_the_focus_back(explained: Enterprise, open_as: OpenAs) -> None:
    page = open_as("manager", "331000", path="/targets/")
    opener = page.locator("details.menu > summary").first
    opener.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert (page.locator("details.menu[open]").count(), opener.evaluate("it => it === document.activeElement")) == (0, True)
