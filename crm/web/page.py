"""What every page stands on: rights, session, rendering. A page is a declaration plus one call into a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask import current_app, g, request
from flask_appbuilder import BaseView
from flask_login import current_user

from crm.security.access import Access, load_access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

STAFF = ("officer", "manager", "administrator")


def db() -> Session:
    """The session of this request. Handlers that write end with `db().commit()`; anything else is rolled back."""
    return current_app.extensions["crm_sessions"]()


def access() -> Access:
    """The rights of who is signed in, read once a request."""
    if "access" not in g:
        if current_user.is_authenticated:
            roles = [role.name for role in current_user.roles]
            g.access = load_access(db(), current_user.id, current_user.get_full_name(), roles)
        else:
            g.access = Access(None, "", frozenset())
    return g.access


def wants_json() -> bool:
    """Whether the client is a script: answers and errors are then JSON."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.is_json or request.path.startswith("/api/") or best == "application/json"


class Page(BaseView):
    """Base of our pages.

    Handlers carry `@expose(...)`, `@has_access`, `@permission_name("read")` in this order; `permits` says which roles
    hold which permission and is what `run.py db upgrade` writes into Flask-AppBuilder's tables. Deny by default: a
    permission nobody is given is refused to all.
    """

    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def show(self, template: str, **context: Any) -> str:
        """Render one of our templates."""
        return self.render_template(template, **context)
