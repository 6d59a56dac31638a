"""The delivery log: what left for whom by which way and how it went. It shows no text: running the system is no reason to read about firms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now
from crm.core.errors import Invalid
from crm.notices import delivery, queries
from crm.notices.models import CHANNELS, STATES
from crm.security import audit
from crm.web import address
from crm.web.frame import frame
from crm.web.notices import KINDS
from crm.web.page import Page, access, db
from crm.web.people import people

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PAGE_SIZE = 50


class DeliveriesPage(Page):
    """For administrators."""

    route_base = "/deliveries"
    permits = {"read": ("administrator",)}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """The log, newest first; filters in the address."""
        state, channel, before = address.choice("state", STATES), address.choice("channel", CHANNELS), address.whole("before")
        rows = queries.deliveries(db(), state=state, channel=channel, before=before, limit=PAGE_SIZE + 1)
        traffic = queries.traffic(db(), now())
        following = address.here(before=rows[PAGE_SIZE - 1].id) if len(rows) > PAGE_SIZE else None
        return self.show(
            "notices/log.html", rows=rows[:PAGE_SIZE], traffic=traffic, dead=sum(one.dead for one in traffic.values()), states=STATES, channels=CHANNELS, kinds=KINDS, chosen_state=state,
            chosen_channel=channel, before=before, following=following, here=address.here, people=people(row.user_id for row in rows), worker=frame().worker,
        )

    @expose("/<int:outbox_id>/resend", methods=["POST"])
    @has_access
    @permission_name("read")
    def resend(self, outbox_id: int) -> ResponseReturnValue:
        """One dead message back into the queue, under its old key."""
        delivery.resend(db(), [outbox_id], now())
        audit.record(db(), access(), "outbox.resent", "outbox", outbox_id)
        db().commit()
        flash("已重新排队，一分钟内再发。", "success")
        return redirect(url_for("DeliveriesPage.index"))

    @expose("/resend", methods=["POST"])
    @has_access
    @permission_name("read")
    def resend_all(self) -> ResponseReturnValue:
        """All dead messages; the button says so."""
        if request.form.get("what") != "all":
            raise Invalid("请说明重发哪些消息。", "what")
        count = delivery.resend(db(), None, now())
        audit.record(db(), access(), "outbox.resent", "outbox", None, count=count)
        db().commit()
        flash(f"{count} 条已重新排队。" if count else "没有未送达的消息。", "success")
        return redirect(url_for("DeliveriesPage.index"))


views = [DeliveriesPage]
