"""Since when a firm is where it stands, as far as a dated fact says so: entry into the register, grant of a title, listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import func, select

from crm.core.bulk import fetch_columns
from crm.criteria.terms import Met, columns, walk
from crm.ladder.models import RegisterMembership, StageEntry, TitleGrant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation

ABOVE_SIZE, STRONG, LISTED = "above_size", "strong", "listed"
_FEW = 500


def known_since(session: Session, evaluation: Evaluation, ids: Sequence[int]) -> pl.DataFrame:
    """`enterprise_id` and a day (ISO text, null = no fact says) per place that a dated fact leads to: `since.above_size` …"""
    on = evaluation.on
    stay, title, stage = RegisterMembership, TitleGrant, StageEntry
    asked = {
        ABOVE_SIZE: (stay, stay.entered_on, [stay.exited_on.is_(None) | (stay.exited_on > on)]),
        STRONG: (title, title.granted_on, [title.title.in_(_titles(evaluation)), title.revoked_on.is_(None), title.valid_to.is_(None) | (title.valid_to >= on)]),
        LISTED: (stage, stage.on, [stage.stage == LISTED, stage.ended_on.is_(None) | (stage.ended_on > on)]),
    }
    found = pl.DataFrame({"enterprise_id": ids}, schema={"enterprise_id": pl.Int64})
    for place, (model, day, where) in asked.items():
        query = select(model.enterprise_id, func.min(day).label("day")).where(day <= on, *where).group_by(model.enterprise_id)
        found = found.join(_days(session, query, model, ids, place), on="enterprise_id", how="left", maintain_order="left")
    return found


def _days(session: Session, query: Any, model: Any, ids: Sequence[int], place: str) -> pl.DataFrame:
    rows = fetch_columns(session, query.where(model.enterprise_id.in_(ids)) if len(ids) <= _FEW else query)
    return pl.DataFrame(
        {"enterprise_id": rows["enterprise_id"], f"since.{place}": [str(day) for day in rows["day"]]},
        schema={"enterprise_id": pl.Int64, f"since.{place}": pl.String},
    )


def _titles(evaluation: Evaluation) -> list[str]:
    """Titles any of which makes a firm 优质 by the pack, through the items its condition names."""
    found: set[str] = set()
    items, seen = [f"place.{STRONG}"], set()
    while items:
        key = items.pop()
        item = evaluation.program.by_key.get(key)
        seen.add(key)
        for leaf in item.tree.leaves if item is not None and item.tree is not None else ():
            found |= {column.key for column in columns(leaf.term) if column.kind == "title"}
            items += [part.item for part in walk(leaf.term) if isinstance(part, Met) and part.item not in seen]
    return sorted(found)


def since() -> pl.Expr:
    """The day kept, else the one the facts give for the place."""
    told = pl.lit(None, pl.String)
    for place in (ABOVE_SIZE, STRONG, LISTED):
        told = pl.when(pl.col("place") == place).then(pl.col(f"since.{place}")).otherwise(told)
    return pl.coalesce("place_since", told)
