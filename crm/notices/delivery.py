"""The outbox's verbs: bundle digests, claim what is due, settle how it went, send a dead one again. Nothing here sends or commits.

Claiming counts the attempt and puts the next one off by a lease, in a committed transaction, before anything leaves: a
worker killed between sending and settling leaves a row that is sent again under the same key.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select, update

from crm.core.bulk import parts
from crm.core.db import is_postgresql
from crm.core.errors import Conflict, CrmError, NotFound
from crm.notices.letters import Item, Letter
from crm.notices.models import Notice, NoticeChannel, Outbox
from crm.notices.operations import insert_new, outbox_key
from crm.notices.queries import timings
from crm.security.models import User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.vault import Vault

    MaySee = Callable[[int, set[int]], set[int]]
    """(user, firms) -> those of the firms that lie in the user's jurisdiction now."""

LEASE = timedelta(minutes=5)
BACK_OFF = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
ATTEMPTS = 10
PER_MINUTE = {"dingtalk": 15, "wecom": 15, "feishu": 60}
"""Vendors block robots that say more (DingTalk and WeCom: 20 a minute); the rest waits a minute."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed message with everything needed to send it. `attempt` proves the claim when it is settled."""

    outbox_id: int
    attempt: int
    channel: str
    address: str
    secret: str | None
    letter: Letter


def bundle(session: Session, until: datetime, at: datetime) -> dict[str, int]:
    """Put held messages whose digest time is at or before `until` into digests that leave then.

    Messages that come later join a digest that has not been tried yet. Digest times that passed without a worker give one
    digest, not several.
    """
    held = session.scalars(select(Outbox).where(Outbox.state == "held", Outbox.next_at <= until).order_by(Outbox.id).with_for_update()).all()
    groups: dict[tuple[int, str, datetime], list[int]] = defaultdict(list)
    latest: dict[tuple[int, str], datetime] = {}
    for row in held:
        if row.next_at <= at:
            latest[row.user_id, row.channel] = max(row.next_at, latest.get((row.user_id, row.channel), row.next_at))
    for row in held:
        slot = latest[row.user_id, row.channel] if row.next_at <= at else row.next_at
        groups[row.user_id, row.channel, slot].append(row.id)
    wishes = timings(session, {user for user, _, _ in groups})
    for (user, channel, slot), ids in groups.items():
        digest = _digest(session, user, channel, slot, wishes[user].leaves_at(slot, urgent=False), at, ids[0])
        for part in parts(ids):
            session.execute(update(Outbox).where(Outbox.id.in_(part)).values(state="bundled", bundle_id=digest))
    return {"digests": len(groups), "messages": len(held)}


def _digest(session: Session, user: int, channel: str, slot: datetime, leaves_at: datetime, at: datetime, first: int) -> int:
    """The digest of a slot: the one that still waits untried, or a new one."""
    name = f"digest:{slot.isoformat()}"
    waiting = select(Outbox.id).where(Outbox.key == outbox_key(channel, user, name), Outbox.state == "queued", Outbox.attempts == 0)
    if (found := session.scalar(waiting.with_for_update())) is not None:
        return found
    row = {"user_id": user, "channel": channel, "notice_id": None, "payload": {"kind": "digest", "slot": slot.isoformat()}, "state": "queued", "attempts": 0, "created_at": at, "next_at": leaves_at}
    for key in (outbox_key(channel, user, name), outbox_key(channel, user, f"{name}:{first}")):  # the slot's first has left: a second one
        if new := insert_new(session, Outbox, [row | {"key": key}], "key"):
            return int(new[0][0])
    raise Conflict(f"digest {name} of user {user} exists twice")


def is_due(session: Session, at: datetime) -> bool:
    """Whether a message waits to be sent now."""
    return bool(session.scalar(select(exists().where(Outbox.state == "queued", Outbox.next_at <= at))))


def is_digest_due(session: Session, at: datetime) -> datetime | None:
    """The latest digest time that has come and still has messages held for it."""
    return session.scalar(select(func.max(Outbox.next_at)).where(Outbox.state == "held", Outbox.next_at <= at))


