"""The faces: made once, complete, checked."""

from __future__ import annotations

import pytest
from fontTools.ttLib import TTFont

from crm.reports import fonts
from crm.reports.outlines import embolden
from tests.reports.conftest import FACES


def test_every_role_but_kai_is_made_from_pip_fonts(faces):
    assert {"title.ttf", "hei.ttf", "song.ttf"} <= {p.name for p in faces.folder.iterdir()}


def test_asking_again_finds_the_same_faces(faces):
    before = {p: p.stat().st_mtime_ns for p in faces.folder.glob("*.ttf")}
    assert {p: p.stat().st_mtime_ns for p in fonts.ensure(FACES).folder.glob("*.ttf")} == before


def test_lean_faces_hold_gb2312(faces):
    with TTFont(faces.folder / "song.ttf") as font:
        covered = font.getBestCmap()
    gb2312 = [bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)]
    assert [c for c in gb2312 if ord(c) not in covered] == []


def test_missing_characters_are_named_once_in_order(faces):
    assert fonts.missing_characters(faces, "企\U0001f600 阶☑\U0001f600\n㛃") == "\U0001f600☑"


def test_existing_never_makes_faces(tmp_path):
    assert fonts.existing(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_face_is_named(tmp_path):
    (tmp_path / "mine.ttf").write_bytes(b"not a font")
    with pytest.raises(fonts.FontsMissing, match=r"mine\.ttf"):
        fonts._lean(tmp_path, "title", (tmp_path / "mine.ttf", (0, 0)))


def test_a_square_grows_by_half_the_strength_on_each_side():
    square = [(0.0, 0.0), (0.0, 100.0), (100.0, 100.0), (100.0, 0.0)]  # clockwise: filled on the right
    assert embolden(square, 20, 10) == [(-10, -5), (-10, 105), (110, 105), (110, -5)]
