"""Flask-AppBuilder's security manager with our sign-in page and one permission query a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import g, has_request_context
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import current_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class CrmSecurityManager(SecurityManager):
    """FAB asks the database for every permission; a page asks for sixteen. Ours reads the user's set once."""

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Whether the current user (or everybody) holds the permission."""
        if not has_request_context():
            return super().has_access(permission_name, view_name)
        if not current_user.is_authenticated:
            return self.is_item_public(permission_name, view_name)
        if "permissions" not in g:
            g.permissions = {
                (pv.permission.name, pv.view_menu.name) for role in current_user.roles for pv in role.permissions
            }
        return (permission_name, view_name) in g.permissions

    def grant(self, wanted: Mapping[str, Iterable[tuple[str, str]]]) -> None:
        """Make each role hold exactly the named (permission, view) pairs; roles and pairs are created as needed."""
        for name, pairs in wanted.items():
            role: Any = self.find_role(name) or self.add_role(name)
            held = [self.add_permission_view_menu(permission, view) for permission, view in sorted(set(pairs))]
            role.permissions = [pv for pv in held if pv is not None]
        self.session.commit()
