"""One alert's page: why, what it rests on, what changed, what was started, what happened, what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import render_template

from crm.alerts import queries
from crm.alerts.attaching import links, offered
from crm.alerts.models import CLOSED, LEVEL_NAMES, LIVE, RULES, STATES
from crm.alerts.watches import RULES as WATCHES
from crm.alerts.watches.titles import UPDATE
from crm.core.clock import local, today
from crm.web.alerts import facts
from crm.web.alerts.forms import AssignForm, MuteForm, NoteForm, ResolveForm, SnoozeForm, TaskForm
from crm.web.alerts.people import handlers
from crm.web.alerts.rows import rows
from crm.web.alerts.words import figures, notes, sources, story
from crm.web.packs import pack_for
from crm.web.page import STAFF, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MANAGERS = ("manager", "administrator")


def show_one(alert_id: int, status: int = 200, **forms: Any) -> ResponseReturnValue:
    """The page; `forms` carry what was typed and what is wrong with it."""
    line = queries.alert_of(db(), access(), alert_id)
    alert, seen, on, pack = line.alert, line.alert.evidence, today(), pack_for(line.firm.region_code)
    manages, stands = access().has(*MANAGERS), line.alert.state not in CLOSED
    people = handlers(db(), access(), line.firm) if manages and stands else []
    blank = {
        "snooze": SnoozeForm(formdata=None), "mute": MuteForm(formdata=None), "assign": AssignForm(people, formdata=None), "task": TaskForm(formdata=None),
        "resolve": ResolveForm(formdata=None), "note": NoteForm(formdata=None),
    }
    visits, cases = offered(db(), alert) if stands else ([], [])
    page = render_template(
        "alerts/alert.html", a=alert, row=rows([line])[0], rules=RULES, states=STATES, level_names=LEVEL_NAMES, may_handle=access().has(*STAFF), manages=manages, stands=stands,
        evidence=facts.lines(alert, on) if alert.rule in WATCHES else figures(seen), notes=notes(seen), sources=sources(seen, alert), clause=facts.clause(seen, pack),
        review=None if seen.get("titles") else facts.review(alert.rule, pack, on), changes=facts.changes(seen), events=story(queries.events(db(), access(), alert_id)),
        links=links(db(), alert.id), visits=visits, cases=cases, local=local, is_update=alert.subject.endswith(UPDATE), people=people, me=access().user_id,
        others=[o for o in queries.alerts_of(db(), access(), alert.enterprise_id) if o.id != alert.id and o.state in LIVE],
        **{**blank, **forms},
    )
    return page, status
