"""The masks of everybody, column by column: which firms fail which criteria, answered without reading a verdict each.

A block holds firms `block × 4096 …`, for each byte of `unmet` and then of `unknown` one byte per firm; both masks all ones =
no such firm under these rules. Blocks are written by evaluations of everybody; a firm evaluated alone is only marked as
stale, so that one person's correction never waits for a block, and its verdict is read beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import delete, func, select

from crm.core.bulk import among, fetch_columns, insert_rows, upsert_rows
from crm.criteria import packing
from crm.criteria.models import VerdictMask, VerdictRow, VerdictRules, VerdictStale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation
    from crm.criteria.packs import Pack
    from crm.criteria.program import Branch, Criterion, Program

BLOCK = 4096
_BATCH = 5_000
Truth = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]
"""For each firm: surely true, possibly true."""


@dataclass(frozen=True)
class NearMiss:
    """Firms that would surely have an item if one criterion were fulfilled; what is unknown of them does not matter to it."""

    item: str
    criterion: int  # its number in the program
    firms: NDArray[np.int64]  # enterprise ids, ascending
    doubtful: NDArray[np.int64]  # short of this criterion alone as far as is known: with it, only figures still missing would be open


def write(session: Session, evaluation: Evaluation, heads: NDArray[np.uint8], rules: int) -> int:
    """Write the blocks of an evaluation of all firms of a pack between its first and its last; returns blocks that differed."""
    ids = evaluation.frame["enterprise_id"].to_numpy()
    if not len(ids):
        return 0
    ends = packing.layout(evaluation.program)
    mine = heads[ends.outcomes : ends.unknown]
    first, last = int(ids.min()), int(ids.max())
    query = select(VerdictMask.block, VerdictMask.masks).where(VerdictMask.rules_id == rules, VerdictMask.block.between(first // BLOCK, last // BLOCK))
    known = {block: bytes(masks) for block, masks in session.execute(query)}
    order = np.argsort(ids, kind="stable")
    cuts = np.searchsorted(ids[order], np.arange(first // BLOCK, last // BLOCK + 2) * BLOCK)
    changed: dict[int, bytes] = {}
    for block, (start, stop) in enumerate(pairwise(cuts), first // BLOCK):
        before = known.get(block)
        made = np.frombuffer(before, np.uint8).reshape(-1, BLOCK).copy() if before else np.full((2 * ends.mask, BLOCK), 255, np.uint8)
        made[:, max(first - block * BLOCK, 0) : last - block * BLOCK + 1] = 255
        here = order[start:stop]
        made[:, ids[here] - block * BLOCK] = mine[:, here]
        if made.tobytes() != before:
            changed[block] = made.tobytes()
    upsert_rows(session, VerdictMask, ["rules_id", "block"], {"rules_id": [rules] * len(changed), "block": list(changed), "masks": list(changed.values())})
    others = select(VerdictRules.id).where(VerdictRules.pack == evaluation.pack.id, VerdictRules.id != rules)
    session.execute(delete(VerdictMask).where(VerdictMask.rules_id.in_(others)))
    return len(changed)


def stale(session: Session, ids: Iterable[int]) -> None:
    """Note that these firms' masks are no longer what their verdicts say."""
    insert_rows(session, VerdictStale, {"enterprise_id": list(ids)})


def settled(session: Session, until: int | None) -> None:
    """Everybody's masks were written after these notes were made: forget them."""
    if until is not None:
        session.execute(delete(VerdictStale).where(VerdictStale.id <= until))


def last_note(session: Session) -> int | None:
    """The newest note of a stale firm."""
    return session.scalar(select(func.max(VerdictStale.id)))


def near_misses(session: Session, pack: Pack, item: str, on: date, criterion: str | None = None) -> list[NearMiss]:
    """By criterion: firms that lack the item for this criterion alone. Unknown alternatives beside a fulfilled one do not matter."""
    program = pack.program(on)
    tree = program.by_key[item].tree
    year, turn = pack.epoch(on)
    rules = session.scalar(select(VerdictRules.id).where(VerdictRules.pack_hash == pack.hash, VerdictRules.year == year, VerdictRules.turn == turn))
    if tree is None or rules is None:
        return []
    leaves = [leaf for leaf in tree.leaves if leaf.in_force]
    ids, unmet, unknown = _read(session, program, rules, sorted({leaf.number >> 3 for leaf in leaves}))
    short = np.flatnonzero(_one_short(tree, _reader(unmet, unknown)))
    few = _reader(*({byte: row[short] for byte, row in masks.items()} for masks in (unmet, unknown)))
    settled_against = ~_truth(tree, few)[1]  # the item is known to be unmet
    found = []
    for leaf in leaves:
        if criterion is not None and leaf.id != criterion:
            continue
        mine = few(leaf.number, unknown=False)
        sure, possible = _truth(tree, few, leaf.number)
        turned, doubtful = mine & sure, mine & possible & ~sure & settled_against
        found.append(NearMiss(item, leaf.number, np.sort(ids[short[turned]]), np.sort(ids[short[doubtful]])))
    return [near for near in found if len(near.firms) or len(near.doubtful)]


