"""Visits."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.web.page import STAFF, Page


class VisitsPage(Page):
    """Visits."""

    route_base = "/visits"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The page."""
        return self.show("blank.html", heading="走访")

    @expose("/new")
    @has_access
    @permission_name("read")
    def new(self) -> str:
        """Log a visit."""
        return self.show("blank.html", heading="记走访")


views = [VisitsPage]
