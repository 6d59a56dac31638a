"""Evaluate firms from the database: facts, verdicts, transitions, standings, proposed moves. Any number of firms, any day.

evaluate_population(session, packs, on, at=…)              everybody
evaluate_population(session, packs, on, at=…, only=[7])    one firm, after a person changed it
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
from sqlalchemy import Engine, Text, cast, func, select
from sqlalchemy.orm import Session

from crm.core.bulk import insert_rows
from crm.core.db import is_postgresql
from crm.core.frames import fetch_frame, upsert_frame
from crm.criteria.columns import required_columns
from crm.criteria.engine import Evaluation, evaluate
from crm.criteria.masks import last_note, settled
from crm.criteria.store import store
from crm.enterprises.models import Enterprise
from crm.ladder.facts import facts_frame, narrowed
from crm.ladder.models import Move, Standing
from crm.ladder.places import Ladder, ladder_of
from crm.ladder.since import known_since, since
from crm.ladder.standing import STEP_KEYS, standings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date, datetime

    from crm.criteria.packs import Pack, Packs
    from crm.criteria.terms import Column

    Told = Callable[[Evaluation, pl.DataFrame], None]

CHUNK = 50_000
"""Firms worked at a time, so that memory stays flat."""
KEPT = ("place", "place_since")
"""What people decided: kept from the row on file."""
OWN = (
    "region_code", "tier", "size_class", "in_register", "should_register", "register_item", "register_state", "pools", "titles", "steps",
    "active_step", "board_group", "near_item", "near_missing", "near_text", "near_ratio", "revenue_year", "revenue_last",
)
"""Columns of a standing that an evaluation decides."""
FORECAST = ("revenue_ytd", "ytd_period", "revenue_ytd_before", "projected", "projected_low", "projected_high")
"""Columns of a standing that the caller's forecast gives."""
_JSON = ("pools", "titles", "steps")
_FEW = 500


@dataclass
class Evaluated:
    """What an evaluation did, in rows."""

    firms: int = 0
    verdicts: int = 0
    transitions: int = 0
    standings: int = 0
    proposed: int = 0
    lapsed: int = 0

    def as_dict(self) -> dict[str, int]:
        """Counts for the run's row."""
        return asdict(self)


