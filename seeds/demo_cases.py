"""Cases of the demo: units of the officer's county, a department user's cases, and a plausible life for each. As fictional as its firms."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select

from crm.cases.operations import Given, open_case, supervise, take_step
from crm.core.errors import CrmError
from crm.enterprises.models import Enterprise
from crm.security.access import Access, load_access
from crm.security.models import Unit, UnitMember, User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.criteria.packs import Packs

UNITS = ("市人社局", "市金融工作中心", "市供电公司", "市自然资源和规划局")
DEPARTMENT = "department"
WANTS = (  # title, kind, urgency, source, unit, days ago, steps after dispatching
    ("春节前一线操作工缺口 30 人", "labour", "urgent", "visit", 0, 6, ("take",)),
    ("二期扩产设备贷款额度不足", "finance", "normal", "visit", 1, 18, ("take", "feedback", "approve", "follow")),
    ("厂区专线负荷接近上限，想了解增容流程", "energy", "normal", "officer", 2, 15, ("take", "feedback")),
    ("相邻地块能否预留扩建", "land", "normal", "firm", 3, 30, ("take", "extend")),
    ("技改补助已公示未到账", "policy", "normal", "12345", None, 2, ()),
    ("外地技工子女入学", "life", "normal", "17687", None, 1, ()),
    ("环评变更材料口径不一", "permit", "normal", "officer", 3, 12, ("take", "feedback", "approve", "content")),
    ("出口订单回款慢，想投信用保险", "market", "normal", "visit", 1, 25, ("take", "feedback", "approve", "discontent")),
    ("数控技师招聘", "labour", "normal", "officer", 0, 40, ("take", "feedback", "approve", "follow")),
    ("货运通道早高峰限行", "other", "normal", "12345", None, 20, ("decline",)),
)


def give_cases(session: Session, packs: Packs, on: date, officer_id: int, region_code: str, department_id: int | None) -> int:
    """Units of the county and cases of the officer's firms in every stage; returns how many cases."""
    user = session.get(User, officer_id)
    firms = session.scalars(select(Enterprise).where(Enterprise.officer_id == officer_id).order_by(Enterprise.id).limit(len(WANTS) * 2)).all()
    if user is None or not firms:
        return 0
    officer = load_access(session, officer_id, user.get_full_name().strip(), ["officer"])
    lead = Access(officer_id, officer.name, frozenset({"manager"}), officer.regions)
    units = [Unit(name=name, region_code=region_code) for name in UNITS]
    session.add_all(units)
    session.flush()
    if department_id is not None:
        session.add(UnitMember(user_id=department_id, unit_id=units[0].id))
    person = Access(department_id, "责任单位", frozenset({"department"}), (), (), tuple(unit.id for unit in units))
    rules = packs.for_region(region_code).cases
    for number, (title, kind, urgency, source, unit, ago, steps) in enumerate(WANTS):
        firm, began = firms[number * 2 % len(firms)], datetime.combine(on - timedelta(days=ago), time(2, 30), UTC)
        case = open_case(
            session, officer, uuid=str(uuid5(NAMESPACE_URL, f"demo-case/{firm.uscc}/{number}")), enterprise_id=firm.id, title=title, kind=kind,
            urgency=urgency, source=source, external_no=f"示例{number:04}" if source in ("12345", "17687") else None, rules=rules, at=began,
        )  # fmt: skip
        if unit is not None:
            take_step(session, lead, case.uuid, "dispatch", Given(unit=units[unit].id), rules=rules, at=began + timedelta(hours=3))
        for day, step in enumerate(steps, 1):
            _take(session, lead, person, case.uuid, step, rules, began + timedelta(days=day))
    supervise(session, lambda _code: rules, on, datetime.combine(on, time(18), UTC) - timedelta(days=1))
    return len(WANTS)


SAID = {
    "take": Given(), "feedback": Given(note="已与企业对接，办理情况见附件说明。"), "approve": Given(note="已办理完毕并告知企业。"),
    "extend": Given(days=5, note="需等上级批复。"), "decline": Given(note="不属涉企诉求，已告知向交警部门反映。"),
}  # fmt: skip
ANSWERS = {"follow": Given(resolved=True, satisfaction=5), "content": Given(resolved=True, satisfaction=4), "discontent": Given(resolved=False, satisfaction=2)}


def _take(session: Session, lead: Access, person: Access, uuid: str, step: str, rules: object, at: datetime) -> None:
    if step in ANSWERS:
        take_step(session, lead, uuid, "follow", ANSWERS[step], rules=rules, at=at)  # type: ignore[arg-type]
        return
    who = person if step in ("take", "feedback", "extend") else lead
    try:
        take_step(session, who, uuid, step, SAID[step], rules=rules, at=at)  # type: ignore[arg-type]
    except CrmError as error:  # a demo whose data no longer fit says so
        raise RuntimeError(f"demo case {step}: {error.message}") from error
