"""My account, sign-in."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.web.page import STAFF, Page


class AccountPage(Page):
    """My account, sign-in."""

    route_base = "/account"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The page."""
        return self.show("blank.html", heading="我的")


views = [AccountPage]
