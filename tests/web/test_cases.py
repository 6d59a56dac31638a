"""Cases on their pages: a department's view, the firm's own door, the signed door for hotlines, the figures, the slip."""

from __future__ import annotations

import hashlib
import hmac
import io
import uuid

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from crm.cases.models import Case, CaseDoor, CaseUnit
from crm.core.clock import now
from crm.enterprises.models import Enterprise
from crm.security.models import Unit, UnitMember, User
from tests.web.counting import statements
from tests.web.test_visits import firm, officer, stranger  # noqa: F401  # fixtures

SECRET = "between-us"


@pytest.fixture
def unit(session, firm):  # noqa: F811
    made = Unit(name="市人社局", region_code="331081")
    session.add(made)
    session.commit()
    return made.id


@pytest.fixture
def department(sign_in, session, unit):
    client = sign_in("department", username="renshe")
    session.add(UnitMember(user_id=session.scalar(select(User.id).where(User.username == "renshe")), unit_id=unit))
    session.commit()
    return client


@pytest.fixture
def case(officer, firm, session):  # noqa: F811
    officer.post(f"/cases/new?enterprise={firm}", data={"uuid": str(uuid.uuid4()), "title": "春节后缺工", "kind": "labour", "urgency": "normal"})
    session.rollback()
    return session.scalars(select(Case.uuid)).one()


@pytest.fixture
def manager(sign_in, firm):  # noqa: F811
    return sign_in("manager", "331081")


def count(session, what=Case) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(what))


def test_a_department_starts_at_its_cases(department):
    assert department.get("/").headers["Location"].endswith("/cases/")


def test_a_department_sees_a_case_once_it_is_given_one(officer, department, case, unit):  # noqa: F811
    before = department.get(f"/cases/{case}").status_code
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    assert (before, department.get(f"/cases/{case}").status_code) == (404, 200)


def test_a_department_reaches_nothing_of_the_firm(officer, department, case, unit, firm):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    paths = (f"/enterprises/{firm}", "/enterprises/", "/visits/", "/alerts/", "/board/", f"/distance/{firm}", "/cases/figures/", "/api/v1/cases/", "/api/v1/enterprises/")
    assert {department.get(p, headers={"Accept": "application/json"}).status_code for p in paths} <= {403, 404}


def test_a_department_takes_reports_and_the_manager_closes(officer, department, manager, case, unit, session):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    department.post(f"/cases/{case}/step/take", data={})
    department.post(f"/cases/{case}/step/feedback", data={"note": "招到 30 人"})
    manager.post(f"/cases/{case}/step/approve", data={"note": "已招到"})
    session.rollback()
    assert session.scalars(select(Case.stage)).one() == "closed"


def test_a_department_that_may_not_close_changes_nothing(officer, department, case, unit, session):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    answer = department.post(f"/cases/{case}/step/close", data={"note": "办完了"})
    session.rollback()
    assert (answer.status_code, session.scalars(select(Case.stage)).one()) == (403, "dispatched")


def test_dispatching_without_a_unit_says_so_under_the_field_and_keeps_the_word(officer, case):  # noqa: F811
    answer = officer.post(f"/cases/{case}/step/dispatch", data={"note": "请尽快办理"})
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "请选择或写明交给哪个单位办" in text, "请尽快办理" in text) == (422, True, True)


def test_an_old_page_is_told_that_somebody_was_faster(officer, case, unit):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit), "version": "1"})
    answer = officer.post(f"/cases/{case}/step/close", data={"note": "办完", "version": "1"}, headers={"Accept": "application/json"})
    assert (answer.status_code, "刷新" in answer.json["message"]) == (409, True)


@pytest.mark.parametrize("query", ["stage=x&due=y&source=z&unit=0", "due=soon", "due=late&whose=all", "unit=99999999999999999999", "q=%00"])
def test_odd_filters_of_the_list_are_no_errors(officer, case, query):  # noqa: F811
    assert officer.get(f"/cases/?{query}").status_code == 200


# ── 企业码 ──────────────────────────────────────────────────────────────


@pytest.fixture
def door(app, officer, firm, session):  # noqa: F811
    app.appbuilder.sm.limiter.reset()  # tests of one minute share its counts
    officer.post(f"/ask/code/{firm}")
    session.rollback()
    return f"/ask/{session.scalars(select(CaseDoor.token).where(CaseDoor.ended_at.is_(None))).one()}"


def told(**given):
    return {"uuid": str(uuid.uuid4()), "title": "要招工", "kind": "labour", "contact_name": "李敏", "contact_phone": "13857611234", **given}


