"""A case in a browser: given out by a manager, reported on by the department, asked about on a phone; accessible on the way."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.cases.models import Case, CaseDoor
from crm.core.clock import now
from crm.enterprises.models import Enterprise
from crm.regions.models import Region
from crm.security.models import Unit, UnitMember, User
from tests.visits.test_attaching import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]

AGAIN = "22222222-2222-4222-8222-222222222222"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
def case(app, session: Session) -> str:
    """A case of a firm in 温岭 with a unit to give it to and a printed code; its path."""
    session.add_all(Region(code=c, name=n, level=level, parent_code=p) for c, n, level, p in (
        ("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), ("331081", "温岭市", "county", "331000"),
    ))
    session.flush()
    firm = Enterprise(uscc="91331081MA2AAAAA1X", name="台州砚江机械有限公司", region_code="331081", name_key="砚江", created_at=now(), updated_at=now())
    session.add_all([firm, Unit(name="市人社局", region_code="331081")])
    session.flush()
    made = Case(uuid=str(uuid.uuid4()), enterprise_id=firm.id, title="春节后缺工", kind="labour", opened_at=now(), accepted_at=now())
    again = Case(uuid=AGAIN, enterprise_id=firm.id, title="还是缺工", kind="labour", opened_at=now(), accepted_at=now())
    session.add_all([made, again, CaseDoor(token="t" * 32, enterprise_id=firm.id, made_at=now())])
    session.commit()
    return f"/cases/{made.uuid}"


def test_a_case_is_given_out_reported_on_closed_and_found_resolved(session: Session, open_as: OpenAs, case: str) -> None:
    page = open_as("manager", "331000", path=case)
    page.locator("summary", has_text="交办").click()
    page.locator("#dispatch-unit").select_option(label="市人社局")
    page.get_by_role("button", name="交办", exact=True).click()
    expect(page.get_by_label("办到哪一步").locator("[aria-current]")).to_contain_text("交办")
    unit = session.scalars(select(Unit.id)).one()
    there = open_as("department", path="/account/")
    session.rollback()
    session.add(UnitMember(user_id=session.scalars(select(User.id).where(User.roles.any(name="department"))).one(), unit_id=unit))
    session.commit()
    there.goto(there.url.split("/account")[0] + case)
    there.locator("summary", has_text="反馈办理结果").click()
    there.locator("#feedback-note").fill("招到 30 人")
    there.locator("#feedback-files").set_input_files({"name": "招聘现场.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    there.get_by_role("button", name="反馈办理结果").click()
    page.reload()
    expect(page.get_by_role("img", name="招聘现场.jpg")).to_be_visible()
    page.locator("#approve-note").fill("已招到")
    page.get_by_role("button", name="审核通过，办结").click()
    page.get_by_text("已化解", exact=True).click()
    page.get_by_role("button", name="回访", exact=True).click()
    expect(page.get_by_label("办到哪一步").locator("[aria-current]")).to_contain_text("回访")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.one_database
def test_the_pages_of_cases_are_accessible_on_a_phone(open_as: OpenAs, case: str, dark: bool) -> None:
    page = open_as("manager", "331000", path=case, phone=True, dark=dark)
    root, found = page.url.split("/cases/")[0], {}
    for path in (case, f"{case}?join={AGAIN}", "/cases/?whose=all", "/cases/figures/?by=co_unit", "/cases/figures/", "/units/", f"/ask/{'t' * 32}", f"/ask/{'t' * 32}/follow", "/visits/?whose=all"):
        page.goto(root + path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        found[path] = [v["id"] for v in Axe().run(page, options={"runOnly": TAGS}).response["violations"]] + (["sideways"] if wide > 390 else [])
    assert {path: ids for path, ids in found.items() if ids} == {}
