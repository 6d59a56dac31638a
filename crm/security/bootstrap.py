"""Write roles and permissions: what each view's `permits` says, nothing else. Run after migrating, never by web workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from sqlalchemy import select

from crm.security.models import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

PUBLIC = "Public"
"""Flask-AppBuilder's role of everybody; it exists and holds nothing unless a view permits it."""


def write_permissions(session: Session, views: Iterable[Any]) -> int:
    """Make every role hold exactly what `views` permit. Idempotent; returns the number of grants.

    A view declares `permits = {"read": ("officer", …)}`; the stored names are `can_read` on the view's class name.
    Raises ValueError for a role that does not exist.
    """
    grants: dict[str, set[tuple[str, str]]] = {name: set() for name in (*ROLES, PUBLIC, "Admin")}
    for view in views:
        for permission, roles in getattr(view, "permits", {}).items():
            for role in roles:
                if role not in grants:
                    raise ValueError(f"{type(view).__name__} permits unknown role {role!r}")
                grants[role].add((f"can_{permission}", view.class_permission_name))
    pairs = _pairs(session, set().union(*grants.values()))
    roles = {role.name: role for role in session.scalars(select(Role))}
    for name, wanted in grants.items():
        role = roles.get(name) or Role(name=name)
        session.add(role)
        role.permissions = [pairs[pair] for pair in sorted(wanted)]
    session.flush()
    return sum(map(len, grants.values()))


def _pairs(session: Session, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    permissions = {p.name: p for p in session.scalars(select(Permission))}
    menus = {m.name: m for m in session.scalars(select(ViewMenu))}
    pairs = {(pv.permission.name, pv.view_menu.name): pv for pv in session.scalars(select(PermissionView))}
    for permission, view in sorted(wanted - pairs.keys()):
        if permission not in permissions:
            permissions[permission] = Permission(name=permission)
        if view not in menus:
            menus[view] = ViewMenu(name=view)
        pairs[permission, view] = PermissionView(permission=permissions[permission], view_menu=menus[view])
        session.add(pairs[permission, view])
    return pairs
