"""The pages of visits, cases and records: written, signed, printed, verified, and closed to other counties."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from sqlalchemy import func, select

from crm.cases.models import Case
from crm.core.clock import local, now
from crm.enterprises.models import Enterprise
from crm.jobs.models import JobRun
from crm.jobs.rendering import render_record
from crm.regions.models import Region
from crm.reports.models import RenderedRecord
from crm.visits.models import Attachment, Supplement, Visit
from crm.web.headers import FILE_POLICY
from tests.reports.conftest import faces  # noqa: F401  # fixture

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ADDRESS = re.compile(r"/visits/([0-9a-f-]{36})$")


@pytest.fixture
def firm(app, session: Session) -> int:
    session.add_all(Region(code=c, name=n, level=level, parent_code=p) for c, n, level, p in (
        ("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), ("331081", "温岭市", "county", "331000"),
        ("330300", "温州市", "city", "330000"), ("330381", "瑞安市", "county", "330300"),
    ))
    session.flush()
    made = Enterprise(uscc="91331081MA2AAAAA1X", name="台州砚江机械有限公司", region_code="331081", name_key="砚江", created_at=now(), updated_at=now())
    session.add(made)
    session.commit()
    return made.id


@pytest.fixture
def officer(sign_in, firm):
    return sign_in("officer", "331081")


@pytest.fixture
def stranger(sign_in, firm):
    return sign_in("officer", "330381", username="stranger")


def picture(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, kind)
    return out.getvalue()


def sent(firm: int, **given):
    started = local(now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    return {"uuid": str(uuid.uuid4()), "enterprise": str(firm), "kind": "onsite", "started_at": started, **given}


def logged(client, firm: int, **given) -> str:
    answer = client.post("/visits/", data=sent(firm, **given), content_type="multipart/form-data")
    assert answer.status_code == 303, answer.get_data(as_text=True)[:800]
    return ADDRESS.search(answer.headers["Location"])[1]


def counted(session: Session) -> list[int]:
    session.rollback()
    return [session.scalar(select(func.count()).select_from(t)) for t in (Visit, Case, Attachment, Supplement, JobRun)]


def test_choosing_a_firm_comes_first(officer):
    assert "去了哪家企业" in officer.get("/visits/new").get_data(as_text=True)


def test_the_form_knows_the_firm(officer, firm):
    assert "台州砚江机械有限公司" in officer.get(f"/visits/new?enterprise={firm}").get_data(as_text=True)


def test_a_visit_with_everything_is_kept(officer, firm, session):
    logged(
        officer, firm, summary="外贸订单少三成", person_side=["us", "firm"], person_name=["林助企", "王厂长"], person_unit=["", ""], person_title=["", "厂长"],
        problem_uuid=[str(uuid.uuid4())], problem_title=["订单贷审批慢"], problem_kind=["finance"], problem_urgency=["urgent"], problem_unit=[""], problem_due=[""],
        photos=[(io.BytesIO(picture()), "车间.jpg")], told_sales="1,180",
    )
    visit = session.scalars(select(Visit)).one()
    assert (visit.summary, visit.fields["told"], counted(session)[:3]) == ("外贸订单少三成", {"sales": 11_800_000}, [1, 1, 1])


def test_the_same_message_twice_leads_to_the_same_visit(officer, firm, session):
    data = sent(firm)
    photo = {"photos": [(io.BytesIO(picture()), "a.jpg")]}
    first = officer.post("/visits/", data={**data, **photo}, content_type="multipart/form-data").headers["Location"]
    photo = {"photos": [(io.BytesIO(picture()), "a.jpg")]}
    again = officer.post("/visits/", data={**data, **photo}, content_type="multipart/form-data").headers["Location"]
    assert (again, counted(session)[:3]) == (first, [1, 0, 1])


@pytest.mark.parametrize(("given", "word"), [
    ({"kind": ""}, "走访方式"), ({"started_at": "2199-01-01T08:00"}, "在将来"), ({"told_sales": "很多"}, "请填数字"), ({"started_at": "昨天"}, "不是有效的"),
    ({"latitude": "nan"}, ""), ({"f_capacity_use": "九成"}, "请填数字"), ({"summary": "长" * 4001}, "请缩短"),
])
def test_what_cannot_be_kept_is_said_under_its_field_and_typed_text_stays(officer, firm, session, given, word):
    answer = officer.post("/visits/", data=sent(firm, **{"place": "二号车间", **given}))
    assert (answer.status_code, word in answer.get_data(as_text=True), "二号车间" in answer.get_data(as_text=True)) == (422, True, True)
    assert counted(session)[0] == 0


def test_a_photo_that_is_none_keeps_nothing_and_is_named(officer, firm, session):
    answer = officer.post("/visits/", data=sent(firm, photos=[(io.BytesIO(b"<svg onload=alert(1)>"), "坏.jpg")]), content_type="multipart/form-data", headers={"Accept": "application/json"})
    assert (answer.status_code, "坏.jpg" in answer.json["message"], counted(session)[0]) == (422, True, 0)


def test_saving_over_a_change_of_somebody_else_shows_both(officer, firm):
    key = logged(officer, firm, summary="甲")
    officer.post(f"/visits/{key}/edit", data=sent(firm, version="1", summary="乙"))
    answer = officer.post(f"/visits/{key}/edit", data=sent(firm, version="1", summary="丙"))
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "刚被别人改过" in text, "乙" in text, "丙" in text, 'name="version" value="2"' in text) == (409, True, True, True, True)


def test_signing_freezes_numbers_and_asks_for_the_pdf(officer, firm, session):
    key = logged(officer, firm)
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    session.rollback()
    visit, run = session.scalars(select(Visit)).one(), session.scalars(select(JobRun).where(JobRun.job == "render_record")).one()
    assert (bool(re.fullmatch(r"台助访〔\d{4}〕0001号", visit.number)), run.payload) == (True, {"visit_id": visit.id, "variant": "full"})


def test_without_a_worker_the_page_says_so_rather_than_in_progress(officer, firm):
    key = logged(officer, firm)
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    assert officer.get(f"/visits/{key}/record").json["state"] == "no_worker"


def test_from_the_form_to_the_pdf_and_the_verification(officer, firm, session, settings, faces, client):  # noqa: F811
    key = logged(officer, firm, summary="产销正常", photos=[(io.BytesIO(picture()), "车间.jpg")])
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    settings.data_dir.joinpath("fonts").symlink_to(faces.folder.parent)
    session.rollback()
    visit = session.scalars(select(Visit)).one()
    run_job(session, settings, visit.id)
    pdf = officer.get(f"/visits/{key}/record.pdf")
    shown = client.get(f"/v/{visit.check_code}").get_data(as_text=True)
    assert (pdf.data[:5], pdf.mimetype, visit.number in shown, "核验通过" in shown, "砚江" in shown) == (b"%PDF-", "application/pdf", True, True, False)


def run_job(session: Session, settings, visit_id: int) -> None:
    """The job's handler on this session."""
    from contextlib import contextmanager

    @contextmanager
    def transaction():
        yield session
        session.commit()

    render_record(SimpleNamespace(settings=settings, payload={"visit_id": visit_id}, transaction=transaction))


