"""The board in a browser: by keyboard, by mouse, by finger; a reason asked, a move taken back, a decision undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.ladder.models import Move, Standing
from tests.web.firms import WENLING, city, firm, met

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]
GRIP = "移动 台州砚江机械有限公司"


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def states(session: Session) -> list[tuple[str, str, str | None]]:
    session.expire_all()
    return [(m.state, m.to_place, m.reason) for m in session.scalars(select(Move).order_by(Move.id))]


def test_a_card_is_carried_by_keyboard_and_taken_back(session: Session, open_as: OpenAs) -> None:
    firm(session, **met())
    page = open_as("officer", WENLING, path="/board/")
    page.get_by_role("button", name=GRIP).focus()
    for key in (" ", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("[data-step=grow_strong] .strip--drop")).to_have_text("规则结论：符合")
    page.keyboard.press(" ")
    expect(page.locator(".toast")).to_contain_text("小 → 规")
    proposed = states(session)
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("#board-say")).to_have_text("已撤回")
    assert (proposed, states(session)) == ([("proposed", "above_size", None)], [("withdrawn", "above_size", None)])


def test_escape_puts_the_card_back(session: Session, open_as: OpenAs) -> None:
    firm(session, **met())
    page = open_as("officer", WENLING, path="/board/")
    page.get_by_role("button", name=GRIP).focus()
    for key in (" ", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    expect(page.locator("#board-say")).to_have_text("已放回原处")
    assert states(session) == []


def drag(page: Page, step: str) -> None:
    grip, column = page.get_by_role("button", name=GRIP).bounding_box(), page.locator(f"[data-step={step}]").bounding_box()
    page.mouse.move(grip["x"] + 8, grip["y"] + 20)
    page.mouse.down()
    page.mouse.move(column["x"] + 60, column["y"] + 80, steps=8)
    page.mouse.up()


def test_dragging_against_the_rules_asks_for_a_reason(session: Session, open_as: OpenAs) -> None:
    firm(session)
    page = open_as("officer", WENLING, path="/board/")
    drag(page, "grow_strong")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="提出").click()
    expect(dialog.locator(".err")).to_be_visible()
    dialog.get_by_label("与结论不同的理由").fill("统计部门已答复入库")
    dialog.get_by_role("button", name="提出").click()
    expect(page.locator("[data-move-tag]")).to_have_text("待确认 → 规")
    assert states(session) == [("proposed", "above_size", "统计部门已答复入库")]


def test_a_press_on_the_grip_asks_where_to_on_a_phone(session: Session, open_as: OpenAs) -> None:
    firm(session, **met())
    page = open_as("officer", WENLING, path="/board/", phone=True)
    page.get_by_role("button", name=GRIP).tap()
    page.get_by_role("dialog").get_by_role("button", name="规 规则结论：符合").tap()
    expect(page.locator("[data-move-tag]")).to_have_text("待确认 → 规")
    assert [s[:2] for s in states(session)] == [("proposed", "above_size")]


def test_a_manager_confirms_on_the_card_and_takes_it_back(session: Session, open_as: OpenAs) -> None:
    made = firm(session, **met())
    page = open_as("manager", WENLING, path="/board/")
    drag(page, "grow_strong")
    page.get_by_role("button", name="确认 台州砚江机械有限公司 的变动").click()
    expect(page.locator("[data-step=grow_strong] .kcard")).to_have_count(1)
    session.expire_all()
    confirmed = session.get(Standing, made.id).place
    page.locator(".toast").last.get_by_role("button", name="撤销").click()
    expect(page.locator("[data-step=step_up] .kcard")).to_have_count(1)
    session.expire_all()
    assert (confirmed, session.get(Standing, made.id).place) == ("above_size", "small")


@pytest.mark.parametrize(("phone", "dark"), [(True, True), (False, False)])
@pytest.mark.one_database
def test_the_board_is_accessible(session: Session, open_as: OpenAs, phone: bool, dark: bool) -> None:
    firm(session, alert_level="red")
    page = open_as("manager", WENLING, path="/board/", phone=phone, dark=dark)
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= screen.width")
