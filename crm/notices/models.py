"""Bell entries, the outbox, and how each user wants to be told.

A message is written in the transaction of what it tells about and leaves later. Nothing here is ever sent twice under
two keys: `Outbox.key` is the idempotency key the receiver sees, on the first attempt and on every further one.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Base, Instant, Json, Keyed

CHANNELS = {"email": "电子邮件", "dingtalk": "钉钉机器人", "wecom": "企业微信机器人", "feishu": "飞书机器人", "webhook": "Webhook"}
"""Stored name -> what people read. The bell is no channel: everybody has it."""
MODES = {"each": "逐条发送", "digest": "汇总成摘要", "urgent": "只发紧急的"}
STATES = {"held": "等摘要", "bundled": "已并入摘要", "queued": "待发送", "sent": "已送达", "dead": "未能送达"}
DEFAULT_QUIET = ("21:00", "07:30")
"""默认值，非政策: no message leaves between these times of day, Asia/Shanghai."""
DEFAULT_DIGEST = "08:30"
"""默认值，非政策."""


class Notice(Keyed):
    """One entry of one user's bell. The same (user, key) is never written twice."""

    __tablename__ = "notice"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(160))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(String(300), default="")  # a path of this site
    is_urgent: Mapped[bool] = mapped_column(default=False)
    enterprise_id: Mapped[int | None]  # no foreign key: this layer knows no enterprises, and pages check the jurisdiction by it
    at: Mapped[Instant]
    read_at: Mapped[Instant | None]
    __table_args__ = (
        Index(None, "user_id", "key", unique=True),
        Index("ix_notice_bell", "user_id", "read_at", "id"),
        {"extend_existing": False},
    )


class Outbox(Keyed):
    """One message on one channel of one user: a notice by itself, or a digest of those that were held for it."""

    __tablename__ = "outbox"
    key: Mapped[str] = mapped_column(String(100), unique=True)  # plain ASCII: it travels in headers
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(12))
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id", ondelete="CASCADE"), index=True)  # None: a digest
    bundle_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id", ondelete="SET NULL"), index=True)  # the digest it went into
    payload: Mapped[dict] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(8), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[Instant]  # held: its digest time
    created_at: Mapped[Instant]
    sent_at: Mapped[Instant | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    __table_args__ = (
        Index("ix_outbox_due", "state", "next_at", "id"),
        Index("ix_outbox_held", "user_id", "channel", "state", "id"),
        {"extend_existing": False},
    )


class NoticeChannel(Keyed):
    """Where else a user wants to be told. Addresses and secrets are sealed (crm.security.vault) and never shown again."""

    __tablename__ = "notice_channel"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    mode: Mapped[str] = mapped_column(String(8), default="digest")
    address: Mapped[str] = mapped_column(Text)  # sealed: mail address or URL
    hint: Mapped[str] = mapped_column(String(120))  # what the page may show of it
    secret: Mapped[str | None] = mapped_column(Text)  # sealed
    changed_at: Mapped[Instant]
    __table_args__ = (Index(None, "user_id", "kind", unique=True), {"extend_existing": False})


class NoticePreference(Base):
    """A user's quiet hours and digest times, Asia/Shanghai. No row: the defaults above."""

    __tablename__ = "notice_preference"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    quiet_from: Mapped[str | None] = mapped_column(String(5))  # both None: no quiet hours
    quiet_to: Mapped[str | None] = mapped_column(String(5))
    urgent_any_time: Mapped[bool] = mapped_column(default=False)
    digest_times: Mapped[str] = mapped_column(String(47))  # '08:30,14:00'

