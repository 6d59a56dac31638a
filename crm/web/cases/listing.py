"""The list of cases, one case, and every step of its life."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.life import ANSWERS, EVENTS, STAGES, STEPS, steps_for
from crm.cases.models import KINDS, SATISFACTION, SOURCES, URGENCIES, Case
from crm.cases.operations.steps import units_for
from crm.core import workdays
from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.core.uploads import Unreadable
from crm.enterprises import queries as enterprises
from crm.regions.queries import region_names
from crm.security.privacy import mask_phone, sees_phone
from crm.visits.models import Visit
from crm.web import address
from crm.web.cases import files
from crm.web.cases.forms import CaseForm, StepForm
from crm.web.cases.words import left, line, since_received, views
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page, access, db
from crm.web.visits.words import names_of

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

    from crm.criteria.schema import Cases
    from crm.enterprises.models import Enterprise

DEPARTMENT = ("department",)
DUE = {"late": "已超期", "soon": "三个工作日内到期"}


class CasesPage(Page):
    """The list and one case."""

    route_base = "/cases"
    permits = {"read": (*STAFF, *DEPARTMENT), "write": STAFF, "act": (*STAFF, *DEPARTMENT)}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Open ones first to mind; filters live in the address."""
        who = access()
        state = address.choice("state", ("open", "closed", "all")) or "open"
        whose = address.choice("whose", ("mine", "all")) or ("mine" if who.has("officer") else "all")
        due = address.choice("due", DUE) or ("late" if request.args.get("overdue") == "1" else None)
        chosen = queries.Filters(
            state=None if state == "all" else state, stage=address.choice("stage", STAGES), kind=address.choice("kind", KINDS),
            urgency=address.choice("urgency", URGENCIES), source=address.choice("source", SOURCES), enterprise_id=address.whole("enterprise"),
            officer_id=who.user_id if whose == "mine" and not who.is_department else None, unit_id=address.whole("unit"),
            overdue_on=today() if due == "late" else None, due_in=(today(), _soon()) if due == "soon" else None, q=address.words("q"),
        )  # fmt: skip
        within = replace(chosen, state=None, stage=None, overdue_on=None, due_in=None)
        page = queries.list_cases(db(), who, chosen, request.args.get("after"))
        firm = enterprises.get_visible(db(), who, chosen.enterprise_id) if chosen.enterprise_id and not who.is_department else None
        return self.show(
            "cases/index.html", cases=page.cases, following=address.here(after=page.following) if page.following else None,
            first=address.here() if request.args.get("after") else None, f=chosen, state=state, whose=whose, due=due, dues=DUE, firm=firm,
            kinds=KINDS, urgency=URGENCIES, stages=STAGES, sources=SOURCES, regions=region_names(db(), {c.enterprise.region_code for c in page.cases}),
            views=views(queries.waiting(db(), who, within, today(), _soon()), state, chosen.stage, due, is_department=who.is_department),
            left={c.id: left(c, today()) for c in page.cases}, here=address.here, is_department=who.is_department, units=() if who.is_department else units_for(db(), who),
        )  # fmt: skip

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def new(self) -> ResponseReturnValue:
        """Register a case for a firm."""
        firm = enterprises.get_visible(db(), access(), address.whole("enterprise") or 0)
        form = CaseForm()
        if request.method == "GET":
            form.uuid.data = str(uuid.uuid4())
            return self._new(form, firm)
        if not form.validate():
            return self._new(form, firm), 422
        try:
            case = cases.open_case(
                db(), access(), uuid=canonical(form.uuid.data), enterprise_id=firm.id, title=form.title.data or "", kind=form.kind.data,
                urgency=form.urgency.data, detail=form.detail.data, contact_name=form.contact_name.data, contact_phone=form.contact_phone.data, at=now(),
                handed=files.handed(),
            )  # fmt: skip
        except Unreadable as error:
            db().rollback()
            form.files.errors = [error.message]
            return self._new(form, enterprises.get_visible(db(), access(), address.whole("enterprise") or 0)), 422
        db().commit()
        return redirect(url_for("CasesPage.show_case", key=case.uuid), 303)

    def _new(self, form: CaseForm, firm: Enterprise) -> str:
        return self.show("cases/new.html", form=form, firm=firm, accept=files.ACCEPT, limits=cases.STAFF_FILES)

    @expose("/files/<uuid:key>")
    @has_access
    @permission_name("read")
    def file(self, key: uuid.UUID) -> ResponseReturnValue:
        """A file of a case, for whoever may see the case."""
        return files.send(queries.get_file(db(), access(), str(key)))

    @expose("/<uuid:key>")
    @has_access
    @permission_name("read")
    def show_case(self, key: uuid.UUID) -> ResponseReturnValue:
        """One case with its history."""
        return self._case(queries.get_visible(db(), access(), str(key)))

    @expose("/<uuid:key>/step/<name>", methods=["POST"])
    @has_access
    @permission_name("act")
    def step(self, key: uuid.UUID, name: str) -> ResponseReturnValue:
        """Take a step; a refusal comes back under its field, with what was typed."""
        case = queries.get_visible(db(), access(), str(key))
        form = StepForm()
        if not form.validate():
            return self._case(case, (name, form)), 422
        try:
            cases.take_step(db(), access(), case.uuid, name, form.given(), rules=rules_of(case), at=now(), handed=files.handed())
        except Invalid as error:
            db().rollback()
            fields = {"unit": form.unit_name, "lead_unit": form.unit_name}
            blamed = fields.get(error.field or "") or getattr(form, error.field or "note", form.note)
            blamed.errors = [*blamed.errors, error.message]
            return self._case(queries.get_visible(db(), access(), str(key)), (name, form)), 422
        db().commit()
        flash(f"已记下：{STEPS[name].label}。", "success")
        gone = access().is_department and name == "object"
        return redirect(url_for("CasesPage.index") if gone else url_for("CasesPage.show_case", key=key), 303)

    def _case(self, case: Case, failed: tuple[str, StepForm] | None = None) -> ResponseReturnValue:
        who = access()
        events = queries.events(db(), case.id)
        is_lead = any(u.ended_at is None and u.is_lead and u.unit_id in who.units for u in case.units)
        steps = steps_for(who, case.stage, case.extension, is_lead=is_lead or not who.is_department)
        names = {s.name for s in steps}
        units = units_for(db(), who) if names & {"dispatch", "transfer"} else []
        others = queries.joinable(db(), who, case) if "join" in names else []
        form = StepForm(formdata=None, data={"version": case.version, "due_on": None}).offer(units, others)
        forms = {s.name: failed[1].offer(units, others) if failed and failed[0] == s.name else form for s in steps}
        return self.show(
            "cases/case.html", c=case, events=events, words=EVENTS, kinds=KINDS, urgency=URGENCIES, stages=STAGES, sources=SOURCES, satisfied=SATISFACTION,
            steps=[s for s in steps if s.name != "join" or others], forms=forms, failed=failed[0] if failed else None, line=line(case), left=left(case, today()),
            counted=since_received(case), into_one=next((o for o in others if o.uuid == request.args.get("join")), None),
            accept=files.ACCEPT, limits=cases.STAFF_FILES,
            files=queries.files_of(db(), case.id), answers=ANSWERS, visit=db().get(Visit, case.visit_id) if case.visit_id and not who.is_department else None, people=names_of(db(), (e.by for e in events)),
            have=[u for u in case.units if u.ended_at is None], joined=queries.joined_of(db(), case.id), into=db().get(Case, case.joined_to) if case.joined_to else None,
            phone=case.contact_phone if sees_phone(who, case.enterprise.officer_id) or who.is_department else mask_phone(case.contact_phone),
            is_department=who.is_department, may_write=who.has(*STAFF),
        )  # fmt: skip


def rules_of(case: Case) -> Cases:
    """Deadlines of the firm's place."""
    return pack_for(case.enterprise.region_code).cases


def canonical(text: str | None) -> str:
    """A UUID as stored. Raises Invalid for anything else."""
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        raise Invalid("提交的编号不对，请刷新页面后再登记。", field="uuid") from None


def _soon() -> date:
    return workdays.add(today(), 3).on
