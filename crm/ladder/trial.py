"""What a change would do to the firms somebody may see, before anybody publishes it: counts by item, county and size, and who moves.

outcome = trial(session, access, pack, {"step_up.line": "1500万元"}, on)     # plain data, ready for JSON; nothing is written
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select

from crm.core.errors import NotFound
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.models import RuleChange
from crm.criteria.published import fits, numbers, overlaid
from crm.criteria.terms import Column
from crm.criteria.whatif import impact
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.ladder.facts import facts_frame
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.explain import Explanation
    from crm.criteria.packs import Pack
    from crm.security.access import Access

CHUNK = 100_000
"""Firms evaluated at once."""
DENSE = 3
"""A range of ids is read whole, and those not asked for left out, when it holds at most so many times the firms asked for."""
FEW = 2_000
LISTED = 5_000
"""Firms named, at most; the counts are of all."""


def changed(pack: Pack, values: Mapping[str, str], on: date) -> Pack:
    """The pack as if other numbers had been published from a day on. Raises Invalid or NotFound in words a person can act on."""
    known, asked = numbers(pack, on), []
    for target, value in values.items():
        if target not in known:
            raise NotFound("没有这个参数或条件，或者它这一天没有现行数值。")
        asked.append(RuleChange(
            id=0, pack=pack.id, target=target, from_on=on, value=fits(known[target], value), before=known[target].value, document="试算", clause="", quote="", reason="试算",
            published_at=datetime(on.year, on.month, on.day, tzinfo=UTC),
        ))
    return overlaid(pack, asked)


def trial(
    session: Session, access: Access, pack: Pack, values: Mapping[str, str], on: date, *, others: tuple[str, ...] = (), progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Evaluate the pack's firms of the jurisdiction before and after. `others`: divisions inside that another pack judges."""
    other, known = changed(pack, values, on), numbers(pack, on)
    ids = firms_of(session, access, pack, others)
    wanted = {Column("identity", "region"), *pack.program(on).columns, *other.program(on).columns}
    moves, touched, done = [], 0, 0
    told, steps = progress or (lambda _done, _total: None), 2 * -(-len(ids) // CHUNK)
    for start in range(0, len(ids), CHUNK):
        frame = _facts(session, wanted, on, ids[start : start + CHUNK])
        told(done := done + 1, steps)
        found = impact(evaluate(pack, frame, on), evaluate(other, frame, on))
        touched += found.touched
        moves.append(found.moves.with_columns(enterprise_id=frame["enterprise_id"].gather(found.moves["row"])))
        told(done := done + 1, steps)
    every = pl.concat(moves) if moves else None
    return {
        "pack": pack.id, "hash": pack.hash, "on": on.isoformat(), "values": dict(values), "differences": [f"{known[t].name}：{known[t].value} → {v}" for t, v in values.items()],
        "firms": len(ids), "touched": touched, "items": _items(pack, every), "moves": _listed(every),
    }


def _facts(session: Session, wanted: Collection[Column], on: date, ids: list[int]) -> pl.DataFrame:
    """Of these firms (ascending): by the range of their ids where they fill it, which costs one read a table; else id by id."""
    span = range(ids[0], ids[-1] + 1)
    if len(ids) < FEW or len(span) > DENSE * len(ids):
        return facts_frame(session, wanted, on, ids)
    return facts_frame(session, wanted, on, span).filter(pl.col("enterprise_id").is_in(ids))


def firms_of(session: Session, access: Access, pack: Pack, others: tuple[str, ...] = ()) -> list[int]:
    """Firms the pack judges that the user may see, ascending."""
    query = select(Enterprise.id).where(visible(access)).order_by(Enterprise.id)
    if pack.region is not None:
        low, high = prefix_range(pack.region)
        query = query.where(Enterprise.region_code >= low, Enterprise.region_code < high)
    for code in others:
        low, high = prefix_range(code)
        query = query.where(~Enterprise.region_code.between(low, high) | (Enterprise.region_code == high))
    return list(session.scalars(query))


def _items(pack: Pack, moves: pl.DataFrame | None) -> list[dict[str, Any]]:
    if moves is None or not moves.height:
        return []
    enters, leaves = ((pl.col(a).eq_missing("met") & ~pl.col(b).eq_missing("met")) for a, b in (("after", "before"), ("before", "after")))
    marked = moves.with_columns(enters=enters, leaves=leaves, other=~enters & ~leaves)
    made = []
    for (item,), part in marked.group_by("item", maintain_order=True):
        made.append({"item": item, "label": pack.label(str(item)), **_sums(part), "by_region": _grouped(part, "region"), "by_size": _grouped(part, "size")})
    return sorted(made, key=lambda row: -(row["enters"] + row["leaves"]) * 10**7 - row["other"])


def _sums(part: pl.DataFrame) -> dict[str, int]:
    return {name: int(part[name].sum()) for name in ("enters", "leaves", "other")}


def _grouped(part: pl.DataFrame, by: str) -> list[dict[str, Any]]:
    return [{by: key, **_sums(rows)} for (key,), rows in part.group_by(by, maintain_order=True)]


def _listed(moves: pl.DataFrame | None) -> list[list[Any]]:
    """[firm, item, before, after]: those that enter or leave first."""
    if moves is None:
        return []
    rank = pl.when(pl.col("after") == "met").then(0).when(pl.col("before") == "met").then(1).otherwise(2)
    chosen = moves.with_columns(rank=rank).sort("rank", "item", "enterprise_id").head(LISTED)
    return [list(row) for row in chosen.select("enterprise_id", "item", "before", "after").iter_rows()]


def firm_trial(session: Session, pack: Pack, enterprise_id: int, figures: Mapping[str, int], on: date) -> tuple[Explanation, Explanation]:
    """One firm as it is and as it would be with other figures (by fact column, in stored units). The caller has checked the right to see it."""
    frame = facts_frame(session, pack.program(on).columns, on, [enterprise_id])
    unknown = [name for name in figures if name not in frame.columns]
    if unknown or not frame.height:
        raise NotFound("这项数据不在规则里，换一项。")
    other = frame.with_columns(pl.lit(value, pl.Int64).alias(name) for name, value in figures.items())
    before, after = (explain_all(evaluate(pack, facts, on))[0] for facts in (frame, other))
    return before, after
