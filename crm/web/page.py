"""What every page stands on: rights, session, rendering. A page is a declaration plus one call into a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask import request
from flask_appbuilder import BaseView

from crm.security.request import access, db

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STAFF", "Page", "access", "db", "wants_json"]

STAFF = ("officer", "manager", "administrator")


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
