"""Lean static TrueType faces made once from whole faces.

A lean face holds the characters of GB 2312 in that standard's order (its first level is the everyday characters), so
that the glyph ids a document uses are small and its embedded subset is too; no layout tables, no vertical metrics.
Heavier weights, for which no free face installs with pip, are drawn by HarfBuzz, which moves the outline.
"""

from __future__ import annotations

import struct
import sys
from itertools import accumulate, pairwise
from pathlib import Path

import uharfbuzz
from fontTools.cu2qu import curve_to_quadratic
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables.DefaultTable import DefaultTable

Point = tuple[float, float]
Contour = list[tuple[int, int, bool]]  # x, y in units, whether the point is on the curve

CURVE_ERROR = 2.0  # thousandths of an em: 8 µm at 12 pt; every point left out makes the documents smaller
EM = 320  # units: a step is 13 µm at 12 pt, less than a dot of a 1200 dpi printer, and most coordinates fit a byte
ASCENT, DESCENT = 320, -77  # centred on the ideographic box, so that text sits in the middle of a table cell
EPOCH = 3_786_912_000  # 2024-01-01 in seconds since 1904: the same bytes whenever it is made
BOX = ([(25, -25), (25, 269), (295, 269), (295, -25)], [(42, -9), (278, -9), (278, 253), (42, 253)])


def common_characters() -> list[str]:
    """ASCII, then GB 2312 in code order, then what official documents use beyond it."""
    ascii_ = [chr(c) for c in range(0x20, 0x7F)]
    table = [bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF)]
    level1_first = sorted(table, key=lambda pair: not 0xB0 <= pair[0] <= 0xD7)
    gb2312 = [c for pair in level1_first if (c := pair.decode("gb2312", "ignore"))]
    extra = "—·\u00a0\u00b2\u00b3–•€−℃㎡㎥①②③④⑤⑥⑦⑧⑨⑩√×"
    return list(dict.fromkeys([*ascii_, *gb2312, *extra]))


def make_lean(source: Path, target: Path, family: str, *, heavier: Point = (0, 0), latin: bool = True) -> None:
    """Write a lean face of `source` (OTF, TTF or the first of a collection) to `target` under `family`.

    `heavier` thickens strokes by (x, y) thousandths of an em. Without `latin`, letters and figures come from the next
    face: official prose in 楷体 has the figures of 宋体. Raises ValueError when `source` is no font.
    """
    face = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(source)))
    if not face.glyph_count:
        raise ValueError(f"not a font: {source}")
    font = uharfbuzz.Font(face)
    font.scale = (EM, EM)
    font.synthetic_bold = (heavier[0] / 1000, heavier[1] / 1000, True)
    tracer = _Tracer(font)
    glyphs, widths, codes = [[[(x, y, True) for x, y in box] for box in BOX]], [EM], {}
    for character in common_characters():
        origin = font.get_nominal_glyph(ord(character))
        if origin is None or ("!" <= character <= "~" and not latin):
            continue
        codes[ord(character)] = f"g{len(glyphs)}"
        glyphs.append(tracer.trace(origin))
        widths.append(font.get_glyph_h_advance(origin))
    _build(target, family, glyphs, widths, codes)


class _Tracer:
    """Outlines of one font as quadratic contours. HarfBuzz draws, and thickens, in C; the cubic curves of OTF are fitted here."""

    def __init__(self, font: uharfbuzz.Font) -> None:
        self._font, self._pen = font, uharfbuzz.DrawFuncs()
        self._pen.set_move_to_func(self._move)
        self._pen.set_line_to_func(self._line)
        self._pen.set_quadratic_to_func(self._quadratic)
        self._pen.set_cubic_to_func(self._cubic)
        self._at: Point = (0, 0)
        self._contours: list[Contour] = []

    def trace(self, glyph: int) -> list[Contour]:
        """The contours of one glyph; points that lie midway between two control points are left out."""
        self._contours = []
        self._font.draw_glyph(glyph, self._pen)
        return [kept for contour in self._contours if len(kept := _without_implied(contour)) > 2]

    def _move(self, x: float, y: float, _data: object) -> None:
        self._contours.append([])
        self._line(x, y, _data)

    def _line(self, x: float, y: float, _data: object) -> None:
        self._at = (x, y)
        self._contours[-1].append((round(x), round(y), True))

    def _quadratic(self, cx: float, cy: float, x: float, y: float, _data: object) -> None:
        self._contours[-1].append((round(cx), round(cy), False))
        self._line(x, y, _data)

    def _cubic(self, ax: float, ay: float, bx: float, by: float, x: float, y: float, _data: object) -> None:
        spline = curve_to_quadratic((self._at, (ax, ay), (bx, by), (x, y)), CURVE_ERROR / 1000 * EM)
        self._contours[-1] += [(round(cx), round(cy), False) for cx, cy in spline[1:-1]]
        self._line(x, y, _data)