def test_a_firm_raises_a_case_without_signing_in(client, door, session):
    client.post(door, data=told())
    session.rollback()
    assert session.execute(select(Case.source, Case.stage, Case.opened_by)).one() == ("firm", "received", None)


def test_the_open_form_tells_nothing_of_the_firm(client, door, officer):  # noqa: F811
    assert "砚江" not in client.get(door).get_data(as_text=True) + client.post(door, data=told()).get_data(as_text=True)


def test_the_same_form_sent_twice_is_one_case(client, door, session):
    data = told()
    client.post(door, data=data)
    client.post(door, data=data)
    assert count(session) == 1


def test_a_machine_that_fills_the_hidden_field_leaves_nothing(client, door, session):
    client.post(door, data=told(website="http://spam.example"))
    assert count(session) == 0


def test_an_address_nobody_gave_out_opens_nothing(client, door):
    assert {client.get(f"/ask/{token}").status_code for token in ("x", "a" * 32, "b" * 200)} == {404}


def test_a_new_code_ends_the_old_one(client, officer, firm, door):  # noqa: F811
    officer.post(f"/ask/code/{firm}")
    assert client.get(door).status_code == 404


def test_a_case_is_followed_by_number_and_phone(client, door, session):
    client.post(door, data=told())
    session.rollback()
    number = session.scalars(select(Case.id)).one()
    right, wrong = (client.post(f"{door}/follow", data={"number": number, "last_four": four}) for four in ("1234", "9999"))
    assert ("待受理" in right.get_data(as_text=True), "待受理" in wrong.get_data(as_text=True)) == (True, False)


def test_another_firms_case_is_not_followed_through_this_door(client, door, officer, firm, session):  # noqa: F811
    other = Enterprise(uscc="91331081MA2CCCCC3X", name="另一家", region_code="331081", name_key="另一家", created_at=now(), updated_at=now())
    session.add(other)
    session.flush()
    theirs = Case(uuid=str(uuid.uuid4()), enterprise_id=other.id, title="机密", contact_phone="13857611234", opened_at=now())
    session.add(theirs)
    session.commit()
    assert "机密" not in client.post(f"{door}/follow", data={"number": theirs.id, "last_four": "1234"}).get_data(as_text=True)


def test_another_county_prints_no_code_of_the_firm(stranger, firm, session):  # noqa: F811
    answer = stranger.post(f"/ask/code/{firm}")
    assert (answer.status_code, count(session, CaseDoor)) == (404, 0)


# ── the signed door ─────────────────────────────────────────────────────


@pytest.fixture
def send(app, client, monkeypatch):
    from dataclasses import replace

    import orjson

    monkeypatch.setitem(app.extensions, "crm_settings", replace(app.extensions["crm_settings"], intake_secret=SECRET))

    def _send(body, *, secret=SECRET, age=0, signature=None):
        raw, stamp = orjson.dumps(body), str(int(now().timestamp()) - age)
        signed = signature or hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
        return client.post("/api/v1/intake/cases", data=raw, content_type="application/json", headers={"X-Timestamp": stamp, "X-Signature": signed})

    return _send


MESSAGE = {"source": "12345", "number": "WZ-1", "uscc": "91331081MA2AAAAA1X", "title": "欠薪咨询", "kind": "labour"}


def test_a_signed_message_becomes_a_case_waiting_to_be_accepted(send, firm):  # noqa: F811
    assert send(MESSAGE).json["stage"] == "received"


def test_the_same_message_again_is_the_same_case(send, firm, session):  # noqa: F811
    assert (send(MESSAGE).json["number"] == send(MESSAGE).json["number"], count(session)) == (True, 1)


@pytest.mark.parametrize("wrong", [{"secret": "guess"}, {"age": 900}, {"signature": "00"}, {"signature": "é"}])
def test_an_unsigned_or_old_message_is_refused_and_nothing_kept(send, firm, session, wrong):  # noqa: F811
    try:
        status = send(MESSAGE, **wrong).status_code
    except UnicodeEncodeError:
        status = 401
    assert (status, count(session)) == (401, 0)


@pytest.mark.parametrize(("change", "status"), [
    ({"uscc": "91331081MA2ZZZZZ9X"}, 404), ({"source": "firm"}, 422), ({"title": ""}, 422), ({"kind": "dream"}, 422), ({"extra": 1}, 400), ({"number": 5}, 422),
])
def test_a_message_that_makes_no_sense_is_refused_in_words(send, firm, session, change, status):  # noqa: F811
    answer = send({**MESSAGE, **change})
    assert (answer.status_code, bool(answer.json["message"]), count(session)) == (status, True, 0)


