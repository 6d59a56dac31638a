"""Who lacks a title for one criterion alone: firms, what each is short of, the least short first.

The masks say who (crm.criteria.masks); how far each is stands in the evidence of its verdict. Nothing is evaluated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import not_, select

from crm.core.bulk import fetch_columns
from crm.criteria import packing
from crm.criteria.explain import explain_one
from crm.criteria.masks import near_misses
from crm.criteria.models import VerdictRow
from crm.enterprises.models import Enterprise
from crm.ladder.models import Standing
from crm.ladder.queries.firms import holds, scoped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.criteria.explain import CriterionView
    from crm.criteria.packs import Pack
    from crm.criteria.program import Program
    from crm.ladder.queries.firms import Filters
    from crm.security.access import Access

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Near:
    """A firm and the one criterion between it and the item."""

    enterprise_id: int
    pack: str
    view: CriterionView
    is_sure: bool  # False: figures of other criteria are missing, so that more may turn out short

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        """Those whose figures are complete, then least short first; what has no measure (a yes or no) last."""
        return (not self.is_sure, not self.view.gap, -(self.view.per_mille or 0), self.enterprise_id)


@dataclass(frozen=True, slots=True)
class NearList:
    """The firms, and by criterion (id -> label, firms) how many there are before one criterion is chosen."""

    firms: list[Near]
    criteria: dict[str, tuple[str, int]]


def items(packs: Iterable[Pack], on: date) -> dict[str, str]:
    """Items that have such a list: titles with a rule on the day, then the register tests, each once."""
    found: dict[str, str] = {}
    for pack in packs:
        program = pack.program(on)
        titles = [item for item in program.items if item.key in pack.titles and item.tree is not None]
        for item in (*titles, *program.register):
            found.setdefault(item.key, item.label)
    return found


def near_list(session: Session, access: Access, packs: Iterable[Pack], item: str, on: date, filters: Filters, criterion: str | None = None, *, sure: bool = False) -> NearList:
    """Firms of the jurisdiction under these packs that lack `item` for one criterion alone; `sure`: all else is known. Five queries a pack."""
    found: list[Near] = []
    counted: dict[str, tuple[str, int]] = {}
    for pack in packs:
        program = pack.program(on)
        if item not in program.by_key:
            continue
        misses = near_misses(session, pack, item, on)
        wanted = {miss.criterion: set(miss.firms.tolist()) | (set() if sure else set(miss.doubtful.tolist())) for miss in misses}
        doubtful = {(firm, miss.criterion) for miss in misses for firm in miss.doubtful.tolist()}
        seen = _visible(session, access, filters, sorted(set().union(*wanted.values())), _open(session, pack, item)) if wanted else set()
        mine: dict[int, int] = {}
        for number, ids in wanted.items():
            leaf, here = program.criteria[number], ids & seen
            if here:
                counted[leaf.id] = (leaf.label, counted.get(leaf.id, ("", 0))[1] + len(here))
            if criterion in (None, leaf.id):
                mine |= dict.fromkeys(here, number)
        found += _views(session, program, mine, doubtful)
    return NearList(sorted(found, key=lambda n: n.order), dict(sorted(counted.items(), key=lambda c: -c[1][1])))


def _open(session: Session, pack: Pack, item: str) -> ColumnElement[bool]:
    """Firms the item is open to: those whose register test it is, or who do not hold the title yet."""
    if item in pack.titles:
        return not_(holds(session, Standing.titles, item))
    return Standing.register_item == item


def _visible(session: Session, access: Access, filters: Filters, ids: list[int], is_open: ColumnElement[bool]) -> set[int]:
    """Which of these firms the user may see, the filters ask for and the item is open to."""
    seen: set[int] = set()
    for start in range(0, len(ids), _BATCH):
        query = select(Enterprise.id).join(Standing, Standing.enterprise_id == Enterprise.id)
        seen |= set(session.scalars(query.where(Enterprise.id.in_(ids[start : start + _BATCH]), is_open, *scoped(session, access, filters))))
    return seen


def _views(session: Session, program: Program, numbers: dict[int, int], doubtful: set[tuple[int, int]]) -> list[Near]:
    made, ids = [], sorted(numbers)
    for start in range(0, len(ids), _BATCH):
        rows = fetch_columns(session, select(VerdictRow.enterprise_id, VerdictRow.body).where(VerdictRow.enterprise_id.in_(ids[start : start + _BATCH])))
        for firm, body in zip(rows["enterprise_id"], rows["body"], strict=True):
            number = numbers[firm]
            made.append(Near(firm, program.pack.id, explain_one(program, packing.unpack(program, body), number), (firm, number) not in doubtful))
    return made
