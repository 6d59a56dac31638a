"""Messages in a browser: read one, set a channel, look at the log; accessible at both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.security.models import User
from tests.web.test_notices import dead, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]


@pytest.mark.parametrize(("phone", "dark"), [(True, True), (False, False)])
@pytest.mark.one_database
def test_messages_settings_and_log_are_accessible_and_do_not_scroll_sideways(session: Session, open_as: OpenAs, *, phone: bool, dark: bool) -> None:
    page: Page = open_as("administrator", "331000", path="/notices/", phone=phone, dark=dark)
    me = session.scalars(select(User.id)).one()
    for number in range(3):
        told(session, me, number, urgent=number == 1)
    dead(session, me)
    base, found = page.url.split("/notices")[0], {}
    for path in ("/notices/", "/notices/settings", "/deliveries/", "/today/"):
        page.goto(base + path)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        wide = page.evaluate("document.documentElement.scrollWidth - screen.width")
        found[path] = ([v["id"] for v in Axe().run(page).response["violations"]], wide)
    assert all(value == ([], 0) for value in found.values()), found


def test_a_message_is_opened_from_the_bell_and_counts_no_more(session: Session, open_as: OpenAs) -> None:
    page: Page = open_as("officer", "331081", path="/today/")
    told(session, session.scalars(select(User.id)).one(), title="请看这一条", link="/alerts/")
    page.reload()
    page.get_by_role("link", name="消息，1 条未读").click()
    page.get_by_role("button", name="请看这一条", exact=True).click()
    page.wait_for_url("**/alerts/")
    expect(page.get_by_role("link", name="消息，0 条未读")).to_be_visible()
