"""Flask-AppBuilder's security manager with our door: lockout, sessions that end, permissions read once a minute.

Of FAB's own pages only the sign-in view is registered (ours, named by FAB_AUTH_VIEW); users are kept under /admin.
"""

from __future__ import annotations

import time
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import current_app, g, has_request_context, jsonify, request, session
from flask_appbuilder import AppBuilder
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, User, ViewMenu, assoc_permissionview_role
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from crm.core.clock import now
from crm.security.models import UserProfile
from crm.security.request import db, signed_in
from crm.security.signin import Limits, Outcome, reserve, settle

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue
    from flask_jwt_extended import JWTManager

GRANTS_KEPT_SECONDS = 60
TOKEN_MINUTES = 30
SEEN_EVERY = 60  # seconds between refreshes of the session's last use


class Builder(AppBuilder):
    """FAB without the addresses nobody of ours uses: language by GET, back button, menu JSON, Swagger from a CDN."""

    def _add_admin_views(self) -> None:
        self.add_view_no_menu(self.indexview)
        self.sm.register_views()


class CrmSecurityManager(SecurityManager):
    """One way in for pages, API and tokens; nothing is public through permissions."""

    def register_views(self) -> None:
        """The sign-in view alone: FAB's registration, permission editing and charts stay out."""
        module, _, name = current_app.config["FAB_AUTH_VIEW"].rpartition(".")
        self.auth_view = getattr(import_module(module), name)()
        self.appbuilder.add_view_no_menu(self.auth_view)
        self.limiter.limit(lambda: current_app.extensions["crm_settings"].login_rate, methods=["POST"])(self.auth_view.blueprint)

    def auth_user_db(self, username: str | None, password: str | None) -> Any:
        """The user when name and password are right and nothing is locked, else None; `g.sign_in` says more."""
        settings = current_app.extensions["crm_settings"]
        limits = Limits(settings.login_max_failures, settings.login_lock_minutes)
        at, name, secret = now(), (username or "")[:256], (password or "")[:1024]
        attempt = reserve(db(), name, request.remote_addr or "", at)
        db().commit()  # counted before it is checked
        g.sign_in: Outcome = settle(db(), attempt, name, secret, limits)
        db().commit()
        return g.sign_in.user

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Whether who is asking holds the permission."""
        if not has_request_context():
            return super().has_access(permission_name, view_name)
        user = signed_in()
        return user is not None and any((permission_name, view_name) in self._grants(role) for role in user.roles)

    def is_item_public(self, _permission_name: str, _view_name: str) -> bool:
        """Never: open addresses are named in crm/security/gate.py."""
        return False

    def _grants(self, role: Role) -> frozenset[tuple[str, str]]:
        """What a role holds: written by `db upgrade` only, so a minute's memory is enough."""
        kept = current_app.extensions.setdefault("crm_grants", {})
        made, grants = kept.get(role.name, (0.0, frozenset()))
        if not made or time.monotonic() - made > GRANTS_KEPT_SECONDS:
            link = assoc_permissionview_role.c
            rows = self.session.execute(
                select(Permission.name, ViewMenu.name)
                .join(PermissionView, PermissionView.permission_id == Permission.id)
                .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
                .join(assoc_permissionview_role, link.permission_view_id == PermissionView.id)
                .where(link.role_id == role.id)
            )
            grants = frozenset((permission, view) for permission, view in rows)
            kept[role.name] = (time.monotonic(), grants)
        return grants

    def load_user(self, pk: Any) -> User | None:
        """The session's user, unless switched off, signed in before the last password change, or idle too long."""
        found = self._find(pk)
        if found is None or session.get("version") != found[1]:
            return None
        settings, instant = current_app.extensions["crm_settings"], int(time.time())
        if instant - session.get("seen", 0) > settings.session_idle_minutes * 60:
            return None
        if instant - session["seen"] > SEEN_EVERY:
            session["seen"] = instant
        return found[0]

    def load_user_jwt(self, _header: Any, claims: dict[str, Any]) -> User | None:
        """The token's user under the same conditions."""
        found = self._find(claims["sub"])
        if found is None or claims.get("version") != found[1]:
            return None
        g.user = found[0]
        return found[0]

    def _find(self, pk: Any) -> tuple[User, int] | None:
        query = (
            select(User, UserProfile).outerjoin(UserProfile, UserProfile.user_id == User.id)
            .where(User.id == int(pk), User.active).options(selectinload(User.roles))
        )
        row = self.session.execute(query).first()
        if row is None or row[1] is None:
            return None
        g.profile = row[1]
        return row[0], row[1].session_version

    def create_jwt_manager(self, app: Flask) -> JWTManager:
        """Tokens carry the session version; refusals are JSON in Chinese."""
        app.config.setdefault("JWT_ACCESS_TOKEN_EXPIRES", timedelta(minutes=TOKEN_MINUTES))
        app.config.setdefault("JWT_REFRESH_TOKEN_EXPIRES", timedelta(hours=12))
        manager = super().create_jwt_manager(app)
        manager.additional_claims_loader(lambda identity: {"version": (self._find(identity) or (None, 0))[1]})
        manager.unauthorized_loader(lambda _reason: _refused("请先登录，或带上有效的令牌。"))
        manager.invalid_token_loader(lambda _reason: _refused("令牌不对，请重新登录取得。"))
        manager.expired_token_loader(lambda _header, _claims: _refused("令牌已过期，请重新登录或刷新。"))
        manager.user_lookup_error_loader(lambda _header, _claims: _refused("令牌已失效：账号停用或密码已改，请重新登录。"))
        return manager


def _refused(message: str) -> ResponseReturnValue:
    return jsonify({"message": message, "request_id": g.get("request_id", "")}), 401


def begin_session(user: User) -> None:
    """Start a browser session for `user` after dropping whatever the browser held before."""
    from flask_login import login_user

    session.clear()
    profile = db().get(UserProfile, user.id)
    session.update(version=profile.session_version if profile else 0, seen=int(time.time()))
    session.permanent = False
    login_user(user, remember=False)
