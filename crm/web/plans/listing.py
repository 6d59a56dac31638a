"""The list of campaigns with their progress, an officer's own plan, and a new campaign with its preview."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import local, now, today
from crm.core.errors import Conflict, Invalid, NotFound
from crm.criteria.schema import STATUS_LABELS
from crm.regions.queries import region_names
from crm.visits.plans import operations
from crm.visits.plans.absences import stand_ins
from crm.visits.plans.coverage import finished, mine
from crm.visits.plans.queries import PHASES, campaigns, due, phase
from crm.visits.plans.schemas import DEFAULT_DAYS, DEFAULT_PER_FIRM
from crm.visits.route import Stop, in_order
from crm.web.page import STAFF, Page, access, db
from crm.web.plans import form as forms
from crm.web.plans.words import MANAGERS, alerted, rule_words, templates

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

    from crm.visits.plans.queries import Due
    from crm.visits.plans.schemas import Preview

AHEAD = timedelta(days=400)
LATER, FIRMS_SHOWN = 12, 20
STOPS = 20
"""Firms a route of one day is made over at most, the longest overdue first."""


class PlansPage(Page):
    """Campaigns, and making one."""

    route_base = "/plans"
    permits = {"read": STAFF, "write": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Those who manage see campaigns; an officer sees what is to be done today."""
        who, on = access(), today()
        if not who.has(*MANAGERS):
            return self._mine(on)
        rows = campaigns(db(), who, on)
        return self.show("plans/index.html", rows=rows, phases=PHASES, phase=phase, on=on, regions=region_names(db(), {r.campaign.region_code for r in rows}))

    def _mine(self, on: date) -> str:
        session, who = db(), access()
        handed = stand_ins(session, on, of=[who.user_id], by=who.user_id)
        rows = due(session, who, on, until=on + AHEAD, handed=handed)
        monday = on - timedelta(days=on.weekday())
        return self.show(
            "plans/mine.html", on=on, local=local, mine=mine(session, who, on), finished=finished(session, who, on), people={s.user_id: s.user for s in handed}, groups=_groups(rows, on, monday + timedelta(days=6)),
            away=[s for s in handed if s.user_id == who.user_id], standing=[s for s in handed if s.substitute_id == who.user_id], later_shown=LATER,
            regions=region_names(session, {r.region_code for r in rows}), route=_route(rows, on),
        )

    @expose("/new")
    @has_access
    @permission_name("write")
    def new(self) -> ResponseReturnValue:
        """The form and, once filled in, what it would do. Everything stands in the address; nothing is written."""
        if "preview" not in request.args:
            form = forms.blank()
            self._officers(form)
            return self._form(form)
        form = forms.given(request.args)
        self._officers(form)
        if not form.validate():
            return self._form(form), 422
        try:
            plan = forms.plan_of(form)
            seen = operations.preview(db(), access(), plan, today(), alerted=alerted(plan.rule))
        except (Invalid, NotFound) as error:
            return self._form(form, error=error), error.status
        return self._form(form, seen=seen)

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("write")
    def create(self) -> ResponseReturnValue:
        """Make it as previewed."""
        form = forms.given(request.form)
        self._officers(form)
        if not form.validate():
            return self._form(form), 422
        try:
            plan = forms.plan_of(form)
            made = operations.create(db(), access(), plan, on=today(), at=now(), alerted=alerted(plan.rule))
            db().commit()
        except (Invalid, Conflict) as error:
            db().rollback()
            return self._form(form, error=error), error.status
        flash(f"计划“{made.name}”已创建，已通知参加的干部。", "success")
        return redirect(url_for("PlanPage.show_campaign", campaign_id=made.id), 303)

    def _officers(self, form: forms.PlanForm) -> None:
        codes = [code for group in (form.region.choices or {}).values() for code, _ in group]
        chosen = form.region.data if form.region.data in codes else (codes[0] if codes else "")
        forms.offer_officers(form, operations.eligible(db(), access(), chosen) if chosen else [])

    def _form(self, form: forms.PlanForm, *, seen: Preview | None = None, error: Invalid | NotFound | Conflict | None = None) -> str:
        field = getattr(error, "field", None) if error is not None else None
        return self.show(
            "plans/new.html", form=form, seen=seen, rule=rule_words(forms.plan_of(form).rule) if seen else [], error=error.message if error is not None else None, error_field=field,
            templates=templates(), statuses=STATUS_LABELS, default_days=DEFAULT_DAYS, default_per_firm=DEFAULT_PER_FIRM, shown=FIRMS_SHOWN, regions=_regions_of(seen),
            asked=[(key, value) for key, value in request.values.items(multi=True) if key not in {"csrf_token", "preview"}],
        )


def _regions_of(seen: Preview | None) -> dict[str, str]:
    return region_names(db(), {f.region_code for f in seen.firms[:FIRMS_SHOWN]}) if seen else {}


def _route(rows: list[Due], on: date) -> list[tuple[Any, float | None]]:
    """What is due by today, each firm once, in the order of the way: (row, metres from the stop before)."""
    owed = {row.enterprise_id: row for row in reversed(rows) if row.due_on <= on}
    first = sorted(owed.values(), key=lambda row: (row.due_on, row.assignment_id))[:STOPS]
    legs = in_order([Stop(row.enterprise_id, row.latitude, row.longitude, row.region_code) for row in first])
    return [(owed[leg.key], leg.metres) for leg in legs]


def _groups(rows: list[Due], on: date, sunday: date) -> list[tuple[str, str, list[Any]]]:
    """(id, heading, rows): overdue, today, the rest of the week, later."""
    late, now_, week, later = [], [], [], []
    for row in rows:
        (late if row.due_on < on else now_ if row.due_on == on else week if row.due_on <= sunday else later).append(row)
    return [("late", "已超期", late), ("today", "今天", now_), ("week", "本周", week), ("later", "以后", later)]
