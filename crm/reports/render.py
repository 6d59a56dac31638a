"""A frozen visit record and its pictures in, PDF bytes out: no database, no network, no clock, no user's template.

Runs in a child process (crm/reports/child.py) that the pool limits. Needs the system library Pango; WeasyPrint is
imported on first use. The same record gives the same bytes: identifier and dates come from the record.
"""

from __future__ import annotations

import json
import logging
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crm.core.errors import CrmError
from crm.reports.fonts import CharactersMissing
from crm.reports.pictures import ink, print_photo, qr_code
from crm.reports.view import view_of

if TYPE_CHECKING:
    import pydyf
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    from crm.reports.sections import RecordView

TEMPLATES = Path(__file__).parent / "templates"
NUMERALS = tuple("一二三四五六七八九十")
COMPACT_BELOW = 1500  # characters of text above which one page is not worth trying
COMPRESSION = 7
FINE_DECIMALS = re.compile(rb"(\.\d{3})\d+")  # thousandths of a pixel: 0.3 µm
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
    numerals = iter(NUMERALS)
    text = _template().render(r=view, no=lambda: f"{next(numerals)}、")
    styles = _styles()
    sheets = [styles.full, styles.tight] if compact else [styles.full]
    return _page()(text, fetcher).render(font_config=styles.fonts, stylesheets=sheets, pdf_tags=True, pdf_variant="pdf/a-3u")


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
        "finisher": _settle,
    }


def _settle(_document: weasyprint.Document, pdf: pydyf.PDF) -> None:
    """Put every object into bytes once: with an identifier pydyf would compress each stream a second time for its hash."""
    pdf.objects[1:] = [_settled()(object_) for object_ in pdf.objects[1:]]


@cache
def _settled() -> type:
    import pydyf
    from weasyprint.pdf.stream import Stream as Drawing

    class Settled(pydyf.Object):
        data = compressible = None  # plain attributes instead of properties that work each time they are asked

        def __init__(self, object_: pydyf.Object) -> None:
            super().__init__()
            self.number, self.generation, self.free = object_.number, object_.generation, object_.free
            self.compressible = object_.compressible
            if isinstance(object_, pydyf.Stream) and object_.compress:
                _deflate(object_, drawing=isinstance(object_, Drawing))
            self.data = object_.data

    return Settled


def _deflate(stream: pydyf.Stream, *, drawing: bool) -> None:
    """Compress at a level that is twice as fast as the highest for 0.6 % more bytes; a drawing is first made terse."""
    stream.compress = False
    raw = stream.data.partition(b"\nstream\n")[2].removesuffix(b"\nendstream")
    if drawing:
        raw = FINE_DECIMALS.sub(rb"\1", raw).replace(b">0<", b"")
    stream.stream, stream.extra = [zlib.compress(raw, COMPRESSION)], {**stream.extra, "Filter": "/FlateDecode"}


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
def _page() -> type:
    """A WeasyPrint document read by the XML parser in C: our template is well-formed, and HTML's rules cost 4 % of a record."""
    import weasyprint
    from cssselect2 import ElementWrapper

    class Page(weasyprint.HTML):
        def __init__(self, text: str, fetcher: Any) -> None:
            self.base_url, self.url_fetcher, self.media_type = "none:", fetcher, "print"
            self.wrapper_element = ElementWrapper.from_html_root(ET.fromstring(text), content_language=None)  # noqa: S314  # own template, escaped
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:  # noqa: ARG002  # WeasyPrint's signature
            return [_styles().elements]

    return Page


class _Styles(NamedTuple):
    fonts: FontConfiguration
    elements: weasyprint.CSS
    full: weasyprint.CSS
    tight: weasyprint.CSS


@cache
def _styles() -> _Styles:
    """Font configuration and parsed sheets, once per process: warm documents need 40 % less time."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    sheets = [
        weasyprint.CSS(string=(TEMPLATES / name).read_text(), font_config=fonts, url_fetcher=_fetcher()({}))
        for name in ("elements.css", "visit.css", "compact.css")
    ]
    return _Styles(fonts, *sheets)


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
