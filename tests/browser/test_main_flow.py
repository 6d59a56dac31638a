"""The main job, start to end: a spreadsheet in, the night, the board, a visit on a phone, its printed record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from crm.core.clock import now, today
from crm.enterprises.models import Enterprise
from crm.jobs import operations
from crm.ladder.models import Standing
from crm.regions.operations import load_reference
from tests.reports.conftest import FACES, faces  # noqa: F401  # a fixture
from tests.web.test_import_flow import work  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    from crm.config import Settings

    OpenAs = Callable[..., Page]

REGISTRATIONS = """统一社会信用代码,企业名称,成立日期,行业代码,地址
91331081MA17066936,温岭汀越泵业有限公司,2019-03-01,3441,浙江省台州市温岭市大溪镇工业路8号
"""
FIGURES = """统一社会信用代码,年份,主营业务收入（万元）,营业收入（万元）,从业人员
91331081MA17066936,{year},2650,2700.5,61
"""


def bring_in(page: Page, name: str, text: str, rows: int, work: Callable[[], int]) -> None:  # noqa: F811
    """Upload, confirm the guessed columns, check, write."""
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + "/imports/")
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": text.encode("gb18030")})
    page.get_by_role("button", name="上传并对应列").click()
    page.get_by_role("button", name="检查整个文件").click()
    expect(page.locator("[data-run-state]")).to_be_visible()
    work()
    page.get_by_role("button", name=f"写入 {rows} 行").click()
    expect(page.get_by_role("heading", name="正在写入")).to_be_visible()
    work()
    expect(page.get_by_role("button", name="撤销这一批")).to_be_visible()


@pytest.mark.usefixtures("faces")
def test_from_a_spreadsheet_to_a_tier_a_confirmed_move_a_visit_and_its_pdf(
    session: Session, settings: Settings, open_as: OpenAs, work: Callable[[], int]  # noqa: F811
) -> None:
    load_reference(session)
    session.commit()
    (settings.data_dir / "fonts").symlink_to(FACES / "fonts")
    manager = open_as("manager", "331000", path="/imports/")
    bring_in(manager, "登记.csv", REGISTRATIONS, 1, work)
    bring_in(manager, "年度数据.csv", FIGURES.format(year=today().year - 1), 1, work)
    operations.enqueue(session, "nightly", "tonight", {"as_of": today().isoformat()}, None, at=now())
    session.commit()
    work()
    manager.goto(manager.url.rsplit("/imports", 1)[0] + "/board/")
    card = manager.locator(".kcard", has_text="温岭汀越泵业有限公司")
    card.get_by_role("button", name="确认").click()
    expect(manager.locator(".toast")).to_contain_text("已确认")

    firm = session.scalars(select(Enterprise.id)).one()
    officer = open_as("officer", "331081", path=f"/visits/new?enterprise={firm}", phone=True)
    officer.fill("#summary", "看了装配车间，订单饱满，建议尽快申报入库。")
    officer.get_by_role("button", name="保存走访").click()
    officer.get_by_role("button", name="签发记录").click()
    officer.get_by_role("dialog").get_by_role("button", name="签发").click()
    expect(officer.get_by_role("status").first).to_be_visible()
    work()
    officer.reload()
    address = officer.get_by_role("link", name="打开 PDF").get_attribute("href")
    paper = officer.context.request.get(officer.url.split("/visits", 1)[0] + address)
    session.expire_all()
    assert (paper.body()[:5], session.get_one(Standing, firm).place) == (b"%PDF-", "above_size")
