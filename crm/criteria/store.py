"""Verdicts in the database: what an evaluation found is written once, in few bytes, and only where it differs.

Layout of a VerdictRow: see crm.criteria.packing. A row that a later evaluation confirms keeps the day it was written on
(`as_of`): expand it with the pack of its rules and the program of that day. It is rewritten when the pack's rules in force
are others than on that day, for its bits are numbered by them. A Transition row is written for each item whose state
changed; at first sight of a firm under a pack nothing has changed yet, and none is written. Nothing is committed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import case, insert, select, update

from crm.core.bulk import among, fetch_columns, insert_rows, upsert_rows
from crm.core.db import is_postgresql
from crm.criteria import masks, packing
from crm.criteria.models import PackVersion, Transition, VerdictRow, VerdictRules
from crm.criteria.packing import STATES
from crm.criteria.packs import Pack

if TYPE_CHECKING:
    from datetime import date, datetime

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation
    from crm.criteria.packing import Packed

_SCHEMA = {"enterprise_id": pl.Int64, "item": pl.String, "before": pl.String, "after": pl.String}
_BATCH = 5_000  # firms asked for by id in one statement
_SPARSE = 4  # ids spread wider than this many times their number are asked for one by one, else as a range
_AT_ONCE = 100  # rows in one INSERT of SQLite


@dataclass(frozen=True)
class Stored:
    """What was written: ids of the firms whose rows differ, and the transitions (enterprise_id, item, before or null, after; state names).

    `before` is null where the pack gained the item since the row before.
    """

    changed: pl.Series
    transitions: pl.DataFrame

    @property
    def written(self) -> int:
        """Rows written."""
        return len(self.changed)


@dataclass(frozen=True)
class Found:
    """A firm's verdict on file: by which pack, as of which day, and whether that is the pack as it is now."""

    pack: Pack
    as_of: date
    row: Packed
    current: bool


def remember(session: Session, pack: Pack, at: datetime) -> None:
    """Keep the compiled pack, so that a decision made with it can be run again."""
    if session.execute(update(PackVersion).where(PackVersion.hash == pack.hash).values(last_used_at=at)).rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE counts rows
        session.execute(insert(PackVersion).values(hash=pack.hash, pack=pack.id, document=pack.document, first_used_at=at, last_used_at=at))


def stored_pack(session: Session, pack_hash: str) -> Pack | None:
    """A pack as it was, by its hash; None where it was never used here."""
    document = session.scalar(select(PackVersion.document).where(PackVersion.hash == pack_hash))
    return Pack.from_document(document) if document else None


def pack_in_use(session: Session, pack_id: str, at: datetime) -> Pack | None:
    """The version of a pack firms were judged by at an instant: of those used by then the one used longest after it; None if none was."""
    query = select(PackVersion.document).where(PackVersion.pack == pack_id, PackVersion.first_used_at <= at)
    latest = case((PackVersion.last_used_at < at, PackVersion.last_used_at), else_=at)
    document = session.scalar(query.order_by(latest.desc(), PackVersion.first_used_at.desc()).limit(1))
    return Pack.from_document(document) if document else None


def verdict_of(session: Session, enterprise_id: int, pack: Pack) -> Found | None:
    """What is on file of one firm under a pack, whichever version of it; None if nothing is, or its version is gone."""
    query = select(VerdictRow.as_of, VerdictRow.body, VerdictRules.pack_hash).join(VerdictRules, VerdictRules.id == VerdictRow.rules_id)
    row = session.execute(query.where(VerdictRow.enterprise_id == enterprise_id, VerdictRules.pack == pack.id)).first()
    if row is None:
        return None
    made_by = pack if row.pack_hash == pack.hash else stored_pack(session, row.pack_hash)
    if made_by is None:
        return None
    return Found(made_by, row.as_of, packing.unpack(made_by.program(row.as_of), row.body), made_by is pack)


