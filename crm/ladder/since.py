"""Since when a firm is where it stands, as far as a dated fact says so: entry into the register, grant of a title, listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import func, select

from crm.core.frames import fetch_frame
from crm.criteria.terms import Met, columns, walk
from crm.ladder.facts import narrowed
from crm.ladder.models import RegisterMembership, StageEntry, TitleGrant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation
    from crm.ladder.places import Ladder

_KINDS = {"enterprise_id": pl.Int64, "day": pl.Date}


def known_since(session: Session, evaluation: Evaluation, ids: Sequence[int] | range) -> pl.DataFrame:
    """`enterprise_id` and per place of the pack's ladder a day (ISO text, null = no fact says): `since.above_size` …"""
    found = evaluation.frame.select("enterprise_id")
    for place in evaluation.pack.ladder:
        asked = _asked(evaluation, f"place.{place.id}")
        if asked is None:
            found = found.with_columns(pl.lit(None, pl.String).alias(f"since.{place.id}"))
            continue
        model, day, where = asked
        query = select(model.enterprise_id, func.min(day).label("day")).where(day <= evaluation.on, *where).group_by(model.enterprise_id)
        rows = pl.concat([fetch_frame(session, part, _KINDS) for part in narrowed(query, model.enterprise_id, ids)])
        days = rows.select("enterprise_id", pl.col("day").cast(pl.String).alias(f"since.{place.id}"))
        found = found.join(days, on="enterprise_id", how="left", maintain_order="left")
    return found


def _asked(evaluation: Evaluation, item: str) -> tuple[Any, Any, list[Any]] | None:
    """The dated fact a place rests on: a listing stage, else a title, else the stay in the register; None where figures decide."""
    on, named = evaluation.on, _named(evaluation, item)
    stay, title, stage = RegisterMembership, TitleGrant, StageEntry
    if named["stage"]:
        return stage, stage.on, [stage.stage.in_(sorted(named["stage"])), stage.ended_on.is_(None) | (stage.ended_on > on)]
    if named["title"]:
        return title, title.granted_on, [title.title.in_(sorted(named["title"])), title.revoked_on.is_(None), title.valid_to.is_(None) | (title.valid_to >= on)]
    if named["register"]:
        return stay, stay.entered_on, [stay.exited_on.is_(None) | (stay.exited_on > on)]
    return None


def _named(evaluation: Evaluation, item: str) -> dict[str, set[str]]:
    """Titles, stages and register facts a place asks for, through the items its condition names."""
    found: dict[str, set[str]] = {"title": set(), "stage": set(), "register": set()}
    items, seen = [item], set()
    while items:
        key = items.pop()
        tested = evaluation.program.by_key.get(key)
        seen.add(key)
        for leaf in tested.tree.leaves if tested is not None and tested.tree is not None else ():
            for column in columns(leaf.term):
                if column.kind in found:
                    found[column.kind].add(column.key)
            items += [part.item for part in walk(leaf.term) if isinstance(part, Met) and part.item not in seen]
    return found


def since(ladder: Ladder) -> pl.Expr:
    """The day kept, else the one the facts give for the place."""
    told = pl.lit(None, pl.String)
    for place in ladder.places:
        told = pl.when(pl.col("place") == place).then(pl.col(f"since.{place}")).otherwise(told)
    return pl.coalesce("place_since", told)