def test_without_a_secret_the_door_is_shut(client, firm):  # noqa: F811
    assert client.post("/api/v1/intake/cases", json=MESSAGE).status_code == 401


# ── figures and units ───────────────────────────────────────────────────


def test_the_figures_give_both_readings(officer, case):  # noqa: F811
    text = officer.get("/cases/figures/").get_data(as_text=True)
    assert ("不含未到期" in text, "含基本满意" in text) == (True, True)


def test_the_figures_leave_as_a_file_with_the_same_rows(officer, case):  # noqa: F811
    book = CalamineWorkbook.from_filelike(io.BytesIO(officer.get("/cases/figures/export?by=kind").data))
    assert [row[0] for row in book.get_sheet_by_index(0).to_python()][1:] == ["用工", "合计"]


def test_a_unit_with_open_cases_cannot_be_ended(manager, officer, case, unit, session):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    answer = manager.post(f"/units/{unit}/end", headers={"Accept": "application/json"})
    assert (answer.status_code, count(session, CaseUnit)) == (409, 1)


def test_an_officer_is_no_member_of_a_unit(manager, officer, unit, session):  # noqa: F811
    manager.post(f"/units/{unit}/members", data={"username": "officer"})
    assert count(session, UnitMember) == 0


def test_a_slip_is_asked_for_only_once_the_case_has_a_unit(officer, case, unit):  # noqa: F811
    before = officer.post(f"/papers/slip/{case}", headers={"Accept": "application/json"}).status_code
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    assert (before, officer.post(f"/papers/slip/{case}").status_code) == (422, 303)


# ── lists people come back to, and looking before joining ───────────────


def test_the_chips_carry_their_counts_and_their_address(officer, case):  # noqa: F811
    text = officer.get("/cases/?whose=all").get_data(as_text=True)
    assert 'whose=all&amp;state=open&amp;stage=accepted">待交办 <b>1</b>' in text


def test_a_chosen_list_is_marked_and_holds_only_its_cases(officer, case):  # noqa: F811
    text = officer.get("/cases/?whose=all&state=open&stage=received").get_data(as_text=True)
    assert ('aria-current="true">待受理 <b>0</b>' in text, "春节后缺工" in text) == (True, False)


def test_a_department_is_offered_no_list_that_is_not_its_own(department, officer, case, unit):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    text = department.get("/cases/").get_data(as_text=True)
    assert ("待签收 <b>1</b>" in text, "待受理" in text.split("常用清单")[1].split("</nav>")[0]) == (True, False)


def test_both_cases_stand_side_by_side_before_one_is_joined_and_nothing_is_done_yet(officer, firm, case, session):  # noqa: F811
    officer.post(f"/cases/new?enterprise={firm}", data={"uuid": str(uuid.uuid4()), "title": "还是缺工", "kind": "labour", "urgency": "normal"})
    session.rollback()
    other = session.scalars(select(Case.uuid).where(Case.title == "还是缺工")).one()
    text = officer.get(f"/cases/{case}?join={other}").get_data(as_text=True)
    session.rollback()
    stages = session.scalars(select(Case.stage)).all()
    assert ("并入前对照" in text, "还是缺工" in text, f'name="other" value="{other}"' in text, set(stages)) == (True, True, True, {"accepted"})


@pytest.mark.parametrize("other", ["x", "22222222-2222-4222-8222-222222222222"])
def test_a_case_that_cannot_be_joined_to_is_not_shown_beside(officer, case, other):  # noqa: F811
    answer = officer.get(f"/cases/{case}?join={other}")
    assert (answer.status_code, "并入前对照" in answer.get_data(as_text=True)) == (200, False)


def test_the_day_to_answer_is_told_as_a_work_day_since_the_firm_asked(officer, case, unit):  # noqa: F811
    officer.post(f"/cases/{case}/step/dispatch", data={"unit": str(unit)})
    assert "自收到起第 7 个工作日" in officer.get(f"/cases/{case}").get_data(as_text=True)


def test_the_list_and_a_case_are_drawn_within_their_query_budget(officer, case, clean_engine):  # noqa: F811
    counts = []
    for path in ("/cases/?whose=all", f"/cases/{case}"):
        officer.get(path)
        with statements(clean_engine) as sent:
            officer.get(path)
        counts.append(len(sent))
    assert [n <= most for n, most in zip(counts, (10, 14), strict=True)] == [True, True], counts