def test_a_record_is_rendered_once(officer, firm, session, settings, faces):  # noqa: F811
    key = logged(officer, firm)
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    settings.data_dir.joinpath("fonts").symlink_to(faces.folder.parent)
    session.rollback()
    visit_id = session.scalars(select(Visit.id)).one()
    run_job(session, settings, visit_id)
    run_job(session, settings, visit_id)
    assert session.scalar(select(func.count()).select_from(RenderedRecord)) == 1


def test_contents_changed_behind_the_systems_back_do_not_verify(officer, firm, session, client):
    key = logged(officer, firm, summary="真")
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    session.rollback()
    visit = session.scalars(select(Visit)).one()
    visit.frozen = {**visit.frozen, "visit": {**visit.frozen["visit"], "summary": "假"}}
    session.commit()
    assert "核验不通过" in client.get(f"/v/{visit.check_code}").get_data(as_text=True)


@pytest.mark.parametrize("code", ["0" * 16, "abc", "%00", "../../etc/passwd", "<script>"])
def test_a_code_nobody_gave_out_is_answered_alike(client, app, code):
    answer = client.get("/v/", query_string={"code": code}, follow_redirects=True)
    assert (answer.status_code, "<script>" in answer.get_data(as_text=True).split("</head>")[1]) == (404, False)


def test_guessing_codes_is_slowed_down(client, app):
    answers = {client.get(f"/v/{n:016X}", environ_base={"REMOTE_ADDR": "10.9.8.7"}).status_code for n in range(40)}
    assert 429 in answers