def sure_misses(tree: Branch, read: Callable[..., NDArray[np.bool_]]) -> Iterator[tuple[Criterion, NDArray[np.int64]]]:
    """Each criterion of a tree with the places of the firms it alone stands between and the item, whatever is unknown of them.

    `read(number, unknown=…)`: for each firm whether a criterion is known to fail, or not known.
    """

    def few(number: int, *, unknown: bool) -> NDArray[np.bool_]:
        return read(number, unknown=unknown)[short]

    short = np.flatnonzero(_one_short(tree, read))
    for leaf in tree.leaves if len(short) else ():
        if leaf.in_force and (mine := few(leaf.number, unknown=False)).any():
            yield leaf, short[mine & _truth(tree, few, leaf.number)[0]]


def _reader(unmet: dict[int, NDArray[np.uint8]], unknown: dict[int, NDArray[np.uint8]]) -> Callable[..., NDArray[np.bool_]]:
    """criterion number, unknown= -> yes/no per firm; from the bytes of the masks by place."""

    def read(number: int, *, unknown: bool) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (masks[unknown][number >> 3] & np.uint8(1 << (number & 7))) != 0
        return found

    masks = {False: unmet, True: unknown}
    return read


def _read(session: Session, program: Program, rules: int, wanted: list[int]) -> tuple[NDArray[np.int64], dict[int, NDArray[np.uint8]], dict[int, NDArray[np.uint8]]]:
    """Ids of all firms under the rules, and for the bytes wanted one value per firm of `unmet` and of `unknown`.

    From the blocks, and from their own verdicts for the stale firms.
    """
    ends = packing.layout(program)
    rows = fetch_columns(session, select(VerdictMask.block, VerdictMask.masks).where(VerdictMask.rules_id == rules).order_by(VerdictMask.block))
    blocks = [np.frombuffer(data, np.uint8).reshape(-1, BLOCK) for data in rows["masks"]]
    ids = (np.array(rows["block"], np.int64)[:, None] * BLOCK + np.arange(BLOCK)).ravel()
    doubted = np.array(sorted(set(session.scalars(select(VerdictStale.enterprise_id)))), np.int64)
    there = np.concatenate([(b[0] & b[ends.mask]) != 255 for b in blocks]) if blocks else np.zeros(0, np.bool_)  # nobody has a bit in both masks
    places = np.searchsorted(ids, doubted)
    places = places[places < len(ids)]
    there[places[np.isin(ids[places], doubted)]] = False
    keep = np.flatnonzero(there)
    alone, heads = _alone(session, rules, doubted.tolist(), ends.outcomes, ends.unknown)
    masks = []
    for first in (0, ends.mask):
        whole = {byte: np.concatenate([b[first + byte] for b in blocks])[keep] if blocks else np.zeros(0, np.uint8) for byte in wanted}
        masks.append({byte: np.concatenate([row, heads[:, first + byte]]) for byte, row in whole.items()})
    return np.concatenate([ids[keep], alone]), masks[0], masks[1]


def _alone(session: Session, rules: int, firms: list[int], start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Ids and masks of firms one by one, where they are under the rules."""
    ids: list[int] = []
    heads: list[bytes] = []
    for at in range(0, len(firms), _BATCH):
        query = select(VerdictRow.enterprise_id, VerdictRow.body).where(among(VerdictRow.enterprise_id, firms[at : at + _BATCH]), VerdictRow.rules_id == rules)
        some = fetch_columns(session, query)
        ids += some["enterprise_id"]
        heads += [body[start:stop] for body in some["body"]]
    return np.array(ids, np.int64), np.frombuffer(b"".join(heads), np.uint8).reshape(-1, stop - start)


def _one_short(tree: Branch, read: Callable[..., NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Firms that may be one criterion short: of parts that must all hold one is known to fail, or one alone is not known to hold."""
    parts = [b for b in tree.of if not (b.criterion is not None and not b.criterion.in_force)] if tree.kind == "all" else [tree]
    ends = [_truth(part, read) for part in parts]
    unsure, failing = (np.add.reduce([(~end[which]).astype(np.uint8) for end in ends]) for which in (0, 1))
    found: NDArray[np.bool_] = (unsure == 1) | (failing == 1)
    return found


def _truth(tree: Branch, read: Callable[..., NDArray[np.bool_]], turned: int | None = None) -> Truth:
    """Truth of a node, with the criterion `turned` taken as fulfilled; as crm.criteria.engine.holds combines them."""
    if tree.criterion is not None:
        possible = ~read(tree.criterion.number, unknown=False)
        if tree.criterion.number == turned:
            return np.ones_like(possible), np.ones_like(possible)
        return possible & ~read(tree.criterion.number, unknown=True), possible
    of = [b for b in tree.of if not (b.criterion is not None and not b.criterion.in_force)]
    parts = [_truth(b, read, turned) for b in of]
    if tree.kind == "none":
        parts = [p if b.criterion is not None else (~p[1], ~p[0]) for p, b in zip(parts, of, strict=True)]
    lows, highs = [p[0] for p in parts], [p[1] for p in parts]
    match tree.kind:
        case "all" | "none":
            return np.logical_and.reduce(lows), np.logical_and.reduce(highs)
        case "any":
            return np.logical_or.reduce(lows), np.logical_or.reduce(highs)
        case _:
            least, most = (np.add.reduce([p.astype(np.int16) for p in ends]) >= tree.n for ends in (lows, highs))
            return least, most
