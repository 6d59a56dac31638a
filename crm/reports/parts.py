"""The parts of a record, their standard order and headings, and what a pack or a shorter variant makes of them."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

BLANK = re.compile(r"\{\{\s*(unit|firm|number|day)\s*\}\}")
TITLE = "助企走访服务记录"
COPIES = "本记录一式两份，企业与走访单位各执一份。"
HEADINGS = {
    "overview": "走访概况", "firm": "企业基本情况", "people": "参加人员", "summary": "走访情况综述", "problems": "企业反映问题及办理意见",
    "suggestions": "企业意见建议", "ladder": "梯度培育对标情况", "policies": "政策宣讲与下一步", "photos": "现场影像", "sign": "签字确认",
}  # fmt: skip
PARTS = tuple(part for part in HEADINGS if part != "sign")
FACTS = ("uscc", "legal_person", "industry", "size", "registered_on", "capital", "revenue", "tax", "employees", "rd_ratio", "region", "contact", "products")
SIGNATURES = (
    {"side": "firm", "says": "企业意见：以上记录属实。", "who": "企业负责人"},
    {"side": "us", "says": "走访组意见：按分工限期办理并反馈。", "who": "带队领导"},
)
VARIANTS = {"full": "完整", "no_photos": "不含照片", "one_page": "一页摘要"}
"""The same record, longer or shorter."""
CUT = "……（见完整记录）"
ABSTRACTS = (
    {"summary": 240, "suggestions": 60, "problem": 44, "problems": 6, "people": 4, "criteria": 5, "fields": 6, "policies": 4, "facts": 13},
    {"summary": 160, "suggestions": 40, "problem": 36, "problems": 5, "people": 3, "criteria": 4, "fields": 4, "policies": 3, "facts": 8},
    {"summary": 100, "suggestions": 0, "problem": 30, "problems": 4, "people": 2, "criteria": 3, "fields": 2, "policies": 2, "facts": 6},
    {"summary": 60, "suggestions": 0, "problem": 24, "problems": 3, "people": 2, "criteria": 0, "fields": 0, "policies": 1, "facts": 4},
)
"""What is printed of a record that must fit one page, in characters and rows: the first that fits is taken."""


def fill(text: str, blanks: dict[str, str]) -> str:
    """Put the record's own words into a pack's text; unknown blanks were refused when the pack was loaded."""
    return BLANK.sub(lambda found: blanks[found[1]], text)


def shorten(record: dict[str, Any], variant: str, most: Mapping[str, int] = ABSTRACTS[0]) -> dict[str, Any]:
    """The record as a variant prints it. What is cut says where the whole is."""
    if variant == "full":
        return record
    record = deepcopy(record)
    record["photos"] = []
    if variant == "one_page":
        visit = record["visit"]
        visit["summary"] = _clip(visit.get("summary"), most["summary"])
        visit["suggestions"] = _clip(visit.get("suggestions"), most["suggestions"])
        for name in ("people", "problems", "fields", "policies"):
            record[name] = record.get(name, [])[: most[name]]
        record["problems"] = [{**p, "title": p["title"][: most["problem"]], "detail": None} for p in record["problems"]]
        record["ladder"] = _short_ladder(record.get("ladder"), most["criteria"])
        layout = record.setdefault("layout", {}) or {}
        record["layout"] = {**layout, "facts": list(layout.get("facts") or FACTS)[: most["facts"]]}
        record["note"] = "本页为摘要，完整内容见同一编号的完整记录。"
    return record


def _clip(text: str | None, most: int) -> str | None:
    text = " ".join((text or "").split())
    return (text if len(text) <= most else text[:most] + CUT) if text and most else None


def _short_ladder(ladder: dict[str, Any] | None, most: int) -> dict[str, Any] | None:
    """The place, and of the first test with something short that much of it."""
    if not ladder:
        return None
    open_ = [t for t in ladder.get("tests", []) if any(c["state"] in ("unmet", "unknown") for c in t["criteria"])]
    return {**ladder, "tests": [{**test, "most": most} for test in open_[:1]] if most else []}
