"""WeasyPrint as every paper uses it: a closed fetcher, sheets parsed once a process, PDF/A-3u with tags, the same bytes each time.

Needs the system library Pango; WeasyPrint is imported on first use.
"""

from __future__ import annotations

import json
import logging
import re
import zlib
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crm.reports import swift

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pydyf
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

TEMPLATES = Path(__file__).parent / "templates"
NUMERALS = tuple("一二三四五六七八九十")
COMPRESSION = 7
FINE_DECIMALS = re.compile(rb"(?<=\.\d{3})\d+")  # thousandths of a pixel: 0.3 µm
QUANTITY = re.compile(r"(?<=[≥≤＞＜><=±约差])\s(?=[\d−-])|(?<=\d)\s(?=[一-鿿%％‰℃])")
MONEY_UNIT = re.compile(r"(?<=[万亿千])(?=元)")
VARIANT = "pdf/a-3u"
RANGE = b"/ByteRange[0 0000000000 0000000000 0000000000]"  # of a seal, before it is known


def lay_out(template: str, sheets: Iterable[str], pictures: dict[str, tuple[str, bytes]], **values: Any) -> weasyprint.Document:
    """Fill `template` and lay it out with `sheets` (file names of this folder); `pictures` is all that it may show, by address."""
    numerals = iter(NUMERALS)
    text = _environment().get_template(template).render(no=lambda: f"{next(numerals)}、", **values)
    parsed = [_sheet(name) for name in sheets]
    return _page()(text, fetcher()(pictures)).render(font_config=_fonts(), stylesheets=parsed, pdf_tags=True, pdf_variant=VARIANT)


def write(
    document: weasyprint.Document, identifier: str, made_at: str, attached: tuple[str, str, dict[str, Any]] | None, gap: dict[str, Any] | None = None
) -> bytes:
    """The bytes. `identifier` is a hexadecimal digest, `made_at` ISO 8601, `attached` (file name, description, data).

    `gap` is the place for a seal (crm.reports.seal.Seal.gap), left open.
    """
    options: dict[str, Any] = {}
    if attached:
        import weasyprint

        at = datetime.fromisoformat(made_at)
        content = json.dumps(attached[2], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        options["attachments"] = [weasyprint.Attachment(string=content, name=attached[0], description=attached[1], created=at, modified=at, relationship="Data")]
    return document.write_pdf(pdf_identifier=bytes.fromhex(identifier)[:16], pdf_variant=VARIANT, pdf_tags=True, finisher=partial(_settle, gap), **options)  # type: ignore[no-any-return]


def _settle(gap: dict[str, Any] | None, _document: weasyprint.Document, pdf: pydyf.PDF) -> None:
    """Put every object into bytes once: with an identifier pydyf would compress each stream a second time for its hash."""
    if gap:
        _leave_open(pdf, gap)
    pdf.objects[1:] = [_settled()(object_) for object_ in pdf.objects[1:]]


def _leave_open(pdf: pydyf.PDF, gap: dict[str, Any]) -> None:
    """A signature field without a picture on the first page, its contents to be filled in by the caller."""
    import pydyf

    class Plain(pydyf.Object):
        compressible = False  # must stand in the file as it is
        data = b""

    value, field, name = Plain(), Plain(), gap["name"].encode("utf-16-be").hex()
    value.data = (
        f"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/Contents<{gap['mark'].ljust(gap['digits'], '0')}>"
        f"{RANGE.decode()}/M({gap['at']})/Name<feff{name}>>>"
    ).encode()
    pdf.add_object(value)
    pdf.add_object(field)
    page = pdf.objects[pdf.pages["Kids"][0]]
    at = page.reference.decode()
    field.data = f"<</Type/Annot/Subtype/Widget/FT/Sig/T(seal)/F 132/Rect[0 0 0 0]/P {at}/V {value.reference.decode()}>>".encode()
    page["Annots"] = pydyf.Array([*page.get("Annots", []), field.reference])
    pdf.catalog["AcroForm"] = pydyf.Dictionary({"Fields": pydyf.Array([field.reference]), "SigFlags": 3})


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
        raw = FINE_DECIMALS.sub(b"", raw).replace(b">0<", b"")
    stream.stream, stream.extra = [zlib.compress(raw, COMPRESSION)], {**stream.extra, "Filter": "/FlateDecode"}


@cache
def fetcher() -> type:
    """A fetcher that knows the pictures of one document and opens nothing: no protocol is allowed."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Closed(URLFetcher):
        def __init__(self, pictures: dict[str, tuple[str, bytes]]) -> None:
            super().__init__(allowed_protocols=(), allow_redirects=False)
            self._pictures = pictures

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002  # WeasyPrint's signature
            if url not in self._pictures:
                raise ValueError(f"not part of this paper: {url[:80]}")
            kind, data = self._pictures[url]
            return URLFetcherResponse(url, data, {"Content-Type": kind})

    return Closed


@cache
def _page() -> type:
    """A WeasyPrint document read by the XML parser in C: our template is well-formed, and HTML's rules cost 4 % of a record."""
    import weasyprint
    from cssselect2 import ElementWrapper

    class Page(weasyprint.HTML):
        def __init__(self, text: str, opener: Any) -> None:
            self.base_url, self.url_fetcher, self.media_type = "none:", opener, "print"
            self.wrapper_element = ElementWrapper.from_html_root(ET.fromstring(text), content_language=None)  # noqa: S314  # own template, escaped
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:  # noqa: ARG002  # WeasyPrint's signature
            return [_sheet("elements.css")]

    return Page


@cache
def _fonts() -> FontConfiguration:
    from weasyprint.text.fonts import FontConfiguration

    swift.apply()
    return FontConfiguration()


@cache
def _sheet(name: str) -> weasyprint.CSS:
    """A parsed sheet, once per process: warm documents need 40 % less time."""
    import weasyprint

    return weasyprint.CSS(string=(TEMPLATES / name).read_text(), font_config=_fonts(), url_fetcher=fetcher()({}))


@cache
def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["units"] = keep_units
    return environment


def keep_units(text: str) -> str:
    """A number never leaves its sign or unit at the end of a line: the spaces of '≥ 1,000 万元' do not break."""
    return MONEY_UNIT.sub("\u2060", QUANTITY.sub("\u00a0", text))


class missing_glyphs:  # noqa: N801  # reads as a block
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
