"""The pipeline board."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.web.page import STAFF, Page


class BoardPage(Page):
    """The pipeline board."""

    route_base = "/board"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The page."""
        return self.show("blank.html", heading="梯队看板")


views = [BoardPage]
