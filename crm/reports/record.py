"""The record of a signed visit: one page where it fits, else as many as it needs."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from crm.reports.layout import lay_out, write
from crm.reports.parts import ABSTRACTS, shorten
from crm.reports.pictures import ink_of, keys_of, photo_of, qr_code
from crm.reports.view import view_of

if TYPE_CHECKING:
    import weasyprint

    from crm.reports.sections import RecordView

COMPACT = ("visit.css", "compact.css")
COMPACT_BELOW = 1500  # characters of text above which one page is not worth trying


def laid_out(record: dict[str, Any], images: dict[str, bytes]) -> weasyprint.Document:
    """Lay out a frozen record (see crm.visits.operations.freezing for its shape)."""
    if record.get("variant") == "one_page":
        return _abstract(record, images)
    view = view_of(shorten(record, record.get("variant", "full")), keys_of(images))
    pictures = _pictures(view, images)
    document = None
    if not view.photos and view.weight < COMPACT_BELOW:
        document = lay_out("visit.html", COMPACT, pictures, r=view)
    if document is None or len(document.pages) > 1:
        document = lay_out("visit.html", ("visit.css",), pictures, r=view)
    return document


def _abstract(record: dict[str, Any], images: dict[str, bytes]) -> weasyprint.Document:
    """One page: less and less of the record, until it fits."""
    for most in ABSTRACTS:
        view = view_of(shorten(record, "one_page", most), keys_of(images))
        document = lay_out("visit.html", COMPACT, _pictures(view, images), r=view)
        if len(document.pages) == 1:
            break
    return document


def written(document: weasyprint.Document, record: dict[str, Any]) -> bytes:
    """PDF/A-3u with the record's data inside, and room for a seal where one is wanted."""
    variant = record.get("variant", "full")
    identifier = record["digest"] if variant == "full" else sha256(f"{record['digest']} {variant}".encode()).hexdigest()
    told = {key: value for key, value in record.items() if key != "seal"}
    return write(document, identifier, record["signed_at"], ("visit.json", "走访记录数据", told), record.get("seal"))


def _pictures(view: RecordView, images: dict[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """Everything a record may show, by the address the template uses."""
    pictures = {"qr:": ("image/svg+xml", qr_code(view.verify_url))}
    for index, key in enumerate(view.photo_ids):
        pictures[f"photo:{index}"] = ("image/jpeg", photo_of(images, key))
    for signature in view.signatures:
        if signature.image:
            pictures[signature.image] = ("image/png", ink_of(images, signature.image_id))
    return pictures
