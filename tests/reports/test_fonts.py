"""The faces: made once, complete, checked."""

from __future__ import annotations

import pytest
from fontTools.ttLib import TTFont

from crm.reports import fonts
from crm.reports.outlines import EM, make_lean
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


def test_a_heavier_face_is_wider_than_tall_in_what_it_gains(tmp_path, monkeypatch):
    monkeypatch.setattr("crm.reports.outlines.common_characters", lambda: ["一"])
    boxes = []
    for name, heavier in (("thin", (0, 0)), ("thick", (60, 10))):
        make_lean(fonts._noto()[0], tmp_path / name, name, heavier=heavier)
        with TTFont(tmp_path / name) as font:
            glyph = font["glyf"][font.getBestCmap()[ord("一")]]
            boxes.append((glyph.xMax - glyph.xMin, glyph.yMax - glyph.yMin))
    (width, height), (wider, taller) = boxes
    assert (wider - width, taller - height) == (pytest.approx(0.06 * EM, abs=4), pytest.approx(0.01 * EM, abs=4))


def test_every_glyph_of_a_made_face_is_well_formed(faces):
    with TTFont(faces.folder / "hei.ttf") as font:
        glyphs = font["glyf"]
        assert all(glyphs[name].numberOfContours >= 0 for name in font.getGlyphOrder())


def test_figures_in_kai_come_from_song(faces):
    if not faces.has_kai:
        pytest.skip("no 楷体 on this machine")
    with TTFont(faces.folder / "kai.ttf") as font:
        assert {ord("8"), ord("企")} & set(font.getBestCmap()) == {ord("企")}


def test_dashes_and_dots_of_names_are_in_the_lean_face(faces):
    with TTFont(faces.folder / "song.ttf") as font:
        assert {ord("—"), ord("·")} <= set(font.getBestCmap())
