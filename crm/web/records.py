"""Records and verification."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.web.page import STAFF, Page


class RecordsPage(Page):
    """Records and verification."""

    route_base = "/records"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The page."""
        return self.show("blank.html", heading="记录")


views = [RecordsPage]
