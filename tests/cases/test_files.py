"""Files of a step: by content, without place, all or none, seen by whoever sees the case."""

from __future__ import annotations

import io
import os
import time
import uuid
import zipfile

import pytest
from PIL import Image
from sqlalchemy import func, select

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.models import CaseEvent, CaseFile
from crm.cases.operations import FIRM_FILES, STAFF_FILES, Handed, Upload
from crm.cases.operations.files import accept
from crm.core.errors import NotFound
from crm.core.uploads import Unreadable, document_type, download_name, open_picture, path_of, read_kept, store, sweep
from tests.cases.conftest import RULES, Office
from tests.visits.conftest import NOW
from tests.visits.test_attaching import picture

PDF = b"%PDF-1.7\nresult"


def office_file(*members: str, content: bytes = b"x", extra: str = "[Content_Types].xml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (extra, *members):
            archive.writestr(name, content)
    return out.getvalue()


DOCX = office_file("word/document.xml")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 64
REFUSED = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "html": b"<html><script>1</script>", "exe": b"MZ" + b"\0" * 99, "empty": b"",
    "broken jpeg": b"\xff\xd8\xff" + b"\0" * 40, "zip": office_file("a.txt", extra="b.txt"), "cut zip": DOCX[:40], "other ole": OLE,
    "macros": office_file("word/document.xml", "word/vbaProject.bin"), "old macros": OLE + "WordDocument_VBA_PROJECT".encode("utf-16-le"),
    "zip bomb": office_file("word/document.xml", content=b"\0" * (8 << 20)), "huge picture": picture("PNG", (20_000, 4_000)),
    "heic": b"\0\0\0\x18ftypheic" + b"\0" * 60,
}


@pytest.fixture
def hand(office: Office, tmp_path):
    """Take a step with files: hand(access, case, step, *files, **given)."""

    def _hand(access, case, step, *files, limits=STAFF_FILES, **given):
        uploads = [f if isinstance(f, Upload) else Upload("现场.jpg", f) for f in files]
        return cases.take_step(office.session, access, case.uuid, step, cases.Given(**given), rules=RULES, at=NOW, handed=Handed(uploads, tmp_path, limits))

    return _hand


def kept(office: Office) -> list[CaseFile]:
    return list(office.session.scalars(select(CaseFile).order_by(CaseFile.id)))


