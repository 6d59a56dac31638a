"""Photos and files: by content, without place, under their digest."""

from __future__ import annotations

import io
import uuid

import pytest
from PIL import Image

from crm.core.errors import NotFound
from crm.core.uploads import Unreadable, clean_name, path_of
from crm.visits.errors import Frozen
from crm.visits.operations import attach, log_visit, read_bytes, sign_off
from crm.visits.operations.attaching import Upload, read_print
from crm.visits.queries import get_attachment, get_visible
from tests.visits.conftest import LETTERHEAD, NOW, World


def picture(kind: str = "JPEG", size=(2400, 1800), **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "steelblue").save(out, kind, **options)
    return out.getvalue()


def upload(data: bytes, role: str = "photo", name: str = "车间.jpg", key: str | None = None) -> Upload:
    return Upload(key or str(uuid.uuid4()), role, name, data)


@pytest.fixture
def visit(world: World):
    return log_visit(world.session, world.officer, world.draft(), NOW)[0]


def test_a_photo_comes_back_smaller_and_without_place(world: World, visit, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "PhoneMaker"
    exif.get_ifd(0x8825)[1] = "N"
    kept = attach(world.session, world.officer, visit.uuid, upload(picture(exif=exif)), tmp_path, NOW)
    image = Image.open(io.BytesIO(read_bytes(kept, tmp_path)))
    assert (image.size, dict(image.getexif()), kept.media_type) == ((1600, 1200), {}, "image/jpeg")


def test_a_photo_is_made_ready_for_paper_when_it_comes(world: World, visit, tmp_path):
    kept = attach(world.session, world.officer, visit.uuid, upload(picture()), tmp_path, NOW)
    assert Image.open(io.BytesIO(read_print(kept, tmp_path))).size == (800, 500)


def test_a_damaged_print_counts_as_none(world: World, visit, tmp_path):
    kept = attach(world.session, world.officer, visit.uuid, upload(picture()), tmp_path, NOW)
    (made,) = (p for p in path_of(tmp_path, kept.sha256).parent.iterdir() if ".photo-" in p.name)
    made.write_bytes(made.read_bytes()[:-9])
    assert read_print(kept, tmp_path) is None


def test_a_comment_in_a_photo_is_not_kept(world: World, visit, tmp_path):
    kept = attach(world.session, world.officer, visit.uuid, upload(picture(comment=b"SECRET-PLACE")), tmp_path, NOW)
    assert b"SECRET-PLACE" not in read_bytes(kept, tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_picture_formats_become_jpeg(world: World, visit, tmp_path, kind):
    kept = attach(world.session, world.officer, visit.uuid, upload(picture(kind)), tmp_path, NOW)
    assert read_bytes(kept, tmp_path)[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("data", [
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html><script>1</script>", b"MZ" + b"\0" * 99, b"\xff\xd8\xff" + b"\0" * 40,
    b"\0\0\0\x18ftypheic" + b"\0" * 60, b"%PDF-1.7 x", b"",
], ids=["svg", "html", "exe", "broken jpeg", "heic", "pdf as photo", "empty"])
def test_what_is_no_photo_is_refused_with_a_word_on_what_to_do(world: World, visit, tmp_path, data):
    with pytest.raises(Unreadable) as refused:
        attach(world.session, world.officer, visit.uuid, upload(data), tmp_path, NOW)
    assert "请" in refused.value.message
    assert not list(tmp_path.rglob("*"))


def test_a_decompression_bomb_is_refused(world: World, visit, tmp_path):
    with pytest.raises(Unreadable):
        attach(world.session, world.officer, visit.uuid, upload(picture("PNG", (20_000, 4_000))), tmp_path, NOW)


def test_a_pdf_is_kept_as_it_is_under_its_digest(world: World, visit, tmp_path):
    data = b"%PDF-1.7\nhello"
    kept = attach(world.session, world.officer, visit.uuid, upload(data, "file", "../../etc/passwd\r\n.pdf"), tmp_path, NOW)
    assert (path_of(tmp_path, kept.sha256).read_bytes(), kept.name) == (data, "passwd.pdf")


def test_the_same_upload_twice_is_one_attachment(world: World, visit, tmp_path):
    one = upload(picture())
    first = attach(world.session, world.officer, visit.uuid, one, tmp_path, NOW)
    assert attach(world.session, world.officer, visit.uuid, one, tmp_path, NOW).id == first.id


def test_a_second_signature_replaces_the_first(world: World, visit, tmp_path):
    for _ in range(2):
        attach(world.session, world.officer, visit.uuid, upload(picture("PNG", (300, 120)), "signature_firm"), tmp_path, NOW)
    assert len(get_visible(world.session, world.officer, visit.uuid).attachments) == 1


def test_the_thirteenth_photo_is_refused(world: World, visit, tmp_path):
    data = picture(size=(20, 20))
    for _ in range(12):
        attach(world.session, world.officer, visit.uuid, upload(data), tmp_path, NOW)
    with pytest.raises(Unreadable):
        attach(world.session, world.officer, visit.uuid, upload(data), tmp_path, NOW)


def test_a_signed_visit_takes_no_photo(world: World, visit, tmp_path):
    sign_off(world.session, world.officer, visit.uuid, 1, letterhead=LETTERHEAD, ladder=None, at=NOW)
    with pytest.raises(Frozen):
        attach(world.session, world.officer, visit.uuid, upload(picture()), tmp_path, NOW)


def test_an_attachment_of_another_county_is_not_found(world: World, visit, tmp_path):
    kept = attach(world.session, world.officer, visit.uuid, upload(picture()), tmp_path, NOW)
    with pytest.raises(NotFound):
        get_attachment(world.session, world.stranger, kept.uuid)


def test_bytes_that_changed_on_disk_are_not_served(world: World, visit, tmp_path):
    kept = attach(world.session, world.officer, visit.uuid, upload(picture()), tmp_path, NOW)
    path_of(tmp_path, kept.sha256).write_bytes(b"tampered")
    with pytest.raises(Unreadable):
        read_bytes(kept, tmp_path)


def test_a_file_name_keeps_its_ending_when_it_is_cut():
    assert clean_name("长" * 300 + ".pdf").endswith("长.pdf")
