"""What we add to Flask-AppBuilder's users: jurisdiction, password history, lockout, the audit chain."""

from __future__ import annotations

from flask_appbuilder.security.sqla.models import Role as Role  # noqa: PLC0414  # domains import it from here
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Base, Instant, Json, Key, Keyed

ROLES = {"officer": "助企干部", "manager": "管理者", "administrator": "管理员", "auditor": "审计员", "department": "责任单位"}
"""Role name as stored by Flask-AppBuilder -> what people read. Stored state: never rename."""


class UserProfile(Base):
    """One row per user beside ab_user."""

    __tablename__ = "user_profile"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    session_version: Mapped[int] = mapped_column(default=1)  # raised on password change and sign-out: older sessions and tokens end
    password_changed_at: Mapped[Instant | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    unit: Mapped[str | None] = mapped_column(String(128))
    title: Mapped[str | None] = mapped_column(String(64))
    user: Mapped[User] = relationship(lazy="joined")


class UserRegion(Base):
    """A user's jurisdiction is the union of these; the code is a division's or a zone's."""

    __tablename__ = "user_region"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(String(16), primary_key=True)


class Unit(Keyed):
    """A department that cases are given to (人社局, 供电公司). Its people see what was dispatched to it, and nothing else."""

    __tablename__ = "unit"
    name: Mapped[str] = mapped_column(String(128))
    region_code: Mapped[str] = mapped_column(String(12), index=True)  # the division it serves
    contact: Mapped[str | None] = mapped_column(String(128))
    ended_at: Mapped[Instant | None]
    __table_args__ = (Index(None, "region_code", "name", unique=True), {"extend_existing": False})


class UnitMember(Base):
    """A user works for one unit."""

    __tablename__ = "unit_member"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), index=True)


class CalendarKey(Base):
    """The private address of a user's calendar: one each, known by its digest alone. Made anew, the old one is gone."""

    __tablename__ = "calendar_key"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of what the address ends in
    made_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]


class PasswordHistory(Keyed):
    """Hashes a user may not return to."""

    __tablename__ = "password_history"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    hash: Mapped[str] = mapped_column(String(256))
    set_at: Mapped[Instant]


class AuditEntry(Base):
    """Append-only: who did what to what, before and after. `digest` covers the row and the digest before it."""

    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)  # gapless, given by the writer
    at: Mapped[Instant]
    actor_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(48), index=True)  # sign_in, sign_in_failed, export, enterprise.update …
    subject_type: Mapped[str | None] = mapped_column(String(32))
    subject_id: Mapped[str | None] = mapped_column(String(64))
    region_code: Mapped[str | None] = mapped_column(String(12))
    detail: Mapped[dict | None] = mapped_column(Json)  # {"before": …, "after": …} or facts of the act
    ip: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(36))
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    __table_args__ = (
        Index(None, "subject_type", "subject_id"),
        Index(None, "at"),
        {"extend_existing": False},
    )


class AuditHead(Base):
    """One row: the last link of the chain. Writers lock it, so ids are gapless and a cut-off tail is noticed."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(Key, default=0)
    digest: Mapped[str] = mapped_column(String(64), default="")


class LoginAttempt(Keyed):
    """Sign-ins, for lockout. `name_key` is a digest: people type passwords into the wrong field."""

    __tablename__ = "login_attempt"
    at: Mapped[Instant] = mapped_column(index=True)
    name_key: Mapped[str] = mapped_column(String(64))
    ip: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(8), default="pending")  # pending counts as failed | ok | failed | refused
    __table_args__ = (Index(None, "name_key", "id"), Index(None, "ip", "at"), {"extend_existing": False})


__all__ = ["ROLES", "AuditEntry", "AuditHead", "LoginAttempt", "PasswordHistory", "User", "UserProfile", "UserRegion"]
