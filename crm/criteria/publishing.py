"""Publish a number over a pack from a day on, with its source; take it back. By people whose jurisdiction the pack speaks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from crm.core.errors import Conflict, CrmError, Invalid, NotFound
from crm.criteria.models import RuleChange
from crm.criteria.published import fits, numbers, overlaid
from crm.security.audit import record

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.security.access import Access

PUBLISHERS = ("manager", "administrator")
YEARS_AHEAD = 10


def publish(
    session: Session, access: Access, pack: Pack, target: str, *, value: str, from_on: date, document: str, clause: str, quote: str, reason: str, on: date, at: datetime
) -> RuleChange:
    """A new value from a day on. Raises Invalid for another unit, no change, or anything of the source left out."""
    _may(access, pack)
    if not 1990 < from_on.year <= on.year + YEARS_AHEAD:
        raise Invalid("起始日期不合理，请核对。", field="from_on")
    number = numbers(pack, from_on).get(target)
    if number is None:
        raise NotFound("这一天没有这个数，不能发布。")
    fits(number, value)
    told = {"document": document, "clause": clause, "quote": quote, "reason": reason}
    for name, label in (("document", "文件（文号或名称）"), ("clause", "条款"), ("quote", "原文"), ("reason", "为什么改")):
        if not told[name].strip():
            raise Invalid(f"请填写{label}：没有出处的数不能发布。", field=name)
    made = RuleChange(
        pack=pack.id, target=target, from_on=from_on, value=value.strip(), before=number.value, document=document.strip()[:200], clause=clause.strip()[:120],
        quote=quote.strip()[:2000], reason=reason.strip()[:1000], published_at=at, published_by=access.user_id,
    )
    try:
        overlaid(pack, [made]).program(from_on)
    except CrmError:
        raise
    except ValueError as error:
        raise Invalid(f"这个值放不进规则包：{error}", field="value") from None
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict("同一天起已发布过一个值，先撤销再改。") from None
    record(session, access, "rules.publish", "rule_change", made.id, region_code=pack.region, before={"value": number.value}, after={"value": made.value},
           pack=pack.id, target=target, from_on=from_on.isoformat(), document=made.document)
    return made


def revoke(session: Session, access: Access, pack: Pack, change_id: int, *, reason: str, at: datetime) -> RuleChange:
    """Take a published value back: the pack's own is in force again, the record stays."""
    _may(access, pack)
    made = session.get(RuleChange, change_id, with_for_update=True)
    if made is None or made.pack != pack.id:
        raise NotFound("没有这条发布记录。")
    if made.revoked_at is not None:
        raise Conflict("这条发布已经撤销。")
    if not reason.strip():
        raise Invalid("请写明撤销理由。", field="reason")
    made.revoked_at, made.revoked_by, made.revoke_reason = at, access.user_id, reason.strip()[:1000]
    record(session, access, "rules.revoke", "rule_change", made.id, region_code=pack.region, pack=pack.id, target=made.target)
    session.flush()
    return made


def _may(access: Access, pack: Pack) -> None:
    access.need(*PUBLISHERS)
    if pack.region is None or not access.covers(pack.region):
        raise NotFound("这个规则包管的地方不全在您的辖区内，请由上一级发布。")