def store(session: Session, evaluation: Evaluation, *, at: datetime, run_id: int | None = None, whole: bool = False) -> Stored:
    """Write the verdicts of an evaluation whose frame has `enterprise_id`; unchanged firms are not touched.

    `at` is the instant kept with a pack first used now; `whole`: the firms are all of the pack's between the first and
    the last of them, so the masks are written with them.
    """
    remember(session, evaluation.pack, at)
    rules = rules_id(session, evaluation)
    ids, heads = evaluation.frame["enterprise_id"], packing.heads(evaluation)
    before = _stored(session, ids)
    if not len(before):
        _insert(session, evaluation, heads, rules)
        stored = Stored(ids, pl.DataFrame(schema=_SCHEMA))
    else:
        stored = _update(session, evaluation, heads, rules, before, run_id, at)
    if whole:
        masks.write(session, evaluation, heads, rules)
    else:
        masks.stale(session, stored.changed)
    return stored


def _update(session: Session, evaluation: Evaluation, heads: NDArray[np.uint8], rules: int, before: pl.DataFrame, run_id: int | None, at: datetime) -> Stored:
    new = pl.DataFrame({"enterprise_id": evaluation.frame["enterprise_id"], "body": pl.Series(packing.bodies(evaluation, heads), dtype=pl.Binary)})
    joined = new.join(before, on="enterprise_id", how="left", suffix="_before", maintain_order="left")
    changed = joined.filter(pl.col("body").ne_missing(pl.col("body_before")) | pl.col("rules_id").ne_missing(rules))
    if not len(changed):
        return Stored(changed["enterprise_id"], pl.DataFrame(schema=_SCHEMA))
    transitions = _transitions(session, evaluation, changed, rules)
    size = len(changed)
    upsert_rows(session, VerdictRow, ["enterprise_id"], {
        "enterprise_id": changed["enterprise_id"].to_list(), "rules_id": [rules] * size, "as_of": [evaluation.on] * size, "body": changed["body"].to_list(),
    })
    _write(session, transitions, evaluation, run_id, at)
    return Stored(changed["enterprise_id"], transitions)


def rules_id(session: Session, evaluation: Evaluation) -> int:
    """Key of the pack's rules in force on the day; made at their first use."""
    pack, (year, turn) = evaluation.pack, evaluation.pack.epoch(evaluation.on)
    query = select(VerdictRules.id).where(VerdictRules.pack_hash == pack.hash, VerdictRules.year == year, VerdictRules.turn == turn)
    found = session.scalar(query)
    if found is None:
        upsert_rows(session, VerdictRules, ["pack_hash", "year", "turn"], {"pack": [pack.id], "pack_hash": [pack.hash], "year": [year], "turn": [turn]})
        found = session.scalar(query)
    assert found is not None  # just written
    return found


def _stored(session: Session, ids: pl.Series) -> pl.DataFrame:
    """Rows on file of these firms: enterprise_id, rules_id, body."""
    asked = select(VerdictRow.enterprise_id, VerdictRow.rules_id, VerdictRow.body)
    if not len(ids):
        return _fetched(session, asked.limit(0))
    first, last = int(ids.min()), int(ids.max())  # type: ignore[arg-type]  # ids are integers
    if last - first >= _SPARSE * len(ids):
        wanted = ids.to_list()
        return pl.concat([_fetched(session, asked.where(among(VerdictRow.enterprise_id, wanted[i : i + _BATCH]))) for i in range(0, len(wanted), _BATCH)])
    return _fetched(session, asked.where(VerdictRow.enterprise_id.between(first, last)))


def _fetched(session: Session, statement: object) -> pl.DataFrame:
    kinds = {"enterprise_id": pl.Int64, "rules_id": pl.Int64, "body": pl.Binary}
    columns = fetch_columns(session, statement)
    return pl.DataFrame([pl.Series(name, columns[name], dtype=kind) for name, kind in kinds.items()])


