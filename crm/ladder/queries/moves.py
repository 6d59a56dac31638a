"""Moves that wait, and a firm's moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.core.errors import NotFound
from crm.core.keyset import Order, Page, page
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.ladder.models import Move, Standing
from crm.ladder.queries.firms import Filters, conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from crm.security.access import Access

WAITING = Order(((Move.proposed_on, True), (Move.id, True)))


@dataclass(frozen=True, slots=True)
class MoveLine:
    """A move with the firm it is about and where that firm stands now."""

    move: Move
    firm: Enterprise
    standing: Standing | None


def open_moves(
    session: Session, access: Access, filters: Filters | None = None, *, state: str = "proposed", step: str | None = None, after: str | None = None, limit: int = 50
) -> Page[MoveLine]:
    """Moves in a state (default: those that wait for a decision), newest first."""
    query: Any = (
        select(Move, Enterprise, Standing)
        .join(Enterprise, Enterprise.id == Move.enterprise_id)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .where(Move.state == state, visible(access), *conditions(session, filters or Filters()))
    )
    if step:
        query = query.where(Move.step == step)
    rows = [MoveLine(move, firm, standing) for move, firm, standing in session.execute(WAITING.apply(query, after, limit))]
    return page(rows, limit, lambda line: [line.move.proposed_on.isoformat(), line.move.id], after)


def moves_of(session: Session, access: Access, enterprise_id: int) -> Sequence[Move]:
    """All moves of one firm, newest first."""
    query = select(Move).join(Enterprise, Enterprise.id == Move.enterprise_id).where(Move.enterprise_id == enterprise_id, visible(access))
    return session.scalars(query.order_by(Move.id.desc())).all()


def move_of(session: Session, access: Access, move_id: int) -> MoveLine:
    """One move, or NotFound."""
    query = (
        select(Move, Enterprise, Standing)
        .join(Enterprise, Enterprise.id == Move.enterprise_id)
        .outerjoin(Standing, Standing.enterprise_id == Enterprise.id)
        .where(Move.id == move_id, visible(access))
    )
    row = session.execute(query).first()
    if row is None:
        raise NotFound("没有这项变动，或者企业不在您的辖区内。")
    return MoveLine(*row)