def evaluate_population(
    session: Session, packs: Packs, on: date, *, at: datetime, only: Sequence[int] | None = None, more: Iterable[Column] = (),
    run_id: int | None = None, look: Callable[[Evaluation], pl.DataFrame | None] | None = None, told: Told | None = None, progress: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Evaluate all live firms, or those of `only`, each by the most specific pack of its region, and write what differs.

    `more`: fact columns wanted beside the packs' own; `look` sees every evaluation before it is let go, and may give
    FORECAST columns by `enterprise_id` for the standings, `told` sees the new standings.
    """
    done = Evaluated()
    wanted = set(more)
    for pack in packs:
        wanted |= set(_all_columns(packs, pack, on))
    parts, noted = _chunks(session, only), last_note(session)
    for number, (ids, facts) in enumerate(_facts(session, wanted, on, parts)):
        for pack, part in _by_pack(packs, facts):
            evaluation = evaluate(pack, part, on)
            _keep(session, evaluation, done, at, run_id, look(evaluation) if look is not None else None, told, ids)
        done.firms += facts.height
        if progress is not None:
            progress(number + 1, len(parts))
    if only is None:
        settled(session, noted)
    return done


def _facts(session: Session, wanted: set[Column], on: date, parts: list[Sequence[int] | range]) -> Iterator[tuple[Sequence[int] | range, pl.DataFrame]]:
    """Each part's firms with their facts. On PostgreSQL the next part is read, on a connection of its own, while this one is worked."""
    bind = session.get_bind()
    if len(parts) < 2 or not is_postgresql(session) or not isinstance(bind, Engine):
        for ids in parts:
            yield ids, facts_frame(session, wanted, on, ids)
        return
    with Session(bind) as beside, ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(facts_frame, beside, wanted, on, parts[0])
        for ids, following in zip_longest(parts, parts[1:]):
            facts = waiting.result()
            if following is not None:
                waiting = reader.submit(facts_frame, beside, wanted, on, following)
            yield ids, facts


def _all_columns(packs: Packs, pack: Pack, on: date) -> list[Column]:
    return [column for name in (pack.id, *pack.book.chain) for column in required_columns(packs[name], on)]


def _chunks(session: Session, only: Sequence[int] | None) -> list[Sequence[int] | range]:
    """Some ids at a time; everybody as ranges of ids."""
    if only is not None:
        ids = sorted(set(only))
        return [ids[i : i + CHUNK] for i in range(0, len(ids), CHUNK)]
    live = select(Enterprise.id).where(Enterprise.deleted_at.is_(None)).order_by(Enterprise.id)
    starts: list[int] = []
    while (first := session.scalar(live.where(Enterprise.id >= starts[-1]).offset(CHUNK).limit(1) if starts else live.limit(1))) is not None:
        starts.append(first)
    last = session.scalar(select(func.max(Enterprise.id))) or 0
    return [range(start, stop) for start, stop in pairwise([*starts, last + 1])]


def _by_pack(packs: Packs, facts: pl.DataFrame) -> list[tuple[Pack, pl.DataFrame]]:
    """Firms by the pack of their county."""
    county = facts["region"].str.head(6)
    names = {code: packs.for_region(code).id for code in county.unique().to_list()}
    if len(set(names.values())) == 1:
        return [(packs[next(iter(names.values()))], facts)]
    marked = facts.with_columns(county.replace_strict(names, return_dtype=pl.String).alias("#pack"))
    return [(packs[str(name)], part.drop("#pack")) for (name,), part in marked.group_by("#pack", maintain_order=True)]


def _keep(session: Session, evaluation: Evaluation, done: Evaluated, at: datetime, run_id: int | None, forecast: pl.DataFrame | None, told: Told | None, ids: Sequence[int] | range) -> None:
    if not evaluation.frame.height:
        return
    stored = store(session, evaluation, at=at, run_id=run_id, whole=isinstance(ids, range))
    done.verdicts += stored.written
    done.transitions += stored.transitions.height
    new = standings(evaluation)
    if forecast is not None:
        new = new.join(forecast, on="enterprise_id", how="left", maintain_order="left")
    ladder = ladder_of(evaluation.pack)
    joined = new.join(_old(session, ids, ladder), on="enterprise_id", how="left", suffix="_old", maintain_order="left")
    joined = joined.join(known_since(session, evaluation, ids), on="enterprise_id", how="left", maintain_order="left")
    if told is not None:
        told(evaluation, new)
    done.standings += _write(session, joined, evaluation.on, ladder)
    done.lapsed += _lapse(session, joined, ladder)
    done.proposed += _propose(session, joined, evaluation, at)


def _old(session: Session, ids: Sequence[int] | range, ladder: Ladder) -> pl.DataFrame:
    """Standings on file; JSON columns as text."""
    names = ("enterprise_id", *KEPT, *OWN, *FORECAST)
    query = select(*(cast(getattr(Standing, name), Text).label(name) if name in _JSON else getattr(Standing, name) for name in names))
    whole = ("enterprise_id", "near_missing", "near_ratio", "revenue_year", "revenue_last", *(name for name in FORECAST if name != "ytd_period"))
    kinds: dict[str, Any] = {name: pl.Int64 if name in whole else pl.Boolean if name in ("in_register", "should_register") else pl.String for name in names}
    kinds["place_since"] = pl.Date
    found = pl.concat([fetch_frame(session, part, kinds) for part in narrowed(query, Standing.enterprise_id, ids)])
    if is_postgresql(session):
        found = found.with_columns(_compact(found[name], ladder) for name in _JSON)
    return found.with_columns(pl.col("place_since").cast(pl.String))


def _compact(texts: pl.Series, ladder: Ladder) -> pl.Series:
    """SQLite gives the text that was written; PostgreSQL writes the value anew, its keys in an order of its own."""
    if texts.name != "steps":
        return texts.str.replace_all('", "', '","', literal=True)
    made = {}
    for text in texts.unique().to_list():
        value = orjson.loads(text)
        made[text] = orjson.dumps({step: {key: value[step].get(key) for key in STEP_KEYS} for step in ladder.steps if step in value}).decode()
    return texts.replace_strict(list(made), list(made.values()), return_dtype=pl.String) if made else texts


def _write(session: Session, joined: pl.DataFrame, on: date, ladder: Ladder) -> int:
    """Write standings that are new or differ. The place is the one on file; at first sight, or on a ladder without it, the tier."""
    own = [name for name in (*OWN, *FORECAST) if f"{name}_old" in joined.columns]
    known = pl.col("place").is_in(list(ladder.places))
    settled = joined.with_columns(place_old=pl.col("place"), since_old=pl.col("place_since"), place=pl.coalesce(pl.when(known).then(pl.col("place")), "tier"),
                                  place_since=pl.when(known).then(pl.col("place_since"))).with_columns(place_since=since(ladder))
    differs = [pl.col(name).ne_missing(pl.col(f"{name}_old")) for name in own]
    changed = settled.filter(pl.any_horizontal(*differs, pl.col("place_old").ne_missing(pl.col("place")), pl.col("place_since").ne_missing(pl.col("since_old"))))
    rows = changed.select("enterprise_id", *own, "place", pl.col("place_since").str.to_date(), evaluated_on=pl.lit(on))
    return upsert_frame(session, Standing, ["enterprise_id"], rows)


def _lapse(session: Session, joined: pl.DataFrame, ladder: Ladder) -> int:
    """Open proposals of evaluation whose ground is gone are put aside."""
    firms = joined["enterprise_id"]
    query = select(Move).where(Move.state == "proposed", Move.proposed_by.is_(None), Move.enterprise_id.between(firms.min(), firms.max()))
    moves = session.scalars(query).all()
    if not moves:
        return 0
    ids = [move.enterprise_id for move in moves]
    rows = {row["enterprise_id"]: row for row in joined.filter(pl.col("enterprise_id").is_in(ids)).iter_rows(named=True)}
    lapsed = 0
    for move in moves:
        row = rows.get(move.enterprise_id)
        up = ladder.rank(move.to_place) > ladder.rank(move.from_place)
        if row is not None and not (row.get(f"proposes.{move.step}") if up else ladder.rank(row["tier"]) < ladder.rank(move.from_place)):
            move.state = "superseded"
            lapsed += 1
    session.flush()
    return lapsed


def _propose(session: Session, joined: pl.DataFrame, evaluation: Evaluation, at: datetime) -> int:
    """Propose what the verdicts newly support: up, where a step's condition turned met; down, where the tier fell below the place."""
    wanted: list[tuple[str, str, str, pl.DataFrame]] = []
    ladder = ladder_of(evaluation.pack)
    for step, (low, high) in ladder.between.items():
        name = f"proposes.{step}"
        if name in joined.columns:
            was = pl.col("steps_old").str.contains(f'"{step}":\\{{"state":"[a-z_]+","proposes":true', literal=False).fill_null(value=False)
            wanted.append((step, low, high, joined.filter(pl.col(name) & ~was & (pl.coalesce("place", "tier") == low))))
    fell = joined.filter(pl.col("place").is_not_null() & _below("tier", "tier_old", ladder) & _below("tier", "place", ladder))
    for (place, tier), part in fell.group_by("place", "tier"):
        step = str(ladder.step_up(str(tier)))
        wanted.append((step, str(place), str(tier), part))
    return sum(_insert(session, step, low, high, part, evaluation, at) for step, low, high, part in wanted)


def _insert(session: Session, step: str, low: str, high: str, part: pl.DataFrame, evaluation: Evaluation, at: datetime) -> int:
    """Write proposals, but not over an open one and not one refused on the same verdict."""
    if not part.height:
        return 0
    known: dict[int, list[Move]] = {}
    ids = part["enterprise_id"].to_list()
    for start in range(0, len(ids), _FEW):
        query = select(Move).where(Move.enterprise_id.in_(ids[start : start + _FEW]), Move.step == step)
        for move in session.scalars(query):
            known.setdefault(move.enterprise_id, []).append(move)
    rows = []
    for row in part.iter_rows(named=True):
        verdict = _verdict(row, step)
        moves = known.get(row["enterprise_id"], [])
        if any(m.state == "proposed" or (m.state == "rejected" and m.to_place == high and m.verdict == verdict) for m in moves):
            continue
        rows.append((row["enterprise_id"], verdict))
    size = len(rows)
    return insert_rows(session, Move, {
        "enterprise_id": [firm for firm, _ in rows], "verdict": [verdict for _, verdict in rows], "step": [step] * size,
        "from_place": [low] * size, "to_place": [high] * size, "state": ["proposed"] * size, "proposed_on": [evaluation.on] * size,
        "against_verdict": [False] * size, "pack_hash": [evaluation.pack.hash] * size, "created_at": [at] * size,
    })


def _verdict(row: dict[str, Any], step: str) -> dict[str, Any]:
    """What the proposal rests on. Equal verdicts are not proposed again after a refusal."""
    return {
        "step": step, "tier": row["tier"], "register_state": row["register_state"], "in_register": row["in_register"],
        "titles": row["titles"], "revenue_year": row["revenue_year"], "revenue_last": row["revenue_last"],
    }


def _below(one: str, other: str, ladder: Ladder) -> pl.Expr:
    """Whether a place lies under another; null where the firm stands on another ladder's place."""
    ranks = {place: rank for rank, place in enumerate(ladder.places)}
    return pl.col(one).replace_strict(ranks, default=None, return_dtype=pl.Int8) < pl.col(other).replace_strict(ranks, default=None, return_dtype=pl.Int8)
