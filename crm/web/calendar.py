"""The calendar of a user under a private address, and the switch for it on the account page."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flask import Response, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.reports.agenda import entries
from crm.reports.ical import calendar
from crm.security import calendars
from crm.web.packs import pack_for
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

RATE = "60 per minute"
PRIVATE = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex"}


class CalendarPage(Page):
    """What calendars subscribe to."""

    route_base = ""
    permits = {"write": calendars.READERS}

    @expose("/calendar/<token>.ics")
    def feed(self, token: str) -> Response:
        """The days of whoever the address belongs to, with the rights of this moment; 304 when nothing changed."""
        with current_app.appbuilder.sm.limiter.limit(RATE):  # type: ignore[attr-defined]
            who = calendars.reader(db(), token)
        settings = current_app.extensions["crm_settings"]
        body = calendar(entries(db(), who, today(), pack_for), "企阶 待办", settings.base_url)
        answer = Response(body, mimetype="text/calendar", headers=PRIVATE)
        answer.set_etag(hashlib.sha256(body).hexdigest()[:32])
        return answer.make_conditional(request)

    @expose("/account/calendar", methods=["POST"])
    @has_access
    @permission_name("write")
    def change(self) -> ResponseReturnValue:
        """Make the address, make it anew, or end it. A new one is shown in the answer and never again."""
        if request.form.get("act") == "revoke":
            calendars.revoke(db(), access(), now())
            db().commit()
            flash("日历订阅已停用，原来的地址打不开了。", "success")
            return redirect(url_for("AccountPage.index") + "#calendar", 303)
        if request.form.get("act") != "renew":
            raise Invalid("没有说要做什么，请用“我的”里的按钮。")
        token = calendars.renew(db(), access(), now())
        db().commit()
        base = current_app.extensions["crm_settings"].base_url
        return self.show("account/calendar.html", target=base + url_for("CalendarPage.feed", token=token))


views = [CalendarPage]