def test_a_photo_is_kept_without_place_and_with_a_small_picture(office, hand, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    hand(office.officer, office.case(), "progress", picture(exif=exif), note="去看了")
    file = kept(office)[0]
    whole, small = (Image.open(io.BytesIO(read_kept(tmp_path, digest, file.name))) for digest in (file.sha256, file.thumb))
    assert (whole.size, small.size, dict(whole.getexif()), dict(small.getexif())) == ((1600, 1200), (320, 240), {}, {})


@pytest.mark.parametrize(("data", "media"), [
    (PDF, "application/pdf"), (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (office_file("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (OLE + "Workbook".encode("utf-16-le"), "application/vnd.ms-excel"),
], ids=["pdf", "docx", "xlsx", "xls"])
def test_a_paper_is_known_by_its_content_and_kept_as_it_came(office, hand, tmp_path, data, media):
    hand(office.officer, office.case(), "progress", Upload("结果.jpg", data), note="附上")
    file = kept(office)[0]
    assert (file.media_type, read_kept(tmp_path, file.sha256, ""), file.thumb) == (media, data, None)


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_taken_leaves_neither_row_nor_byte_nor_step(office, hand, tmp_path, data):
    case = office.case()
    with pytest.raises(Unreadable) as refused:
        hand(office.officer, case, "progress", PDF, Upload("坏.jpg", data), note="附上")
    steps = office.session.scalar(select(func.count()).select_from(CaseEvent).where(CaseEvent.case_id == case.id))
    assert ("坏.jpg" in refused.value.message, kept(office), steps, list(tmp_path.rglob("*"))) == (True, [], 1, [])


def test_more_pixels_than_the_decoder_itself_allows_are_refused_in_words():
    with pytest.raises(Unreadable):
        open_picture(picture("PNG", (20_000, 9_000)))


def test_one_file_more_than_allowed_is_refused(office, hand):
    with pytest.raises(Unreadable):
        hand(office.officer, office.case(), "progress", *[PDF] * (STAFF_FILES.count + 1), note="附上")


def test_the_sixty_first_file_of_a_case_is_refused(office, hand):
    case = office.case()
    for _ in range(10):
        hand(office.officer, case, "progress", *[PDF] * 6, note="附上")
    with pytest.raises(Unreadable):
        hand(office.officer, case, "progress", PDF, note="附上")


def test_a_step_that_is_refused_keeps_no_file(office, hand, tmp_path):
    case = office.dispatched()
    with pytest.raises(Exception, match="角色"):
        hand(office.lead_person, case, "close", PDF, note="办完")
    assert (kept(office), list(tmp_path.rglob("*"))) == ([], [])


def test_a_hostile_name_is_for_reading_only(office, hand):
    hand(office.officer, office.case(), "progress", Upload("../../etc/pass\r\nwd\u202egpj.exe", PDF), note="附上")
    file = kept(office)[0]
    assert (file.name, download_name(file.name, file.media_type)) == ("passwdgpj.exe", "passwdgpj.pdf")


def test_files_stand_with_the_step_they_came_with(office, hand):
    case = office.dispatched()
    hand(office.lead_person, case, "feedback", PDF, note="办好了")
    events = {e.id: e.kind for e in queries.events(office.session, case.id)}
    assert [events[key] for key in queries.files_of(office.session, case.id)] == ["fed_back"]


def test_a_unit_sees_files_of_its_case_only_as_long_as_it_has_it(office, hand):
    case = office.dispatched()
    hand(office.manager, case, "progress", PDF, note="附上")
    key = kept(office)[0].uuid
    seen = queries.get_file(office.session, office.lead_person, key).uuid
    office.step(office.manager, case, "transfer", unit=office.other.id, note="换一家")
    with pytest.raises(NotFound):
        queries.get_file(office.session, office.lead_person, key)
    assert seen == key


@pytest.mark.parametrize("who", ["stranger", "far_person"])
def test_whoever_does_not_see_the_case_does_not_find_its_files(office, hand, who):
    hand(office.manager, office.dispatched(), "progress", PDF, note="附上")
    with pytest.raises(NotFound):
        queries.get_file(office.session, getattr(office, who), kept(office)[0].uuid)


def test_a_firm_sees_what_it_handed_in_and_what_it_was_answered_and_nothing_else(office, hand, tmp_path):
    case = cases.open_case(
        office.session, office.manager, uuid=str(uuid.uuid4()), enterprise_id=office.firm.id, title="缺工", source="firm", at=NOW,
        handed=Handed([Upload("车间.jpg", picture())], tmp_path, FIRM_FILES),
    )
    hand(office.officer, case, "progress", Upload("内部.pdf", PDF), note="内部意见")
    hand(office.officer, case, "answer", Upload("答复.pdf", PDF), note="已联系", to_firm=True)
    shown = [f.name for _, files in queries.shown_to_firm(office.session, case) for f in files]
    assert shown == ["车间.jpg", "答复.pdf"]


def test_an_internal_file_is_not_found_through_the_firms_page(office, hand):
    hand(office.officer, office.case(), "progress", PDF, note="内部意见")
    with pytest.raises(NotFound):
        queries.get_firms_file(office.session, office.firm.id, kept(office)[0].uuid)


def test_a_department_cannot_answer_the_firm_past_the_office(office, hand):
    case = office.dispatched()
    hand(office.lead_person, case, "progress", PDF, note="在办", to_firm=True)
    assert queries.shown_to_firm(office.session, case) == []


def test_a_firm_hands_in_photos_only():
    with pytest.raises(Unreadable):
        accept(Handed([Upload("合同.pdf", PDF)], None, FIRM_FILES))


def test_files_nothing_names_are_swept_after_a_day_and_others_stay(tmp_path):
    digests = ["aa" + "0" * 62, "bb" + "0" * 62, "cc" + "0" * 62]
    for digest in digests:
        store(path_of(tmp_path, digest), b"x")
    for old in digests[:2]:
        os.utime(path_of(tmp_path, old), (1, 1))
    removed = sweep(tmp_path, {digests[0]}, time.time() - 3600)
    assert (removed, [path_of(tmp_path, d).exists() for d in digests]) == (1, [True, False, True])


def test_storing_what_is_there_already_keeps_it_from_the_sweep(tmp_path):
    path = path_of(tmp_path, "aa" + "0" * 62)
    store(path, b"x")
    os.utime(path, (1, 1))
    store(path, b"x")
    assert sweep(tmp_path, set(), time.time() - 3600) == 0


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"%PDF", b"\xd0\xcf"])
def test_a_few_bytes_are_no_document(data):
    assert document_type(data) is None
