"""The session and the rights of the request at hand, for pages and the API alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, g, has_request_context, request
from flask_jwt_extended import current_user as token_user
from flask_login import current_user

from crm.security.access import Access, load_access
from crm.security.audit import Origin

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def db() -> Session:
    """The session of this request. Handlers that write end with `db().commit()`; anything else is rolled back."""
    session: Session = current_app.extensions["crm_sessions"]()
    if "access" not in session.info:
        session.info.update(access=_asking, origin=_origin)
    return session


def signed_in() -> Any:
    """Who asks: by token when there is an Authorization header, else by cookie; None for nobody."""
    proxy = token_user if has_bearer() else current_user
    known = bool(proxy) if has_bearer() else proxy.is_authenticated
    return proxy._get_current_object() if known else None  # noqa: SLF001  # werkzeug's own name for what a proxy stands for


def has_bearer() -> bool:
    """Whether the request brings its own credentials; a browser never adds them by itself, so CSRF cannot."""
    return "Authorization" in request.headers


def access() -> Access:
    """The rights of who is signed in, read once a request."""
    user = signed_in()
    if user is None:
        return Access(None, "", frozenset())
    if "access" not in g or g.access.user_id != user.id:
        g.access = load_access(db(), user.id, user.get_full_name().strip(), [role.name for role in user.roles])
    return g.access


def _asking() -> Access | None:
    return access() if has_request_context() else None


def _origin() -> Origin | None:
    return Origin(request.remote_addr, g.get("request_id")) if has_request_context() else None
