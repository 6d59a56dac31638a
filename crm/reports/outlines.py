"""Lean static TrueType faces made once from whole faces.

A lean face holds the characters of GB 2312 in that standard's order (its first level is the everyday characters), so
that the glyph ids a document uses are small and its embedded subset is too; no layout tables, no vertical metrics.
Heavier weights, for which no free face installs with pip, are drawn by moving the outline: `embolden`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import GlyphCoordinates

if TYPE_CHECKING:
    from fontTools.ttLib.tables._g_l_y_f import Glyph

Point = tuple[float, float]

CURVE_ERROR = 1.4  # thousandths of an em: 6 µm at 12 pt; every point left out makes the documents smaller
EM = 512  # units: a step is 8 µm at 12 pt, and most coordinates fit a byte
ASCENT, DESCENT = 512, -123  # centred on the ideographic box, so that text sits in the middle of a table cell
EPOCH = 3_786_912_000  # 2024-01-01 in seconds since 1904: the same bytes whenever it is made


def common_characters() -> list[str]:
    """ASCII, then GB 2312 in code order, then what official documents use beyond it."""
    ascii_ = [chr(c) for c in range(0x20, 0x7F)]
    table = [bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF)]
    level1_first = sorted(table, key=lambda pair: not 0xB0 <= pair[0] <= 0xD7)
    gb2312 = [c for pair in level1_first if (c := pair.decode("gb2312", "ignore"))]
    extra = "\u00a0\u00b2\u00b3–•€−℃㎡㎥①②③④⑤⑥⑦⑧⑨⑩√×"
    return list(dict.fromkeys([*ascii_, *gb2312, *extra]))


def make_lean(source: Path, target: Path, family: str, *, heavier: Point = (0, 0)) -> None:
    """Write a lean face of `source` (OTF, TTF or the first of a collection) to `target` under `family`.

    `heavier` thickens strokes by (x, y) thousandths of an em.
    """
    font = TTFont(source, lazy=True, fontNumber=0)
    cmap, outlines, widths = font.getBestCmap(), font.getGlyphSet(), font["hmtx"]
    names, codes = [".notdef"], {}
    glyphs, metrics = {".notdef": _box()}, {".notdef": (EM, 40)}
    postscript = "glyf" not in font  # PostScript contours run the other way round
    scale = EM / font["head"].unitsPerEm
    for character in common_characters():
        origin = cmap.get(ord(character))
        if origin is None:
            continue
        name = f"u{ord(character):04X}"
        glyph = _trace(outlines, origin, heavier, scale, postscript)
        names.append(name)
        glyphs[name] = glyph
        metrics[name] = (round(widths[origin][0] * scale), getattr(glyph, "xMin", 0) or 0)
        codes[ord(character)] = name
    _build(target, family, names, glyphs, metrics, codes)


def _build(
    target: Path, family: str, names: list[str], glyphs: dict[str, Glyph],
    metrics: dict[str, tuple[int, int]], codes: dict[int, str],
) -> None:
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(codes)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(ascent=ASCENT, descent=DESCENT)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": family.replace(" ", "")})
    builder.setupOS2(
        sTypoAscender=ASCENT, sTypoDescender=DESCENT, sTypoLineGap=0, usWinAscent=ASCENT, usWinDescent=-DESCENT,
        fsType=0, sxHeight=256, sCapHeight=374,
    )
    builder.setupPost(keepGlyphNames=False)
    builder.font["head"].created = builder.font["head"].modified = EPOCH
    builder.font.recalcTimestamp = False
    builder.save(target)


def _trace(outlines: Any, name: str, heavier: Point, scale: float, turn: bool) -> Glyph:
    pen = TTGlyphPen(None)
    whole = DecomposingRecordingPen(outlines)
    outlines[name].draw(whole)
    whole.replay(Cu2QuPen(pen, CURVE_ERROR / 1000 * EM / scale, reverse_direction=turn))
    glyph = pen.glyph(dropImpliedOnCurves=True)
    if glyph.numberOfContours <= 0:
        return glyph
    points = [(x * scale, y * scale) for x, y in glyph.coordinates]
    if any(heavier):
        moved: list[Point] = []
        start = 0
        for end in glyph.endPtsOfContours:
            moved += embolden(points[start : end + 1], *(h * EM / 1000 for h in heavier))
            start = end + 1
        points = moved
    glyph.coordinates = GlyphCoordinates([(round(x), round(y)) for x, y in points])
    glyph.recalcBounds(None)
    return glyph


def embolden(contour: list[Point], x_strength: float, y_strength: float) -> list[Point]:
    """Move a TrueType contour (filled on its right) outwards by half the strengths, in the unit of the points.

    The move of each point is along the bisector of its two edges and limited by the shorter edge, so that short edges
    do not turn inside out: the way FreeType thickens outlines. Different strengths keep the thin horizontals of 宋体.
    """
    points = [p for i, p in enumerate(contour) if p != contour[i - 1]]
    if len(points) < 3:
        return contour
    edges = [_unit(points[i - 1], points[i]) for i in range(len(points))]
    moved: dict[Point, Point] = {}
    for i, (x, y) in enumerate(points):
        dx, dy = _shift(edges[i], edges[(i + 1) % len(points)], x_strength / 2, y_strength / 2)
        moved[x, y] = (x + dx, y + dy)
    return [moved[p] for p in contour]


def _unit(a: Point, b: Point) -> tuple[float, float, float]:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    return dx / length, dy / length, length


def _shift(into: tuple[float, float, float], out: tuple[float, float, float], xs: float, ys: float) -> Point:
    ix, iy, il = into
    ox, oy, ol = out
    d = ix * ox + iy * oy
    if d <= -0.9375:  # the outline turns back on itself: leave the tip
        return 0.0, 0.0
    d += 1
    sx, sy = -(iy + oy), ix + ox
    q = ox * iy - oy * ix
    limit = min(il, ol)
    return (
        sx * (xs / d if xs * q <= limit * d else limit / q),
        sy * (ys / d if ys * q <= limit * d else limit / q),
    )


def _box() -> Glyph:
    pen = TTGlyphPen(None)
    for box in (((40, -40), (40, 430), (472, 430), (472, -40)), ((66, -14), (446, -14), (446, 404), (66, 404))):
        pen.moveTo(box[0])
        for point in box[1:]:
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()


if __name__ == "__main__":
    _source, _target, _family, _x, _y = sys.argv[1:]
    make_lean(Path(_source), Path(_target), _family, heavier=(float(_x), float(_y)))
