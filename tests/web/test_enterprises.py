"""The list of firms: search, filters in the URL, sorts, bulk assignment, export; what lies elsewhere stays there."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from crm.core.clock import now
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.security.models import AuditEntry, User
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, counted, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def listed(client: FlaskClient, query: str = "") -> str:
    answer = client.get("/enterprises/" + query)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_list_shows_the_firms_of_the_jurisdiction_only(session: Session, sign_in: SignIn) -> None:
    firm(session, "温岭甲厂")
    firm(session, "路桥乙厂", LUQIAO)
    text = listed(sign_in("manager", WENLING))
    assert ("温岭甲厂" in text, "路桥乙厂" in text) == (True, False)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?q=甲厂", {"甲厂"}), ("?place=strong", {"乙厂"}), ("?near=1", {"甲厂"}), ("?level=red", {"乙厂"}), ("?region=331004", {"丙厂"}),
        ("?officer=none", {"甲厂", "乙厂", "丙厂"}), ("?title=srdi", {"乙厂"}), ("?register=in", {"乙厂"}), ("?industry=34", {"甲厂", "乙厂", "丙厂"}),
        ("?industry=51", set()), ("?status=cancelled", set()), ("?size=small", {"丙厂"}), ("?q=甲厂&level=red", set()),
    ],
)
def test_each_filter_narrows_the_list(session: Session, sign_in: SignIn, query: str, shown: set[str]) -> None:
    firm(session, "温岭甲厂")
    firm(session, "温岭乙厂", place="strong", near_missing=4, alert_level="red", titles=["srdi"], in_register=True)
    firm(session, "路桥丙厂", LUQIAO, near_missing=2, size_class="small")
    text = listed(sign_in("manager", "331000"), query)
    assert {name for name in ("甲厂", "乙厂", "丙厂") if f"{name}</a>" in text} == shown


def test_a_filter_that_finds_nothing_offers_to_be_dropped(session: Session, sign_in: SignIn) -> None:
    firm(session)
    text = listed(sign_in("manager", WENLING), "?q=不存在&level=red")
    assert "没有同时符合这 2 个条件的企业" in text


def test_an_empty_jurisdiction_says_what_to_do(sign_in: SignIn) -> None:
    assert "导入登记表" in listed(sign_in("manager", WENLING))


@pytest.mark.parametrize(
    "query",
    ["?after=zzz", "?after=WzEsMl0", "?sort=;drop", "?place=moon", "?near=-1", "?region=%00", "?officer=99999999999999999999", "?industry=%25", "?q=%00%27", "?zone=%27or1"],
)
def test_odd_parameters_are_no_server_error(session: Session, sign_in: SignIn, query: str) -> None:
    firm(session)
    assert sign_in("manager", WENLING).get("/enterprises/" + query).status_code < 500


def test_pages_go_on_where_the_last_one_ended(session: Session, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.web.enterprises.listing.PAGE", 2)
    for name in ("甲厂", "乙厂", "丙厂"):
        firm(session, name)
    client = sign_in("manager", WENLING)
    first = listed(client, "?sort=new")
    after = first.split("after=")[1].split('"')[0]
    second = listed(client, f"?sort=new&after={after}")
    assert [[n for n in ("甲厂", "乙厂", "丙厂") if f"{n}</a>" in page] for page in (first, second)] == [["乙厂", "丙厂"], ["甲厂"]]


def test_the_sorted_column_says_so(session: Session, sign_in: SignIn) -> None:
    firm(session)
    assert 'aria-sort="ascending"' in listed(sign_in("manager", WENLING), "?sort=name")


def test_counts_come_from_the_snapshot(session: Session, sign_in: SignIn) -> None:
    for name in ("甲厂", "乙厂"):
        firm(session, name)
    counted(session)
    firm(session, "丙厂")
    assert "规下 <b>2</b>" in listed(sign_in("manager", WENLING))


def test_the_list_stays_within_its_query_budget(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for n in range(12):
        firm(session, f"第{n}厂")
    client = sign_in("manager", "331000")
    listed(client)
    with statements(clean_engine) as sent:
        listed(client)
    assert len(sent) <= 12


@pytest.mark.parametrize("text", ["砚江", "tzyj", "MX0000001", "台州砚"])
def test_search_as_you_type_finds_by_characters_initials_and_code(session: Session, sign_in: SignIn, text: str) -> None:
    made = firm(session)
    found = sign_in("officer", WENLING).get("/enterprises/suggest", query_string={"q": text}).get_json()
    assert [item["id"] for item in found["items"]] == [made.id]


def test_search_does_not_find_firms_elsewhere(session: Session, sign_in: SignIn) -> None:
    firm(session, region=LUQIAO)
    assert sign_in("officer", WENLING).get("/enterprises/suggest?q=砚江").get_json()["items"] == []


def test_an_auditor_does_not_see_the_list(sign_in: SignIn) -> None:
    assert sign_in("auditor", WENLING).get("/enterprises/").status_code in {302, 403}


def test_ticked_firms_are_given_to_an_officer_together(session: Session, sign_in: SignIn) -> None:
    firms = [firm(session, name) for name in ("甲厂", "乙厂")]
    sign_in("officer", WENLING)
    officer = session.scalars(select(User)).one()
    sign_in("manager", WENLING).post("/enterprises/assign", data={"ids": [f.id for f in firms], "officer_id": officer.id})
    session.expire_all()
    assert set(session.scalars(select(Enterprise.officer_id))) == {officer.id}


def test_a_firm_elsewhere_is_not_assigned_even_when_its_key_is_sent(session: Session, sign_in: SignIn) -> None:
    away = firm(session, region=LUQIAO)
    sign_in("officer", WENLING)
    officer = session.scalars(select(User)).one()
    sign_in("manager", WENLING).post("/enterprises/assign", data={"ids": [away.id], "officer_id": officer.id})
    session.expire_all()
    assert session.get(Enterprise, away.id).officer_id is None


def test_a_firm_is_not_given_to_an_officer_of_another_place(session: Session, sign_in: SignIn) -> None:
    mine = firm(session)
    sign_in("officer", LUQIAO)
    stranger = session.scalars(select(User)).one()
    answer = sign_in("manager", WENLING).post("/enterprises/assign", data={"ids": [mine.id], "officer_id": stranger.id})
    session.expire_all()
    assert (answer.status_code, session.get(Enterprise, mine.id).officer_id) == (422, None)


def exported(client: FlaskClient, query: str = "") -> list[list[str]]:
    body = client.get("/enterprises/export?format=csv" + query).get_data()
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


def test_the_export_holds_what_is_filtered(session: Session, sign_in: SignIn) -> None:
    firm(session, "甲厂")
    firm(session, "乙厂", place="strong")
    firm(session, "丙厂", LUQIAO)
    assert [row[1] for row in exported(sign_in("manager", WENLING), "&place=strong")[1:]] == ["乙厂"]


def test_the_csv_begins_with_a_byte_order_mark(session: Session, sign_in: SignIn) -> None:
    firm(session)
    assert sign_in("manager", WENLING).get("/enterprises/export?format=csv").get_data().startswith(b"\xef\xbb\xbf")


def test_formulas_are_defused_in_both_formats(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    made.name = '=HYPERLINK("http://x")'
    session.commit()
    client = sign_in("manager", WENLING)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/enterprises/export?format=xlsx").get_data())).get_sheet_by_index(0).to_python()
    assert exported(client)[1][1] == sheet[1][1] == '\'=HYPERLINK("http://x")'


def test_figures_of_a_restricted_source_do_not_leave(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    session.add(Filing(enterprise_id=made.id, period_kind="year", period="2025", form="period", source="statistics", recorded_at=now(), revenue=19_130_000))
    session.commit()
    row = exported(sign_in("manager", WENLING))[1]
    assert ("19130000" in row, "统计来源，不导出" in row) == (False, True)


def test_an_export_is_written_into_the_audit_trail(session: Session, sign_in: SignIn) -> None:
    firm(session)
    exported(sign_in("manager", WENLING), "&near=1")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "enterprise.export")).one()
    assert (entry.detail["rows"], entry.detail["filters"]) == (1, {"near": "1"})


def test_a_role_exports_no_more_than_its_limit(session: Session, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("crm.web.enterprises.export", fromlist=["MOST"]).MOST, "officer", 2)
    for name in ("甲厂", "乙厂", "丙厂"):
        firm(session, name)
    assert len(exported(sign_in("officer", WENLING))) == 3  # the head and two firms
