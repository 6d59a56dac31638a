"""Cards, slips and bound records: asked for, made by the worker, opened by those who may, verified by anybody."""

from __future__ import annotations

import io
import zipfile
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pypdf import PdfReader
from sqlalchemy import func, select

from crm.jobs.models import JobRun
from crm.jobs.rendering import bind_records, render_paper
from crm.reports.models import Paper, RenderedRecord
from crm.reports.seal import Seal
from crm.visits.models import Visit
from tests.reports.conftest import faces, pool  # noqa: F401  # fixtures
from tests.reports.test_seal import certificate
from tests.web.test_visits import firm, logged, officer, stranger  # noqa: F401  # fixtures


@pytest.fixture
def worker(session, settings, pool, monkeypatch):  # noqa: F811
    """Works the newest run of a job by its handler, drawing in the tests' warm process."""
    monkeypatch.setattr("crm.jobs.rendering.pool", lambda _data_dir: pool)

    @contextmanager
    def transaction():
        yield session
        session.commit()

    def work(handler, job: str):
        session.rollback()
        run = session.scalars(select(JobRun).where(JobRun.job == job).order_by(JobRun.id.desc())).first()
        context = SimpleNamespace(
            settings=settings, payload=run.payload, asked_by=run.asked_by, transaction=transaction, check=lambda: None, progress=lambda *_: None
        )
        return handler(context)

    return work


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).replace("\n", "").replace(" ", "")


def signed(officer, firm, **given) -> str:  # noqa: F811
    key = logged(officer, firm, **given)
    officer.post(f"/visits/{key}/sign", data={"version": "1"})
    return key


def test_the_card_tells_the_promise_of_the_last_visit(officer, firm, worker):  # noqa: F811
    logged(officer, firm, next_step="送办事指南")
    at = officer.post(f"/papers/briefing/{firm}").headers["Location"]
    worker(render_paper, "render_paper")
    assert "送办事指南" in text_of(officer.get(f"{at}/file").data)


def test_the_card_of_the_same_day_and_facts_is_made_once(officer, firm, session):  # noqa: F811
    first, second = (officer.post(f"/papers/briefing/{firm}").headers["Location"] for _ in range(2))
    assert (first == second, session.scalar(select(func.count()).select_from(Paper))) == (True, 1)


def test_a_card_is_not_shown_to_another_county(officer, stranger, firm):  # noqa: F811
    at = officer.post(f"/papers/briefing/{firm}").headers["Location"]
    assert [stranger.get(f"{at}{part}").status_code for part in ("", "/state", "/file")] == [404, 404, 404]


def test_a_card_verifies_without_telling_the_firm(officer, firm, session, client):  # noqa: F811
    officer.post(f"/papers/briefing/{firm}")
    session.rollback()
    code = session.scalars(select(Paper.check_code)).one()
    shown = client.get(f"/v/{code}").get_data(as_text=True)
    assert ("核验通过" in shown, "砚江" in shown) == (True, False)


def test_a_card_whose_content_was_changed_does_not_verify(officer, firm, session, client):  # noqa: F811
    officer.post(f"/papers/briefing/{firm}")
    session.rollback()
    paper = session.scalars(select(Paper)).one()
    paper.content = {**paper.content, "officer": "他人"}
    session.commit()
    assert "核验不通过" in client.get(f"/v/{paper.check_code}").get_data(as_text=True)


def test_records_are_bound_in_order_with_a_bookmark_each(officer, firm, session, worker):  # noqa: F811
    for summary in ("甲事", "乙事"):
        signed(officer, firm, summary=summary)
    at = officer.post("/papers/visits", data={"form": "pdf", "variant": "full"}).headers["Location"]
    worker(bind_records, "bind_records")
    outline = [item.title.split("〕")[1][:4] for item in PdfReader(io.BytesIO(officer.get(f"{at}/file").data)).outline]
    assert outline == ["0001", "0002"]


def test_a_zip_holds_the_originals_byte_for_byte(officer, firm, session, settings, worker):  # noqa: F811
    signed(officer, firm)
    at = officer.post("/papers/visits", data={"form": "zip", "variant": "full"}).headers["Location"]
    worker(bind_records, "bind_records")
    archive = zipfile.ZipFile(io.BytesIO(officer.get(f"{at}/file").data))
    original = (settings.data_dir / session.scalars(select(RenderedRecord.path)).one()).read_bytes()
    assert [archive.read(n) for n in archive.namelist() if n.endswith(".pdf")] == [original]


def test_a_binding_cut_short_draws_no_record_twice(officer, firm, session, worker):  # noqa: F811
    signed(officer, firm)
    officer.post("/papers/visits", data={"form": "zip", "variant": "full"})
    worker(bind_records, "bind_records")
    before = session.scalars(select(RenderedRecord.made_at)).all()
    session.execute(Paper.__table__.update().values(path=None))
    session.commit()
    worker(bind_records, "bind_records")
    assert session.scalars(select(RenderedRecord.made_at)).all() == before


def test_unsigned_visits_are_not_bound(officer, firm, session):  # noqa: F811
    logged(officer, firm)
    answer = officer.post("/papers/visits", data={"form": "pdf", "variant": "full"})
    assert (answer.status_code, session.scalar(select(func.count()).select_from(Paper))) == (422, 0)


def test_an_unknown_form_is_refused(officer, firm):  # noqa: F811
    assert officer.post("/papers/visits", data={"form": "docx", "variant": "full"}).status_code == 422


def test_bound_records_are_their_makers_alone(officer, firm, sign_in):  # noqa: F811
    signed(officer, firm)
    at = officer.post("/papers/visits", data={"form": "pdf", "variant": "full"}).headers["Location"]
    assert sign_in("officer", "331081", username="colleague").get(at).status_code == 404


def test_a_shorter_variant_is_asked_for_and_kept_apart(officer, firm, session, worker):  # noqa: F811
    key = signed(officer, firm)
    officer.post(f"/visits/{key}/record", data={"variant": "one_page"})
    from crm.jobs.rendering import render_record

    worker(render_record, "render_record")
    assert session.scalars(select(RenderedRecord.variant)).all() == ["one_page"]


def test_an_unknown_variant_is_refused(officer, firm):  # noqa: F811
    assert officer.post(f"/visits/{signed(officer, firm)}/record", data={"variant": "huge"}).status_code == 422


def test_the_verification_page_says_whose_seal_a_record_bears(officer, firm, session, worker, client, monkeypatch):  # noqa: F811
    from crm.jobs.rendering import render_record

    key = ec.generate_private_key(ec.SECP256R1())
    monkeypatch.setattr("crm.jobs.rendering.seal.of", lambda _settings: Seal(key, (certificate(key),)))
    officer.post(f"/visits/{signed(officer, firm)}/record", data={"variant": "full"})
    worker(render_record, "render_record")
    code = session.scalars(select(Visit.check_code)).one()
    assert "青禾市经济和信息化局（青禾市经济和信息化局 颁发）" in client.get(f"/v/{code}").get_data(as_text=True)


def test_the_verification_page_says_that_a_record_bears_no_seal(officer, firm, session, worker, client):  # noqa: F811
    from crm.jobs.rendering import render_record

    officer.post(f"/visits/{signed(officer, firm)}/record", data={"variant": "full"})
    worker(render_record, "render_record")
    assert "<dt>电子签章</dt><dd>未加盖</dd>" in client.get(f"/v/{session.scalars(select(Visit.check_code)).one()}").get_data(as_text=True)
