"""An import in a browser: dropped, mapped, watched, written and taken back, without a reload by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from crm.enterprises.models import Enterprise
from tests.web.test_import_flow import work  # noqa: F401  # a fixture
from tests.web.test_imports import COUNTS, REGISTRATIONS, batch_of, taizhou  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]

FILE = {"name": "登记.csv", "mimeType": "text/csv", "buffer": REGISTRATIONS.encode("gb18030")}


def firms(session: Session) -> int:
    session.expire_all()
    return len(session.scalars(select(Enterprise.id).where(Enterprise.deleted_at.is_(None))).all())


@pytest.mark.usefixtures("taizhou")
def test_a_file_goes_in_and_comes_out_again(session: Session, open_as: OpenAs, work: Callable[[], int]) -> None:  # noqa: F811
    page: Page = open_as("manager", "331000", path="/imports/")
    page.set_input_files("#file", FILE)
    expect(page.locator("[data-drop-name]")).to_contain_text("登记.csv")
    page.get_by_role("button", name="上传并对应列").click()
    page.get_by_role("button", name="检查整个文件").click()
    expect(page.locator("[data-run-state]")).to_contain_text("排队，等后台进程启动")
    work()
    page.get_by_role("button", name="写入 2 行").click()
    expect(page.get_by_role("heading", name="正在写入")).to_be_visible()
    work()
    page.get_by_role("button", name="撤销这一批").click()
    written = firms(session)
    page.get_by_role("dialog").get_by_role("button", name="撤销", exact=True).click()
    expect(page.get_by_role("heading", name="正在撤销")).to_be_visible()
    work()
    expect(page.get_by_text("已整批撤销")).to_be_visible()
    assert (written, firms(session)) == (2, 0)


@pytest.mark.usefixtures("taizhou")
def test_a_file_dropped_on_the_box_is_taken(open_as: OpenAs) -> None:
    page: Page = open_as("manager", "331000", path="/imports/")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["统一社会信用代码,企业名称\\n91331081MA17066936,甲厂\\n"], "拖来的.csv", { type: "text/csv" }));
          document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("[data-drop-name]")).to_contain_text("拖来的.csv")


@pytest.mark.usefixtures("taizhou")
@pytest.mark.parametrize(("phone", "dark"), [(True, False), (False, True)])
@pytest.mark.one_database
def test_each_step_is_accessible_and_does_not_scroll_sideways(session: Session, open_as: OpenAs, *, phone: bool, dark: bool) -> None:
    page: Page = open_as("manager", "331000", path="/imports/", phone=phone, dark=dark)
    page.set_input_files("#file", FILE)
    found = {}

    def look(name: str) -> None:
        wide = page.evaluate("document.documentElement.scrollWidth - screen.width")
        found[name] = ([v["id"] for v in Axe().run(page).response["violations"]], wide)

    look("upload")
    page.get_by_role("button", name="上传并对应列").click()
    page.get_by_role("button", name="检查整个文件").wait_for()
    look("mapping")
    page.get_by_role("button", name="检查整个文件").click()
    page.locator("[data-run-state]").wait_for()
    look("waiting")
    report = batch_of(session, state="checked", counts=COUNTS)
    page.goto(page.url.rsplit("/", 1)[0] + f"/{report.id}")
    look("report")
    assert all(value == ([], 0) for value in found.values()), found
