"""Back office."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.web.page import STAFF, Page


class AdminPage(Page):
    """Back office."""

    route_base = "/admin"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The page."""
        return self.show("blank.html", heading="管理")


views = [AdminPage]
