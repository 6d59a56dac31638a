"""Every kind of paper against what somebody may type: markup that would fetch, and text that would choke the layout."""

from __future__ import annotations

import copy
import io
import socket
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from pypdf import PdfReader

from crm.core.errors import CrmError
from crm.reports.render import PAPERS
from tests.reports.samples import DIGEST, full_record, short_record
from tests.reports.test_papers import SLIP, card
from tests.reports.test_record import PROBES, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def nested(depth: int) -> dict[str, Any]:
    """Boxes in boxes."""
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"x": inner}
    return inner


CHOKING = {
    "one word without end": lambda data: everywhere(data, "W" * 400),
    "a thousand lines": lambda data: everywhere(data, "行\n" * 300),
    "directions and controls": lambda data: everywhere(data, "\u202eثمن\u2066\x00\x07\x1b[31m￾正文"),
    "ten thousand lines": lambda data: everywhere(data, "行\n" * 10_000),
    "nesting without end": lambda data: {**data, "x": nested(5000)},
    "the wrong kinds of fields": lambda data: dict.fromkeys(data, 7),
    "thousands of rows": lambda data: longest(data, 3000),
    "marks upon marks": lambda data: everywhere(data, "a" + "\u0301" * 600),
}


def before_all(value: Any, turns: Iterator[str]) -> Any:
    """The data with the next text of `turns` before each that people write."""
    if isinstance(value, dict):
        return {key: held if key in FIXED else before_all(held, turns) for key, held in value.items()}
    if isinstance(value, list):
        return [before_all(held, turns) for held in value]
    return next(turns) + value if isinstance(value, str) else value


@pytest.mark.parametrize("kind", [*PAPERS, "full", "no_photos"])
def test_six_ways_to_fetch_in_turn_in_every_field_reach_no_server_and_no_file(pool: RenderPool, kind: str, tmp_path: Path) -> None:
    data = sample(kind) if kind in PAPERS else {**full_record()[0], "variant": kind}
    secret = tmp_path / "secret.txt"
    secret.write_text("SERVERS-OWN-FILE")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        web = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        probes = [probe.replace("http://127.0.0.1:9/", web).replace("file:///etc/passwd", secret.as_uri()) for probe in PROBES.values()]
        pdf = pool.render(before_all(data, cycle(probes)), {}, kind if kind in PAPERS else "record").pdf
        with pytest.raises(BlockingIOError):
            listening.accept()
    attached = PdfReader(io.BytesIO(pdf)).attachments
    assert (len(attached), b"SERVERS-OWN-FILE" in pdf + b"".join(blob for blobs in attached.values() for blob in blobs)) == (1, False)


@pytest.mark.parametrize("kind", PAPERS)
def test_markup_in_a_paper_is_printed_as_text(pool: RenderPool, kind: str) -> None:
    assert "<basehref=" in text_of(pool.render(everywhere(sample(kind), PROBES["base"]), {}, kind).pdf)


@pytest.mark.parametrize("kind", PAPERS)
@pytest.mark.parametrize("choking", CHOKING.values(), ids=CHOKING)
def test_a_choking_paper_is_printed_or_refused_in_words_and_the_next_is_printed(pool: RenderPool, kind: str, choking: Any) -> None:
    data, start = choking(sample(kind)), time.monotonic()
    try:
        done = pool.render(data, {}, kind)
    except CrmError as refusal:
        assert refusal.message  # noqa: PT017  (either outcome is right; silence and a hang are not)
    else:
        assert done.pages
    assert time.monotonic() - start < 11  # the pool's ten seconds, and a moment to end the child
    assert pool.render(SLIP, {}, "slip").pages == 1


def test_a_slip_for_thirty_units_names_the_first_and_their_number(pool: RenderPool) -> None:
    text = text_of(pool.render({**SLIP, "co_units": [f"单位{n}" for n in range(30)]}, {}, "slip").pdf)
    assert ("等30个单位" in text, "单位29" in text) == (True, False)


@pytest.mark.parametrize(("kind", "field", "many", "left"), [
    ("briefing", "trend", [{"label": "项", "text": "数"}] * 7, "其余3条见系统"), ("briefing", "policies", [{"title": "策", "why": "", "draft": False}] * 9, "其余3条见系统"),
    ("bulletin", "rules", [("预警", 1, 2, 3)] * 43, "其余3条见系统"), ("bulletin", "rows", [["地区", 1, 1, 1, 1, 4, 1, 1, 1, "2 天"]] * 63, "其余3条见系统"),
])  # fmt: skip
def test_a_paper_says_how_many_more_there_are(pool: RenderPool, kind: str, field: str, many: list[Any], left: str) -> None:
    assert left in text_of(pool.render({**sample(kind), field: many}, {}, kind).pdf)


def test_a_picture_of_too_many_pixels_is_refused_unopened(pool: RenderPool) -> None:
    out = io.BytesIO()
    Image.new("1", (8000, 8000)).save(out, "PNG")
    record, images = full_record()
    with pytest.raises(CrmError, match="照片太大"):
        pool.render(record, {**images, "p0": out.getvalue()})
