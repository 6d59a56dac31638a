"""The first minute: a first password, the way in, a user made in the back office, the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from crm.security.users import add_user
from tests.conftest import PASSWORD
from tests.world import HOME, make_regions

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NEW = "Green-hill-2026"


@pytest.fixture
def first_administrator(app):
    """Somebody who has a first password and nothing else."""
    with app.app_context():
        session = app.extensions["crm_sessions"]()
        make_regions(session)
        add_user(session, "first", "王管", PASSWORD, role="administrator", regions=[HOME], must_change=True)
        session.commit()
        app.extensions["crm_sessions"].remove()


@pytest.fixture(params=[(390, "dark"), (1440, "light")], ids=["phone", "desk"])
def page(request, chromium: Browser):
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="zh-CN")
    yield context.new_page()
    context.close()


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"#{name}", value)
    page.click("main button[type=submit]")
    page.wait_for_load_state()


def sound(page: Page) -> None:
    """No accessibility violation, no sideways scroll."""
    assert [(v["id"], v["nodes"][0]["html"][:100]) for v in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= screen.width + 1")


def test_from_the_first_password_to_a_new_user_and_out(live_server, first_administrator, page):
    page.goto(live_server.url + "/admin/users/add")
    sound(page)
    fill(page, username="first", password="wrong-one-1")
    assert "还可以试 4 次" in page.inner_text("#p-e")
    assert page.input_value("#username") == "first"
    fill(page, password=PASSWORD)
    assert page.url.endswith("/account/password")
    sound(page)
    fill(page, current=PASSWORD, password="short", again="short")
    assert "至少要 10 个" in page.inner_text("#password-e")
    fill(page, current=PASSWORD, password=NEW, again=NEW)
    page.goto(live_server.url + "/admin/users/add")
    page.select_option("#role", "officer")
    fill(page, name="林助", username="lin", regions=HOME)
    assert "初始密码" in page.inner_text("main")
    sound(page)
    page.click("text=修改 >> nth=0")
    page.wait_for_load_state()
    page.click("text=重置密码")
    page.click("dialog >> text=重置密码")
    page.wait_for_load_state()
    assert "新密码" in page.inner_text("main")
    page.goto(live_server.url + "/account/")
    sound(page)
    page.click("text=退出登录")
    page.wait_for_url("**/login/**")
    assert "已退出" in page.inner_text("main")
    page.goto(live_server.url + "/admin/")
    assert "/login/" in page.url
