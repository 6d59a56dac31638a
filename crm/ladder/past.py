"""Verdicts of another day: as of any day, as known on any earlier day, and past decisions made again.

    look_back(session, pack, enterprise_id, on, known_on)    what the rules of `on` say, by what was on file at the end of `known_on`
    replay(session, enterprise_id)                           every decision kept of a firm, made again from its pack and facts

Figures, corrections, titles, register stays, stages and events are read as they stood on file; a firm's industry,
division and status are today's. The pack is the version in use then, where one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select

from crm.core.clock import end_of
from crm.core.errors import NotFound
from crm.criteria import packing
from crm.criteria.columns import dtype, required_columns
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain, tier
from crm.criteria.models import Transition, VerdictRow, VerdictRules
from crm.criteria.store import pack_in_use, stored_pack
from crm.enterprises.models import Enterprise
from crm.ladder.facts import facts_frame
from crm.ladder.models import Move

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation
    from crm.criteria.explain import Explanation
    from crm.criteria.packs import Pack
    from crm.criteria.terms import Column


@dataclass(frozen=True)
class LookedBack:
    """What was found, and by which version of the pack; `is_versioned`: it is the one in use then, not merely today's."""

    evaluation: Evaluation
    known_on: date | None
    is_versioned: bool

    @property
    def explanation(self) -> Explanation:
        """The one firm, in full."""
        return explain(self.evaluation.pack, packing.unpack(self.evaluation.program, packing.bodies(self.evaluation)[0]), self.evaluation.on)


@dataclass(frozen=True)
class Decision:
    """A decision kept and the same made again. `again` None: it cannot be made again, `why` says so."""

    kind: str  # verdict | transition | move
    on: date
    what: str
    told: str
    again: str | None
    pack_hash: str
    why: str = ""

    @property
    def is_same(self) -> bool:
        """Whether both agree."""
        return self.told == self.again


def look_back(session: Session, pack: Pack, enterprise_id: int, on: date, known_on: date | None = None, more: Iterable[Column] = ()) -> LookedBack:
    """One firm under the rules of `on`, by what was known at the end of `known_on` (None: by what is known now, with today's pack)."""
    then = pack_in_use(session, pack.id, end_of(known_on)) if known_on is not None else None
    used = then or pack
    return LookedBack(_evaluated(session, used, enterprise_id, on, end_of(known_on) if known_on else None, more), known_on, known_on is None or then is not None)


def _evaluated(session: Session, pack: Pack, enterprise_id: int, on: date, known_at: datetime | None, more: Iterable[Column] = ()) -> Evaluation:
    facts = facts_frame(session, {*required_columns(pack, on), *more}, on, [enterprise_id], known_at=known_at)
    if not facts.height:
        raise NotFound("没有这家企业。")
    return evaluate(pack, facts, on)


def firm_of(session: Session, uscc: str) -> Enterprise:
    """A live firm by its code."""
    found: Enterprise | None = session.scalar(select(Enterprise).where(Enterprise.uscc == uscc.strip().upper(), Enterprise.deleted_at.is_(None)))
    if found is None:
        raise NotFound(f"没有统一社会信用代码为 {uscc} 的企业。")
    return found


def replay(session: Session, enterprise_id: int) -> list[Decision]:
    """The verdict on file from its evidence; transitions and moves from the facts as they stood when they were written. Newest first."""
    made = [_verdict(session, enterprise_id), *_transitions(session, enterprise_id), *_moves(session, enterprise_id)]
    return sorted((d for d in made if d is not None), key=lambda d: d.on, reverse=True)


def _verdict(session: Session, enterprise_id: int) -> Decision | None:
    query = select(VerdictRow, VerdictRules).join(VerdictRules, VerdictRules.id == VerdictRow.rules_id).where(VerdictRow.enterprise_id == enterprise_id)
    found = session.execute(query).first()
    if found is None:
        return None
    row, rules = found
    pack = stored_pack(session, rules.pack_hash)
    if pack is None:
        return Decision("verdict", row.as_of, "全部结论", "", None, rules.pack_hash, "当时的规则包版本没有保存")
    program = pack.program(row.as_of)
    kept = packing.unpack(program, row.body)
    cells = packing.read_evidence(program, kept.evidence)
    frame = pl.DataFrame([pl.Series(c.name, [cells[c.name]], dtype=dtype(c)) for c in program.columns])
    again = packing.unpack(program, packing.bodies(evaluate(pack, frame, row.as_of))[0])
    return Decision("verdict", row.as_of, "全部结论", kept.outcomes, again.outcomes, rules.pack_hash)


def _transitions(session: Session, enterprise_id: int) -> list[Decision]:
    made, seen = [], _Seen(session, enterprise_id)
    for one in session.scalars(select(Transition).where(Transition.enterprise_id == enterprise_id).order_by(Transition.id)):
        evaluation = seen(one.pack_hash, one.on, one.recorded_at)
        again = None if evaluation is None else _states(evaluation).get(one.item)
        made.append(Decision("transition", one.on, one.item, one.after, again, one.pack_hash, "" if evaluation else "当时的规则包版本没有保存"))
    return made


def _moves(session: Session, enterprise_id: int) -> list[Decision]:
    made, seen = [], _Seen(session, enterprise_id)
    for move in session.scalars(select(Move).where(Move.enterprise_id == enterprise_id, Move.proposed_by.is_(None)).order_by(Move.id)):
        told = (move.verdict or {}).get("tier", "")
        evaluation = seen(move.pack_hash, move.proposed_on, move.created_at) if move.pack_hash else None
        again = None if evaluation is None else tier(evaluation.pack, _states(evaluation))
        made.append(Decision("move", move.proposed_on, f"{move.from_place} → {move.to_place}", told, again, move.pack_hash or "", "" if evaluation else "当时的规则包版本没有保存"))
    return made


class _Seen:
    """Evaluations of one firm by pack, day and instant, each made once; None where the pack is not kept."""

    def __init__(self, session: Session, enterprise_id: int) -> None:
        self._session, self._firm = session, enterprise_id
        self._made: dict[tuple[str, date, datetime | None], Evaluation | None] = {}
        self._packs: dict[str, Pack | None] = {}

    def __call__(self, pack_hash: str, on: date, at: datetime | None) -> Evaluation | None:
        key = (pack_hash, on, at)
        if key not in self._made:
            if pack_hash not in self._packs:
                self._packs[pack_hash] = stored_pack(self._session, pack_hash)
            pack = self._packs[pack_hash]
            self._made[key] = None if pack is None else _evaluated(self._session, pack, self._firm, on, at or end_of(on))
        return self._made[key]


def _states(evaluation: Evaluation) -> dict[str, str]:
    letters = packing.unpack(evaluation.program, packing.bodies(evaluation)[0]).outcomes
    return {key: packing.STATES[letter] for key, letter in zip(evaluation.pack.items, letters, strict=False)}
