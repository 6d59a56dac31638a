"""Verdicts in the database: what an evaluation found is written once, in few bytes, and only where it differs.

Layout of a VerdictRow: see crm.criteria.packing. A row that a later evaluation confirms keeps the day it was written on
(`as_of`): expand it with the pack of its hash and the program of that day. It is rewritten when the pack's rules in force
are others than on that day, for its bits are numbered by them. A Transition row is written for each item whose state
changed; at first sight of a firm nothing has changed yet, and none is written. Nothing is committed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import delete, insert, select, update

from crm.core.bulk import fetch_columns, insert_rows, upsert_rows
from crm.core.db import is_postgresql
from crm.criteria import packing
from crm.criteria.models import PackVersion, Transition, VerdictRow
from crm.criteria.packing import STATES
from crm.criteria.packs import Pack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation

_TRACKED = ("outcomes", "unmet", "unknown", "scores", "evidence")
_SCHEMA = {"enterprise_id": pl.Int64, "item": pl.String, "before": pl.String, "after": pl.String}
_BATCH = 5_000  # firms asked for by id in one statement
_SPARSE = 4  # ids spread wider than this many times their number are asked for one by one, else as a range


@dataclass(frozen=True)
class Stored:
    """What was written: rows that differ, and the transitions (enterprise_id, item, before or null, after; state names).

    `before` is null where the pack gained the item since the row before.
    """

    written: int
    transitions: pl.DataFrame


def remember(session: Session, pack: Pack, at: datetime) -> None:
    """Keep the compiled pack, so that a decision made with it can be run again."""
    if session.execute(update(PackVersion).where(PackVersion.hash == pack.hash).values(last_used_at=at)).rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE counts rows
        session.execute(insert(PackVersion).values(hash=pack.hash, pack=pack.id, document=pack.document, first_used_at=at, last_used_at=at))


def store(session: Session, evaluation: Evaluation, *, at: datetime, run_id: int | None = None, fresh: bool = False) -> Stored:
    """Write the verdicts of an evaluation whose frame has `enterprise_id`; unchanged firms are not touched.

    `at` is the instant kept with a pack first used now; `fresh`: the caller knows that no row exists yet.
    """
    remember(session, evaluation.pack, at)
    ids = evaluation.frame["enterprise_id"].to_list()
    before = None if fresh else _stored(session, evaluation, ids)
    if before is None or not len(before):
        _insert(session, _with_source({"enterprise_id": ids, **packing.columns(evaluation)}, evaluation))
        return Stored(len(ids), pl.DataFrame(schema=_SCHEMA))
    changed = _changed(evaluation.rows(), before, evaluation)
    if not len(changed):
        return Stored(0, pl.DataFrame(schema=_SCHEMA))
    transitions = _transitions(session, evaluation.pack, changed, before)
    upsert_rows(session, VerdictRow, ("enterprise_id", "pack"), _columns(changed, evaluation))
    _write(session, transitions, evaluation, run_id)
    return Stored(len(changed), transitions)


def forget_other_packs(session: Session, pack: Pack, enterprise_ids: Sequence[int]) -> None:
    """Drop rows of these firms under any other pack: a firm moved, or the chosen packs changed."""
    for start in range(0, len(enterprise_ids), _BATCH):
        part = enterprise_ids[start : start + _BATCH]
        session.execute(delete(VerdictRow).where(VerdictRow.enterprise_id.in_(part), VerdictRow.pack != pack.id))


def _stored(session: Session, evaluation: Evaluation, ids: list[int]) -> pl.DataFrame:
    """Rows on file of these firms; columns as Evaluation.rows() plus `as_of` and `pack_hash`."""
    asked = select(
        VerdictRow.enterprise_id, VerdictRow.outcomes, VerdictRow.unmet, VerdictRow.unknown, VerdictRow.scores, VerdictRow.evidence,
        VerdictRow.as_of, VerdictRow.pack_hash,
    ).where(VerdictRow.pack == evaluation.pack.id)
    if ids and max(ids) - min(ids) >= _SPARSE * len(ids):
        parts = [_fetched(session, asked.where(VerdictRow.enterprise_id.in_(ids[i : i + _BATCH]))) for i in range(0, len(ids), _BATCH)]
        return pl.concat(parts)
    return _fetched(session, asked.where(VerdictRow.enterprise_id.between(min(ids), max(ids)))) if ids else _fetched(session, asked.limit(0))


def _fetched(session: Session, statement: object) -> pl.DataFrame:
    columns = fetch_columns(session, statement)
    kinds = {"enterprise_id": pl.Int64, "outcomes": pl.String, "unmet": pl.Binary, "unknown": pl.Binary, "scores": pl.String, "evidence": pl.Binary}
    data = {name: pl.Series(name, columns[name], dtype=kind) for name, kind in kinds.items()}
    data["as_of"] = pl.Series("as_of", [str(day) for day in columns["as_of"]], dtype=pl.String)
    data["pack_hash"] = pl.Series("pack_hash", columns["pack_hash"], dtype=pl.String)
    return pl.DataFrame(data)


def _changed(new: pl.DataFrame, before: pl.DataFrame, evaluation: Evaluation) -> pl.DataFrame:
    """New rows that differ from what is on file, or whose row was made by other rules."""
    pack, epoch = evaluation.pack, evaluation.pack.epoch(evaluation.on)
    days = [day for day in before["as_of"].unique().to_list() if pack.epoch(date.fromisoformat(day)) == epoch]
    sound = before.filter((pl.col("pack_hash") == pack.hash) & pl.col("as_of").is_in(days))
    joined = new.join(sound, on="enterprise_id", how="left", suffix="_before", maintain_order="left")
    same = pl.all_horizontal([pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _TRACKED])
    return joined.filter(~same | pl.col("as_of").is_null()).select(new.columns)


def _transitions(session: Session, pack: Pack, changed: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """One row per item whose letter changed; items are matched by key through the pack each old row was made with."""
    pairs = changed.select("enterprise_id", after="outcomes").join(before.select("enterprise_id", "pack_hash", before="outcomes"), on="enterprise_id")
    pairs = pairs.filter((pl.col("before") != pl.col("after")) | (pl.col("pack_hash") != pack.hash))
    places = {made_by: _items(session, pack, made_by) for made_by in pairs["pack_hash"].unique().to_list()}
    made = [pl.DataFrame(schema=_SCHEMA)]
    for made_by, items in places.items():
        part = pairs.filter(pl.col("pack_hash") == made_by)
        for i, key in enumerate(pack.items):
            was = pl.col("before").str.slice(items.index(key), 1) if key in items else pl.lit(None, pl.String)
            letters = part.select("enterprise_id", item=pl.lit(key), before=was, after=pl.col("after").str.slice(i, 1))
            made.append(letters.filter(pl.col("before").ne_missing(pl.col("after")) & (pl.col("before").is_not_null() | (pl.col("after") == "m"))))
    names = [pl.col(end).replace_strict(STATES, default=None, return_dtype=pl.String) for end in ("before", "after")]
    return pl.concat([m.with_columns(names) for m in made]).sort("enterprise_id", maintain_order=True)


def _items(session: Session, pack: Pack, made_by: str) -> tuple[str, ...]:
    """Items of the pack a row was made with; none when that pack is gone."""
    if made_by == pack.hash:
        return pack.items
    document = session.scalar(select(PackVersion.document).where(PackVersion.hash == made_by))
    return Pack.from_document(document).items if document else ()


def _columns(changed: pl.DataFrame, evaluation: Evaluation) -> dict[str, list[object]]:
    return _with_source({name: changed[name].to_list() for name in ("enterprise_id", *_TRACKED)}, evaluation)


def _with_source(packed: dict[str, list[object]], evaluation: Evaluation) -> dict[str, list[object]]:
    size = len(packed["enterprise_id"])
    return {**packed, "pack": [evaluation.pack.id] * size, "as_of": [evaluation.on] * size, "pack_hash": [evaluation.pack.hash] * size}


def _insert(session: Session, columns: dict[str, list[object]]) -> None:
    """First rows of many firms. COPY as text, a chunk in one string: a third of the time of a row at a time."""
    size = len(columns["enterprise_id"])
    if size < _BATCH or not is_postgresql(session):
        insert_rows(session, VerdictRow, columns)
        return
    session.flush()
    source = "\t".join(str(columns[name][0]) for name in ("pack", "as_of", "pack_hash"))
    named = (columns[name] for name in ("enterprise_id", *_TRACKED))
    lines = [
        f"{firm}\t{outcomes}\t\\\\x{unmet.hex()}\t\\\\x{unknown.hex()}\t{scores}\t\\\\x{evidence.hex()}\t{source}\n"  # type: ignore[attr-defined]  # bytes
        for firm, outcomes, unmet, unknown, scores, evidence in zip(*named, strict=True)
    ]
    names = ", ".join(("enterprise_id", *_TRACKED, "pack", "as_of", "pack_hash"))
    with session.connection().connection.cursor().copy(f"COPY verdict ({names}) FROM STDIN") as copy:  # type: ignore[attr-defined]  # psycopg's cursor
        for start in range(0, size, _BATCH):
            copy.write("".join(lines[start : start + _BATCH]))


def _write(session: Session, transitions: pl.DataFrame, evaluation: Evaluation, run_id: int | None) -> None:
    size = len(transitions)
    insert_rows(session, Transition, {
        "enterprise_id": transitions["enterprise_id"].to_list(), "pack": [evaluation.pack.id] * size, "item": transitions["item"].to_list(),
        "before": transitions["before"].to_list(), "after": transitions["after"].to_list(), "on": [evaluation.on] * size,
        "pack_hash": [evaluation.pack.hash] * size, "run_id": [run_id] * size,
    })
