"""Flask-AppBuilder's security manager with our sign-in page and one permission query a request."""

from __future__ import annotations

from flask import g, has_request_context
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import current_user


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