def _transitions(session: Session, evaluation: Evaluation, changed: pl.DataFrame, rules: int) -> pl.DataFrame:
    """One row per item whose letter changed; items are matched by key through the pack each old row was made with."""
    pack, made = evaluation.pack, [pl.DataFrame(schema=_SCHEMA)]
    known = changed.filter(pl.col("rules_id").is_not_null())
    for before_id in known["rules_id"].unique().sort().to_list():
        items = pack.items if before_id == rules else _items(session, pack, before_id)
        if items is None:
            continue
        part = known.filter(pl.col("rules_id") == before_id)
        now, was = _letters(part["body"], len(pack.items)), _letters(part["body_before"], len(items))
        for i, key in enumerate(pack.items):
            before = was.select(pl.col("letters").bin.slice(items.index(key), 1)).to_series() if key in items else pl.Series([None] * len(part), dtype=pl.Binary)
            rows = pl.DataFrame({"enterprise_id": part["enterprise_id"], "before": before, "after": now.select(pl.col("letters").bin.slice(i, 1)).to_series()})
            rows = rows.filter(pl.col("before").ne_missing(pl.col("after")) & (pl.col("before").is_not_null() | (pl.col("after") == b"m")))
            made.append(rows.select("enterprise_id", item=pl.lit(key), before="before", after="after").with_columns(_named("before"), _named("after")))
    return pl.concat(made).sort("enterprise_id", maintain_order=True)


def _letters(bodies: pl.Series, width: int) -> pl.DataFrame:
    return pl.DataFrame({"letters": bodies}).select(pl.col("letters").bin.slice(0, width))


def _named(end: str) -> pl.Expr:
    return pl.col(end).cast(pl.String).replace_strict(STATES, default=None, return_dtype=pl.String)


def _items(session: Session, pack: Pack, before_id: int) -> tuple[str, ...] | None:
    """Items of the pack a row was made with; none when that version is gone, None when it is another pack."""
    rules = session.get(VerdictRules, before_id)
    if rules is None or rules.pack != pack.id:
        return None
    if rules.pack_hash == pack.hash:
        return pack.items
    found = stored_pack(session, rules.pack_hash)
    return found.items if found is not None else ()


def _insert(session: Session, evaluation: Evaluation, heads: NDArray[np.uint8], rules: int) -> None:
    """First rows of many firms: binary COPY without a Python value per row, or a hundred rows to an INSERT."""
    session.flush()
    connection = session.connection()
    if is_postgresql(session):
        sql = "COPY verdict (enterprise_id, rules_id, as_of, body) FROM STDIN (FORMAT binary)"
        with connection.connection.cursor().copy(sql) as copy:
            for piece in packing.copied(evaluation, heads, rules):
                copy.write(piece)
        return
    values: list[object] = [None] * (2 * len(evaluation.frame))
    values[::2], values[1::2] = evaluation.frame["enterprise_id"].to_list(), packing.bodies(evaluation, heads)
    row = f"(?, {rules}, '{evaluation.on.isoformat()}', ?)"
    sql, width = "INSERT INTO verdict (enterprise_id, rules_id, as_of, body) VALUES ", 2 * _AT_ONCE
    full = len(values) // width * width
    if full:
        connection.exec_driver_sql(sql + ", ".join([row] * _AT_ONCE), [tuple(values[i : i + width]) for i in range(0, full, width)])
    if rest := values[full:]:
        connection.exec_driver_sql(sql + ", ".join([row] * (len(rest) // 2)), tuple(rest))


def _write(session: Session, transitions: pl.DataFrame, evaluation: Evaluation, run_id: int | None, at: datetime) -> None:
    size = len(transitions)
    insert_rows(session, Transition, {
        "enterprise_id": transitions["enterprise_id"].to_list(), "pack": [evaluation.pack.id] * size, "item": transitions["item"].to_list(),
        "before": transitions["before"].to_list(), "after": transitions["after"].to_list(), "on": [evaluation.on] * size,
        "pack_hash": [evaluation.pack.hash] * size, "run_id": [run_id] * size, "recorded_at": [at] * size,
    })
