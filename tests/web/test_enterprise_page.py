"""One firm's page: why it stands where it stands, figures with source, who may see a phone; forms that change a firm."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from crm.core.clock import now, today
from crm.criteria.engine import evaluate
from crm.criteria.store import store
from crm.enterprises.models import Contact, Enterprise
from crm.enterprises.operations import add_contact
from crm.indicators.models import Filing
from crm.indicators.operations import file_figures
from crm.ladder.facts import facts_frame
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.security.models import User
from crm.web.packs import main_pack
from tests.web.counting import statements
from tests.web.firms import LUQIAO, ON, WENLING, city, firm, met, uscc

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def page(client: FlaskClient, made: Enterprise, tail: str = "") -> str:
    answer = client.get(f"/enterprises/{made.id}{tail}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def year(session: Session, made: Enterprise, number: int, **values: Any) -> Filing:
    filing = Filing(enterprise_id=made.id, period_kind="year", period=str(number), form="period", source="firm", recorded_at=now(), **values)
    session.add(filing)
    session.commit()
    return filing


def evaluated(app: Flask, session: Session) -> None:
    with app.app_context():
        pack = main_pack()
    store(session, evaluate(pack, facts_frame(session, pack.program(ON).columns, ON), ON), at=now())
    session.commit()


def test_an_unmet_condition_shows_actual_required_gap_and_clause(app: Flask, session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    year(session, made, 2025, revenue=19_130_000, revenue_main=19_130_000)
    evaluated(app, session)
    text = page(sign_in("officer", WENLING), made)
    row = re.search(r'<tr role="row" class="is-unmet">.*?</tr>', text, re.DOTALL)[0]
    assert all(part in row for part in ("1,913万元", "≥2,000万元", "差 87万元", "规模以上工业"))


def test_the_clause_leads_to_the_quoted_text(app: Flask, session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    year(session, made, 2025, revenue_main=19_130_000)
    evaluated(app, session)
    text = page(sign_in("officer", WENLING), made)
    anchor = re.search(r'data-quote="([^"]+)"', text)[1]
    assert f'<div id="{anchor}" class="quote">' in text


def test_missing_figures_are_asked_for_and_not_called_unmet(app: Flask, session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    evaluated(app, session)
    text = page(sign_in("officer", WENLING), made)
    assert "要向企业问" in text
    assert 'class="is-unknown"' in text


def test_the_table_asked_for_in_the_address_is_open(app: Flask, session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    year(session, made, 2025, revenue_main=19_130_000)
    evaluated(app, session)
    assert re.search(r'id="item-srdi" open', page(sign_in("officer", WENLING), made, "?item=srdi"))


def test_a_firm_not_evaluated_yet_says_so(session: Session, sign_in: SignIn) -> None:
    made = Enterprise(uscc=uscc(77), name="新厂", name_key="新厂", region_code=WENLING, created_at=now(), updated_at=now())
    session.add(made)
    session.commit()
    assert "还没有评估过" in page(sign_in("officer", WENLING), made)


def test_the_page_stays_within_its_query_budget(app: Flask, session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    made = firm(session)
    year(session, made, 2025, revenue_main=19_130_000)
    evaluated(app, session)
    client = sign_in("manager", WENLING)
    page(client, made)
    with statements(clean_engine) as sent:
        page(client, made)
    assert len(sent) <= 12


@pytest.mark.parametrize("tail", ["", "/figures", "/history", "/edit"])
def test_a_firm_elsewhere_is_not_found(session: Session, sign_in: SignIn, tail: str) -> None:
    away = firm(session, region=LUQIAO)
    assert sign_in("manager", WENLING).get(f"/enterprises/{away.id}{tail}").status_code == 404


def test_a_correction_shows_both_figures(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    old = year(session, made, 2025, revenue=5_562_000)
    old.superseded_at = now()
    session.commit()
    year(session, made, 2025, revenue=5_604_000)
    text = page(sign_in("officer", WENLING), made, "/figures")
    assert "556.2" in text
    assert "560.4" in text
    assert "更正" in text


def test_a_missing_figure_is_never_shown_as_zero(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    year(session, made, 2024, revenue=5_000_000)
    year(session, made, 2025, employees=40)
    row = re.search(r"<th scope=\"row\">营业收入</th>.*?</tr>", page(sign_in("officer", WENLING), made, "/figures"), re.DOTALL)[0]
    assert "缺" in row
    assert ">0<" not in row


def test_a_phone_is_whole_for_the_firms_officer_and_masked_for_others(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    add_contact(session, made, name="王厂长", phone="19912345678", primary=True)
    session.commit()
    mine = sign_in("officer", WENLING, username="mine")
    made.officer_id = session.scalar(select(User.id).where(User.username == "mine"))
    session.commit()
    other = sign_in("officer", WENLING, username="other")
    assert ("19912345678" in page(mine, made), "19912345678" in page(other, made), "199****5678" in page(other, made)) == (True, False, True)


def form(**values: Any) -> dict[str, Any]:
    return {"uscc": uscc(501), "name": "温岭汀越鞋材有限公司", "kind": "corporate", "region_code": WENLING, **values}


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Enterprise)) or 0


def test_an_officer_enters_a_firm_and_looks_after_it(session: Session, sign_in: SignIn) -> None:
    sign_in("officer", WENLING).post("/enterprises/new", data=form(capital="500", industry_code="3441 泵及真空设备制造"))
    made = session.scalars(select(Enterprise)).one()
    assert (made.registered_capital, made.industry_code, made.officer_id is None) == (5_000_000, "3441", False)


@pytest.mark.parametrize(("values", "part"), [({"uscc": "91331081MA17066937"}, "校验"), ({"uscc": "91331081"}, "位"), ({"name": ""}, "请填写企业名称"), ({"region_code": "", "address": "某路1号"}, "属地")])
def test_a_bad_entry_is_kept_with_the_error_under_its_field(session: Session, sign_in: SignIn, values: dict[str, str], part: str) -> None:
    answer = sign_in("officer", WENLING).post("/enterprises/new", data=form(**values))
    text = answer.get_data(as_text=True)
    assert (answer.status_code, part in " ".join(re.findall(r'class="err"[^>]*>([^<]+)', text)), count(session)) == (422, True, 0)


def test_a_similar_firm_is_shown_before_a_second_is_entered(session: Session, sign_in: SignIn) -> None:
    firm(session, "温岭市汀越鞋材有限责任公司")
    text = sign_in("officer", WENLING).post("/enterprises/new", data=form()).get_data(as_text=True)
    assert ("仍要新建" in text, count(session)) == (True, 1)


def test_a_similar_firm_may_be_passed_over(session: Session, sign_in: SignIn) -> None:
    firm(session, "温岭市汀越鞋材有限责任公司")
    client = sign_in("officer", WENLING)
    token = re.search(r'name="confirmed" value="([^"]+)"', client.post("/enterprises/new", data=form()).get_data(as_text=True))[1]
    client.post("/enterprises/new", data=form(confirmed=token))
    assert count(session) == 2


def test_a_firm_outside_the_jurisdiction_is_not_entered(session: Session, sign_in: SignIn) -> None:
    answer = sign_in("officer", WENLING).post("/enterprises/new", data=form(region_code=LUQIAO))
    assert (answer.status_code, count(session)) == (422, 0)


def edit(client: FlaskClient, made: Enterprise, **values: Any) -> Any:
    given = {"uscc": made.uscc, "name": made.name, "kind": "corporate", "region_code": made.region_code, "industry_code": "3441", "version": made.version, **values}
    return client.post(f"/enterprises/{made.id}/edit", data=given)


def test_a_change_is_saved(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    edit(sign_in("officer", WENLING), made, legal_person="王某")
    session.expire_all()
    assert session.get(Enterprise, made.id).legal_person == "王某"


def test_two_people_editing_are_shown_each_others_version(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    first, client = made.version, sign_in("officer", WENLING)
    edit(client, made, legal_person="王某")
    answer = edit(client, made, version=first, legal_person="李某")
    session.expire_all()
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "现在库里的" in text and "李某" in text, session.get(Enterprise, made.id).legal_person) == (409, True, "王某")


def test_a_second_save_after_the_conflict_is_taken(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    first, client = made.version, sign_in("officer", WENLING)
    edit(client, made, legal_person="王某")
    version = re.search(r'name="version"[^>]*value="(\d+)"', edit(client, made, version=first, legal_person="李某").get_data(as_text=True))[1]
    edit(client, made, version=version, legal_person="李某")
    session.expire_all()
    assert session.get(Enterprise, made.id).legal_person == "李某"


def test_a_firm_is_not_moved_out_of_the_jurisdiction(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    edit(sign_in("officer", WENLING), made, region_code=LUQIAO)
    session.expire_all()
    assert session.get(Enterprise, made.id).region_code == WENLING


def test_a_contact_is_added_and_ended(session: Session, sign_in: SignIn) -> None:
    made, client = firm(session), sign_in("officer", WENLING)
    client.post(f"/enterprises/{made.id}/contacts", data={"name": "王厂长", "phone": "19912345678"})
    contact = session.scalars(select(Contact)).one()
    client.post(f"/enterprises/{made.id}/contacts/{contact.id}/end")
    session.expire_all()
    assert session.get(Contact, contact.id).ended_on is not None


@pytest.mark.parametrize(
    ("path", "data"),
    [("register", {"entered_on": "2024-01-01"}), ("titles", {"title": "srdi", "kind": "first", "granted_on": "2024-01-01"}), ("status", {"status": "suspended", "on": "2024-01-01"}), ("officer", {"officer_id": "0"})],
)
def test_an_officer_records_no_authoritys_decision(session: Session, sign_in: SignIn, path: str, data: dict[str, str]) -> None:
    made = firm(session)
    answer = sign_in("officer", WENLING).post(f"/enterprises/{made.id}/{path}", data=data)
    session.expire_all()
    assert (answer.status_code in {302, 403}, session.scalars(select(RegisterMembership)).all(), session.get(Enterprise, made.id).status) == (True, [], "active")


def test_a_manager_records_entry_and_exit(session: Session, sign_in: SignIn) -> None:
    made, client = firm(session), sign_in("manager", WENLING)
    client.post(f"/enterprises/{made.id}/register", data={"entered_on": "2023-01-01", "profession": "industry"})
    client.post(f"/enterprises/{made.id}/register/leave", data={"exited_on": "2025-12-31", "exit_reason": "规模不达标"})
    stay = session.scalars(select(RegisterMembership)).one()
    assert (stay.entered_on, stay.exited_on, stay.exit_reason) == (date(2023, 1, 1), date(2025, 12, 31), "规模不达标")


def test_a_manager_records_a_title_once(session: Session, sign_in: SignIn) -> None:
    made, client = firm(session), sign_in("manager", WENLING)
    given = {"title": "srdi", "kind": "first", "granted_on": "2024-01-01", "valid_to": "2026-12-31"}
    codes = [client.post(f"/enterprises/{made.id}/titles", data=given).status_code for _ in range(2)]
    assert (codes, len(session.scalars(select(TitleGrant)).all())) == ([302, 409], 1)


def test_a_manager_changes_the_status_from_a_day_on(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    sign_in("manager", WENLING).post(f"/enterprises/{made.id}/status", data={"status": "suspended", "on": "2025-05-01"})
    session.expire_all()
    assert (session.get(Enterprise, made.id).status, session.get(Enterprise, made.id).status_on) == ("suspended", date(2025, 5, 1))


def test_a_title_of_another_firm_is_not_revoked_through_this_one(session: Session, sign_in: SignIn) -> None:
    here, away = firm(session), firm(session, region=LUQIAO)
    held = TitleGrant(enterprise_id=away.id, title="srdi", granted_on=date(2024, 1, 1), recorded_at=now())
    session.add(held)
    session.commit()
    answer = sign_in("manager", WENLING).post(f"/enterprises/{here.id}/titles/{held.id}/revoke", data={"on": "2025-01-01"})
    session.expire_all()
    assert (answer.status_code, session.get(TitleGrant, held.id).revoked_on) == (404, None)


def test_the_page_offers_the_open_move_to_the_manager(session: Session, sign_in: SignIn) -> None:
    made, client = firm(session, **met()), sign_in("manager", WENLING)
    client.post("/board/moves", data={"enterprise_id": made.id, "to_place": "above_size"})
    text = page(client, made)
    assert "待确认：规下 → 规上" in text
    assert "/confirm" in text


def test_a_year_without_any_of_the_yearly_figures_is_no_column(session: Session, sign_in: SignIn) -> None:
    made = firm(session)
    year(session, made, 2024, revenue=10_000_000)
    year(session, made, 2025, revenue=12_000_000)
    year(session, made, 2026, innovation_score=3694)
    text = page(sign_in("officer", WENLING), made, "/figures")
    assert ("2026 年</th>" in text, "+20%" in text or "+20.0%" in text) == (False, True)


def a_corrected_firm(app: Flask, session: Session) -> tuple[Enterprise, date]:
    """A firm whose revenue was on file for long and is corrected today; and the day before."""
    made = firm(session)
    filed = year(session, made, ON.year - 1, revenue=19_130_000, revenue_main=19_130_000)
    filed.recorded_at = now() - timedelta(days=9)
    made.created_at = now() - timedelta(days=20)
    session.commit()
    evaluated(app, session)
    values = {"revenue": 18_000_000, "revenue_main": 18_000_000}
    file_figures(session, made.id, period=str(ON.year - 1), form="period", source="firm", values=values, by=None, at=now())
    session.commit()
    return made, today() - timedelta(days=1)


def test_the_conditions_of_the_day_before_a_correction_show_the_figure_known_then(app: Flask, session: Session, sign_in: SignIn) -> None:
    made, yesterday = a_corrected_firm(app, session)
    text = page(sign_in("officer", WENLING), made, f"?on={ON}&known={yesterday}")
    row = re.search(r'<tr role="row" class="is-unmet">.*?</tr>', text, re.DOTALL)[0]
    assert ("正在看过去" in text, "1,913万元" in row) == (True, True)


def test_without_a_day_of_knowledge_the_corrected_figure_is_used(app: Flask, session: Session, sign_in: SignIn) -> None:
    made, _ = a_corrected_firm(app, session)
    row = re.search(r'<tr role="row" class="is-unmet">.*?</tr>', page(sign_in("officer", WENLING), made, f"?on={ON}"), re.DOTALL)[0]
    assert "1,800万元" in row


@pytest.mark.parametrize(("query", "part"), [("on=x", "日期看不懂"), ("on=2026-06-01&known=2199-01-01", "不能晚于今天"), ("known=2001-01-01", "才登记到系统")])
def test_an_odd_day_says_what_to_do(app: Flask, session: Session, sign_in: SignIn, query: str, part: str) -> None:
    made, _ = a_corrected_firm(app, session)
    assert part in page(sign_in("officer", WENLING), made, f"?{query}")
