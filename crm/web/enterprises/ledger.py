"""Everything dated about one firm in one query: stays, titles, stages, moves, alerts, visits, cases, contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Date, Integer, String, cast, func, literal, null, select, type_coerce, union_all

from crm.alerts.models import LIVE, Alert
from crm.cases.models import Case
from crm.core.db import is_postgresql
from crm.enterprises.models import Contact
from crm.ladder.models import Move, RegisterMembership, StageEntry, TitleGrant
from crm.visits.models import Visit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

VISITS_SHOWN = 5
MOVES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Item:
    """One row. What the columns mean depends on `kind`; see `_parts`."""

    kind: str
    id: int
    on: date | None
    until: date | None
    what: str | None
    text: str | None
    note: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows by kind, newest first within each."""

    items: list[Item]

    def of(self, kind: str) -> list[Item]:
        """register, title, stage, move, alert, visit, case, contact."""
        return [item for item in self.items if item.kind == kind]

    @property
    def stay(self) -> Item | None:
        """The open stay in the register."""
        return next((item for item in self.of("register") if item.until is None), None)

    @property
    def open_move(self) -> Item | None:
        """The move that waits for a decision."""
        return next((item for item in self.of("move") if item.state == "proposed"), None)


def ledger(session: Session, enterprise_id: int) -> Ledger:
    """Read it. The caller has checked that the user may see the firm."""
    rows = session.execute(union_all(*_parts(session, enterprise_id))).all()
    items = [Item(*row) for row in rows]
    return Ledger(sorted(items, key=lambda i: (i.on or date.min, i.id), reverse=True))


def _parts(session: Session, firm: int) -> list[Any]:
    """kind, id, on, until, what, text, note, state: the same types in every part, for PostgreSQL."""
    to_day = cast if is_postgresql(session) else type_coerce  # CAST(x AS DATE) makes a number of it on SQLite

    def part(kind: str, table: Any, on: Any, until: Any, what: Any, text: Any, note: Any, state: Any) -> Any:
        columns = [cast(literal(kind), String), cast(table.id, BigInteger), to_day(on, Date), to_day(until, Date), *(cast(v, String) for v in (what, text, note, state))]
        return select(*columns).where(table.enterprise_id == firm)

    none = null()
    visits = part("visit", Visit, _day(session, Visit.started_at), Visit.next_on, Visit.kind, Visit.summary, Visit.next_step, Visit.number)
    moves = part("move", Move, Move.proposed_on, none, Move.from_place, Move.to_place, func.coalesce(Move.decision_reason, Move.reason), Move.state)
    return [
        part("register", RegisterMembership, RegisterMembership.entered_on, RegisterMembership.exited_on, RegisterMembership.entry, RegisterMembership.exit_reason, RegisterMembership.document, RegisterMembership.profession),
        part("title", TitleGrant, TitleGrant.granted_on, func.coalesce(TitleGrant.revoked_on, TitleGrant.valid_to), TitleGrant.title, TitleGrant.batch, TitleGrant.document, cast(TitleGrant.revoked_on, String)),
        part("stage", StageEntry, StageEntry.on, StageEntry.ended_on, StageEntry.stage, StageEntry.board, StageEntry.document, none),
        part("alert", Alert, Alert.raised_on, Alert.snoozed_until, Alert.level, Alert.headline, Alert.rule, Alert.state).where(Alert.state.in_(LIVE)),
        part("case", Case, _day(session, Case.opened_at), Case.due_on, Case.kind, Case.title, Case.lead_unit, Case.state).where(Case.state == "open"),
        part("contact", Contact, none, none, Contact.name, Contact.phone, Contact.title, cast(cast(Contact.is_primary, Integer), String)).where(Contact.ended_on.is_(None)),
        select(visits.order_by(Visit.started_at.desc()).limit(VISITS_SHOWN).subquery()),
        select(moves.order_by(Move.id.desc()).limit(MOVES_SHOWN).subquery()),
    ]


def _day(session: Session, instant: Any) -> Any:
    """The day in Asia/Shanghai of an instant column."""
    if is_postgresql(session):
        return cast(func.timezone("Asia/Shanghai", instant), Date)
    return func.date(instant, "+8 hours")


