"""A frozen visit record and its pictures in, PDF bytes out: no database, no network, no clock, no user's template.

Runs in a child process (crm/reports/child.py) that the pool limits. Needs the system library Pango; WeasyPrint is
imported on first use. The same record gives the same bytes: identifier and dates come from the record.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crm.core.errors import CrmError
from crm.reports.fonts import CharactersMissing
from crm.reports.pictures import ink, print_photo, qr_code
from crm.reports.view import RecordView, view_of

if TYPE_CHECKING:

    import weasyprint

TEMPLATES = Path(__file__).parent / "templates"
NUMERALS = tuple("一二三四五六七八九十")
COMPACT_BELOW = 1500  # characters of text above which one page is not worth trying
QUANTITY = re.compile(r"(?<=[≥≤＞＜><=±约差])\s(?=[\d−-])|(?<=\d)\s(?=[一-鿿%％‰℃])")

MONEY_UNIT = re.compile(r"(?<=[万亿千])(?=元)")


class RenderFailed(CrmError):
    """The record cannot be laid out; the message says what to do."""

    status = 422


@dataclass(frozen=True, slots=True)
class Rendered:
    """The finished document."""

    pdf: bytes
    pages: int


def render_record(record: dict[str, Any], images: dict[str, bytes]) -> Rendered:
    """Lay out `record` (see crm.visits.freezing for its shape) with `images` by attachment id.

    Raises CharactersMissing when a face lacks a character, RenderFailed when the record is too large.
    """
    view = view_of(record, frozenset(images))
    fetcher = _fetcher()(_pictures(view, images))
    with _warnings() as found:
        document = None
        if not view.photos and view.weight < COMPACT_BELOW:
            document = _lay_out(view, fetcher, compact=True)
        if document is None or len(document.pages) > 1:
            document = _lay_out(view, fetcher, compact=False)
        pdf = document.write_pdf(**_options(record, view))
    if found:
        raise CharactersMissing("".join(dict.fromkeys(found)))
    return Rendered(pdf, len(document.pages))


def _lay_out(view: RecordView, fetcher: Any, *, compact: bool) -> weasyprint.Document:
    import weasyprint

    numerals = iter(NUMERALS)
    text = _template().render(r=view, no=lambda: f"{next(numerals)}、")
    html = weasyprint.HTML(string=text, url_fetcher=fetcher, base_url="none:")
    fonts, full, tight = _styles()
    sheets = [full, tight] if compact else [full]
    return html.render(font_config=fonts, stylesheets=sheets, pdf_tags=True, pdf_variant="pdf/a-3u")


def _options(record: dict[str, Any], view: RecordView) -> dict[str, Any]:
    import weasyprint

    signed = datetime.fromisoformat(view.signed_iso)
    content = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    attached = weasyprint.Attachment(
        string=content, name="visit.json", description="走访记录数据", created=signed, modified=signed, relationship="Data"
    )
    return {
        "attachments": [attached],
        "pdf_identifier": bytes.fromhex(view.digest)[:16],
        "pdf_variant": "pdf/a-3u",
        "pdf_tags": True,
    }


def _pictures(view: RecordView, images: dict[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """Everything a document may show, by the address the template uses."""
    pictures = {"qr:": ("image/svg+xml", qr_code(view.verify_url))}
    for index, key in enumerate(view.photo_ids):
        pictures[f"photo:{index}"] = ("image/jpeg", print_photo(images[key]))
    for signature in view.signatures:
        if signature.image:
            pictures[signature.image] = ("image/png", ink(images[signature.image_id]))
    return pictures


@cache
def _fetcher() -> type:
    """A fetcher that knows the pictures of one document and opens nothing: no protocol is allowed."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Closed(URLFetcher):
        def __init__(self, pictures: dict[str, tuple[str, bytes]]) -> None:
            super().__init__(allowed_protocols=(), allow_redirects=False)
            self._pictures = pictures

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002  # WeasyPrint's signature
            if url not in self._pictures:
                raise ValueError(f"not part of this record: {url[:80]}")
            kind, data = self._pictures[url]
            return URLFetcherResponse(url, data, {"Content-Type": kind})

    return Closed


@cache
def _styles() -> tuple[Any, Any, Any]:
    """Font configuration and parsed sheets, once per process: warm documents need 40 % less time."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    sheets = [
        weasyprint.CSS(string=(TEMPLATES / name).read_text(), font_config=fonts, url_fetcher=_fetcher()({}))
        for name in ("visit.css", "compact.css")
    ]
    return fonts, *sheets


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["units"] = keep_units
    return environment.get_template("visit.html")


def keep_units(text: str) -> str:
    """A number never leaves its sign or unit at the end of a line: the spaces of '≥ 1,000 万元' do not break."""
    return MONEY_UNIT.sub("\u2060", QUANTITY.sub("\u00a0", text))


class _warnings:  # noqa: N801  # reads as a block
    """Collects the characters WeasyPrint had no glyph for, quietly."""

    def __enter__(self) -> list[str]:
        self.found: list[str] = []
        self.handler = _Collect(self.found)
        self.logger = logging.getLogger("weasyprint")
        self.logger.addHandler(self.handler)
        return self.found

    def __exit__(self, *_error: object) -> None:
        self.logger.removeHandler(self.handler)


class _Collect(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.found = found

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith(".notdef") and isinstance(record.args, tuple):
            self.found.append(str(record.args[0]))
