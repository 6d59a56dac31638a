"""The day's route on the phone: in order without signal, as the server would order it, one tap from the visit; accessible."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.core.clock import now, start_of, today
from crm.security.models import User
from crm.visits.plans.models import Assignment, Campaign
from crm.visits.route import Stop, in_order
from tests.web.firms import WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

AT = {"甲厂": (28.30, 121.30), "乙厂": (28.40, 121.30), "丙厂": (28.35, 121.30), "丁厂": (None, None)}


@pytest.fixture
def phone(session: Session, open_as: Callable[..., Page]) -> Page:
    """The shell of an officer with four visits due by today, one of them since yesterday; nobody's own firms."""
    city(session)
    page = open_as("officer", WENLING, path="/healthz", phone=True)
    plan = Campaign(name="万名干部助万企", region_code=WENLING, from_on=today(), to_on=today() + timedelta(days=9), opens_at=start_of(today()), closes_at=start_of(today() + timedelta(days=10)), rule={}, created_at=now(), per_firm=1)
    session.add(plan)
    session.flush()
    for name, (latitude, longitude) in AT.items():
        made = firm(session, name)
        made.latitude, made.longitude = latitude, longitude
        session.add(Assignment(campaign_id=plan.id, enterprise_id=made.id, officer_id=session.scalars(select(User.id)).one(), due_on=today() - timedelta(days=name == "甲厂"), created_at=now()))
    session.commit()
    page.goto(page.url.replace("/healthz", "/m/"))
    page.locator("[data-synced]").wait_for(state="attached")
    page.evaluate("navigator.serviceWorker.ready")
    return page


def test_without_signal_the_day_is_in_the_order_of_the_way_and_a_tap_from_the_visit(phone: Page) -> None:
    phone.context.set_offline(True)
    phone.reload()
    names = phone.locator("#plan .wl__n")
    expect(names).to_have_text(["甲厂", "丙厂", "乙厂", "丁厂"])
    expect(phone.locator("#plan li").nth(1)).to_contain_text("距上一家 5.6 公里")
    assert phone.get_by_role("link", name="导航到 丙厂").get_attribute("href").startswith("geo:28.35,121.3?")
    assert Axe().run(phone, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).response["violations"] == []
    phone.get_by_role("link", name="给 丙厂 记走访").first.tap()
    expect(phone.locator("#visit")).to_be_visible()


def test_from_where_one_stands_the_way_begins_at_the_nearest_end(phone: Page) -> None:
    phone.context.grant_permissions(["geolocation"])
    phone.context.set_geolocation({"latitude": 28.41, "longitude": 121.30, "accuracy": 10})
    phone.get_by_role("button", name="从我这里排").tap()
    expect(phone.locator("#plan .wl__n")).to_have_text(["乙厂", "丙厂", "甲厂", "丁厂"])
    expect(phone.locator("#plan li").first).to_contain_text("离您 1.1 公里")


def test_the_phone_goes_no_longer_way_than_the_server(phone: Page) -> None:
    dice, worse = random.Random(5), []
    for many in (1, 2, 5, 9, 10):
        points = [(28.2 + dice.random() / 2, 121.1 + dice.random() / 2) for _ in range(many)]
        for start in (None, (28.3, 121.3)):
            legs = phone.evaluate("([stops, start]) => qijie.route(stops, start)", [[{"lat": a, "lon": b} for a, b in points], start and {"latitude": start[0], "longitude": start[1]}])
            here = sum(leg.metres or 0 for leg in in_order([Stop(n, *at) for n, at in enumerate(points)], start))
            if sorted(i for i, _ in legs) != list(range(many)) or (many <= 9 and abs(sum(m or 0 for _, m in legs) - here) > 1):
                worse.append((many, start, legs, here))
    assert worse == []
