"""Forms that change who a firm is: new, edit, contacts, status, responsible officer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import select

from crm.core.clock import now, today
from crm.core.errors import CrmError, Invalid, NotFound
from crm.enterprises import operations
from crm.enterprises.errors import AlreadyRegistered, Stale
from crm.enterprises.models import Contact, Enterprise
from crm.enterprises.queries import Resemblance, get_visible, similar
from crm.regions.models import Industry, Region, Zone
from crm.web.enterprises import choices
from crm.web.enterprises.forms import ContactForm, EnterpriseForm, OfficerForm, StatusForm
from crm.web.page import STAFF, Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

INDUSTRY_HITS = 12


class EnterpriseEditPage(Page):
    """New and edit; small forms of the firm's page post here too."""

    route_base = "/enterprises"
    permits = {"edit": STAFF, "assign": ("manager", "administrator")}

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def new(self) -> ResponseReturnValue:
        """Enter a firm; look-alikes are shown first and may be passed over."""
        form = _offered(EnterpriseForm())
        alike = None
        if form.validate_on_submit():
            alike = similar(db(), access(), name=form.name.data, uscc=form.uscc.data)
            if _passed_over(form, alike):
                firm = self._register(form)
                if firm is not None:
                    flash(f"已新建：{firm.name}。随即自动评估，稍后刷新就有梯度位置。", "success")
                    return redirect(url_for("EnterprisePage.show_firm", enterprise_id=firm.id))
                alike = None
        return self.show("enterprises/form.html", form=form, firm=None, alike=alike, token=_token(alike), stale=None), _status(form)

    def _register(self, form: EnterpriseForm) -> Enterprise | None:
        who = access()
        try:
            firm = operations.register_enterprise(db(), form.values(), by=who.user_id, at=now())
            if not who.covers(firm.region_code, firm.zone_code):
                raise Invalid("地址在您的辖区之外，不能在这里新建。请核对地址，或请对方县（市、区）登记。", field="address")
            if who.has("officer"):
                operations.assign_officer(db(), [firm], who.user_id, by=who.user_id, at=now())
            db().commit()
        except CrmError as refusal:
            db().rollback()
            _refuse(form, refusal)
            return None
        return firm

    @expose("/<int:enterprise_id>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def edit(self, enterprise_id: int) -> ResponseReturnValue:
        """Change a firm's identity. When somebody saved in between, both versions are shown."""
        firm = get_visible(db(), access(), enterprise_id)
        form, stale = EnterpriseForm(), None
        if not form.is_submitted():
            form.show_firm(firm)
        _offered(form, firm)
        if form.validate_on_submit():
            try:
                changes = self._update(firm, form)
            except Stale as conflict:
                db().rollback()
                stale = _differences(firm, form)
                form.version.data = firm.version
                form.version.raw_data = None
                flash(conflict.message, "error")
            except CrmError as refusal:
                db().rollback()
                _refuse(form, refusal)
            else:
                flash(f"已保存 {len(changes)} 处修改。" if changes else "没有改动。", "success")
                return redirect(url_for("EnterprisePage.show_firm", enterprise_id=firm.id))
        return self.show("enterprises/form.html", form=form, firm=firm, alike=None, token="", stale=stale), 409 if stale is not None else _status(form)

    def _update(self, firm: Enterprise, form: EnterpriseForm) -> dict[str, Any]:
        values = form.values()
        region, zone = values["region_code"] or firm.region_code, values["zone_code"]
        if not access().covers(region, zone):
            raise Invalid("新的属地在您的辖区之外。请由上级或对方县（市、区）调整。", field="region_code")
        values["region_code"] = region
        changes = operations.update_enterprise(db(), firm, values, version=form.version.data or 0, by=access().user_id, at=now())
        db().commit()
        return changes

    @expose("/<int:enterprise_id>/contacts", methods=["POST"])
    @has_access
    @permission_name("edit")
    def add_contact(self, enterprise_id: int) -> ResponseReturnValue:
        """A new contact."""
        firm = get_visible(db(), access(), enterprise_id)
        form = ContactForm()
        _need_valid(form)
        operations.add_contact(
            db(), firm, name=form.name.data or "", phone=form.phone.data, title=form.title.data, primary=bool(form.is_primary.data)
        )
        db().commit()
        return _back(firm, f"已添加联系人 {form.name.data}。", "contacts")

    @expose("/<int:enterprise_id>/contacts/<int:contact_id>/end", methods=["POST"])
    @has_access
    @permission_name("edit")
    def end_contact(self, enterprise_id: int, contact_id: int) -> ResponseReturnValue:
        """A contact left the firm; the record stays."""
        firm = get_visible(db(), access(), enterprise_id)
        contact = db().scalar(select(Contact).where(Contact.id == contact_id, Contact.enterprise_id == firm.id, Contact.ended_on.is_(None)))
        if contact is None:
            raise NotFound("没有这位联系人，可能已经停用。")
        operations.end_contact(db(), contact, on=today())
        db().commit()
        return _back(firm, f"已停用联系人 {contact.name}。", "contacts")

    @expose("/<int:enterprise_id>/status", methods=["POST"])
    @has_access
    @permission_name("assign")
    def change_status(self, enterprise_id: int) -> ResponseReturnValue:
        """In business, suspended, cancelled … from a day on."""
        firm = get_visible(db(), access(), enterprise_id)
        form = StatusForm()
        _need_valid(form)
        changed = operations.change_status(
            db(), firm, form.status.data, on=form.on.data or today(), by=access().user_id, at=now(), note=form.note.data or None
        )
        db().commit()
        return _back(firm, "企业状态已更新。" if changed else "状态没有变化。")

    @expose("/<int:enterprise_id>/officer", methods=["POST"])
    @has_access
    @permission_name("assign")
    def assign(self, enterprise_id: int) -> ResponseReturnValue:
        """Give the firm to an officer of the jurisdiction, or to nobody."""
        firm = get_visible(db(), access(), enterprise_id)
        names = dict(choices.officers())
        form = OfficerForm()
        form.officer_id.choices = [(0, "未指定"), *names.items()]
        _need_valid(form)
        chosen = form.officer_id.data or None
        operations.assign_officer(db(), [firm], chosen, by=access().user_id, at=now())
        db().commit()
        return _back(firm, f"责任助企干部：{names[chosen] if chosen else '未指定'}。")

    @expose("/industries")
    @has_access
    @permission_name("edit")
    def industries(self) -> ResponseReturnValue:
        """Classes of GB/T 4754 by code or words, for the form's list."""
        text = request.args.get("q", "").replace("\x00", "").strip()[:40]
        like = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        found = db().execute(
            select(Industry.code, Industry.name)
            .where(Industry.level == 4, Industry.code.like(like[1:], escape="\\") | Industry.name.like(like, escape="\\"))
            .order_by(Industry.code).limit(INDUSTRY_HITS)
        )
        return {"items": [f"{code} {name}" for code, name in found] if text else []}


def _offered(form: EnterpriseForm, firm: Enterprise | None = None) -> EnterpriseForm:
    regions: list[Any] = [("", [("", "按地址识别")])] if firm is None else []
    known = choices.places()
    if firm is not None and firm.region_code not in {r.code for r in known}:
        name = db().scalar(select(Region.name).where(Region.code == firm.region_code))
        regions.append(("现在的属地", [(firm.region_code, name or firm.region_code)]))
    offered = dict([*regions, *choices.grouped(known)])
    offered_zones = choices.zones()
    if firm is not None and firm.zone_code and firm.zone_code not in dict(offered_zones):
        offered_zones.append((firm.zone_code, db().scalar(select(Zone.name).where(Zone.code == firm.zone_code)) or firm.zone_code))
    code = (form.industry_code.data or "").strip()
    form.offer(offered, offered_zones, choices.industry_names({code} if code else set()))
    return form


def _token(alike: Resemblance | None) -> str:
    return "" if alike is None else "-".join([*(str(s.id) for s in alike.inside), f"x{alike.outside}"])


def _passed_over(form: EnterpriseForm, alike: Resemblance) -> bool:
    nothing = not alike.inside and not alike.outside
    return nothing or form.confirmed.data == _token(alike)


def _refuse(form: EnterpriseForm, refusal: CrmError) -> None:
    field = "uscc" if isinstance(refusal, AlreadyRegistered) else getattr(refusal, "field", None)
    form.refuse(field, refusal.message)


def _differences(firm: Enterprise, form: EnterpriseForm) -> list[tuple[str, Any, Any]]:
    """Label, mine, stored: where the two versions differ."""
    rows = []
    for name, mine in form.values().items():
        stored = getattr(firm, name)
        if (mine or None) != (stored or None):
            label = "注册资本（元）" if name == "registered_capital" else form._fields[name].label.text
            rows.append((label, mine, stored))
    return rows


def _status(form: EnterpriseForm) -> int:
    return 422 if form.errors else 200


def _need_valid(form: Any) -> None:
    if not form.validate():
        field, messages = next(iter(form.errors.items()))
        raise Invalid(str(messages[0]), field=field)


def _back(firm: Enterprise, message: str, anchor: str = "") -> ResponseReturnValue:
    flash(message, "success")
    return redirect(url_for("EnterprisePage.show_firm", enterprise_id=firm.id, _anchor=anchor or None))
