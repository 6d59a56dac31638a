"""Firms with a standing, for tests of pages: as evaluation leaves them, in two counties."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from crm.core.clock import now
from crm.enterprises.models import Enterprise
from crm.enterprises.operations import register_enterprise
from crm.ladder.counts import rebuild_counts
from crm.ladder.models import Standing
from crm.regions.models import Industry, Region

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

WENLING, LUQIAO = "331081", "331004"
DAXI = "331081101"
DIVISIONS = (
    ("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), (WENLING, "温岭市", "county", "331000"),
    (LUQIAO, "路桥区", "county", "331000"), (DAXI, "大溪镇", "town", WENLING), ("330800", "衢州市", "city", "330000"),
)
INDUSTRIES = (("3441", "泵及真空设备制造"), ("5131", "米、面制品及食用油批发"))
ON = date(2026, 10, 20)
STEP_BETWEEN = {"step_up": ("small", "above_size"), "grow_strong": ("above_size", "strong"), "go_public": ("strong", "listed"), "grow_large": ("listed", "large")}
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = [3**i % 31 for i in range(17)]


def uscc(number: int) -> str:
    """A valid synthetic code."""
    body = f"91331081MX{number:07d}"
    check = (31 - sum(_ALPHABET.index(c) * w for c, w in zip(body, _WEIGHTS, strict=True)) % 31) % 31
    return body + _ALPHABET[check]


def city(session: Session) -> None:
    """The few divisions and industries the pages need; loading the whole tables would be most of a test's time."""
    for code, name, level, parent in DIVISIONS:
        session.add(Region(code=code, name=name, level=level, parent_code=parent))
        session.flush()
    session.add_all(Industry(code=code, name=name, level=len(code), parent_code=code[:-1] or None, section="C") for code, name in INDUSTRIES)
    session.commit()


def firm(session: Session, name: str = "台州砚江机械有限公司", region: str = WENLING, *, officer: int | None = None, **standing: Any) -> Enterprise:
    """A firm with a standing; `place`, `near_text`, `alert_level` … go into it. `steps` defaults to an unmet next step."""
    number = (session.scalar(select(func.count()).select_from(Enterprise)) or 0) + 1
    made = register_enterprise(session, {"uscc": uscc(number), "name": name, "region_code": region, "industry_code": "3441"}, by=None, at=now())
    made.officer_id = officer
    place = standing.get("place", "small")
    step = next((s for s, (low, _) in STEP_BETWEEN.items() if low == place), None)
    steps = {s: {"state": "unmet", "proposes": False, "item": None, "missing": 1, "unknown": 0, "per_mille": 900} for s in STEP_BETWEEN}
    values = {
        "place": place, "tier": place, "steps": steps, "active_step": step, "pools": [], "titles": [], "near_missing": 1, "near_ratio": 900,
        "near_text": "规模以上工业 差 87 万元", "evaluated_on": ON, "revenue_year": 2025, "revenue_last": 19_130_000, **standing,
    }
    session.add(Standing(enterprise_id=made.id, region_code=region, **values))
    session.commit()
    return made


def met(**standing: Any) -> dict[str, Any]:
    """Standing values of a small firm whose next step is met."""
    steps = {s: {"state": "unmet", "proposes": False, "item": None, "missing": 3, "unknown": 0, "per_mille": 100} for s in STEP_BETWEEN}
    steps["step_up"] = {"state": "met", "proposes": True, "item": "register", "missing": 0, "unknown": 0, "per_mille": 1000}
    return {"steps": steps, "tier": "above_size", **standing}


def counted(session: Session) -> None:
    """The snapshot counts of what is there."""
    rebuild_counts(session, now())
    session.commit()
