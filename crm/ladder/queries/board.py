"""The pipeline board: a column per step, groups within it, the nearest firms of each group, and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, union_all

from crm.core.keyset import Order, Page, page
from crm.enterprises.models import Enterprise
from crm.ladder.counts import counts
from crm.ladder.models import Move, Standing
from crm.ladder.queries.firms import Filters, Line, lines, scoped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from crm.security.access import Access

CARDS = Order(((Standing.near_missing, False), (Standing.near_ratio, True), (Enterprise.id, False)))
SNAPSHOT = {"region"}
"""Filters the counted snapshot can answer; any other filter is counted over the board's firms."""


@dataclass(frozen=True, slots=True)
class BoardGroup:
    """A heading in a column: its first cards and the cursor of the next ones. `id` None: firms without a group."""

    id: str | None
    total: int
    cards: list[Line]
    after: str | None


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """A step with its firms. `proposed`: open moves by firm id, for the cards shown."""

    step: str
    total: int
    groups: list[BoardGroup]
    proposed: dict[int, Move]


def board(session: Session, access: Access, filters: Filters, groups: dict[str, Sequence[str]], *, limit: int = 8) -> list[BoardColumn]:
    """Every column with the first `limit` cards of each group. `groups`: step -> group ids, the columns and headings in the packs' order. Three queries."""
    totals = _totals(session, access, filters)
    # the snapshot may be older than a firm just evaluated: its group is looked at all the same
    totals = {key: count for key, count in totals.items() if key[0] in groups}
    wanted = dict.fromkeys([*totals, *((step, group) for step, names in groups.items() for group in (*names, None))])
    rows = _first_cards(session, access, filters, wanted, limit)
    open_moves = proposed(session, [line.firm.id for line in rows])
    columns = []
    for step, named in groups.items():
        mine = [line for line in rows if line.standing and line.standing.active_step == step]
        ids = _in_order(named, {line.standing.board_group for line in mine if line.standing} | {g for s, g in totals if s == step})
        made = [_group(name, [line for line in mine if line.standing and line.standing.board_group == name], totals.get((step, name), 0), limit) for name in ids]
        shown = {line.firm.id for line in mine}
        columns.append(BoardColumn(step, sum(n for (s, _), n in totals.items() if s == step), made, {i: m for i, m in open_moves.items() if i in shown}))
    return columns


def cards(session: Session, access: Access, filters: Filters, step: str, group: str | None, *, after: str | None = None, limit: int = 20) -> Page[Line]:
    """Further cards of one group, by key."""
    query = lines(session, access, filters).where(Standing.active_step == step)
    query = query.where(Standing.board_group.is_(None) if group is None else Standing.board_group == group)
    rows = [Line(*row) for row in session.execute(CARDS.apply(query, after, limit))]
    return page(rows, limit, _key, after)


def proposed(session: Session, ids: list[int]) -> dict[int, Move]:
    """Open moves by firm id."""
    query = select(Move).where(Move.enterprise_id.in_(ids), Move.state == "proposed").order_by(Move.id)
    return {move.enterprise_id: move for move in session.scalars(query)}


def _first_cards(session: Session, access: Access, filters: Filters, groups: Iterable[tuple[str, str | None]], limit: int) -> list[Line]:
    """The first cards of each group. Every group is a short walk along the index of steps and groups."""
    firsts = []
    for step, group in groups:
        query = select(Standing.enterprise_id).join(Enterprise, Enterprise.id == Standing.enterprise_id)
        query = query.where(Standing.active_step == step, Standing.board_group.is_(None) if group is None else Standing.board_group == group)
        asked = query.where(*scoped(session, access, filters)).order_by(*CARDS.clauses()).limit(limit)
        firsts.append(select(asked.subquery().c.enterprise_id))
    if not firsts:
        return []
    chosen = union_all(*firsts).subquery()
    shown = lines(session, access, Filters()).join(chosen, chosen.c.enterprise_id == Enterprise.id).order_by(*CARDS.clauses())
    return [Line(*row) for row in session.execute(shown)]


def _totals(session: Session, access: Access, filters: Filters) -> dict[tuple[str, str | None], int]:
    """(step, group) -> firms: from the snapshot where it can answer, else counted over the firms on the board."""
    if set(filters.given()) <= SNAPSHOT:
        found: dict[tuple[str, str | None], int] = {}
        for value, count in counts(session, access, "group", filters.region).items():
            step, group = value.split("|", 1)
            found[step, group or None] = count
        return found
    query = (
        select(Standing.active_step, Standing.board_group, func.count())
        .join(Enterprise, Enterprise.id == Standing.enterprise_id)
        .where(Standing.active_step.is_not(None), *scoped(session, access, filters))
        .group_by(Standing.active_step, Standing.board_group)
    )
    return {(step, group): count for step, group, count in session.execute(query) if step is not None}


def _in_order(order: Sequence[str], found: set[str | None]) -> list[str | None]:
    """The pack's order first, then what it does not name; firms without a group last."""
    known: list[str | None] = [name for name in order if name in found]
    return known + sorted((name for name in found if name is not None and name not in order), key=str) + ([None] if None in found else [])


def _group(name: str | None, rows: list[Line], total: int, limit: int) -> BoardGroup:
    whole = total or len(rows)
    made = page([*rows, rows[-1]] if whole > len(rows) >= limit else rows, limit, _key, None)
    return BoardGroup(name, whole, made.rows, made.after)


def _key(line: Line) -> list[Any]:
    standing = line.standing
    return [standing.near_missing if standing else None, standing.near_ratio if standing else None, line.firm.id]
