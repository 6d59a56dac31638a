"""走访前一页纸: what an officer should know at the gate. One sheet, lines for notes at its foot.

Data: on, officer, firm (as in a record), trend [{label, text}], promise {on, by, step, due, kept, summary} or null,
cases [{title, kind, unit, due, late}], alerts [{level, rule, text}], ladder (as in a record) or null,
policies [{title, why, draft}], ask [text].
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from crm.reports.layout import lay_out, write
from crm.reports.pictures import qr_code
from crm.reports.view import MARKS, chinese_day, clean, firm_facts, shown, weigh_or_refuse

if TYPE_CHECKING:
    import weasyprint

MOST = {"trend": 4, "cases": 6, "alerts": 4, "policies": 6, "ask": 8, "tests": 2, "criteria": 6, "summary": 160, "line": 80}
FACTS = ("legal_person", "contact", "industry", "size", "revenue", "tax", "employees", "rd_ratio", "products", "address")
LEVELS = {"red": "红", "orange": "橙", "yellow": "黄", "green": "绿", "grey": "灰"}


@dataclass(frozen=True, slots=True)
class Line:
    """A criterion that is short or unknown."""

    label: str
    required: str
    actual: str
    mark: str
    gap: str


@dataclass(frozen=True, slots=True)
class Test:
    """A test within reach, with what it lacks."""

    name: str
    draft: bool
    score: str
    source: str
    lines: tuple[Line, ...]


def laid_out(data: dict[str, Any], _images: dict[str, bytes]) -> weasyprint.Document:
    """One sheet where it fits: first with eight lines for notes, then with three."""
    weigh_or_refuse(data)
    view = _view(clean(data))
    pictures = {"qr:": ("image/svg+xml", qr_code(data["verify_url"]))}
    document = None
    for lines in (8, 3, 0):
        document = lay_out("briefing.html", ("visit.css", "compact.css", "briefing.css"), pictures, b=view, lines=lines)
        if len(document.pages) == 1:
            break
    assert document is not None
    return document


def written(document: weasyprint.Document, data: dict[str, Any]) -> bytes:
    """PDF/A-3u with the data inside."""
    return write(document, data["digest"], data["asked_at"], ("briefing.json", "走访前一页纸数据", data))


def _view(data: dict[str, Any]) -> dict[str, Any]:
    listed = {name: shown(data.get(name, []), MOST[name]) for name in ("cases", "alerts", "policies", "ask", "trend")}
    return {
        "firm": data["firm"]["name"], "day": chinese_day(date.fromisoformat(data["on"])), "unit": data["unit"], "officer": data.get("officer") or "",
        "facts": firm_facts(data["firm"], FACTS), "trend": listed["trend"][0], "more": {name: left for name, (_, left) in listed.items()}, "promise": _promise(data.get("promise")),
        "cases": listed["cases"][0], "alerts": [{**a, "level": LEVELS.get(a["level"], "")} for a in listed["alerts"][0]],
        "place": (data.get("ladder") or {}).get("place", ""), "as_of": _day((data.get("ladder") or {}).get("as_of")),
        "tests": _tests((data.get("ladder") or {}).get("tests", [])), "policies": listed["policies"][0],
        "ask": [text[: MOST["line"]] for text in listed["ask"][0]],
        "asked_at": data["asked_at"], "check_code": data["check_code"], "title": data["paper_title"],
    }  # fmt: skip


def _promise(promise: dict[str, Any] | None) -> dict[str, Any] | None:
    if not promise:
        return None
    summary = " ".join((promise.get("summary") or "").split())
    cut = summary[: MOST["summary"]] + ("……" if len(summary) > MOST["summary"] else "")
    return {**promise, "on": _day(promise["on"]), "due": _day(promise.get("due")), "summary": cut}


def _day(iso: str | None) -> str:
    return chinese_day(date.fromisoformat(iso)) if iso else ""


def _tests(tests: list[dict[str, Any]]) -> list[Test]:
    """Tests with something short, what is short before what is unknown."""
    found = []
    for test in tests:
        lines = [c for c in test["criteria"] if c["state"] in ("unmet", "unknown")]
        lines.sort(key=lambda c: c["state"] == "unknown")
        met = sum(c["state"] == "met" for c in test["criteria"])
        score = f"达到 {met} / {len(test['criteria'])} 项"
        if lines:
            shown = tuple(
                Line(c["label"], c.get("required") or "—", c.get("actual") or "无", MARKS[c["state"]], c.get("gap") or ("请企业补" if c["state"] == "unknown" else "—"))
                for c in lines[: MOST["criteria"]]
            )
            found.append(Test(test["name"], bool(test.get("draft")), score, test.get("source") or "", shown))
    return found[: MOST["tests"]]
