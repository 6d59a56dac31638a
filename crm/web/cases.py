"""Cases: what firms asked for, from registration to the firm's own word."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.models import KINDS, Case
from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.enterprises import queries as enterprises
from crm.regions.queries import region_names
from crm.visits.models import Visit
from crm.web import address
from crm.web.page import STAFF, Page, access, db
from crm.web.visits.words import names_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue
    from wtforms import Form

WRITERS = ("officer", "manager", "administrator")
URGENCY = {"normal": "一般", "urgent": "紧急"}


class CaseForm(FlaskForm):
    """A new case."""

    uuid = HiddenField()
    title = StringField("企业要解决什么", validators=[InputRequired("请写明企业要解决什么问题。"), Length(max=200, message="最多 200 字，细节写在说明里。")])
    kind = SelectField("类型", choices=list(KINDS.items()), default="other")
    urgency = RadioField("紧急程度", choices=list(URGENCY.items()), default="normal")
    detail = TextAreaField("说明", validators=[Length(max=1000, message="最多 1,000 字，请缩短。")])
    lead_unit = StringField("交给谁办", validators=[Length(max=128, message="最多 128 字。")])
    due_on = DateField("答复期限", validators=[Optional()])


class AssignForm(FlaskForm):
    """交办."""

    lead_unit = StringField("交给谁办", validators=[InputRequired("请写明交给哪个单位办。"), Length(max=128, message="最多 128 字。")])
    due_on = DateField("答复期限", validators=[Optional()])
    note = StringField("说明", validators=[Length(max=500, message="最多 500 字，请缩短。")])


class NoteForm(FlaskForm):
    """Progress, a result, a reason."""

    note = TextAreaField("说明", validators=[InputRequired("请写一句说明。"), Length(max=2000, message="最多 2,000 字，请缩短。")])


class CasesPage(Page):
    """The list and one case."""

    route_base = "/cases"
    permits = {"read": STAFF, "write": WRITERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Open ones first to mind; filters live in the address."""
        who = access()
        state = address.choice("state", ("open", "closed", "all")) or "open"
        whose = address.choice("whose", ("mine", "all")) or ("mine" if who.has("officer") else "all")
        overdue = request.args.get("overdue") == "1"
        chosen = queries.Filters(
            state=None if state == "all" else state, kind=address.choice("kind", KINDS), urgency=address.choice("urgency", URGENCY),
            enterprise_id=address.whole("enterprise"), officer_id=who.user_id if whose == "mine" else None,
            overdue_on=today() if overdue else None, q=address.words("q"),
        )  # fmt: skip
        page = queries.list_cases(db(), who, chosen, request.args.get("after"))
        firm = enterprises.get_visible(db(), who, chosen.enterprise_id) if chosen.enterprise_id else None
        return self.show(
            "cases/index.html", cases=page.cases, following=address.here(after=page.following) if page.following else None,
            first=address.here() if request.args.get("after") else None, f=chosen, state=state, whose=whose, overdue=overdue, firm=firm,
            kinds=KINDS, urgency=URGENCY, regions=region_names(db(), {c.enterprise.region_code for c in page.cases}), today=today(), here=address.here,
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
            return self.show("cases/new.html", form=form, firm=firm)
        if not form.validate():
            return self.show("cases/new.html", form=form, firm=firm), 422
        case = cases.open_case(
            db(), access(), uuid=_canonical(form.uuid.data), enterprise_id=firm.id, title=form.title.data or "", kind=form.kind.data,
            urgency=form.urgency.data, detail=form.detail.data, lead_unit=form.lead_unit.data, due_on=form.due_on.data, at=now(),
        )  # fmt: skip
        db().commit()
        return redirect(url_for("CasesPage.show_case", key=case.uuid), 303)

    @expose("/<uuid:key>")
    @has_access
    @permission_name("read")
    def show_case(self, key: uuid.UUID) -> ResponseReturnValue:
        """One case with its history."""
        return self._case(queries.get_visible(db(), access(), str(key)))

    def _case(self, case: Case, failed: tuple[str, Form] | None = None) -> ResponseReturnValue:
        events = queries.events(db(), case.id)
        forms = {
            "assign": AssignForm(formdata=None, data={"lead_unit": case.lead_unit, "due_on": case.due_on}),
            "note": NoteForm(formdata=None), "close": NoteForm(formdata=None), "reopen": NoteForm(formdata=None),
        }  # fmt: skip
        if failed:
            forms[failed[0]] = failed[1]
        visit = db().get(Visit, case.visit_id) if case.visit_id else None
        page = self.show(
            "cases/case.html", c=case, events=events, words=cases.EVENTS, kinds=KINDS, urgency=URGENCY, forms=forms, visit=visit, today=today(),
            people=names_of(db(), (e.by for e in events)), may_write=access().has(*WRITERS),
        )  # fmt: skip
        return page, 422 if failed else 200

    @expose("/<uuid:key>/assign", methods=["POST"])
    @has_access
    @permission_name("write")
    def assign(self, key: uuid.UUID) -> ResponseReturnValue:
        """交办."""
        form = AssignForm()
        return self._do(key, "assign", form, lambda at: cases.assign(db(), access(), str(key), form.lead_unit.data or "", form.due_on.data, form.note.data, at), "已交办。")

    @expose("/<uuid:key>/note", methods=["POST"])
    @has_access
    @permission_name("write")
    def note(self, key: uuid.UUID) -> ResponseReturnValue:
        """Progress."""
        form = NoteForm()
        return self._do(key, "note", form, lambda at: cases.note(db(), access(), str(key), form.note.data or "", at), "已记下。")

    @expose("/<uuid:key>/close", methods=["POST"])
    @has_access
    @permission_name("write")
    def close(self, key: uuid.UUID) -> ResponseReturnValue:
        """办结."""
        form = NoteForm()
        return self._do(key, "close", form, lambda at: cases.close(db(), access(), str(key), form.note.data or "", at), "已办结。请回访企业：问题化解了吗？")

    @expose("/<uuid:key>/reopen", methods=["POST"])
    @has_access
    @permission_name("write")
    def reopen(self, key: uuid.UUID) -> ResponseReturnValue:
        """Back to work."""
        form = NoteForm()
        return self._do(key, "reopen", form, lambda at: cases.reopen(db(), access(), str(key), form.note.data or "", at), "已重新打开。")

    @expose("/<uuid:key>/answer", methods=["POST"])
    @has_access
    @permission_name("write")
    def answer(self, key: uuid.UUID) -> ResponseReturnValue:
        """化解: the firm's own word."""
        word = request.form.get("resolved")
        if word not in ("yes", "no"):
            raise Invalid("请选择已化解或未化解。", field="resolved")
        cases.follow_up(db(), access(), str(key), is_resolved=word == "yes", text=request.form.get("note"), at=now())
        db().commit()
        flash("已记下：化解。" if word == "yes" else "已记下：未化解，诉求重新打开。", "success")
        return redirect(url_for("CasesPage.show_case", key=key), 303)

    def _do(self, key: uuid.UUID, name: str, form: FlaskForm, verb: Callable[..., Case], said: str) -> ResponseReturnValue:
        """One verb: check the form, do it, say so; a refusal comes back under its field."""
        case = queries.get_visible(db(), access(), str(key))
        if not form.validate():
            return self._case(case, (name, form))
        verb(now())
        db().commit()
        flash(said, "success")
        return redirect(url_for("CasesPage.show_case", key=key), 303)


def _canonical(text: str | None) -> str:
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        raise Invalid("提交的编号不对，请刷新页面后再登记。", field="uuid") from None


views = [CasesPage]