def test_a_photo_is_shown_and_any_other_file_only_downloaded(officer, firm, session):
    key = logged(officer, firm, photos=[(io.BytesIO(picture()), "车间.jpg")], files=[(io.BytesIO(b"%PDF-1.7 x"), "审计报告.pdf")])
    session.rollback()
    heads = {}
    for found in session.scalars(select(Attachment)):
        answer = officer.get(f"/visits/files/{found.uuid}")
        heads[found.role] = (answer.headers["Content-Disposition"].split(";")[0], answer.headers["X-Content-Type-Options"], "UTF-8''" in answer.headers["Content-Disposition"], answer.headers["Content-Security-Policy"])
    assert (key, heads) == (key, {"photo": ("inline", "nosniff", True, FILE_POLICY), "file": ("attachment", "nosniff", True, FILE_POLICY)})


def test_nothing_of_a_visit_reaches_another_county(officer, stranger, firm, session):
    key = logged(officer, firm, photos=[(io.BytesIO(picture()), "a.jpg")], problem_uuid=[str(uuid.uuid4())], problem_title=["x"], problem_kind=["other"], problem_urgency=["normal"], problem_unit=[""], problem_due=[""])
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    session.rollback()
    photo, case = session.scalars(select(Attachment.uuid)).one(), session.scalars(select(Case.uuid)).one()
    before = counted(session)
    gets = [f"/visits/{key}", f"/visits/{key}/edit", f"/visits/{key}/record", f"/visits/{key}/record.pdf", f"/visits/files/{photo}", f"/cases/{case}", f"/visits/new?enterprise={firm}"]
    posts = [f"/visits/{key}/sign", f"/visits/{key}/edit", f"/visits/{key}/supplements", f"/visits/{key}/record", f"/cases/{case}/step/close", f"/cases/{case}/step/follow", "/visits/"]
    answers = [stranger.get(path).status_code for path in gets] + [stranger.post(path, data=sent(firm, note="x", text="x", resolved="yes", version="2")).status_code for path in posts]
    lists = stranger.get("/visits/?whose=all").get_data(as_text=True) + stranger.get("/cases/?whose=all&state=all").get_data(as_text=True)
    assert (set(answers), "砚江" in lists, counted(session)) == ({404}, False, before)


def test_nobody_unknown_sees_anything(client, officer, firm):
    key = logged(officer, firm)
    assert {client.get(path).status_code for path in ("/visits/", f"/visits/{key}", f"/visits/{key}/record.pdf", "/cases/")} == {302}


def test_a_case_goes_from_open_to_resolved_on_its_page(officer, firm, session):
    logged(officer, firm, problem_uuid=[str(uuid.uuid4())], problem_title=["缺工"], problem_kind=["labour"], problem_urgency=["normal"], problem_unit=[""], problem_due=[""])
    session.rollback()
    case = session.scalars(select(Case)).one()
    officer.post(f"/cases/{case.uuid}/step/dispatch", data={"unit_name": "区人社局", "due_on": "2027-01-08"})
    officer.post(f"/cases/{case.uuid}/step/close", data={"note": "招到 30 人"})
    officer.post(f"/cases/{case.uuid}/step/follow", data={"resolved": "yes"})
    session.refresh(case)
    text = officer.get(f"/cases/{case.uuid}").get_data(as_text=True)
    assert (case.state, case.is_resolved, "招到 30 人" in text, "区人社局" in text) == ("closed", True, True, True)


def test_closing_without_a_result_says_what_is_missing(officer, firm, session):
    logged(officer, firm, problem_uuid=[str(uuid.uuid4())], problem_title=["缺工"], problem_kind=["labour"], problem_urgency=["normal"], problem_unit=[""], problem_due=[""])
    session.rollback()
    case = session.scalars(select(Case)).one()
    answer = officer.post(f"/cases/{case.uuid}/step/close", data={"note": ""})
    assert (answer.status_code, "请写一句说明" in answer.get_data(as_text=True)) == (422, True)


@pytest.mark.parametrize("query", ["kind=dream&signed=maybe", "since=x&until=9999-99-99", "after=zzz", "enterprise=0", "q=%00%25", "after=999999999999999999"])
def test_odd_filters_count_as_absent(officer, query):
    assert officer.get(f"/visits/?whose=all&{query}").status_code == 200


def test_a_supplement_is_added_under_a_signed_record(officer, firm):
    key = logged(officer, firm)
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    officer.post(f"/visits/{key}/supplements", data={"text": "银行已放款"})
    assert "银行已放款" in officer.get(f"/visits/{key}").get_data(as_text=True)
