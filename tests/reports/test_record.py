"""The printed record: what is on it, what it refuses, and that hostile input reaches nothing."""

from __future__ import annotations

import io
import json
import re

import pytest
from PIL import Image
from pypdf import PdfReader

from crm.core import prints
from crm.reports.layout import fetcher, keep_units
from crm.reports.pool import RenderingDied, RenderPool
from crm.reports.render import RenderFailed
from tests.reports.conftest import FACES
from tests.reports.samples import full_record, photo, short_record

PROBES = {
    "remote image": '<img src="http://127.0.0.1:9/x.png">', "local file": '<img src="file:///etc/passwd">',
    "embedded file": '<link rel="attachment" href="file:///etc/passwd">', "style": "<style>@import 'http://127.0.0.1:9/x.css'; body{background:url(file:///etc/passwd)}</style>",
    "object": '<object data="file:///etc/passwd"></object>', "base": '<base href="file:///"><img src="etc/passwd">',
}


def text_of(pdf: bytes) -> str:
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


@pytest.fixture(scope="module")
def full(pool: RenderPool):
    return pool.render(*full_record())


def test_a_short_visit_fits_one_page(pool: RenderPool):
    assert pool.render(short_record(), {}).pages == 1


def test_a_full_visit_with_four_photos_takes_three_pages(full):
    assert full.pages == 3


def test_gap_clause_and_document_are_printed(full):
    text = text_of(full.pdf)
    assert all(part in text for part in ("差1.42个百分点", "一（二）", "《优质中小企业梯度培育管理办法》", "缺数据1项"))


def test_number_and_check_code_stand_on_every_page(full):
    pages = [re.sub(r"\s", "", page.extract_text()) for page in PdfReader(io.BytesIO(full.pdf)).pages]
    assert all("企访〔2026〕0007号" in page and "D71B-973B-9E41-D958" in page and f"—{n}—" in page for n, page in enumerate(pages, 1))


def test_the_same_record_gives_the_same_bytes(pool: RenderPool, full):
    assert pool.render(*full_record()).pdf == full.pdf


def test_another_process_gives_the_same_bytes(full):
    with RenderPool(FACES) as other:
        assert other.render(*full_record()).pdf == full.pdf


def test_the_file_is_tagged_chinese_with_bookmarks_and_its_data(full):
    reader = PdfReader(io.BytesIO(full.pdf))
    root = reader.trailer["/Root"]
    attached = json.loads(reader.attachments["visit.json"][0])
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"], len(reader.outline), attached["number"]) == ("zh-CN", True, 10, "企访〔2026〕0007号")


def test_missing_figures_are_said_to_be_missing(pool: RenderPool):
    record = short_record()
    record["enterprise"]["revenue"] = None
    assert "营业收入无" in text_of(pool.render(record, {}).pdf)


def test_a_character_no_face_has_is_an_error_that_names_it(pool: RenderPool):
    record = short_record()
    record["visit"]["summary"] = "订单很好\U0001f600"
    with pytest.raises(RenderFailed, match="U\\+1F600"):
        pool.render(record, {})


def test_rare_characters_of_names_are_printed(pool: RenderPool):
    record = short_record()
    record["enterprise"]["legal_person"] = "㛃䶮𬭚"
    assert "㛃䶮𬭚" in text_of(pool.render(record, {}).pdf)


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_markup_in_a_record_is_text_and_fetches_nothing(pool: RenderPool, probe: str):
    record = short_record()
    record["visit"]["summary"] = record["enterprise"]["name"] = probe
    pdf = pool.render(record, {}).pdf
    assert b"root:x:0" not in pdf
    assert list(PdfReader(io.BytesIO(pdf)).attachments) == ["visit.json"]
    assert probe[:12].replace(" ", "") in text_of(pdf)


def test_the_fetcher_opens_nothing_but_the_records_own_pictures():
    opened = fetcher()({"qr:": ("image/svg+xml", b"<svg/>")})
    for url in ("http://127.0.0.1:9/", "file:///etc/passwd", "data:text/plain,x", "ftp://127.0.0.1/", "photo:7"):
        with pytest.raises(ValueError, match="not part"):
            opened.fetch(url)


def test_a_record_far_too_long_is_refused(pool: RenderPool):
    record = short_record()
    record["visit"]["summary"] = "长" * 200_000
    with pytest.raises(RenderFailed, match="超过"):
        pool.render(record, {})


def test_a_record_at_the_limits_is_printed(pool: RenderPool):
    record = short_record()
    record["visit"]["summary"] = "正" * 4000
    record["problems"] = [{"kind": "其他", "urgency": "normal", "title": "问" * 200, "detail": "说" * 700, "lead_unit": "单" * 128, "due_on": None}] * 20
    assert pool.render(record, {}).pages > 8


def test_a_picture_that_is_none_is_refused_and_the_process_lives_on(pool: RenderPool):
    record, images = full_record()
    with pytest.raises(RenderFailed):
        pool.render(record, {**images, "p0": b"\xff\xd8\xff garbage"})
    assert pool.render(short_record(), {}).pages == 1


def test_a_record_that_overruns_its_time_is_stopped_and_the_next_one_works():
    with RenderPool(FACES, timeout=1) as impatient:
        impatient.render(short_record(), {})
        record = short_record()
        record["problems"] = [{"kind": "其他", "urgency": "normal", "title": "问", "detail": "说" * 1300, "lead_unit": "单", "due_on": None}] * 29
        with pytest.raises(RenderingDied, match="1 秒"):
            impatient.render(record, {})
        assert impatient.render(short_record(), {}).pages == 1


def test_too_little_memory_ends_the_child_not_the_caller():
    with RenderPool(FACES, memory_mb=100) as small, pytest.raises((RenderingDied, RenderFailed)):
        small.render(short_record(), {})


def test_photos_lose_their_metadata(pool: RenderPool):
    record, images = full_record()
    exif = Image.Exif()
    exif[0x010E] = "SECRET-PLACE"
    out = io.BytesIO()
    Image.open(io.BytesIO(photo(9, (400, 300)))).save(out, "JPEG", exif=exif)
    assert b"SECRET-PLACE" not in pool.render(record, {**images, "p0": out.getvalue()}).pdf


@pytest.mark.parametrize(("text", "kept"), [
    ("≥ 1,000 万元", "≥\u00a01,000\u00a0万\u2060元"), ("2.76 %", "2.76\u00a0%"), ("甲 乙", "甲 乙"), ("差 0.24 个百分点", "差\u00a00.24\u00a0个百分点"),
])
def test_a_number_stays_with_its_unit(text: str, kept: str):
    assert keep_units(text) == kept


def test_a_print_made_when_the_photo_came_gives_the_same_bytes(pool: RenderPool, full):
    record, images = full_record()
    ready = {f"print:{key}": (prints.ink if key == "s1" else prints.photo)(data) for key, data in images.items()}
    assert pool.render(record, ready).pdf == full.pdf
