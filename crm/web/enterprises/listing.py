"""Enterprises: list and page."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.web.page import STAFF, Page


class EnterprisesPage(Page):
    """Enterprises: list and page."""

    route_base = "/enterprises"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The page."""
        return self.show("blank.html", heading="企业")

    @expose("/suggest")
    @has_access
    @permission_name("read")
    def suggest(self) -> str:
        """Search as you type."""
        return ""
