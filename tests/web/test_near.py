"""临近阈值 by title, its file, and the distance of one firm: from verdicts on file, within the jurisdiction, within the query budget."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.core.clock import now, today
from crm.indicators.operations import file_figures
from crm.ladder.evaluation import evaluate_population
from crm.security.models import AuditEntry
from tests.city import shipped
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, counted, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

LINE = 20_000_000


@pytest.fixture(scope="module")
def packs() -> Any:
    return shipped("taizhou")


@pytest.fixture
def near(session: Session, packs: Any) -> dict[str, Any]:
    """Three firms short of the register line by 1, 100 and 500 万元, one of them in another county."""
    city(session)
    made = {}
    for name, region, short in (("差一万厂", WENLING, 10_000), ("差百万厂", WENLING, 1_000_000), ("别县厂", LUQIAO, 5_000_000)):
        made[name] = firm(session, name, region)
        figures = {"revenue_main": LINE - short, "revenue": LINE - short}
        file_figures(session, made[name].id, period=str(today().year - 1), form="period", source="firm", values=figures, by=None, at=now() - timedelta(days=1))
    evaluate_population(session, packs, today(), at=now())
    session.commit()
    counted(session)
    return made


def text(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def test_the_list_of_one_item_starts_with_the_least_short(near: dict[str, Any], sign_in: SignIn) -> None:
    page = text(sign_in("manager", "331000"), "/near/?title=register.industry")
    assert page.index("差一万厂") < page.index("差百万厂") < page.index("别县厂")


def test_the_list_says_how_much_is_missing(near: dict[str, Any], sign_in: SignIn) -> None:
    assert "差 1万元" in text(sign_in("manager", WENLING), "/near/?title=register.industry")


def test_the_list_ends_at_the_jurisdiction(near: dict[str, Any], sign_in: SignIn) -> None:
    assert "别县厂" not in text(sign_in("manager", WENLING), "/near/?title=register.industry")


def test_a_county_in_the_address_narrows_the_list(near: dict[str, Any], sign_in: SignIn) -> None:
    page = text(sign_in("manager", "331000"), f"/near/?title=register.industry&region={LUQIAO}")
    assert ("别县厂" in page, "差一万厂" in page) == (True, False)


def test_an_empty_list_says_why_and_where_to_go(near: dict[str, Any], sign_in: SignIn) -> None:
    assert "看每家最近的一项" in text(sign_in("manager", WENLING), "/near/?title=little_giant")


def test_odd_addresses_are_no_errors(near: dict[str, Any], sign_in: SignIn) -> None:
    client, odd = sign_in("manager", WENLING), ("title=moon", "title=srdi&criterion=%00", "title=srdi&page=zz", "title=register.industry&page=99999999")
    assert {q: client.get(f"/near/?{q}").status_code for q in odd} == dict.fromkeys(odd, 200)


def test_the_list_stays_within_its_query_budget(near: dict[str, Any], sign_in: SignIn, clean_engine: Engine) -> None:
    client = sign_in("manager", "331000")
    client.get("/near/?title=register.industry")
    with statements(clean_engine) as sent:
        client.get("/near/?title=register.industry")
    assert len(sent) <= 12


def test_the_file_is_a_spreadsheet_of_the_jurisdiction(near: dict[str, Any], sign_in: SignIn) -> None:
    from python_calamine import CalamineWorkbook

    body = sign_in("manager", WENLING).get("/near/export?title=register.industry").data
    rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert [row[1] for row in rows] == ["企业名称", "差一万厂", "差百万厂"]


def test_taking_the_file_is_written_into_the_audit(near: dict[str, Any], sign_in: SignIn, session: Session) -> None:
    sign_in("manager", WENLING).get("/near/export?title=register.industry")
    assert session.scalars(select(AuditEntry.action).where(AuditEntry.action == "near.export")).all() == ["near.export"]


def test_a_file_without_an_item_is_refused_in_words(near: dict[str, Any], sign_in: SignIn) -> None:
    assert sign_in("manager", WENLING).get("/near/export").status_code == 422


def test_the_distance_page_says_how_far_and_that_closed_years_are_settled(near: dict[str, Any], sign_in: SignIn) -> None:
    page = text(sign_in("officer", WENLING), f"/enterprises/{near['差一万厂'].id}/distance?item=register.industry")
    assert ("差 1万元" in page, "今年已定" in page) == (True, True)


def test_the_distance_page_lists_what_to_ask_the_firm_for(near: dict[str, Any], sign_in: SignIn) -> None:
    page = text(sign_in("officer", WENLING), f"/enterprises/{near['差一万厂'].id}/distance?item=srdi")
    assert f"{today().year - 1}年研发费用" in page.split('id="asks"')[1].split("</ol>")[0]


def test_the_distance_page_stays_within_its_query_budget(near: dict[str, Any], sign_in: SignIn, clean_engine: Engine) -> None:
    client, path = sign_in("officer", WENLING), f"/enterprises/{near['差一万厂'].id}/distance"
    client.get(path)
    with statements(clean_engine) as sent:
        client.get(path)
    assert len(sent) <= 12


def test_a_firm_never_evaluated_has_a_distance_page_all_the_same(session: Session, sign_in: SignIn) -> None:
    city(session)
    assert "还没有评估过" in text(sign_in("officer", WENLING), f"/enterprises/{firm(session).id}/distance")


def test_the_distance_page_lists_the_six_dimensions_of_a_title(near: dict[str, Any], sign_in: SignIn) -> None:
    page = text(sign_in("officer", WENLING), f"/enterprises/{near['差一万厂'].id}/distance?item=little_giant")
    section = page.split('id="h-sides"')[1].split("</section>")[0]
    assert ([mark in section for mark in "专精特新链品"], "系统默认，非政策" in section, "style=" in section) == ([True] * 6, True, False)


def test_a_profile_with_something_known_is_drawn_wide_and_narrow_and_tells_the_rest_is_missing(near: dict[str, Any], sign_in: SignIn) -> None:
    page = text(sign_in("officer", WENLING), f"/enterprises/{near['差一万厂'].id}/distance?item=little_giant")
    assert ([page.count(f'class="chart {only}"') for only in ("only-desk", "only-phone")], "精细化 缺数据" in page) == ([1, 1], True)
