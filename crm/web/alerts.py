"""The alert centre: what somebody must look at, why, and what was done about it. Filters live in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts import operations, queries
from crm.alerts.models import LEVEL_NAMES, LEVELS, LIVE, RULES, STATES
from crm.core.clock import now
from crm.core.errors import Conflict, Invalid
from crm.web import address
from crm.web.alert_forms import NoteForm, ResolveForm, SnoozeForm
from crm.web.alert_rows import Wanted, chips, regions, rows
from crm.web.alert_words import figures, handled, notes, sources, story
from crm.web.frame import frame
from crm.web.page import STAFF, Page, access, db, wants_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from crm.alerts.models import Alert

PAGE_SIZE = 50
AT_ONCE = 200  # alerts one press may take on
STATE_CHOICES = [("", "未解除的"), *STATES.items()]
LEVEL_NOTES = {("exit_risk", "grey"): "不算作绿"}


class AlertsPage(Page):
    """The alerts of the jurisdiction, and what staff do about them."""

    route_base = "/alerts"
    permits = {"read": STAFF, "edit": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """The list, the worst first, with counts per rule and level."""
        wanted = Wanted.read()
        filters = wanted.filters()
        found = queries.alerts(db(), access(), filters, after=address.words("after", 200), limit=PAGE_SIZE)
        shown = rows(found.rows)
        return self._show(
            "alerts/index.html", f=wanted, rows=shown, totals=queries.rule_counts(db(), access(), filters),
            by_level=queries.level_counts(db(), access(), filters), levels=LEVELS[:3] + LEVELS[4:], level_notes=LEVEL_NOTES, state_choices=STATE_CHOICES,
            regions=regions(), chips=chips(wanted, shown), worker=frame().worker, here=address.here,
            may_own=access().has("officer"), me=access().user_id, following=address.here(after=found.after) if found.after else None,
            first=None if found.is_first else address.here(),
        )

    @expose("/<int:alert_id>")
    @has_access
    @permission_name("read")
    def show_alert(self, alert_id: int) -> ResponseReturnValue:
        """One alert: why, what it rests on, what happened, what can be done."""
        return self._alert(alert_id)

    def _alert(self, alert_id: int, status: int = 200, **forms: Any) -> ResponseReturnValue:
        line = queries.alert_of(db(), access(), alert_id)
        alert, seen = line.alert, line.alert.evidence
        blank = {"snooze": SnoozeForm(formdata=None), "resolve": ResolveForm(formdata=None), "note": NoteForm(formdata=None)}
        page = self._show(
            "alerts/alert.html", a=alert, row=rows([line])[0], evidence=figures(seen), notes=notes(seen), sources=sources(seen, alert),
            events=story(queries.events(db(), access(), alert_id)),
            others=[o for o in queries.alerts_of(db(), access(), alert.enterprise_id) if o.id != alert.id and o.state in LIVE],
            **{**blank, **forms},
        )
        return page, status

    @expose("/<int:alert_id>/acknowledge", methods=["POST"])
    @has_access
    @permission_name("edit")
    def acknowledge(self, alert_id: int) -> ResponseReturnValue:
        """Take it on."""
        return self._done(operations.acknowledge(db(), access(), alert_id, at=now()), "已认领")

    @expose("/<int:alert_id>/release", methods=["POST"])
    @has_access
    @permission_name("edit")
    def release(self, alert_id: int) -> ResponseReturnValue:
        """Give it back: the undo of taking it on."""
        return self._done(operations.release(db(), access(), alert_id, at=now()), "已放回待认领")

    @expose("/<int:alert_id>/reopen", methods=["POST"])
    @has_access
    @permission_name("edit")
    def reopen(self, alert_id: int) -> ResponseReturnValue:
        """Open a snoozed or settled one again: the undo of both."""
        return self._done(operations.reopen(db(), access(), alert_id, at=now()), "已重新打开")

    @expose("/acknowledge", methods=["POST"])
    @has_access
    @permission_name("edit")
    def acknowledge_many(self) -> ResponseReturnValue:
        """Take on the chosen ones; one outside the jurisdiction refuses them all, one taken meanwhile is passed over."""
        given = (request.get_json(silent=True) or {}).get("id", []) if request.is_json else request.form.getlist("id")
        ids = [int(i) for i in map(str, given) if i.isascii() and i.isdigit() and len(i) < address.LONGEST_KEY]
        if not ids or len(ids) > AT_ONCE:
            raise Invalid("请先勾选要认领的预警。" if not ids else f"一次最多认领 {AT_ONCE} 条，请分几次。")
        taken = [alert_id for alert_id in ids if _taken(alert_id)]
        db().commit()
        passed = len(ids) - len(taken)
        message = f"已认领 {len(taken)} 条" + (f"，{passed} 条已有人处理，没有动" if passed else "") + "。"
        if wants_json():
            return jsonify(message=message, taken=taken, handled=f"{access().name} 已认领")
        flash(message, "success")
        return redirect(_back())

    @expose("/<int:alert_id>/snooze", methods=["POST"])
    @has_access
    @permission_name("edit")
    def snooze(self, alert_id: int) -> ResponseReturnValue:
        """Put it off until a day, with a reason."""
        form = SnoozeForm()
        return self._submitted(alert_id, "snooze", form, "已暂缓", lambda: operations.snooze(
            db(), access(), alert_id, until=form.until.data, at=now(), reason=form.reason.data))

    @expose("/<int:alert_id>/resolve", methods=["POST"])
    @has_access
    @permission_name("edit")
    def resolve(self, alert_id: int) -> ResponseReturnValue:
        """Settle it, with a reason."""
        form = ResolveForm()
        return self._submitted(alert_id, "resolve", form, "已解除", lambda: operations.resolve(
            db(), access(), alert_id, at=now(), reason=form.reason.data))

    @expose("/<int:alert_id>/note", methods=["POST"])
    @has_access
    @permission_name("edit")
    def note(self, alert_id: int) -> ResponseReturnValue:
        """Write into its history."""
        form = NoteForm()
        return self._submitted(alert_id, "note", form, "已记下", lambda: operations.note(db(), access(), alert_id, at=now(), text=form.text.data))

    def _submitted(self, alert_id: int, name: str, form: Any, said: str, act: Callable[[], Any]) -> ResponseReturnValue:
        """Do what a form asks; what is wrong with it stands under its field, and what was typed stays."""
        queries.alert_of(db(), access(), alert_id)
        if not form.validate():
            return self._alert(alert_id, 422, **{name: form})
        try:
            act()
        except Invalid as error:
            db().rollback()
            form.refuse(error.field, error.message)
            return self._alert(alert_id, 422, **{name: form})
        db().commit()
        flash(f"{said}。", "success")
        return redirect(url_for("AlertsPage.show_alert", alert_id=alert_id))

    def _done(self, alert: Alert, said: str) -> ResponseReturnValue:
        db().commit()
        if wants_json():
            return jsonify(message=said, state=alert.state, handled=handled(alert, access().name if alert.owner_id == access().user_id else None))
        flash(f"{said}。", "success")
        return redirect(_back(url_for("AlertsPage.show_alert", alert_id=alert.id)))

    def _show(self, template: str, **context: Any) -> str:
        return self.show(
            template, rules=RULES, states=STATES, level_names=LEVEL_NAMES, may_handle=access().has(*STAFF), **context,
        )


def _taken(alert_id: int) -> bool:
    """Whether it was open and is mine now."""
    line = queries.alert_of(db(), access(), alert_id)
    if line.alert.state != "open":
        return False
    try:
        operations.acknowledge(db(), access(), alert_id, at=now())
    except Conflict:
        return False
    return True


def _back(otherwise: str | None = None) -> str:
    """The list as it was filtered, when the form came from it; only ever an address of this page."""
    wanted = request.form.get("back", "")
    base = url_for("AlertsPage.index")
    return f"{base}{wanted}" if wanted.startswith("?") and wanted.isprintable() else otherwise or base


views = [AlertsPage]
