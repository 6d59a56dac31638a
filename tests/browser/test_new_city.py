"""A city made with `pack new` and four edits of YAML, in the browser: its pool in the list, its firm in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from crm.config import Settings
from crm.enterprises.operations import register_enterprise
from crm.indicators.operations import file_figures
from crm.jobs.chain import packs_of, refresh
from tests.plugins.new_city import found_city
from tests.web.firms import WENLING, city, uscc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]
ON, AT = date(2026, 6, 1), datetime(2026, 6, 1, 2, 0, tzinfo=UTC)


pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # packs and pages: nothing here differs by database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An instance that runs on the new city alone."""
    return Settings(data_dir=tmp_path, secret_key="test-only", login_rate="1000 per minute", packs_dir=found_city(tmp_path), packs=("chuancheng",))


def test_the_list_offers_the_new_citys_pool_and_finds_its_firm(session: Session, settings: Settings, open_as: OpenAs) -> None:
    city(session)
    made = register_enterprise(session, {"uscc": uscc(1), "name": "川城星火机械有限公司", "region_code": WENLING, "industry_code": "3441"}, by=None, at=AT)
    file_figures(session, made.id, period="2025", form="period", source="firm", values={"revenue": 13_000_000, "revenue_main": 13_000_000}, by=None, at=AT)
    session.commit()
    refresh(session, packs_of(settings), ON, AT, [made.id])
    session.commit()
    page = open_as("manager", "331000", path="/enterprises/?pool=step_up.chuancheng_local")
    expect(page.get_by_label("培育库").locator("option:checked")).to_have_text("星火培育库")
    expect(page.locator("main")).to_contain_text("川城星火机械有限公司")
