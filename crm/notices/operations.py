"""Tell people something: bell entry and outbox rows in the caller's transaction. The only door other packages use."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from crm.core.bulk import parts
from crm.core.db import is_postgresql
from crm.notices.models import Notice, NoticeChannel, Outbox
from crm.notices.queries import timings
from crm.security.models import User

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.notices.timing import Timing

_KEY_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell, and whom. `key` names the event: the same key for the same user is told once."""

    to: tuple[int, ...]
    kind: str
    key: str
    title: str
    text: str
    link: str  # path of this site
    at: datetime
    urgent: bool = False
    enterprise_id: int | None = None


def post(
    session: Session, *, to: Iterable[int], kind: str, key: str, title: str, text: str, link: str, at: datetime,
    urgent: bool = False, enterprise_id: int | None = None,
) -> int:
    """Tell users something once; returns how many had not been told under this key. Users switched off are left out."""
    return post_many(session, [Message(tuple(to), kind, key, title, text, link, at, urgent, enterprise_id)])


def post_many(session: Session, messages: Iterable[Message]) -> int:
    """The same for many messages, in a handful of statements."""
    listed = list(messages)
    wanted = sorted({user for message in listed for user in message.to})
    people = {user for part in parts(wanted) for user in session.scalars(select(User.id).where(User.id.in_(part), User.active))}
    channels: dict[int, list[NoticeChannel]] = {}
    for part in parts(sorted(people)):
        for channel in session.scalars(select(NoticeChannel).where(NoticeChannel.user_id.in_(part))):
            channels.setdefault(channel.user_id, []).append(channel)
    wishes = timings(session, channels)
    pairs = [(user, message) for message in listed for user in dict.fromkeys(message.to) if user in people]
    told = 0
    for chunk in parts(pairs):
        told += _post(session, chunk, channels, wishes)
    return told


def mark_read(session: Session, user_id: int, ids: Sequence[int] | None, at: datetime) -> int:
    """Entries of the user's own bell have been read; `ids` None: all of them."""
    statement = update(Notice).where(Notice.user_id == user_id, Notice.read_at.is_(None)).values(read_at=at)
    if ids is not None:
        statement = statement.where(Notice.id.in_(ids))
    return session.execute(statement).rowcount  # type: ignore[attr-defined, no-any-return]


def outbox_key(channel: str, user_id: int, of: str) -> str:
    """The idempotency key of one message: the same event, user and channel always give the same."""
    return f"{channel}-{user_id}-{sha256(of.encode()).hexdigest()[:40]}"


def insert_new(session: Session, table: Any, rows: list[dict[str, Any]], *keys: str) -> Sequence[Any]:
    """Insert rows, skipping those whose unique `keys` exist; returns (id, *keys) of the new ones."""
    if not rows:
        return []
    session.flush()
    target = table.__table__
    insert = (postgresql if is_postgresql(session) else sqlite).insert(target).on_conflict_do_nothing(index_elements=list(keys))
    return session.execute(insert.returning(target.c.id, *(target.c[key] for key in keys)), rows).all()


def _post(
    session: Session, pairs: Sequence[tuple[int, Message]], channels: dict[int, list[NoticeChannel]], wishes: dict[int, Timing]
) -> int:
    by_key = {(user, _short(message.key)): message for user, message in reversed(pairs)}  # of two with one key the first counts
    rows = [
        {
            "user_id": user, "kind": message.kind, "key": key, "title": message.title[:200], "text": message.text, "link": message.link[:300],
            "is_urgent": message.urgent, "enterprise_id": message.enterprise_id, "at": message.at,
        }
        for (user, key), message in by_key.items()
    ]
    new = insert_new(session, Notice, rows, "user_id", "key")
    outgoing = [
        _outgoing(notice_id, channel, key, by_key[user, key], wishes[user])
        for notice_id, user, key in new
        for channel in channels.get(user, ())
        if by_key[user, key].urgent or channel.mode != "urgent"
    ]
    insert_new(session, Outbox, outgoing, "key")
    return len(new)


def _outgoing(notice_id: int, channel: NoticeChannel, key: str, message: Message, timing: Timing) -> dict[str, Any]:
    held = channel.mode == "digest" and not message.urgent
    return {
        "key": outbox_key(channel.kind, channel.user_id, key), "user_id": channel.user_id, "channel": channel.kind, "notice_id": notice_id,
        "payload": {"kind": message.kind, "title": message.title[:200], "text": message.text, "link": message.link[:300], "urgent": message.urgent},
        "state": "held" if held else "queued", "attempts": 0, "created_at": message.at,
        "next_at": timing.next_digest(message.at) if held else timing.leaves_at(message.at, urgent=message.urgent),
    }


def _short(key: str) -> str:
    return key if len(key) <= _KEY_LENGTH else f"{key[: _KEY_LENGTH - 41]}:{sha256(key.encode()).hexdigest()[:40]}"
