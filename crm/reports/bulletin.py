"""The weekly bulletin of alerts on A4: numbers by place and level, who is red and why, how fast alerts were taken on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.reports.layout import lay_out, write
from crm.reports.view import clean, shown, weigh_or_refuse

if TYPE_CHECKING:
    import weasyprint

MOST = {"rows": 60, "rules": 40}  # places, kinds of alerts


def laid_out(data: dict[str, Any], _images: dict[str, bytes]) -> weasyprint.Document:
    """Lay out the bulletin's data (crm/web/alerts/bulletin.py gives its shape)."""
    weigh_or_refuse(data)
    view = clean(data)
    listed = {name: shown(view[name], most) for name, most in MOST.items()}
    view |= {name: items for name, (items, _) in listed.items()}
    return lay_out("bulletin.html", ("bulletin.css",), {}, b=view, more={name: left for name, (_, left) in listed.items()}, day=_day)


def written(document: weasyprint.Document, data: dict[str, Any]) -> bytes:
    """PDF/A-3u with the bulletin's data inside."""
    return write(document, data["digest"], data["made_at"], ("bulletin.json", "预警周报数据", data))


def _day(text: str) -> str:
    """'2026-10-19' -> '2026年10月19日'."""
    return f"{text[:4]}年{int(text[5:7])}月{int(text[8:10])}日"

