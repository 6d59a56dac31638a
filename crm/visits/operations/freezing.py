"""What a record says, for good: taken from the tables once, at sign-off, as plain JSON.

Shape: schema, number, unit, notice, signed_at, author, verify_base; visit {kind, started_at, ended_at, place, summary,
suggestions, next_step, next_on}; enterprise (figures in 元, missing ones null); people [{side, name, unit, title}];
problems [{kind, urgency, title, detail, lead_unit, due_on}]; policies [{title, draft}]; fields [{label, value}];
told [{label, yuan}]; ladder {place, as_of, pack_hash, tests [{name, source, draft, criteria [{label, state, required,
actual, gap, clause}]}]} or null; layout {title, notice, copies, parts, headings, facts, signatures}, each optional; photos [{id, caption, sha256}]; signatures [{side, id, on, sha256}].
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.core.clock import local
from crm.enterprises.models import Contact, Enterprise
from crm.indicators.queries import filings_frame
from crm.ladder.models import Standing
from crm.regions.models import Industry
from crm.regions.queries import region_path
from crm.security.privacy import mask_phone
from crm.visits.schemas import TOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from crm.visits.models import Attachment, Visit
    from crm.visits.schemas import LadderStatus, Letterhead

SCHEMA = 1
SIZES = {"large": "大型", "medium": "中型", "small": "小型", "micro": "微型"}
FIGURES = ("revenue", "tax_paid", "employees", "rd_staff", "rd_expense")


def freeze(
    session: Session, visit: Visit, number: str, letterhead: Letterhead, ladder: LadderStatus | None,
    problems: Sequence[dict[str, Any]], policies: Sequence[dict[str, Any]], author: str,
) -> dict[str, Any]:
    """The frozen content of a visit whose people and attachments are loaded."""
    return {
        "schema": SCHEMA, "number": number, "unit": letterhead.unit, "notice": letterhead.notice, "uuid": visit.uuid,
        "signed_at": visit.signed_at.isoformat() if visit.signed_at else None, "author": author,
        "verify_base": letterhead.verify_base, "layout": dict(letterhead.layout),
        "visit": _visit(visit),
        "enterprise": enterprise_facts(session, visit.enterprise, local(visit.started_at).year),
        "people": [{"side": p.side, "name": p.name, "unit": p.unit, "title": p.title} for p in visit.people],
        "problems": list(problems), "policies": list(policies),
        "fields": _fields(visit, letterhead), "told": told_of(visit),
        "ladder": _ladder(ladder),
        "photos": [_photo(a) for a in visit.attachments if a.role == "photo"],
        "signatures": [_signature(a) for a in visit.attachments if a.role.startswith("signature")],
    }  # fmt: skip


def told_of(visit: Visit) -> list[dict[str, Any]]:
    """Figures the firm told, labelled, in 元."""
    told = (visit.fields or {}).get("told") or {}
    return [{"label": label, "yuan": told[key]} for key, label in TOLD.items() if key in told]


def _visit(visit: Visit) -> dict[str, Any]:
    return {
        "kind": visit.kind, "started_at": visit.started_at.isoformat(),
        "ended_at": visit.ended_at.isoformat() if visit.ended_at else None, "place": visit.place,
        "summary": visit.summary, "suggestions": visit.suggestions, "next_step": visit.next_step,
        "next_on": visit.next_on.isoformat() if visit.next_on else None,
    }  # fmt: skip


def enterprise_facts(session: Session, firm: Enterprise, year: int) -> dict[str, Any]:
    """Identity and the latest annual figures before `year` (else of `year` − 2); missing is null."""
    industry = session.get(Industry, firm.industry_code) if firm.industry_code else None
    standing = session.get(Standing, firm.id)
    figures_year, figures = _annual(session, firm.id, year)
    contact = session.scalar(
        select(Contact).where(Contact.enterprise_id == firm.id, Contact.ended_on.is_(None)).order_by(Contact.is_primary.desc(), Contact.id).limit(1)
    )
    path = "".join(r.name for r in region_path(session, firm.region_code) if r.level != "province")
    return {
        "name": firm.name, "uscc": firm.uscc, "legal_person": firm.legal_person,
        "industry": f"{industry.section}{industry.code} {industry.name}" if industry else None,
        "size": SIZES.get(standing.size_class or "", standing.size_class) if standing else None,
        "registered_on": firm.registered_on.isoformat() if firm.registered_on else None, "capital": firm.registered_capital,
        "region": path or None, "address": firm.address, "products": firm.main_products,
        "contact": "　".join(filter(None, (contact.name, mask_phone(contact.phone)))) if contact else None,
        "figures_year": figures_year, "revenue": figures.get("revenue"), "tax": figures.get("tax_paid"),
        "employees": figures.get("employees"), "rd_staff": figures.get("rd_staff"), "rd_ratio": _ratio(figures),
    }  # fmt: skip


def _annual(session: Session, enterprise_id: int, year: int) -> tuple[int | None, dict[str, int]]:
    wanted = [(str(y), "period") for y in (year - 1, year - 2)]
    rows = filings_frame(session, wanted, FIGURES, enterprise_ids=[enterprise_id]).sort("period", descending=True).to_dicts()
    for row in rows:
        figures = {name: row[name] for name in FIGURES if row[name] is not None}
        if figures:
            return int(row["period"]), figures
    return None, {}


def _ratio(figures: dict[str, int]) -> str | None:
    """Research expenditure over revenue with two decimals, cut, not rounded: 2.999 % must not read 3.00 %."""
    spent, revenue = figures.get("rd_expense"), figures.get("revenue")
    if spent is None or not revenue or spent < 0 or revenue < 0:
        return None
    return f"{spent * 10_000 // revenue // 100}.{spent * 10_000 // revenue % 100:02} %"


def _fields(visit: Visit, letterhead: Letterhead) -> list[dict[str, str]]:
    found = []
    for key, (label, unit) in letterhead.fields.items():
        value = (visit.fields or {}).get(key)
        if value not in (None, "", []):
            text = "、".join(str(v) for v in value) if isinstance(value, list) else str(value)
            found.append({"label": label, "value": f"{text} {unit}" if unit else text})
    return found


def _ladder(ladder: LadderStatus | None) -> dict[str, Any] | None:
    if ladder is None:
        return None
    frozen = asdict(ladder)
    frozen["as_of"] = ladder.as_of.isoformat()
    for test in frozen["tests"]:
        test["criteria"] = list(test["criteria"])
    frozen["tests"] = list(frozen["tests"])
    return frozen


def _photo(attachment: Attachment) -> dict[str, Any]:
    return {"id": attachment.uuid, "caption": attachment.caption, "sha256": attachment.sha256}


def _signature(attachment: Attachment) -> dict[str, Any]:
    day = local(attachment.created_at).date().isoformat()
    return {"side": attachment.role.removeprefix("signature_"), "id": attachment.uuid, "on": day, "sha256": attachment.sha256}
