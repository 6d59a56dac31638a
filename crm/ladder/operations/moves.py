"""Moves between places: proposed by evaluation or a person, decided by a manager, undone with a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from crm.core.clock import local
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.enterprises.queries import get_visible
from crm.ladder.counts import shift_place
from crm.ladder.errors import MoveDecided, ReasonNeeded
from crm.ladder.models import Move, Standing
from crm.ladder.places import ladder_at

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.packs import Packs
    from crm.ladder.places import Ladder
    from crm.security.access import Access

DECIDERS = ("manager", "administrator")


def against_verdict(standing: Standing, to_place: str, ladder: Ladder) -> bool:
    """Whether the verdicts speak against the move: up without the step's test met, down while the firm's tier is higher."""
    if ladder.rank(to_place) > ladder.rank(standing.place):
        return bool(standing.steps.get(ladder.step_for(standing.place, to_place), {}).get("state") != "met")
    return ladder.rank(standing.tier) > ladder.rank(to_place)


def propose(
    session: Session, access: Access, enterprise_id: int, to_place: str, *, packs: Packs, on: date, at: datetime, reason: str | None = None
) -> Move:
    """A person proposes a move. Against the verdict a reason must be given (ReasonNeeded)."""
    access.need("officer", "manager", "administrator")
    get_visible(session, access, enterprise_id)
    standing = session.get(Standing, enterprise_id)
    if standing is None:
        raise Conflict("这家企业还没有评估过，请稍后再试。")
    ladder = ladder_at(packs, standing.region_code)
    if to_place not in ladder.places:
        raise Invalid("没有这个层级。", field="to_place")
    if to_place == standing.place:
        raise Invalid(f"这家企业已在“{ladder.name(to_place)}”，不需要变动。", field="to_place")
    against = against_verdict(standing, to_place, ladder)
    reason = (reason or "").strip() or None
    if against and reason is None:
        raise ReasonNeeded("评估结论不支持这次变动，请写明理由。")
    step = ladder.step_for(standing.place, to_place)
    move = Move(
        enterprise_id=enterprise_id, step=step, from_place=standing.place, to_place=to_place, state="proposed", proposed_on=on,
        proposed_by=access.user_id, reason=reason, against_verdict=against, verdict=verdict_of(standing, step), created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(move)
    except IntegrityError:
        raise Conflict("这家企业已有一项待确认的变动，请先处理。") from None
    return move


def confirm(session: Session, access: Access, move_id: int, *, packs: Packs, on: date, at: datetime, reason: str | None = None) -> Move:
    """A manager agrees: the firm's place changes from this day. Other open proposals from the old place lapse."""
    move, standing = _open(session, access, move_id)
    if move.against_verdict and not (reason or move.reason):
        raise ReasonNeeded("评估结论不支持这次变动，请写明理由。")
    if standing.place != move.from_place:
        raise MoveDecided("企业的层级在提出之后变过，请重新提出。")
    _decide(move, "confirmed", access, at, reason)
    others = select(Move).where(Move.enterprise_id == move.enterprise_id, Move.state == "proposed", Move.id != move.id)
    for other in session.scalars(others):
        _decide(other, "superseded", access, at, None)
    _place(session, standing, move.to_place, on, packs)
    return move


def reject(session: Session, access: Access, move_id: int, *, at: datetime, reason: str) -> Move:
    """A manager refuses, with a reason. Evaluation does not propose the same again while its verdict is unchanged."""
    move, _ = _open(session, access, move_id)
    if not reason.strip():
        raise ReasonNeeded("请写明驳回理由。")
    _decide(move, "rejected", access, at, reason)
    session.flush()
    return move


def withdraw(session: Session, access: Access, move_id: int, *, at: datetime, reason: str | None = None) -> Move:
    """The person who proposed it, or a manager, takes an open proposal back."""
    move = _visible(session, access, move_id)
    if move.state != "proposed":
        raise MoveDecided("这项变动已有结论，不能撤回。")
    if not access.has(*DECIDERS) and (move.proposed_by is None or move.proposed_by != access.user_id):
        raise Forbidden("只有提出人或管理者可以撤回。")
    _decide(move, "withdrawn", access, at, reason)
    session.flush()
    return move


def undo(session: Session, access: Access, move_id: int, *, packs: Packs, at: datetime, reason: str | None = None) -> Move:
    """A manager takes a decision back: a confirmed move returns the firm to where it was, a rejected one is open again.

    Only the firm's latest decision can be undone.
    """
    access.need(*DECIDERS)
    move = _visible(session, access, move_id)
    later = select(Move.id).where(Move.enterprise_id == move.enterprise_id, Move.decided_at > move.decided_at, Move.state.in_(("confirmed", "rejected")))
    if move.state not in ("confirmed", "rejected") or session.scalar(later.limit(1)):
        raise MoveDecided("只能撤销最近一次的决定。")
    if move.state == "rejected":
        move.state, move.decided_at, move.decided_by, move.decision_reason = "proposed", None, None, None
        session.flush()
        return move
    standing = session.get_one(Standing, move.enterprise_id)
    if standing.place != move.to_place:
        raise MoveDecided("企业的层级在确认之后又变过，不能撤销。")
    _decide(move, "withdrawn", access, at, reason or "撤销确认")
    since = session.scalar(select(func.max(Move.decided_at)).where(Move.enterprise_id == move.enterprise_id, Move.state == "confirmed", Move.to_place == move.from_place))
    _place(session, standing, move.from_place, local(since).date() if since else None, packs)
    return move


def verdict_of(standing: Standing, step: str) -> dict[str, Any]:
    """What the step's test said, kept with the move; equal dictionaries mean nothing new has come to light."""
    return {
        "step": standing.steps.get(step), "tier": standing.tier, "register_state": standing.register_state, "in_register": standing.in_register,
        "titles": standing.titles, "revenue_year": standing.revenue_year, "revenue_last": standing.revenue_last,
    }


def _visible(session: Session, access: Access, move_id: int) -> Move:
    move = session.get(Move, move_id, with_for_update=True, populate_existing=True)
    if move is None:
        raise NotFound("没有这项变动，或者企业不在您的辖区内。")
    get_visible(session, access, move.enterprise_id)
    return move


def _open(session: Session, access: Access, move_id: int) -> tuple[Move, Standing]:
    access.need(*DECIDERS)
    move = _visible(session, access, move_id)
    if move.state != "proposed":
        raise MoveDecided("这项变动已由他人处理，请刷新后查看。")
    return move, session.get_one(Standing, move.enterprise_id)


def _decide(move: Move, state: str, access: Access, at: datetime, reason: str | None) -> None:
    move.state, move.decided_at, move.decided_by, move.decision_reason = state, at, access.user_id, reason


def _place(session: Session, standing: Standing, place: str, since: date | None, packs: Packs) -> None:
    shift_place(session, standing.region_code, standing.place, place)
    standing.place, standing.place_since = place, since
    standing.active_step, standing.board_group = ladder_at(packs, standing.region_code).step_up(place), None
    session.flush()
