"""Every kind of paper against what somebody may type: markup that would fetch, and text that would choke the layout."""

from __future__ import annotations

import copy
import io
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader

from crm.core.errors import CrmError
from crm.reports.render import PAPERS
from tests.reports.samples import DIGEST, short_record
from tests.reports.test_papers import SLIP, card
from tests.reports.test_record import PROBES, text_of

if TYPE_CHECKING:
    from crm.reports.pool import RenderPool

BULLETIN = {
    "title": "企业预警周报", "place": "青禾市", "since": "2026-03-16", "until": "2026-03-22", "made_at": "2026-03-22T08:00+08:00", "running": True, "counted": True,
    "data_month": "2026-02", "rows": [["经开区", 1, 0, 2, 0, 3, 1, 1, 0, "2 天"]], "total": ["合计", 1, 0, 2, 0, 3, 1, 1, 0, "2 天"],
    "levels": [{"level": level, "name": name, "number": 1, "change": "与上周持平"} for level, name in (("red", "红"), ("orange", "橙"), ("yellow", "黄"), ("grey", "灰"))],
    "raised": 1, "handled": 1, "closed": 0, "waiting": 1, "median": "2 天", "coverage": "100 %", "rules": [["退库预警", 1, 1, 0]],
    "red": [], "red_more": False, "digest": DIGEST,
}  # fmt: skip
FIXED = {
    "digest", "check_code", "verify_url", "asked_at", "made_at", "signed_at", "started_at", "ended_at", "on", "received_on", "due_on", "due", "next_on", "since", "until", "as_of", "registered_on",
    "level", "urgency", "state", "side", "id", "kind", "schema", "number", "variant", "rows", "total", "rules",
}  # fmt: skip
"""What the product writes itself: days, codes and figures."""


def sample(kind: str) -> dict[str, Any]:
    """Small data of a kind; a record also as its abstract."""
    return copy.deepcopy({"bulletin": BULLETIN, "briefing": card(), "slip": SLIP, "record": {**short_record(), "variant": "one_page"}}[kind])


def everywhere(value: Any, text: str) -> Any:
    """The data with `text` in place of all that people write."""
    if isinstance(value, dict):
        return {key: held if key in FIXED else everywhere(held, text) for key, held in value.items()}
    if isinstance(value, list):
        return [everywhere(held, text) for held in value]
    return text if isinstance(value, str) else value


def longest(value: Any, rows: int) -> Any:
    """The data with every list that many times as long."""
    if isinstance(value, dict):
        return {key: longest(held, rows) for key, held in value.items()}
    return value * rows if isinstance(value, list) else value


CHOKING = {
    "one word without end": lambda data: everywhere(data, "W" * 400),
    "a thousand lines": lambda data: everywhere(data, "行\n" * 300),
    "directions and controls": lambda data: everywhere(data, "\u202eثمن\u2066\x00\x07\x1b[31m￾正文"),
    "thousands of rows": lambda data: longest(data, 3000),
    "marks upon marks": lambda data: everywhere(data, "a" + "\u0301" * 600),
}


@pytest.mark.parametrize("kind", PAPERS)
@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_markup_in_a_paper_is_text_and_fetches_nothing(pool: RenderPool, kind: str, probe: str) -> None:
    pdf = pool.render(everywhere(sample(kind), probe), {}, kind).pdf
    assert (b"root:x:0" in pdf, len(PdfReader(io.BytesIO(pdf)).attachments), probe[:9].replace(" ", "") in text_of(pdf)) == (False, 1, True)


@pytest.mark.parametrize("kind", PAPERS)
@pytest.mark.parametrize("choking", CHOKING.values(), ids=CHOKING)
def test_a_choking_paper_is_printed_or_refused_in_words_and_the_next_is_printed(pool: RenderPool, kind: str, choking: Any) -> None:
    try:
        done = pool.render(choking(sample(kind)), {}, kind)
    except CrmError as refusal:
        assert refusal.message  # noqa: PT017  (either outcome is right; silence and a hang are not)
    else:
        assert done.pages
    assert pool.render(SLIP, {}, "slip").pages == 1


def test_a_slip_for_thirty_units_names_the_first_and_their_number(pool: RenderPool) -> None:
    text = text_of(pool.render({**SLIP, "co_units": [f"单位{n}" for n in range(30)]}, {}, "slip").pdf)
    assert ("等30个单位" in text, "单位29" in text) == (True, False)
