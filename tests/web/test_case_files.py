"""Files of cases through the pages: sent with a step, served safely, and to a firm only through its own door."""

from __future__ import annotations

import io
import re
import uuid

import pytest
from sqlalchemy import func, select

from crm.cases.models import Case, CaseEvent, CaseFile
from tests.visits.test_attaching import picture
from tests.web.test_cases import case, department, door, manager, told, unit  # noqa: F401  # fixtures
from tests.web.test_visits import firm, officer, stranger  # noqa: F401  # fixtures

PDF = b"%PDF-1.7\nresult"
MULTI = "multipart/form-data"


def files(*named):
    return [(io.BytesIO(data), name) for name, data in named]


@pytest.fixture
def key(officer, case, session):  # noqa: F811
    """A case with a photo and a PDF of the officer's."""
    officer.post(f"/cases/{case}/step/progress", data={"note": "去看了", "files": files(("车间.jpg", picture()), ("x.html", PDF))}, content_type=MULTI)
    session.rollback()
    return case


def kept(session) -> dict[str, str]:
    session.rollback()
    return {f.media_type: f.uuid for f in session.scalars(select(CaseFile))}


def test_the_history_shows_photos_small_and_papers_by_name(officer, key, session):  # noqa: F811
    text, have = officer.get(f"/cases/{key}").get_data(as_text=True), kept(session)
    assert (f"/cases/files/{have['image/jpeg']}?thumb=1" in text, f"/cases/files/{have['application/pdf']}\"" in text) == (True, True)


def test_a_paper_is_only_ever_downloaded_and_named_for_what_it_is(officer, key, session):  # noqa: F811
    head = officer.get(f"/cases/files/{kept(session)['application/pdf']}").headers
    assert (head["Content-Disposition"], head["X-Content-Type-Options"], "sandbox" in head["Content-Security-Policy"]) == ("attachment; filename=x.pdf", "nosniff", True)


def test_a_photo_is_shown_and_its_small_picture_weighs_less(officer, key, session):  # noqa: F811
    address = f"/cases/files/{kept(session)['image/jpeg']}"
    whole, small = officer.get(address), officer.get(f"{address}?thumb=1")
    assert (whole.headers["Content-Disposition"][:6], len(small.data) < len(whole.data), small.data[:2]) == ("inline", True, b"\xff\xd8")


def test_a_department_opens_files_of_its_case_and_of_no_other(officer, department, key, unit, session):  # noqa: F811
    address = f"/cases/files/{kept(session)['application/pdf']}"
    before = department.get(address).status_code
    officer.post(f"/cases/{key}/step/dispatch", data={"unit": str(unit)})
    assert (before, department.get(address).status_code) == (404, 200)


@pytest.mark.parametrize("bad", [b"<svg onload=1>", b"MZ" + b"\0" * 80, b""])
def test_a_file_that_cannot_be_taken_is_told_under_its_field_and_the_step_is_not_taken(officer, case, session, bad):  # noqa: F811
    answer = officer.post(f"/cases/{case}/step/progress", data={"note": "写好的话", "files": files(("坏.jpg", bad))}, content_type=MULTI)
    session.rollback()
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "坏.jpg" in text and "写好的话" in text, session.scalar(select(func.count()).select_from(CaseEvent))) == (422, True, 1)


def test_a_new_case_takes_its_photos_along(officer, firm, session):  # noqa: F811
    data = {"uuid": str(uuid.uuid4()), "title": "漏水", "kind": "other", "urgency": "normal", "files": files(("a.png", picture("PNG")))}
    officer.post(f"/cases/new?enterprise={firm}", data=data, content_type=MULTI)
    assert list(kept(session)) == ["image/jpeg"]


# ── the firm's own page ─────────────────────────────────────────────────


@pytest.fixture
def own(client, door, session):  # noqa: F811
    """A case the firm raised itself with a photo; its number."""
    client.post(door, data=told(files=files(("车间.jpg", picture()))), content_type=MULTI)
    session.rollback()
    return session.scalars(select(Case)).one()


def follow(client, door, number, four="1234"):  # noqa: F811
    return client.post(f"{door}/follow", data={"number": number, "last_four": four}).get_data(as_text=True)


def shown(text):
    return re.findall(r'href="(/ask/[^"]+/file/[^"]+)"', text)


