"""企业码: a firm raises a case and follows it by an address on a printed code, without signing in. Nothing about the firm is shown."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import current_app, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from markupsafe import Markup

from crm.cases import operations as cases
from crm.cases import queries
from crm.cases.life import STAGES
from crm.core.clock import now
from crm.core.errors import Invalid
from crm.core.uploads import Unreadable
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise
from crm.reports.pictures import qr_code
from crm.security.access import system_access
from crm.web.cases import files
from crm.web.cases.forms import AskForm, OwnForm
from crm.web.cases.listing import canonical
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from crm.cases.models import Case, CaseDoor

RATE, WRITE_RATE = "30 per minute", "6 per minute; 40 per day"


class DoorPage(Page):
    """The open form, its receipt, the follow-up by number, and the page with the code for staff to print."""

    route_base = "/ask"
    permits = {"read": STAFF}

    @expose("/<token>", methods=["GET", "POST"])
    def own(self, token: str) -> ResponseReturnValue:
        """The firm's form. A machine that fills the hidden field is thanked and nothing is kept."""
        limiter = current_app.appbuilder.sm.limiter  # type: ignore[attr-defined]
        with limiter.limit(RATE):
            door = cases.door_of(db(), token)
        form = OwnForm()
        if not form.is_submitted():
            form.uuid.data = str(uuid.uuid4())
            return self._own(door, form)
        if not form.validate():
            return self._own(door, form), 422
        if form.website.data:
            return redirect(url_for("DoorPage.own", token=token), 303)
        with limiter.limit(WRITE_RATE):
            try:
                case = self._opened(door, form)
            except Unreadable as error:
                db().rollback()
                form.files.errors = [error.message]
                return self._own(cases.door_of(db(), token), form), 422
        db().commit()
        return self._page("cases/receipt.html", door, case=case, by=case.accept_by)

    @expose("/<token>/follow", methods=["GET", "POST"])
    def follow(self, token: str) -> ResponseReturnValue:
        """Where a case is, for who knows its number and the phone left with it."""
        with current_app.appbuilder.sm.limiter.limit(RATE):  # type: ignore[attr-defined]
            door = cases.door_of(db(), token)
        form, case, shown, told = AskForm(), None, [], False
        if form.is_submitted():
            with current_app.appbuilder.sm.limiter.limit("10 per minute"):  # type: ignore[attr-defined]
                valid = form.validate()
                case = queries.by_number(db(), door.enterprise_id, form.number.data, form.last_four.data or "") if valid else None
            if valid and case is None:
                form.number.errors = ["没有找到：请核对编号和电话后四位。"]
            if case is not None:
                told = self._supplemented(case, form)
                case = queries.by_number(db(), door.enterprise_id, form.number.data, form.last_four.data or "") if form.errors else case
                shown = [(event, [(f, files.sign(token, f)) for f in own]) for event, own in queries.shown_to_firm(db(), case)]
        return self._page("cases/follow.html", door, form=form, case=case, stages=STAGES, shown=shown, told=told, accept=files.ACCEPT_PHOTOS, limits=cases.FIRM_FILES), 422 if form.errors else 200

    @expose("/<token>/file/<signed>")
    def file(self, token: str, signed: str) -> ResponseReturnValue:
        """A file the firm handed in or was answered with, for whoever just found the case by number and phone."""
        with current_app.appbuilder.sm.limiter.limit("120 per minute"):  # type: ignore[attr-defined]
            door = cases.door_of(db(), token)
            return files.send(queries.get_firms_file(db(), door.enterprise_id, files.signed(token, signed)))

    @expose("/code/<int:enterprise_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    def code(self, enterprise_id: int) -> ResponseReturnValue:
        """The firm's code to print; a POST ends the old address, if there is one, and makes a new one."""
        firm = enterprises.get_visible(db(), access(), enterprise_id)
        if request.method == "POST":
            cases.close_door(db(), access(), firm.id, now())
            cases.open_door(db(), access(), firm.id, now())
            db().commit()
            flash("企业码已生成，请打印。旧码如有，已失效。", "success")
            return redirect(url_for("DoorPage.code", enterprise_id=firm.id), 303)
        door = queries.door_for(db(), access(), firm.id)
        target = current_app.extensions["crm_settings"].base_url + url_for("DoorPage.own", token=door.token) if door else ""
        return self.show("cases/code.html", firm=firm, target=target, picture=Markup(qr_code(target, on_white=True).decode()) if door else "")  # noqa: S704  # drawn by us

    def _supplemented(self, case: Case, form: AskForm) -> bool:
        """Keep what the firm adds, if it adds anything; a refusal stands under its field and leaves nothing."""
        photos = files.handed_by_firm()
        if not (form.text.data or "").strip() and photos is None:
            return False
        with current_app.appbuilder.sm.limiter.limit(WRITE_RATE):  # type: ignore[attr-defined]
            try:
                cases.supplement_by_firm(db(), case, form.text.data, now(), photos)
            except Invalid as error:
                db().rollback()
                blamed = form.files if isinstance(error, Unreadable) else form.text
                blamed.errors = [error.message]
                return False
        db().commit()
        form.text.data = None
        return True

    def _own(self, door: CaseDoor, form: OwnForm) -> str:
        return self._page("cases/own.html", door, form=form, accept=files.ACCEPT_PHOTOS, limits=cases.FIRM_FILES)

    def _opened(self, door: CaseDoor, form: OwnForm) -> Case:
        firm = db().get(Enterprise, door.enterprise_id)
        rules = pack_for(firm.region_code if firm else None).cases
        return cases.open_case(
            db(), system_access(), uuid=canonical(form.uuid.data), enterprise_id=door.enterprise_id, title=form.title.data or "", kind=form.kind.data,
            detail=form.detail.data, contact_name=form.contact_name.data, contact_phone=form.contact_phone.data, source="firm", rules=rules, at=now(),
            handed=files.handed_by_firm(),
        )  # fmt: skip

    def _page(self, template: str, door: CaseDoor, **context: object) -> str:
        return self.show(template, token=door.token, **context)
