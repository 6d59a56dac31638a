"""A kind of paper, its data and its pictures in, PDF bytes out: no database, no network, no clock, no user's template.

Runs in a child process (crm/reports/child.py) that the pool limits. The same data gives the same bytes: identifier and
dates come from the data. A further kind is a module with a template and one line in PAPERS.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crm.core.errors import CrmError
from crm.reports.fonts import CharactersMissing
from crm.reports.layout import missing_glyphs

if TYPE_CHECKING:
    from typing import Protocol

    import weasyprint

    class Paper(Protocol):
        """What a module of PAPERS offers."""

        def laid_out(self, data: dict[str, Any], images: dict[str, bytes]) -> weasyprint.Document:
            """The pages of one paper."""

        def written(self, document: weasyprint.Document, data: dict[str, Any]) -> bytes:
            """Their bytes."""


PAPERS = {
    "bulletin": "crm.reports.bulletin",
    "record": "crm.reports.record",
    "briefing": "crm.reports.briefing",
    "slip": "crm.reports.slip",
}
"""Kind -> module with `laid_out` and `written`."""


class RenderFailed(CrmError):
    """The paper cannot be laid out; the message says what to do."""

    status = 422


@dataclass(frozen=True, slots=True)
class Rendered:
    """The finished document."""

    pdf: bytes
    pages: int


def render(kind: str, data: dict[str, Any], images: dict[str, bytes]) -> Rendered:
    """Lay out one paper with `images` by attachment id.

    Raises CharactersMissing when a face lacks a character, RenderFailed when the data is too large or the kind unknown.
    """
    if kind not in PAPERS:
        raise RenderFailed(f"没有“{kind}”这种文书。")
    paper: Paper = import_module(PAPERS[kind])  # type: ignore[assignment]
    with missing_glyphs() as found:
        document = paper.laid_out(data, images)
        pdf = paper.written(document, data)
    if found:
        raise CharactersMissing("".join(dict.fromkeys(found)))
    return Rendered(pdf, len(document.pages))
