"""The back office under /admin: users, places, and the facts behind the ladder."""

from __future__ import annotations

from flask import current_app, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.web.admin.facts import Contacts, Events, Register, Titles
from crm.web.admin.places import Industries, Regions, Zones
from crm.web.admin.users import Users
from crm.web.page import Page

TILES = (
    ("谁能进来", (Users,)),
    ("企业的事实", (Titles, Register, Events, Contacts)),
    ("分类", (Regions, Zones, Industries)),
)


class AdminPage(Page):
    """What there is to keep in order."""

    route_base = "/admin"
    permits = {"read": ("manager", "administrator")}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Only what the role may open."""
        may = current_app.appbuilder.sm.has_access  # type: ignore[attr-defined]
        groups = [
            (heading, [(view.noun, view.note, url_for(f"{view.__name__}.list")) for view in views if may("can_read", view.__name__)])
            for heading, views in TILES
        ]
        if may("can_read", "DeliveriesPage"):
            groups.insert(1, ("消息", [("消息投递", "每条消息发到哪里、试了几次；没送到的可以重发", url_for("DeliveriesPage.index"))]))
        return self.show("admin/index.html", groups=[(heading, links) for heading, links in groups if links])


views = [AdminPage, Users, Regions, Zones, Industries, Titles, Register, Events, Contacts]
