"""外出代办: who is away, who stands in, the history; said by an officer for himself or by a manager for somebody."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import local, now, today
from crm.core.errors import Invalid
from crm.visits.plans.absences import absences, candidates, overseen, record_absence, take_back, user_names
from crm.web import address
from crm.web.page import STAFF, Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class AbsencesPage(Page):
    """Absences and substitutes."""

    route_base = "/absences"
    permits = {"read": STAFF, "write": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The list, and the form for whoever the address names."""
        session, who = db(), access()
        rows, mine = absences(session, who), overseen(session, who)
        known = dict(mine)
        chosen = address.whole("user") if address.whole("user") in known else (who.user_id if who.has("officer") else next(iter(known), None))
        names = user_names(session, {key for row in rows for key in (row.user_id, row.substitute_id, row.created_by, row.ended_by) if key is not None})
        return self.show(
            "plans/absences.html", rows=rows, people=names, on=today(), local=local, me=who.user_id, mine=mine, chosen=chosen,
            candidates=candidates(session, chosen) if chosen is not None else [], may_end={row.id for row in rows if row.user_id == who.user_id or row.user_id in known},
        )

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("write")
    def add(self) -> ResponseReturnValue:
        """Record an absence."""
        user, substitute = _key("user"), _key("substitute")
        if user is None or substitute is None:
            raise Invalid("请选择外出的人和代办人。", field="substitute")
        record_absence(db(), access(), user, substitute, _day("from_on"), _day("to_on"), request.form.get("reason", ""), on=today(), at=now())
        db().commit()
        flash("已登记，并通知了代办人。这几天到期的走访归代办人，之后自动交回。", "success")
        return redirect(url_for("AbsencesPage.index"), 303)

    @expose("/<int:absence_id>/end", methods=["POST"])
    @has_access
    @permission_name("write")
    def end(self, absence_id: int) -> ResponseReturnValue:
        """Take it back."""
        take_back(db(), access(), absence_id, at=now())
        db().commit()
        flash("已撤销，没走访的交回本人。记录保留。", "success")
        return redirect(url_for("AbsencesPage.index"), 303)


def _key(name: str) -> int | None:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        raise Invalid("请填写日期。", field=name) from None
