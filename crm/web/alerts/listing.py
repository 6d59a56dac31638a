"""The alert centre: what somebody must look at, and what is done about many at once. Filters live in the address."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from flask import flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts import operations, queries
from crm.alerts.models import LEVEL_NAMES, LEVELS, RULES, STATES
from crm.core.clock import now
from crm.core.errors import Conflict, Invalid
from crm.web import address
from crm.web.alerts.forms import SnoozeForm
from crm.web.alerts.people import handlers
from crm.web.alerts.rows import Wanted, chips, regions, rows
from crm.web.alerts.showing import show_one
from crm.web.frame import frame
from crm.web.page import STAFF, Page, access, db, wants_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

PAGE_SIZE = 50
AT_ONCE = 200  # alerts one press may change
STATE_CHOICES = [("", "未解除的"), *STATES.items()]
SORT_CHOICES = [("level", "级别高的在前"), ("new", "新提出的在前")]
LEVEL_NOTES = {("exit_risk", "grey"): "不算作绿"}
MANAGERS = ("manager", "administrator")


class AlertsPage(Page):
    """The alerts of the jurisdiction, and what staff do about several of them."""

    route_base = "/alerts"
    permits = {"read": STAFF, "edit": STAFF, "assign": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """The list, the worst first, with counts per rule and level."""
        wanted = Wanted.read()
        filters = wanted.filters()
        found = queries.alerts(
            db(), access(), filters, sort=wanted.sort, after=address.words("after", 200), before=address.words("before", 200), limit=PAGE_SIZE
        )
        shown, manages = rows(found.rows), access().has(*MANAGERS)
        return self.show(
            "alerts/index.html", f=wanted, rows=shown, totals=queries.rule_counts(db(), access(), filters), rules=RULES, states=STATES, level_names=LEVEL_NAMES,
            by_level=queries.level_counts(db(), access(), filters), levels=LEVELS[:3] + LEVELS[4:], level_notes=LEVEL_NOTES, state_choices=STATE_CHOICES, sort_choices=SORT_CHOICES,
            regions=regions(), chips=chips(wanted, shown), worker=frame().worker, here=address.here, manages=manages, snooze=SnoozeForm(formdata=None),
            people=handlers(db(), access()) if manages and shown else [], may_own=access().has("officer"), me=access().user_id,
            following=address.here(after=found.after) if found.after else None, previous=address.here(before=found.before) if found.before else None,
        )

    @expose("/<int:alert_id>")
    @has_access
    @permission_name("read")
    def show_alert(self, alert_id: int) -> ResponseReturnValue:
        """One alert: why, what it rests on, what happened, what can be done."""
        return show_one(alert_id)

    @expose("/acknowledge", methods=["POST"])
    @has_access
    @permission_name("edit")
    def acknowledge_many(self) -> ResponseReturnValue:
        """Take on the chosen ones; one outside the jurisdiction refuses them all, one taken meanwhile is passed over."""
        return _many("认领", lambda alert_id: operations.acknowledge(db(), access(), alert_id, at=now()), only="open")

    @expose("/snooze", methods=["POST"])
    @has_access
    @permission_name("edit")
    def snooze_many(self) -> ResponseReturnValue:
        """Put the chosen ones off until a day, with one reason for all."""
        until, reason = _day(_given("until")), _given("reason")
        return _many("暂缓", lambda alert_id: operations.snooze(db(), access(), alert_id, until=until, at=now(), reason=reason))

    @expose("/assign", methods=["POST"])
    @has_access
    @permission_name("assign")
    def assign_many(self) -> ResponseReturnValue:
        """Give the chosen ones to one person."""
        to = address.key(_given("to"))
        if to is None:
            raise Invalid("请选把预警指派给谁。", field="to")
        return _many("指派", lambda alert_id: operations.assign(db(), access(), alert_id, to=to, at=now()))

    @expose("/undo", methods=["POST"])
    @has_access
    @permission_name("edit")
    def undo_many(self) -> ResponseReturnValue:
        """Take one's own last act on the chosen ones back."""
        return _many("撤销", lambda alert_id: operations.undo(db(), access(), alert_id, at=now()))


def _many(verb: str, act: Callable[[int], Any], only: str | None = None) -> ResponseReturnValue:
    """Do it to each; what changed meanwhile is passed over, what is not there refuses all."""
    done = []
    for alert_id in _ids(verb):
        alert = queries.alert_of(db(), access(), alert_id).alert
        if only is not None and alert.state != only:
            continue
        try:
            act(alert_id)
        except Conflict:
            continue
        done.append(alert_id)
    db().commit()
    passed = len(_ids(verb)) - len(done)
    message = f"已{verb} {len(done)} 条" + (f"，{passed} 条已有变化，没有动" if passed else "") + "。"
    if wants_json():
        return jsonify(message=message, taken=done, handled={row.alert.id: row.handled for row in rows([queries.alert_of(db(), access(), i) for i in done])})
    flash(message, "success")
    return redirect(back())


def _ids(verb: str) -> list[int]:
    given = _body().get("id", []) if request.is_json else request.form.getlist("id")
    listed = given if isinstance(given, list) else [given]
    ids = [found for i in listed if (found := address.key(str(i))) is not None]
    if not ids or len(ids) > AT_ONCE:
        raise Invalid(f"请先勾选要{verb}的预警。" if not ids else f"一次最多{verb} {AT_ONCE} 条，请分几次。")
    return list(dict.fromkeys(ids))


def _body() -> dict[str, Any]:
    found = request.get_json(silent=True)
    return found if isinstance(found, dict) else {}


def _given(name: str) -> str:
    return str(_body().get(name) or "" if request.is_json else request.form.get(name, ""))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("请选一个日期，写成 2026-10-20。", field="until") from None


def back(otherwise: str | None = None) -> str:
    """The list as it was filtered, when the form came from it; only ever an address of this page."""
    wanted = request.form.get("back", "")
    base = url_for("AlertsPage.index")
    return f"{base}{wanted}" if wanted.startswith("?") and wanted.isprintable() else otherwise or base
