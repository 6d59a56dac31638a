"""The record of a signed visit: one page where it fits, else as many as it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.reports.layout import lay_out, write
from crm.reports.pictures import ink, print_photo, qr_code
from crm.reports.view import view_of

if TYPE_CHECKING:
    import weasyprint

    from crm.reports.sections import RecordView

COMPACT_BELOW = 1500  # characters of text above which one page is not worth trying


def laid_out(record: dict[str, Any], images: dict[str, bytes]) -> weasyprint.Document:
    """Lay out a frozen record (see crm.visits.operations.freezing for its shape)."""
    view = view_of(record, frozenset(images))
    pictures = _pictures(view, images)
    document = None
    if not view.photos and view.weight < COMPACT_BELOW:
        document = lay_out("visit.html", ("visit.css", "compact.css"), pictures, r=view)
    if document is None or len(document.pages) > 1:
        document = lay_out("visit.html", ("visit.css",), pictures, r=view)
    return document


def written(document: weasyprint.Document, record: dict[str, Any]) -> bytes:
    """PDF/A-3u with the record's data inside."""
    return write(document, record["digest"], record["signed_at"], ("visit.json", "走访记录数据", record))


def _pictures(view: RecordView, images: dict[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """Everything a record may show, by the address the template uses."""
    pictures = {"qr:": ("image/svg+xml", qr_code(view.verify_url))}
    for index, key in enumerate(view.photo_ids):
        pictures[f"photo:{index}"] = ("image/jpeg", print_photo(images[key]))
    for signature in view.signatures:
        if signature.image:
            pictures[signature.image] = ("image/png", ink(images[signature.image_id]))
    return pictures
