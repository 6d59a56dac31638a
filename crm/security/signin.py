"""One door for web, API and tokens: lockout by name and by address, the same answer for known and unknown names.

An attempt is written and committed before the password is looked at, so a hundred tries at once are still counted
one by one: only attempts with fewer than the allowed failures before them are checked at all.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from werkzeug.security import check_password_hash

from crm.security.access import Access
from crm.security.audit import record
from crm.security.models import LoginAttempt, User

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

# A hash nothing matches: an unknown name costs the same time as a known one.
_NOBODY = (
    "scrypt:32768:8:1$wiDa0ruWlIPhp9LM$6e409d093e62ad54df2af895d0e125b05ff6cf6414"
    "8350189ffc4bcc71286edf1b8ad94a442c00f890224bf2b32153d0750c89ee9401e62f9dcee5399065e4e5"
)
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many failures a name or an address may have within the minutes."""

    failures: int
    minutes: int
    per_address: int = 60  # an office shares one address


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. `user` only when it succeeded; `opens_at` when the name or address is locked."""

    user: User | None
    left: int = 0
    opens_at: datetime | None = None


def name_key(username: str) -> str:
    """Digest of the name as typed, width and case aside."""
    return sha256(unicodedata.normalize("NFKC", username).strip().casefold().encode()).hexdigest()


def reserve(session: Session, username: str, ip: str, at: datetime) -> LoginAttempt:
    """Write the attempt down. The edge commits before it calls `settle`."""
    attempt = LoginAttempt(at=at, name_key=name_key(username), ip=ip[:64], outcome="pending")
    session.add(attempt)
    session.flush()
    return attempt


def settle(session: Session, attempt: LoginAttempt, username: str, password: str, limits: Limits) -> Outcome:
    """Check the password unless the name or address is locked; record what happened. The edge commits."""
    before = _failures(session, attempt, limits)
    opens_at = _lock_end(before, attempt.at, limits) or _address_lock_end(session, attempt, limits)
    if opens_at is not None:
        attempt.outcome = "refused"
        _log(session, None, username, "sign_in_refused")
        return Outcome(None, 0, opens_at)
    user = session.scalar(select(User).where(User.username == unicodedata.normalize("NFKC", username).strip()))
    usable = user is not None and bool(user.active) and bool(user.password)
    if check_password_hash(user.password if usable else _NOBODY, password) and usable:
        attempt.outcome = "ok"
        user.last_login = attempt.at.replace(tzinfo=None)  # Flask-AppBuilder's column is naive
        user.login_count = (user.login_count or 0) + 1
        session.execute(delete(LoginAttempt).where(LoginAttempt.at < attempt.at - _KEPT))
        _log(session, user, username, "sign_in")
        return Outcome(user)
    attempt.outcome = "failed"
    window = timedelta(minutes=limits.minutes)
    left = limits.failures - sum(at > attempt.at - window for at in before) - 1
    _log(session, user, username, "sign_in_failed", left=left)
    return Outcome(None, left, None if left else attempt.at + window)


def _failures(session: Session, attempt: LoginAttempt, limits: Limits) -> list[datetime]:
    """Instants of the last failures of this name before this attempt, newest first, since its last success."""
    since = attempt.at - timedelta(minutes=2 * limits.minutes)
    rows = session.execute(
        select(LoginAttempt.at, LoginAttempt.outcome)
        .where(LoginAttempt.name_key == attempt.name_key, LoginAttempt.id < attempt.id, LoginAttempt.at > since)
        .where(LoginAttempt.outcome != "refused")
        .order_by(LoginAttempt.id.desc())
        .limit(limits.failures)
    )
    found = []
    for at, outcome in rows:
        if outcome == "ok":
            break
        found.append(at)
    return found


def _lock_end(failures: list[datetime], at: datetime, limits: Limits) -> datetime | None:
    """N failures within the minutes lock the name for as many minutes from the last one."""
    window = timedelta(minutes=limits.minutes)
    if len(failures) < limits.failures or failures[0] - failures[-1] > window or at >= failures[0] + window:
        return None
    return failures[0] + window


def _address_lock_end(session: Session, attempt: LoginAttempt, limits: Limits) -> datetime | None:
    since = attempt.at - timedelta(minutes=limits.minutes)
    count, first = session.execute(
        select(func.count(), func.min(LoginAttempt.at)).where(
            LoginAttempt.ip == attempt.ip, LoginAttempt.at > since, LoginAttempt.outcome.in_(("failed", "pending")),
            LoginAttempt.id < attempt.id,
        )
    ).one()
    return first + timedelta(minutes=limits.minutes) if count >= limits.per_address else None


def _log(session: Session, user: User | None, username: str, action: str, **detail: object) -> None:
    """An unknown name is not written out: it may be a password in the wrong field."""
    name = user.username if user is not None else f"{username.strip()[:2]}***"
    actor = Access(user.id if user is not None else None, name, frozenset())
    record(session, actor, action, "user", user.id if user is not None else None, **detail)