def test_a_firm_finds_its_photo_and_the_answer_but_no_internal_file(client, door, officer, own, session):  # noqa: F811
    officer.post(f"/cases/{own.uuid}/step/progress", data={"note": "内部意见", "files": files(("内部.pdf", PDF))}, content_type=MULTI)
    officer.post(f"/cases/{own.uuid}/step/answer", data={"note": "已联系人社局", "to_firm": "y", "files": files(("答复.pdf", PDF))}, content_type=MULTI)
    text = follow(client, door, own.id)
    assert (len(shown(text)), "已联系人社局" in text, "内部" in text) == (2, True, False)


def test_the_address_of_a_file_opens_it_without_signing_in(client, door, own):  # noqa: F811
    assert client.get(shown(follow(client, door, own.id))[0]).data[:2] == b"\xff\xd8"


def test_who_does_not_know_the_phone_gets_no_address(client, door, own):  # noqa: F811
    assert shown(follow(client, door, own.id, "9999")) == []


def test_a_forged_address_and_one_of_another_door_open_nothing(client, door, own, officer, firm, session):  # noqa: F811
    address = shown(follow(client, door, own.id))[0]
    officer.post(f"/ask/code/{firm}")
    statuses = {client.get(a).status_code for a in (address, address[:-2], f"{door}/file/x", address.replace(door, "/ask/other"))}
    assert statuses == {404}


@pytest.mark.parametrize("bad", [("合同.pdf", PDF), ("x.jpg", b"<svg>"), ("x.jpg", picture("PNG", (20_000, 4_000)))], ids=["pdf", "svg", "huge"])
def test_the_open_form_takes_photos_only_and_keeps_nothing_of_a_refused_one(client, door, session, settings, bad):  # noqa: F811
    answer = client.post(door, data=told(files=files(bad)), content_type=MULTI)
    session.rollback()
    left = [p for p in (settings.data_dir / "attachments").rglob("*") if p.is_file()]
    assert (answer.status_code, "要招工" in answer.get_data(as_text=True), session.scalar(select(func.count()).select_from(Case)), left) == (422, True, 0, [])


def test_a_machine_that_fills_the_hidden_field_has_its_photo_read_by_nobody(client, door, session):  # noqa: F811
    client.post(door, data=told(website="http://x", files=files(("a.jpg", picture()))), content_type=MULTI)
    assert kept(session) == {}


def test_a_firm_adds_a_word_and_a_photo_to_its_open_case(client, door, own, session):  # noqa: F811
    data = {"number": own.id, "last_four": "1234", "text": "水更深了", "files": files(("b.jpg", picture()))}
    text = client.post(f"{door}/follow", data=data, content_type=MULTI).get_data(as_text=True)
    session.rollback()
    kinds = session.scalars(select(CaseEvent.kind).order_by(CaseEvent.id)).all()
    assert (kinds, "水更深了" in text, len(shown(text))) == (["opened", "supplemented"], True, 2)


def test_the_same_word_sent_again_is_kept_once(client, door, own, session):  # noqa: F811
    for _ in range(2):
        client.post(f"{door}/follow", data={"number": own.id, "last_four": "1234", "text": "水更深了"})
    session.rollback()
    assert session.scalars(select(CaseEvent.kind).order_by(CaseEvent.id)).all() == ["opened", "supplemented"]


@pytest.mark.parametrize("wrong", [{"last_four": "9999"}, {"files": [("x.pdf", PDF)]}], ids=["phone", "no photo"])
def test_a_word_of_somebody_else_or_with_a_wrong_file_leaves_nothing(client, door, own, session, wrong):  # noqa: F811
    data = {"number": own.id, "last_four": "1234", "text": "水更深了", **wrong}
    answer = client.post(f"{door}/follow", data={**data, "files": files(*wrong.get("files", []))}, content_type=MULTI)
    session.rollback()
    assert (answer.status_code, session.scalars(select(CaseEvent.kind)).all()) == (422, ["opened"])


def test_a_closed_case_takes_no_more_words_and_says_what_to_do(client, door, own, officer, session):  # noqa: F811
    officer.post(f"/cases/{own.uuid}/step/answer", data={"note": "已解决"})
    answer = client.post(f"{door}/follow", data={"number": own.id, "last_four": "1234", "text": "还有"})
    assert (answer.status_code, "重新提交" in answer.get_data(as_text=True)) == (409, True)
