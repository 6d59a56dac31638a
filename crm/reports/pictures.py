"""Pictures of a record, made small and uniform in the rendering process, where hostile bytes can do no harm."""

from __future__ import annotations

import io

import segno
from PIL import Image, ImageOps, UnidentifiedImageError

from crm.core.errors import CrmError

PHOTO_SIZE = (800, 500)  # 80 × 50 mm at 254 dpi: half of a stored photo, which JPEG decodes at no cost
PHOTO_QUALITY = 60
INK_HEIGHT = 200
MAX_PIXELS = 60_000_000


class PictureUnreadable(CrmError):
    """A stored picture cannot be decoded."""

    status = 422


def print_photo(data: bytes) -> bytes:
    """Crop to the one shape of the 2 × 2 grid; JPEG without metadata."""
    image = ImageOps.exif_transpose(_open(data, draft=PHOTO_SIZE)).convert("RGB")
    if image.width == PHOTO_SIZE[0] <= image.height * 1.6:  # the right scale already: cut, do not resample
        top = (image.height - PHOTO_SIZE[1]) // 2
        image = image.crop((0, top, PHOTO_SIZE[0], top + PHOTO_SIZE[1]))
    else:
        image = ImageOps.fit(image, PHOTO_SIZE, Image.Resampling.HAMMING)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=PHOTO_QUALITY, optimize=True, subsampling="4:2:0")
    return out.getvalue()


def ink(data: bytes) -> bytes:
    """A signature: trimmed to its strokes, grey on white, small."""
    image = _open(data).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    grey = Image.alpha_composite(paper, image).convert("L")
    if box := ImageOps.invert(grey).point(lambda v: 255 if v > 24 else 0).getbbox():
        grey = grey.crop(box)
    grey.thumbnail((INK_HEIGHT * 4, INK_HEIGHT), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    grey.quantize(16).save(out, "PNG", optimize=True)
    return out.getvalue()


def qr_code(text: str, *, on_white: bool = False) -> bytes:
    """SVG of a QR code, quiet zone included: a third of it may be dirty or folded. `on_white` draws the paper too, for dark screens."""
    out = io.BytesIO()
    segno.make(text, error="q", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True, light="white" if on_white else None)
    return out.getvalue()


def _open(data: bytes, draft: tuple[int, int] | None = None) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        if image.width * image.height > MAX_PIXELS:
            raise PictureUnreadable("照片太大，无法打印。请重新上传小一些的照片。")
        if draft:
            image.draft("RGB", draft)  # JPEG decodes at a half or a quarter
        image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise PictureUnreadable("有一张照片打不开，可能已损坏。请补传后再生成记录。") from error
    return image