def _without_implied(contour: Contour) -> Contour:
    kept: Contour = []
    for i, (x, y, on) in enumerate(contour):
        px, py, before = contour[i - 1]
        if on and before and (x, y) == (px, py):
            continue
        nx, ny, after = contour[(i + 1) % len(contour)]
        if on and not before and not after and abs(px + nx - 2 * x) < 2 and abs(py + ny - 2 * y) < 2:
            continue
        kept.append((x, y, on))
    return kept


def _pack(contours: list[Contour]) -> bytes:
    """A simple glyph as the glyf table holds it, its length even."""
    points = [point for contour in contours for point in contour]
    if not points:
        return b""
    flags, xs, ys = bytearray(), bytearray(), bytearray()
    for (px, py, _), (x, y, on) in pairwise([(0, 0, True), *points]):
        flags.append(on | _step(x - px, xs, 0x02, 0x10) | _step(y - py, ys, 0x04, 0x20))
    ends = [end - 1 for end in accumulate(map(len, contours))]
    columns, rows = [p[0] for p in points], [p[1] for p in points]
    head = struct.pack(">hhhhh", len(contours), min(columns), min(rows), max(columns), max(rows))
    data = head + struct.pack(f">{len(ends)}HH", *ends, 0) + bytes(flags + xs + ys)
    return data + bytes(len(data) % 2)


def _step(delta: int, out: bytearray, short: int, same: int) -> int:
    """Write one coordinate and return its flag bits."""
    if delta == 0:
        return same
    if -256 < delta < 256:
        out.append(abs(delta))
        return short | same if delta > 0 else short
    out += struct.pack(">h", delta)
    return 0


def _build(target: Path, family: str, glyphs: list[list[Contour]], widths: list[int], codes: dict[int, str]) -> None:
    names = [".notdef", *(f"g{i}" for i in range(1, len(glyphs)))]
    packed = [_pack(glyph) for glyph in glyphs]
    offsets = [0]
    for data in packed:
        offsets.append(offsets[-1] + len(data))
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(codes)
    lefts = (min((x for contour in glyph for x, _, _ in contour), default=0) for glyph in glyphs)
    builder.setupHorizontalMetrics(dict(zip(names, zip(widths, lefts, strict=True), strict=True)))
    builder.setupHorizontalHeader(ascent=ASCENT, descent=DESCENT)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": family.replace(" ", "")})
    builder.setupOS2(
        sTypoAscender=ASCENT, sTypoDescender=DESCENT, sTypoLineGap=0, usWinAscent=ASCENT, usWinDescent=-DESCENT,
        fsType=0, sxHeight=160, sCapHeight=234,
    )  # fmt: skip
    builder.setupPost(keepGlyphNames=False)
    builder.setupMaxp()
    font, maxp = builder.font, builder.font["maxp"]
    maxp.maxPoints, maxp.maxContours = max(sum(map(len, g)) for g in glyphs), max(map(len, glyphs))
    for tag, data in (("glyf", b"".join(packed)), ("loca", struct.pack(f">{len(offsets)}L", *offsets))):
        font[tag] = DefaultTable(tag)
        font[tag].data = data
    font["head"].indexToLocFormat = 1
    font["head"].xMin, font["head"].yMin, font["head"].xMax, font["head"].yMax = -EM, -EM, 2 * EM, 2 * EM
    font["head"].created = font["head"].modified = EPOCH
    font.recalcTimestamp = font.recalcBBoxes = False
    builder.save(target)


if __name__ == "__main__":
    _source, _target, _family, _x, _y, _latin = sys.argv[1:]
    make_lean(Path(_source), Path(_target), _family, heavier=(float(_x), float(_y)), latin=_latin == "latin")
