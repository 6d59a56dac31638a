"""Users: add, change role and jurisdiction, switch off. Used by the back office and by run.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import delete, select

from crm.core.clock import now
from crm.core.errors import Conflict, Invalid, NotFound
from crm.regions.models import Region, Zone
from crm.security.models import ROLES, LoginAttempt, Unit, UnitMember, User, UserProfile, UserRegion
from crm.security.passwords import set_password
from crm.security.signin import name_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,63}")


def add_user(
    session: Session, username: str, name: str, password: str, *, role: str, regions: Iterable[str] = (),
    title: str | None = None, unit: str | None = None, must_change: bool = False, at: datetime | None = None,
) -> User:
    """A new user of one role for these division or zone codes.

    Raises Invalid (name, password, role, code) and Conflict when the user name is taken. `at` defaults to this instant.
    """
    username, name = username.strip(), name.strip()
    if not _USERNAME.fullmatch(username):
        raise Invalid("用户名用 2–64 个字母、数字或 . _ - @，以字母或数字开头。", "username")
    if not name:
        raise Invalid("姓名没有填。", "name")
    if session.scalar(select(User.id).where(User.username == username)):
        raise Conflict(f"用户名 {username} 已经有人用了，请换一个。")
    user = User(first_name=name, last_name="", username=username, email=f"{username}@local.invalid", active=True)
    session.add(user)
    set_roles(session, user, [role])
    session.flush()
    session.add(UserProfile(user_id=user.id, session_version=0, title=title, unit=unit, must_change_password=must_change))
    session.flush()
    set_password(session, user, password, at or now(), must_change=must_change)
    set_regions(session, user, regions)
    return user


def find_user(session: Session, username: str) -> User:
    """By user name. Raises NotFound."""
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise NotFound(f"没有用户 {username}。")
    return user


def set_roles(session: Session, user: User, names: Iterable[str]) -> None:
    """Replace the user's roles. Raises Invalid for one that does not exist or for none at all."""
    wanted = sorted(set(names))
    if unknown := [name for name in wanted if name not in ROLES]:
        raise Invalid(f"没有角色 {unknown[0]}。可用：{'、'.join(ROLES)}。", "role")
    if not wanted:
        raise Invalid("至少要有一个角色。", "role")
    found = {role.name: role for role in session.scalars(select(Role).where(Role.name.in_(wanted)))}
    if missing := [name for name in wanted if name not in found]:
        raise Invalid(f"数据库里还没有角色 {missing[0]}，请先运行 run.py db upgrade。", "role")
    user.roles = [found[name] for name in wanted]


def set_regions(session: Session, user: User, codes: Iterable[str]) -> None:
    """Replace the jurisdiction. Raises Invalid for a code that is no division or zone."""
    wanted = set(codes)
    known = set(session.scalars(select(Region.code).where(Region.code.in_(wanted))))
    known |= set(session.scalars(select(Zone.code).where(Zone.code.in_(wanted))))
    if unknown := sorted(wanted - known):
        raise Invalid(f"没有行政区划或功能区 {'、'.join(unknown)}。", "regions")
    held = {row.code: row for row in session.scalars(select(UserRegion).where(UserRegion.user_id == user.id))}
    for code in held.keys() - wanted:
        session.delete(held[code])
    session.add_all(UserRegion(user_id=user.id, code=code) for code in sorted(wanted - held.keys()))
    session.flush()


def set_unit(session: Session, user: User, unit: Unit) -> None:
    """Have the user work for `unit`, and for no other."""
    session.execute(delete(UnitMember).where(UnitMember.user_id == user.id))
    session.add(UnitMember(user_id=user.id, unit_id=unit.id))
    session.flush()


def set_active(session: Session, user: User, active: bool) -> None:
    """Switch a user on or off; off ends every session and token at once. Raises Conflict for the last administrator."""
    if not active and is_last_administrator(session, user):
        raise Conflict("这是最后一个在用的管理员，停用后就没人能管理了。请先设置另一个管理员。")
    user.active = active
    profile = session.get(UserProfile, user.id)
    if profile is not None and not active:
        profile.session_version += 1
    session.flush()


def is_last_administrator(session: Session, user: User) -> bool:
    """Whether nobody else who is active is an administrator."""
    others = select(User.id).where(User.active, User.id != user.id, User.roles.any(Role.name == "administrator"))
    return any(role.name == "administrator" for role in user.roles) and session.scalar(others.limit(1)) is None


def unlock(session: Session, user: User) -> None:
    """Forget the failures that locked the user out."""
    failures = (LoginAttempt.name_key == name_key(user.username)) & LoginAttempt.outcome.in_(("failed", "pending"))
    session.execute(delete(LoginAttempt).where(failures))
