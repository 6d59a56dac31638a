"""What staff do with one alert. Each act is one call into the domain; what is wrong with a form stands under its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts import attaching, duties, operations, queries
from crm.core.clock import now
from crm.core.errors import Invalid
from crm.web import address
from crm.web.alerts.forms import AssignForm, MuteForm, NoteForm, ResolveForm, SnoozeForm, TaskForm
from crm.web.alerts.listing import MANAGERS, back
from crm.web.alerts.people import handlers
from crm.web.alerts.showing import show_one
from crm.web.alerts.words import handled
from crm.web.page import STAFF, Page, access, db, wants_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from crm.alerts.models import Alert


class AlertPage(Page):
    """Acts on one alert."""

    route_base = "/alerts"
    permits = {"edit": STAFF, "oversee": MANAGERS}

    @expose("/<int:alert_id>/acknowledge", methods=["POST"])
    @has_access
    @permission_name("edit")
    def acknowledge(self, alert_id: int) -> ResponseReturnValue:
        """Take it on."""
        return _done(operations.acknowledge(db(), access(), alert_id, at=now(), version=_version()), "已认领")

    @expose("/<int:alert_id>/release", methods=["POST"])
    @has_access
    @permission_name("edit")
    def release(self, alert_id: int) -> ResponseReturnValue:
        """Give it back: the undo of taking it on."""
        return _done(operations.release(db(), access(), alert_id, at=now(), version=_version()), "已放回待认领")

    @expose("/<int:alert_id>/reopen", methods=["POST"])
    @has_access
    @permission_name("edit")
    def reopen(self, alert_id: int) -> ResponseReturnValue:
        """Open a snoozed, muted or settled one again."""
        return _done(operations.reopen(db(), access(), alert_id, at=now(), version=_version()), "已重新打开")

    @expose("/<int:alert_id>/undo", methods=["POST"])
    @has_access
    @permission_name("edit")
    def undo(self, alert_id: int) -> ResponseReturnValue:
        """Take one's own last act back."""
        return _done(operations.undo(db(), access(), alert_id, at=now()), "已撤销")

    @expose("/<int:alert_id>/snooze", methods=["POST"])
    @has_access
    @permission_name("edit")
    def snooze(self, alert_id: int) -> ResponseReturnValue:
        """Put it off until a day, with a reason."""
        form = SnoozeForm()
        return _submitted(alert_id, "snooze", form, "已暂缓", lambda: operations.snooze(
            db(), access(), alert_id, until=form.until.data, at=now(), reason=form.reason.data, version=_version()))

    @expose("/<int:alert_id>/mute", methods=["POST"])
    @has_access
    @permission_name("oversee")
    def mute(self, alert_id: int) -> ResponseReturnValue:
        """Hear nothing of it until a day, with a reason."""
        form = MuteForm()
        return _submitted(alert_id, "mute", form, "已设为免打扰", lambda: operations.mute(
            db(), access(), alert_id, until=form.until.data, at=now(), reason=form.reason.data, version=_version()))

    @expose("/<int:alert_id>/assign", methods=["POST"])
    @has_access
    @permission_name("oversee")
    def assign(self, alert_id: int) -> ResponseReturnValue:
        """Give it to somebody."""
        line = queries.alert_of(db(), access(), alert_id)
        form = AssignForm(handlers(db(), access(), line.firm))
        return _submitted(alert_id, "assign", form, "已指派", lambda: operations.assign(
            db(), access(), alert_id, to=form.to.data, at=now(), note=(form.note.data or "").strip() or None, version=_version()))

    @expose("/<int:alert_id>/resolve", methods=["POST"])
    @has_access
    @permission_name("edit")
    def resolve(self, alert_id: int) -> ResponseReturnValue:
        """Settle it, with a reason."""
        form = ResolveForm()
        return _submitted(alert_id, "resolve", form, "已解除", lambda: operations.resolve(
            db(), access(), alert_id, at=now(), reason=form.reason.data, version=_version()))

    @expose("/<int:alert_id>/note", methods=["POST"])
    @has_access
    @permission_name("edit")
    def note(self, alert_id: int) -> ResponseReturnValue:
        """Write into its history."""
        form = NoteForm()
        return _submitted(alert_id, "note", form, "已记下", lambda: operations.note(db(), access(), alert_id, at=now(), text=form.text.data))

    @expose("/<int:alert_id>/task", methods=["POST"])
    @has_access
    @permission_name("edit")
    def add_task(self, alert_id: int) -> ResponseReturnValue:
        """Start something because of it."""
        form = TaskForm()
        return _submitted(alert_id, "task", form, "已添任务，预警进入办理中", lambda: attaching.attach(
            db(), access(), alert_id, at=now(), task=form.text.data, due_on=form.due_on.data, version=_version()))

    @expose("/<int:alert_id>/attach", methods=["POST"])
    @has_access
    @permission_name("edit")
    def attach(self, alert_id: int) -> ResponseReturnValue:
        """A visit or case of the firm that came of it."""
        link = attaching.attach(db(), access(), alert_id, at=now(), visit_id=_key("visit"), case_id=_key("case"), version=_version())
        db().commit()
        flash("已关联，预警进入办理中。", "success")
        return redirect(url_for("AlertsPage.show_alert", alert_id=link.alert_id))

    @expose("/<int:alert_id>/links/<int:link_id>/remove", methods=["POST"])
    @has_access
    @permission_name("edit")
    def detach(self, alert_id: int, link_id: int) -> ResponseReturnValue:
        """Take a link off again."""
        return _done(attaching.detach(db(), access(), alert_id, link_id, at=now()), "已移除关联")

    @expose("/<int:alert_id>/links/<int:link_id>/finish", methods=["POST"])
    @has_access
    @permission_name("edit")
    def finish_task(self, alert_id: int, link_id: int) -> ResponseReturnValue:
        """Tick a task off."""
        attaching.finish_task(db(), access(), alert_id, link_id, at=now())
        return _done(queries.alert_of(db(), access(), alert_id).alert, "任务已完成")

    @expose("/<int:alert_id>/yearly-update", methods=["POST"])
    @has_access
    @permission_name("edit")
    def say_updated(self, alert_id: int) -> ResponseReturnValue:
        """Whether the title's particulars were updated this year."""
        answer = request.form.get("updated", "")
        if answer not in ("yes", "no"):
            raise Invalid("请选“已更新”或“未更新”。", field="updated")
        return _done(duties.say_updated(db(), access(), alert_id, updated=answer == "yes", at=now()), "已记下")


def _version() -> int | None:
    """The version the page showed, where the form carries it."""
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _key(name: str) -> int | None:
    return address.key(request.form.get(name, ""))


def _submitted(alert_id: int, name: str, form: Any, said: str, act: Callable[[], Any]) -> ResponseReturnValue:
    """Do what a form asks; what is wrong with it stands under its field, and what was typed stays."""
    queries.alert_of(db(), access(), alert_id)
    if not form.validate():
        return show_one(alert_id, 422, **{name: form})
    try:
        act()
    except Invalid as error:
        db().rollback()
        form.refuse(error.field, error.message)
        return show_one(alert_id, 422, **{name: form})
    db().commit()
    flash(f"{said}。", "success")
    return redirect(url_for("AlertsPage.show_alert", alert_id=alert_id))


def _done(alert: Alert, said: str) -> ResponseReturnValue:
    db().commit()
    if wants_json():
        return jsonify(message=said, state=alert.state, handled=handled(alert, access().name if alert.owner_id == access().user_id else None))
    flash(f"{said}。", "success")
    return redirect(back(url_for("AlertsPage.show_alert", alert_id=alert.id)))
