"""What a user sets about messages: channels with their addresses, quiet hours, digest times, a message to try them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update

from crm.core.errors import Invalid, NotFound
from crm.core.outbound import Unreachable
from crm.notices.carriers import check_robot
from crm.notices.models import CHANNELS, MODES, Notice, NoticeChannel, NoticePreference, Outbox
from crm.notices.operations import insert_new, outbox_key
from crm.notices.queries import timing_of
from crm.notices.timing import clock_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.core.outbound import Outbound
    from crm.security.vault import Vault

_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
MOST_DIGESTS = 6
LEAST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Doors:
    """What checking and sealing an address needs."""

    vault: Vault
    outbound: Outbound


def set_channel(
    session: Session, user_id: int, kind: str, *, mode: str, at: datetime, doors: Doors, address: str = "", secret: str = "", is_administrator: bool = False
) -> NoticeChannel:
    """Add or change a channel. An empty address or secret keeps the stored one: neither is ever shown again. Raises Invalid."""
    if kind not in CHANNELS or mode not in MODES:
        raise Invalid("没有这种接收方式。", "kind")
    if kind == "webhook" and not is_administrator:
        raise Invalid("Webhook 由管理员设置。", "kind")
    address, secret = address.strip(), secret.strip()
    channel = session.scalar(select(NoticeChannel).where(NoticeChannel.user_id == user_id, NoticeChannel.kind == kind))
    if channel is None:
        if not address:
            raise Invalid("请填写接收地址。", "address")
        channel = NoticeChannel(user_id=user_id, kind=kind, address="", hint="", changed_at=at)
        session.add(channel)
    if address:
        _check_address(kind, address, doors.outbound)
        channel.address, channel.hint = doors.vault.seal(address), _hint(kind, address)
    if secret:
        if kind == "webhook" and len(secret) < LEAST_SECRET:
            raise Invalid(f"签名密钥至少 {LEAST_SECRET} 位。", "secret")
        channel.secret = doors.vault.seal(secret)
    if kind == "webhook" and not channel.secret:
        raise Invalid("Webhook 要有签名密钥，对方用它核对消息的来源。", "secret")
    channel.mode, channel.changed_at = mode, at
    session.flush()
    return channel


def remove_channel(session: Session, user_id: int, kind: str) -> None:
    """Take a channel away; what still waits for it will not be sent. Raises NotFound."""
    gone = session.execute(delete(NoticeChannel).where(NoticeChannel.user_id == user_id, NoticeChannel.kind == kind))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise NotFound("没有设置这个通道。")


def set_preference(session: Session, user_id: int, *, quiet: tuple[str, str] | None, urgent_any_time: bool, digest_times: Sequence[str], at: datetime) -> NoticePreference:
    """Change quiet hours and digest times; messages held for a digest move to the new times. Raises Invalid."""
    times = sorted({_clock(text, "digest_times") for text in digest_times})
    if not 1 <= len(times) <= MOST_DIGESTS:
        raise Invalid(f"摘要时间填 1 到 {MOST_DIGESTS} 个，例如 08:30,14:00。", "digest_times")
    hours = None
    if quiet is not None:
        hours = (_clock(quiet[0], "quiet_from"), _clock(quiet[1], "quiet_to"))
        if hours[0] == hours[1]:
            raise Invalid("免打扰的开始和结束不能相同。不需要免打扰，请取消勾选。", "quiet_to")
    stored = session.get(NoticePreference, user_id) or NoticePreference(user_id=user_id)
    stored.quiet_from, stored.quiet_to = hours or (None, None)
    stored.urgent_any_time, stored.digest_times = urgent_any_time, ",".join(times)
    session.add(stored)
    session.flush()
    session.execute(update(Outbox).where(Outbox.user_id == user_id, Outbox.state == "held").values(next_at=timing_of(stored).next_digest(at)))
    return stored


def try_channel(session: Session, user_id: int, kind: str, at: datetime) -> None:
    """Queue a message that says the channel works; it does not wait for the end of the quiet hours. Raises NotFound."""
    if session.scalar(select(NoticeChannel.id).where(NoticeChannel.user_id == user_id, NoticeChannel.kind == kind)) is None:
        raise NotFound("没有设置这个通道。")
    stamp = at.isoformat(timespec="seconds")
    row = {"user_id": user_id, "kind": "test", "key": f"test:{kind}:{stamp}", "title": f"测试消息：{CHANNELS[kind]}", "text": "收到这条消息，说明这个通道可以用。", "link": "/notices/settings", "is_urgent": False, "enterprise_id": None, "at": at, "read_at": at}
    for notice_id, *_ in insert_new(session, Notice, [row], "user_id", "key"):
        insert_new(session, Outbox, [{
            "key": outbox_key(kind, user_id, f"test:{stamp}"), "user_id": user_id, "channel": kind, "notice_id": notice_id, "payload": {"kind": "test"},
            "state": "queued", "attempts": 0, "created_at": at, "next_at": at,
        }], "key")


def _check_address(kind: str, address: str, outbound: Outbound) -> None:
    if kind == "email":
        if not _MAIL.fullmatch(address):
            raise Invalid("邮箱地址写法不对，例如 zhangsan@example.gov.cn。", "address")
        return
    try:
        if kind != "webhook":
            check_robot(kind, address, outbound)
        outbound.check(address)
    except Unreachable:
        return  # no name server now; every sending checks again
    except Invalid as error:
        raise Invalid(error.message, "address") from None


def _hint(kind: str, address: str) -> str:
    """What may be shown of an address: the mail provider, the host; never the token."""
    if kind == "email":
        name, _, domain = address.rpartition("@")
        return f"{name[:1]}•••@{domain}"[:120]
    return f"{urlsplit(address).hostname}/•••{address[-4:] if len(address) > 60 else ''}"[:120]


def _clock(text: str, field: str) -> str:
    try:
        return clock_of(text).strftime("%H:%M")
    except ValueError:
        raise Invalid("时间写成 08:30 这样。", field) from None
