"""A person rules what a text leaves open, decides a claim, records money paid, and takes each of these back. The rules grant nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from crm.core.errors import Conflict, Invalid, NotFound
from crm.enterprises.queries import get_visible
from crm.programmes.claims import claims
from crm.programmes.models import DECISIONS, AwardDecision, AwardPayout, AwardRuling
from crm.programmes.queries import record_of, taken_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.programmes.claims import Claim
    from crm.security.access import Access

DECIDERS = ("manager", "administrator")
MOST = 10**12
"""No award is larger: a slip of the keyboard is."""


def rule(session: Session, access: Access, pack: Pack, question: str, *, option: str, reason: str, at: datetime) -> AwardRuling:
    """Choose one of the readings a question offers. Whoever rules must see the whole place the pack speaks for."""
    access.need(*DECIDERS)
    if not access.covers(pack.region or ""):
        raise NotFound("这项裁定要由全市（县）的管理者作出。")
    asked = next((q for award in pack.book.awards for q in award.questions if q.id == question), None)
    if asked is None:
        raise NotFound("没有这个待裁定的问题。")
    if option not in asked.options:
        raise Invalid("请从列出的读法里选一种。", field="option")
    made = AwardRuling(pack=pack.id, question=question, option=option, reason=_reason(reason), ruled_at=at, ruled_by=access.user_id)
    _add(session, made, "这个问题已有裁定，先撤销再改。")
    return made


def unrule(session: Session, access: Access, pack: Pack, ruling_id: int, *, at: datetime) -> AwardRuling:
    """Take a ruling back; it stays on file."""
    access.need(*DECIDERS)
    made = session.get(AwardRuling, ruling_id, with_for_update=True)
    if made is None or made.pack != pack.id or not access.covers(pack.region or ""):
        raise NotFound("没有这项裁定。")
    if made.revoked_at is not None:
        raise Conflict("这项裁定已经撤销。")
    made.revoked_at, made.revoked_by = at, access.user_id
    session.flush()
    return made


def decide(
    session: Session, access: Access, pack: Pack, enterprise_id: int, award: str, year: int, *, state: str, amount: int | None, reason: str, on: date, at: datetime
) -> AwardDecision:
    """Grant or refuse a claim. What the rules call pending, unknown or unmet cannot be granted; everything needs a reason."""
    access.need(*DECIDERS)
    claim = claim_of(session, access, pack, enterprise_id, award, year, on)
    if state not in DECISIONS:
        raise Invalid("请选择同意或不予兑现。", field="state")
    if state == "granted" and claim.state not in {"met", "undecided"}:
        raise Conflict(f"现在不能兑现：{claim.reason}。")
    sum_ = (amount if amount is not None else claim.amount) if state == "granted" else 0
    if sum_ is None or not 0 <= sum_ <= MOST or (state == "granted" and sum_ == 0):
        raise Invalid("请填写金额（元）。", field="amount")
    if claim.amount is not None and sum_ > claim.amount:
        raise Invalid(f"不能超过文本写明的 {claim.amount:,} 元。", field="amount")
    made = AwardDecision(
        enterprise_id=enterprise_id, pack=pack.id, award=award, year=year, state=state, amount=sum_, reason=_reason(reason), claim_state=claim.state,
        pack_hash=pack.hash, decided_at=at, decided_by=access.user_id,
    )
    _add(session, made, "这一项已有决定，先撤销再改。")
    return made


def revoke(session: Session, access: Access, decision_id: int, *, at: datetime) -> AwardDecision:
    """Take a decision back while no money was paid on it."""
    access.need(*DECIDERS)
    made = session.get(AwardDecision, decision_id, with_for_update=True)
    if made is None:
        raise NotFound("没有这项决定，或者企业不在您的辖区内。")
    get_visible(session, access, made.enterprise_id)
    if made.revoked_at is not None:
        raise Conflict("这项决定已经撤销。")
    if _paid(session, made):
        raise Conflict("已经登记兑付，先撤销兑付记录。")
    made.revoked_at, made.revoked_by = at, access.user_id
    session.flush()
    return made


def pay(session: Session, access: Access, decision_id: int, *, amount: int, paid_on: date, on: date, at: datetime, document: str | None = None) -> AwardPayout:
    """Record money paid on a granted claim: never more than was granted."""
    access.need(*DECIDERS)
    decision = session.get(AwardDecision, decision_id, with_for_update=True)
    if decision is None:
        raise NotFound("没有这项决定，或者企业不在您的辖区内。")
    get_visible(session, access, decision.enterprise_id)
    if decision.state != "granted" or decision.revoked_at is not None:
        raise Conflict("这一项没有同意兑现，不能登记兑付。")
    left = decision.amount - _paid(session, decision)
    if not 0 < amount <= left:
        raise Invalid(f"金额要大于 0，且不超过未兑付的 {left:,} 元。", field="amount")
    if paid_on > on:
        raise Invalid("兑付日期不能在今天之后。", field="paid_on")
    made = AwardPayout(enterprise_id=decision.enterprise_id, pack=decision.pack, award=decision.award, year=decision.year, amount=amount, paid_on=paid_on,
                       document=(document or "").strip()[:200] or None, recorded_at=at, recorded_by=access.user_id)
    session.add(made)
    session.flush()
    return made


def record_other(session: Session, access: Access, pack: Pack, enterprise_id: int, group: str, *, document: str, amount: int, paid_on: date, on: date, at: datetime) -> AwardPayout:
    """Record money of another policy for the same matter: the award of that group is then no longer paid beside it unasked."""
    access.need(*DECIDERS)
    get_visible(session, access, enterprise_id)
    if not any(award.exclusion_group == group for award in pack.book.awards):
        raise Invalid("没有这个不重复享受的事项。", field="group")
    if not document.strip():
        raise Invalid("请写明是哪份文件的资金。", field="document")
    if not 0 < amount <= MOST or paid_on > on:
        raise Invalid("请核对金额（元）和日期。", field="amount")
    made = AwardPayout(enterprise_id=enterprise_id, pack=pack.id, award=None, exclusion_group=group, year=paid_on.year, amount=amount, paid_on=paid_on,
                       document=document.strip()[:200], recorded_at=at, recorded_by=access.user_id)
    session.add(made)
    session.flush()
    return made


def unpay(session: Session, access: Access, payout_id: int, *, at: datetime) -> AwardPayout:
    """Take a payout record back; it stays on file."""
    access.need(*DECIDERS)
    made = session.get(AwardPayout, payout_id, with_for_update=True)
    if made is None:
        raise NotFound("没有这条兑付记录，或者企业不在您的辖区内。")
    get_visible(session, access, made.enterprise_id)
    if made.revoked_at is not None:
        raise Conflict("这条兑付记录已经撤销。")
    made.revoked_at, made.revoked_by = at, access.user_id
    session.flush()
    return made


def claim_of(session: Session, access: Access, pack: Pack, enterprise_id: int, award: str, year: int, on: date) -> Claim:
    """What the rules say now about one award of one firm for a year."""
    get_visible(session, access, enterprise_id)
    firm = record_of(session, pack, [enterprise_id])[enterprise_id]
    found = claims(pack, firm, on, taken_of(session, [enterprise_id]).get(enterprise_id, ()), (year,))
    made = next((c for c in found if c.award.id == award), None)
    if made is None:
        raise NotFound("没有这项奖补，或者它要凭材料人工认定。")
    return made


def _paid(session: Session, decision: AwardDecision) -> int:
    query = select(func.coalesce(func.sum(AwardPayout.amount), 0)).where(
        AwardPayout.enterprise_id == decision.enterprise_id, AwardPayout.award == decision.award, AwardPayout.year == decision.year, AwardPayout.revoked_at.is_(None)
    )
    return int(session.scalar(query) or 0)


def _reason(text: str) -> str:
    if not text.strip():
        raise Invalid("请写明理由或依据。", field="reason")
    return text.strip()[:1000]


def _add(session: Session, made: object, taken: str) -> None:
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict(taken) from None
