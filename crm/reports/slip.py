"""企业诉求交办单: what a unit is asked to do, by when and why, with the part it fills in and sends back.

Data: number, on, title, firm, place, contact, source, received_on, kind, urgency, text, lead, co_units [name], due_on, due_text,
rule, is_provisional, requirements [text], signer.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from crm.reports.layout import lay_out, write
from crm.reports.pictures import qr_code
from crm.reports.view import chinese_day, clean, unit_size, weigh_or_refuse

if TYPE_CHECKING:
    import weasyprint

MOST = {"co_units": 12, "requirements": 12}


def laid_out(data: dict[str, Any], _images: dict[str, bytes]) -> weasyprint.Document:
    """One sheet; a long text takes a second."""
    weigh_or_refuse(data)
    view = _view(clean(data))
    return lay_out("slip.html", ("visit.css", "slip.css"), {"qr:": ("image/svg+xml", qr_code(data["verify_url"]))}, s=view)


def written(document: weasyprint.Document, data: dict[str, Any]) -> bytes:
    """PDF/A-3u with the data inside."""
    return write(document, data["digest"], data["asked_at"], ("slip.json", "交办单数据", data))


def _view(data: dict[str, Any]) -> dict[str, Any]:
    days = {name: chinese_day(date.fromisoformat(data[name])) if data.get(name) else "" for name in ("on", "received_on", "due_on")}
    text = data.get("text") or ""
    return {
        **data, **days, "unit_size": unit_size(data["unit"]), "urgent": data.get("urgency") == "urgent",
        "paragraphs": [p for line in text.splitlines() if (p := line.strip())], "co_units": _listed(data.get("co_units", [])),
        "requirements": data.get("requirements", [])[: MOST["requirements"]], "more": max(0, len(data.get("requirements", [])) - MOST["requirements"]),
    }  # fmt: skip


def _listed(names: list[str]) -> str:
    """Names beside each other; of many the first, and how many there are."""
    most = MOST["co_units"]
    return ("、".join(names[:most]) + (f"等 {len(names)} 个单位，名单见系统" if len(names) > most else "")) or "无"
