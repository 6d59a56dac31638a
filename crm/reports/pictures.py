"""Pictures of a paper: prints of photos and signatures as they came with the visit, or made here, where hostile bytes do no harm; QR codes."""

from __future__ import annotations

import io

import segno

from crm.core import prints

READY = "print:"
"""Before the id of a picture that is a print already."""


def photo_of(images: dict[str, bytes], key: str) -> bytes:
    """The print of a photo."""
    return images.get(READY + key) or prints.photo(images[key])


def ink_of(images: dict[str, bytes], key: str) -> bytes:
    """The print of a signature."""
    return images.get(READY + key) or prints.ink(images[key])


def keys_of(images: dict[str, bytes]) -> frozenset[str]:
    """Ids of the pictures that came along, ready or not."""
    return frozenset(key.removeprefix(READY) for key in images)


def qr_code(text: str, *, on_white: bool = False) -> bytes:
    """SVG of a QR code, quiet zone included: a third of it may be dirty or folded. `on_white` draws the paper too, for dark screens."""
    out = io.BytesIO()
    segno.make(text, error="q", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True, light="white" if on_white else None)
    return out.getvalue()
