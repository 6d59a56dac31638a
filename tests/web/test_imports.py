"""The import pages: upload, mapping, dry run, apply, undo; each step queued, honest about who works the queue."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.core.clock import now
from crm.enterprises.models import Enterprise
from crm.imports.models import ImportBatch, ImportFinding
from crm.jobs.models import JobRun
from crm.regions.models import Region
from crm.security.models import AuditEntry, User
from crm.web.import_words import column_letter
from tests.web.counting import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from crm.config import Settings

    SignIn = Callable[..., FlaskClient]

REGISTRATIONS = """统一社会信用代码,企业名称,成立日期,注册资本(万元),地址
91331081MA17066936,温岭汀越鞋材厂,2019-03-01,50,浙江省台州市温岭市横峰街道前洋村
91331003MA2AL0BX3M,黄岩澍原塑业有限公司,2020-05-06,200,浙江省台州市黄岩区新前街道
9133108,代码不全的厂,2020-05-06,10,浙江省台州市温岭市
"""


@pytest.fixture
def taizhou(session: Session) -> None:
    for code, name, level, parent in [
        ("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), ("331081", "温岭市", "county", "331000"),
        ("331003", "黄岩区", "county", "331000"), ("330300", "温州市", "city", "330000"),
    ]:
        session.add(Region(code=code, name=name, level=level, parent_code=parent))
        session.flush()
    session.commit()


def firm(session: Session, region: str) -> None:
    """A firm in a division: what jurisdictions are measured against."""
    session.add(Enterprise(uscc="91331081MA17066936", name="温岭汀越鞋材厂", name_key="汀越鞋材", region_code=region, created_at=now(), updated_at=now()))
    session.commit()


def upload(client: FlaskClient, text: str = REGISTRATIONS, name: str = "登记.csv", kind: str = "") -> Any:
    data = {"file": (io.BytesIO(text.encode("gb18030")), name), "kind": kind}
    return client.post("/imports/", data=data, content_type="multipart/form-data")


def batch_of(session: Session, **values: Any) -> ImportBatch:
    user = session.scalars(select(User).order_by(User.id.desc())).first()
    defaults = {"kind": "registrations", "file_name": "登记.csv", "sha256": "0" * 64, "path": "imports/x.csv", "created_at": now(), "created_by": user.id if user else None, "done": 0, "total": 0}
    made = ImportBatch(**{**defaults, **values})
    session.add(made)
    session.commit()
    return made


COUNTS = {"rows": 5, "new": 2, "changed": 1, "same": 1, "duplicate": 0, "rejected": 1}


def test_an_upload_leads_to_its_columns_with_samples(session: Session, taizhou: None, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    text = client.get(upload(client).location).get_data(as_text=True)
    assert "温岭汀越鞋材厂" in text
    assert '<option value="uscc" selected>' in text


def test_the_kind_is_guessed_and_kept(session: Session, taizhou: None, sign_in: SignIn) -> None:
    upload(sign_in("manager", "331000"))
    assert session.scalars(select(ImportBatch.kind)).all() == ["registrations"]


def test_a_file_without_enterprises_says_so_under_the_field(session: Session, taizhou: None, sign_in: SignIn) -> None:
    answer = upload(sign_in("manager", "331000"), "指标,数值\n总产值,100\n增加值,20\n")
    assert answer.status_code == 422
    assert 'id="file-e">' in answer.get_data(as_text=True)
    assert session.scalars(select(ImportBatch)).all() == []


def test_what_is_no_table_is_refused_without_a_trace(session: Session, sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("manager", "331000")
    answer = client.post("/imports/", data={"file": (io.BytesIO(b"\x00\x01\x02" * 40), "图.xlsx")}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert session.scalars(select(ImportBatch)).all() == []


def test_no_file_is_answered_at_the_field(sign_in: SignIn) -> None:
    answer = sign_in("manager", "331000").post("/imports/", data={}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "请先选一个文件" in answer.get_data(as_text=True)


def test_confirming_the_columns_queues_one_check(session: Session, taizhou: None, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    address = upload(client).location
    client.post(address, data={"shown_kind": "registrations", "kind": "registrations", "field-4": ""})
    session.expire_all()
    batch = session.scalars(select(ImportBatch)).one()
    assert batch.state == "checking"
    assert [(r.job, r.key, r.state) for r in session.scalars(select(JobRun))] == [("import_check", str(batch.id), "queued")]
    assert next(c["field"] for c in batch.mapping["columns"] if c["index"] == 4) is None


def test_changing_the_kind_guesses_the_columns_anew_before_anything_is_kept(session: Session, taizhou: None, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    address = upload(client).location
    answer = client.post(address, data={"shown_kind": "registrations", "kind": "annual"})
    assert answer.location.endswith("?kind=annual")
    assert '<option value="annual" selected>' in client.get(answer.location).get_data(as_text=True)
    session.expire_all()
    assert session.scalars(select(ImportBatch.kind)).one() == "registrations"


def test_a_queued_check_without_a_worker_is_not_called_in_progress(session: Session, taizhou: None, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    address = upload(client).location
    shown = client.post(address, data={"shown_kind": "registrations", "kind": "registrations"}, follow_redirects=True).get_data(as_text=True)
    assert "排队，等后台进程启动" in shown
    assert "后台任务没有在运行" in shown


def test_the_report_offers_to_write_what_is_new_and_changed(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts=COUNTS)
    assert "写入 3 行" in client.get(f"/imports/{batch.id}").get_data(as_text=True)


def test_a_report_with_nothing_to_write_offers_no_writing(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts={**COUNTS, "new": 0, "changed": 0})
    text = client.get(f"/imports/{batch.id}").get_data(as_text=True)
    assert "没有需要写入的行" in text
    assert "/apply" not in text


def test_findings_are_paged_by_key(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts=COUNTS)
    session.add_all(ImportFinding(batch_id=batch.id, row=i, severity="rejected", column="B", value="x", reason="uscc", message=f"第{i}个原因") for i in range(60))
    session.commit()
    first = client.get(f"/imports/{batch.id}").get_data(as_text=True)
    last_shown = sorted(session.scalars(select(ImportFinding.id)))[49]
    second = client.get(f"/imports/{batch.id}?severity=rejected&after={last_shown}").get_data(as_text=True)
    shown = [i for i in range(60) for page in (first, second) if f"第{i}个原因" in page]
    assert shown == list(range(60))


def test_applying_queues_and_moves_the_batch_on(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts=COUNTS)
    client.post(f"/imports/{batch.id}/apply")
    session.expire_all()
    assert (session.get(ImportBatch, batch.id).state, session.scalars(select(JobRun.job)).all()) == ("applying", ["import_apply"])


def test_applying_twice_is_refused_the_second_time(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts=COUNTS)
    client.post(f"/imports/{batch.id}/apply")
    assert client.post(f"/imports/{batch.id}/apply").status_code == 409


@pytest.mark.parametrize(("state", "step"), [("uploaded", "apply"), ("checked", "undo"), ("undone", "apply"), ("applied", "apply"), ("discarded", "apply")])
def test_a_step_that_does_not_fit_the_state_is_refused(session: Session, sign_in: SignIn, state: str, step: str) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state=state, counts=COUNTS)
    assert client.post(f"/imports/{batch.id}/{step}").status_code == 409
    assert session.scalars(select(JobRun)).all() == []


def test_a_step_that_gave_up_says_why_and_looks_at_the_database_again(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="applying", counts=COUNTS)
    session.add(JobRun(job="import_apply", key=str(batch.id), scheduled_for=now(), state="failed", attempts=5, error="OperationalError: disk full", done=0, total=0))
    session.commit()
    text = client.get(f"/imports/{batch.id}").get_data(as_text=True)
    client.post(f"/imports/{batch.id}/retry")
    session.expire_all()
    assert "OperationalError: disk full" in text
    assert (session.get(ImportBatch, batch.id).state, [r.job for r in session.scalars(select(JobRun)) if r.state == "queued"]) == ("checking", ["import_check"])


def test_a_refused_undo_stays_applied_and_shows_the_reason(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="applied", counts=COUNTS, applied_at=now(), error="第 3 行之后又改过")
    text = client.get(f"/imports/{batch.id}").get_data(as_text=True)
    assert "第 3 行之后又改过" in text
    assert "已写入 3 行" in text


def test_a_step_under_way_cannot_be_asked_for_again(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="applying", counts=COUNTS)
    session.add(JobRun(job="import_apply", key=str(batch.id), scheduled_for=now(), state="running", attempts=1, heartbeat_at=now(), done=0, total=0))
    session.commit()
    assert client.post(f"/imports/{batch.id}/retry").status_code == 409


@pytest.mark.parametrize("path", ["", "/mapping", "/live", "/rejected"])
def test_another_managers_batch_is_not_found(session: Session, sign_in: SignIn, path: str) -> None:
    sign_in("manager", "331081")
    batch = batch_of(session, state="checked", counts=COUNTS)
    assert sign_in("manager", "331003").get(f"/imports/{batch.id}{path}").status_code == 404


@pytest.mark.parametrize("step", ["apply", "undo", "discard", "retry", "mapping"])
def test_another_managers_batch_cannot_be_changed(session: Session, sign_in: SignIn, step: str) -> None:
    sign_in("manager", "331081")
    batch = batch_of(session, state="checked", counts=COUNTS)
    answer = sign_in("manager", "331003").post(f"/imports/{batch.id}/{step}")
    session.expire_all()
    assert (answer.status_code, session.get(ImportBatch, batch.id).state, session.scalars(select(JobRun)).all()) == (404, "checked", [])


def test_an_administrator_of_the_city_sees_its_counties_batches(session: Session, sign_in: SignIn) -> None:
    sign_in("manager", "331081")
    batch = batch_of(session, state="checked", counts=COUNTS)
    assert sign_in("administrator", "331000").get(f"/imports/{batch.id}").status_code == 200


def test_an_administrator_of_another_city_does_not(session: Session, sign_in: SignIn) -> None:
    sign_in("manager", "331081")
    batch = batch_of(session, state="checked", counts=COUNTS)
    assert sign_in("administrator", "330300").get(f"/imports/{batch.id}").status_code == 404


@pytest.mark.parametrize("role", ["officer", "auditor"])
def test_officers_and_auditors_neither_see_nor_upload(session: Session, sign_in: SignIn, role: str) -> None:
    client = sign_in(role, "331000")
    assert client.get("/imports/").status_code in (302, 403)
    assert upload(client).status_code in (302, 403)
    assert session.scalars(select(ImportBatch)).all() == []


def test_an_upload_is_audited_with_its_digest(session: Session, taizhou: None, sign_in: SignIn) -> None:
    upload(sign_in("manager", "331000"))
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "import.upload")).one()
    assert entry.detail["digest"] == session.scalars(select(ImportBatch.sha256)).one()


@pytest.mark.parametrize("query", ["severity=x", "reason=%00", "after=zz", "after=99999999999999999999", "severity=rejected&reason='"])
def test_odd_parameters_are_answered(session: Session, sign_in: SignIn, query: str) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts=COUNTS)
    assert client.get(f"/imports/{batch.id}?{query}").status_code == 200


def test_pages_stay_within_twelve_queries(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    client = sign_in("manager", "331000")
    batch = batch_of(session, state="checked", counts=COUNTS)
    session.add_all(ImportFinding(batch_id=batch.id, row=i, severity="rejected", reason="uscc", message="x") for i in range(60))
    session.commit()
    for path in ("/imports/", f"/imports/{batch.id}"):
        client.get(path)
        with statements(clean_engine) as sent:
            client.get(path)
        assert len(sent) <= 12, "\n".join(sent)


def test_columns_are_lettered_as_spreadsheets_do() -> None:
    assert [column_letter(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_column_a_file_cannot_do_without_is_asked_for_before_the_check(session: Session, taizhou: None, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    page = client.get(upload(client, "企业名称,称号\n温岭汀越鞋材厂,专精特新中小企业\n", kind="titles").location).get_data(as_text=True)
    assert "在下面选好哪一列是认定日期" in page


def test_a_mapping_without_a_needed_column_is_not_sent_to_the_check(session: Session, taizhou: None, sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    address = upload(client, "企业名称,称号\n温岭汀越鞋材厂,专精特新中小企业\n", kind="titles").location
    answer = client.post(address, data={"shown_kind": "titles", "kind": "titles"})
    assert (answer.status_code, session.scalars(select(JobRun)).all()) == (422, [])


def test_what_was_imported_on_the_server_is_shown_to_who_administers_every_firm(session: Session, taizhou: None, sign_in: SignIn) -> None:
    firm(session, "331081")
    batch = batch_of(session, created_by=None)
    assert sign_in("administrator", "331000").get(f"/imports/{batch.id}").status_code == 302


@pytest.mark.parametrize(("role", "region"), [("administrator", "331003"), ("manager", "331000")])
def test_what_was_imported_on_the_server_is_not_shown_to_others(session: Session, taizhou: None, sign_in: SignIn, role: str, region: str) -> None:
    firm(session, "331081")
    batch = batch_of(session, created_by=None)
    assert sign_in(role, region).get(f"/imports/{batch.id}").status_code == 404