def claim(session: Session, at: datetime, limit: int, vault: Vault, site: str, may_see: MaySee) -> tuple[list[Parcel], int]:
    """Take due messages: (parcels to send, rows looked at). Commit before sending. What cannot be sent any more is settled here."""
    query = select(Outbox).where(Outbox.state == "queued", Outbox.next_at <= at).order_by(Outbox.next_at, Outbox.id).limit(limit)
    if is_postgresql(session):
        query = query.with_for_update(skip_locked=True)
    rows = session.scalars(query.execution_options(populate_existing=True)).all()
    if not rows:
        return [], 0
    users = {row.user_id for row in rows}
    active = set(session.scalars(select(User.id).where(User.id.in_(users), User.active)))
    channels = {(c.user_id, c.kind): c for c in session.scalars(select(NoticeChannel).where(NoticeChannel.user_id.in_(users)))}
    room, wishes = _room(session, rows, at), timings(session, users)
    parcels = []
    for row in rows:
        channel = channels.get((row.user_id, row.channel))
        if row.user_id not in active or channel is None:
            row.state, row.last_error = "dead", "接收人已停用。" if channel else "接收人已取消这个通道。"
        elif row.attempts >= ATTEMPTS:  # claimed so often without ever being settled
            row.state, row.last_error = "dead", f"尝试了 {row.attempts} 次都没有结果。"
        elif row.payload.get("kind") != "test" and (later := wishes[row.user_id].leaves_at(at, urgent=bool(row.payload.get("urgent")))) > at:
            row.next_at = later  # a further attempt, or hours that were changed meanwhile
        elif room.get((row.user_id, row.channel), 1) <= 0:
            row.next_at = at + timedelta(minutes=1)
        elif parcel := _parcel(session, row, channel, vault, site, may_see):
            row.attempts, row.next_at = row.attempts + 1, at + LEASE
            room[row.user_id, row.channel] = room.get((row.user_id, row.channel), 1 << 30) - 1
            parcels.append(parcel)
    session.flush()
    return parcels, len(rows)


def settle(session: Session, parcel: Parcel, error: CrmError | None, at: datetime, *, for_good: bool = False) -> str:
    """How sending ended; returns the row's state. A row somebody else has claimed meanwhile is left alone ("lost")."""
    values: dict[str, Any]
    if error is None:
        values = {"state": "sent", "sent_at": at, "last_error": None}
    elif for_good or parcel.attempt >= ATTEMPTS:
        values = {"state": "dead", "last_error": error.message[:500]}
    else:
        values = {"state": "queued", "last_error": error.message[:500], "next_at": at + wait(parcel.letter.key, parcel.attempt)}
    mine = (Outbox.id == parcel.outbox_id) & (Outbox.attempts == parcel.attempt) & (Outbox.state == "queued")
    done = session.execute(update(Outbox).where(mine).values(values))
    return str(values["state"]) if done.rowcount else "lost"  # type: ignore[attr-defined]


def wait(key: str, attempt: int) -> timedelta:
    """Time before the next attempt: doubles up to two hours, give or take a quarter. The jitter comes from the key, so it is the same when worked out again."""
    share = int.from_bytes(sha256(f"{key}:{attempt}".encode()).digest()[:4]) / 2**32  # 0..1
    return min(BACK_OFF * 2 ** (attempt - 1), LONGEST_WAIT) * (0.75 + share / 2)


def resend(session: Session, ids: Iterable[int] | None, at: datetime) -> int:
    """Put dead messages back into the queue, under their old keys; `ids` None: all of them. Raises NotFound when one is not dead."""
    statement = update(Outbox).where(Outbox.state == "dead").values(state="queued", attempts=0, next_at=at)
    if ids is None:
        return session.execute(statement).rowcount  # type: ignore[attr-defined, no-any-return]
    wanted = set(ids)
    count = session.execute(statement.where(Outbox.id.in_(wanted))).rowcount  # type: ignore[attr-defined]
    if count != len(wanted):
        raise NotFound("没有这条未送达的消息，可能已经重新发送了。")
    return int(count)


def _room(session: Session, rows: Sequence[Outbox], at: datetime) -> dict[tuple[int, str], int]:
    """How many more messages each robot among the rows may get within this minute."""
    robots = {(row.user_id, row.channel) for row in rows if row.channel in PER_MINUTE}
    if not robots:
        return {}
    query = select(Outbox.user_id, Outbox.channel, func.count()).where(Outbox.sent_at > at - timedelta(minutes=1), Outbox.user_id.in_({user for user, _ in robots}))
    said = {(user, channel): count for user, channel, count in session.execute(query.group_by(Outbox.user_id, Outbox.channel))}
    return {pair: PER_MINUTE[pair[1]] - said.get(pair, 0) for pair in robots}


def _parcel(session: Session, row: Outbox, channel: NoticeChannel, vault: Vault, site: str, may_see: MaySee) -> Parcel | None:
    """What to send, or None: nothing of it is the receiver's business any more, or the address cannot be read."""
    query = select(Notice).where(Notice.id == row.notice_id) if row.notice_id else select(Notice).join(Outbox, Outbox.notice_id == Notice.id).where(Outbox.bundle_id == row.id)
    notices = session.scalars(query.order_by(Notice.is_urgent.desc(), Notice.id)).all()
    firms = {n.enterprise_id for n in notices if n.enterprise_id is not None}
    seen = may_see(row.user_id, firms) if firms else set()
    items = tuple(Item(n.title, n.text, site + n.link, n.is_urgent, n.at) for n in notices if n.enterprise_id is None or n.enterprise_id in seen)
    if not items:
        row.state, row.last_error = "dead", "企业已不在接收人的辖区，没有发送。"
        return None
    try:
        address, secret = vault.open(channel.address), vault.open(channel.secret) if channel.secret else None
    except CrmError as error:
        row.state, row.last_error = "dead", error.message
        return None
    kind = notices[0].kind if row.notice_id else "digest"
    return Parcel(row.id, row.attempts + 1, row.channel, address, secret, Letter(row.key, kind, items, row.notice_id is None, site))
