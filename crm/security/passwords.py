"""Passwords: what a new one must be like, which old ones may not come back, and what a change ends."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

from sqlalchemy import select
from werkzeug.security import check_password_hash, generate_password_hash

from crm.core.errors import Invalid
from crm.security.models import PasswordHistory, User, UserProfile

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

SHORTEST, LONGEST = 10, 128
REMEMBERED = 5
KINDS_NEEDED = 3
RULES = f"至少 {SHORTEST} 个字符，含大写、小写、数字、符号中的三种；不能包含用户名，不能是最近 {REMEMBERED} 次用过的。"

_COMMON = ("password", "p@ssw0rd", "qwerty", "123456", "abcdef", "admin", "111111", "888888", "qijie", "taizhou", "zhejiang")


def hashed(password: str) -> str:
    """Salted scrypt."""
    return generate_password_hash(password, method="scrypt")


def random_password() -> str:
    """A password that meets the rules and can be read out: four groups, no look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz"
    groups = ["".join(secrets.choice(letters) for _ in range(4)) for _ in range(3)]
    return "-".join([*groups, secrets.choice("ABCDEFGHJKMNPQRSTUVWXYZ") + "".join(secrets.choice("23456789") for _ in range(3))])


def check_rules(password: str, username: str) -> None:
    """Raise Invalid with what is wrong and what to do."""
    if len(password) < SHORTEST:
        raise Invalid(f"密码只有 {len(password)} 个字符，至少要 {SHORTEST} 个。", "password")
    if len(password) > LONGEST:
        raise Invalid(f"密码太长，最多 {LONGEST} 个字符。", "password")
    kinds = (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum())
    if sum(any(map(kind, password)) for kind in kinds) < KINDS_NEEDED:
        raise Invalid("密码太简单：大写字母、小写字母、数字、符号至少要有三种。", "password")
    if username and username.casefold() in password.casefold():
        raise Invalid("密码里不能包含用户名，请换一个。", "password")
    bare = password.casefold().strip(string.punctuation + string.digits)
    if any(bare == word for word in _COMMON) or len(set(password)) < SHORTEST // 2:
        raise Invalid("这个密码太常见，容易被猜中，请换一个。", "password")


def set_password(session: Session, user: User, password: str, at: datetime, *, must_change: bool = False) -> None:
    """Give `user` a new password. Every session and token issued before ends. Raises Invalid when a rule is broken."""
    check_rules(password, user.username)
    old = select(PasswordHistory.hash).where(PasswordHistory.user_id == user.id).order_by(PasswordHistory.id.desc()).limit(REMEMBERED)
    used = [*session.scalars(old), *([user.password] if user.password else [])]
    if any(check_password_hash(hash_, password) for hash_ in used):
        raise Invalid(f"这个密码最近 {REMEMBERED} 次里用过，请换一个新的。", "password")
    user.password = hashed(password)
    session.add(PasswordHistory(user_id=user.id, hash=user.password, set_at=at))
    profile = session.get(UserProfile, user.id)
    if profile is None:
        profile = UserProfile(user_id=user.id, session_version=0)
        session.add(profile)
    profile.session_version += 1
    profile.password_changed_at = at
    profile.must_change_password = must_change
    session.flush()
