"""Photos and signatures in the one size that paper takes: made when they arrive, so that printing a record need not decode them."""

from __future__ import annotations

import hashlib
import io

from PIL import Image, ImageOps

from crm.core.errors import CrmError
from crm.core.uploads import Unreadable, open_picture

RECIPE = "1"  # raise when the way prints are made changes
PHOTO_SIZE = (800, 500)  # 80 × 50 mm at 254 dpi: half of a stored photo, which JPEG decodes at no cost
PHOTO_QUALITY = 60
INK_HEIGHT = 200


class PictureUnreadable(CrmError):
    """A stored picture cannot be decoded."""

    status = 422


def photo(data: bytes) -> bytes:
    """Crop to the one shape of the 2 × 2 grid; JPEG without metadata."""
    image = ImageOps.exif_transpose(_open(data, draft=PHOTO_SIZE)).convert("RGB")
    if image.width == PHOTO_SIZE[0] <= image.height * 1.6:  # the right scale already: cut, do not resample
        top = (image.height - PHOTO_SIZE[1]) // 2
        image = image.crop((0, top, PHOTO_SIZE[0], top + PHOTO_SIZE[1]))
    else:
        image = ImageOps.fit(image, PHOTO_SIZE, Image.Resampling.HAMMING)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=PHOTO_QUALITY, optimize=True, subsampling="4:2:0", comment=b"")
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


def seal(data: bytes) -> bytes:
    """A print as it is kept: with its digest before it, so that a damaged one is known."""
    return hashlib.sha256(data).digest() + data


def unseal(kept: bytes) -> bytes | None:
    """The print, or None when the file was damaged."""
    return kept[32:] if hashlib.sha256(kept[32:]).digest() == kept[:32] else None


def _open(data: bytes, draft: tuple[int, int] | None = None) -> Image.Image:
    try:
        return open_picture(data, draft=draft)
    except Unreadable as error:
        raise PictureUnreadable("有一张照片太大或已损坏，打不开。请补传后再生成记录。") from error
