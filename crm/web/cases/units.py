"""责任单位: which departments cases can be given to, and who of their people may sign in for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import func, select

from crm.cases.models import Case, CaseUnit
from crm.core.clock import now
from crm.core.errors import Conflict, Invalid, NotFound
from crm.security.models import Unit, UnitMember, User, UserRegion
from crm.security.users import set_unit
from crm.web.cases.forms import UnitForm
from crm.web.enterprises.choices import places
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LEADS = ("manager", "administrator")


class UnitsPage(Page):
    """Units of the jurisdiction; their users are made in the back office with the role 责任单位 and joined to a unit here."""

    route_base = "/units"
    permits = {"read": LEADS, "write": LEADS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The list with open cases and people, and the form for a new unit."""
        return self._list(UnitForm(formdata=None))

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("write")
    def add(self) -> ResponseReturnValue:
        """A new unit."""
        form = self._offer(UnitForm())
        if not form.validate():
            return self._list(form), 422
        if not access().covers(form.region_code.data or ""):
            raise Invalid("请选择您辖区内的地区。", field="region_code")
        name = (form.name.data or "").strip()
        if db().scalar(select(Unit.id).where(Unit.name == name, Unit.region_code == form.region_code.data)):
            raise Conflict("这个地区已有同名单位。")
        db().add(Unit(name=name, region_code=form.region_code.data or "", contact=(form.contact.data or "").strip() or None))
        db().commit()
        flash(f"已添加：{name}。", "success")
        return redirect(url_for("UnitsPage.index"), 303)

    @expose("/<int:unit_id>/members", methods=["POST"])
    @has_access
    @permission_name("write")
    def join(self, unit_id: int) -> ResponseReturnValue:
        """A user of the role 责任单位 works for this unit from now on."""
        unit = _mine(unit_id)
        user = db().scalar(_unassigned().where(User.username == request.form.get("username", "").strip()[:64]))
        if user is None:
            raise NotFound("没有这个用户名，或者它不是您辖区内的责任单位账号。请先在后台建账号，角色选责任单位。")
        set_unit(db(), user, unit)
        db().commit()
        flash(f"{user.get_full_name()} 已加入 {unit.name}。", "success")
        return redirect(url_for("UnitsPage.index"), 303)

    @expose("/<int:unit_id>/end", methods=["POST"])
    @has_access
    @permission_name("write")
    def end(self, unit_id: int) -> ResponseReturnValue:
        """No new cases for the unit; one that still has open cases stays."""
        unit = _mine(unit_id)
        has = select(func.count()).select_from(CaseUnit).join(Case, Case.id == CaseUnit.case_id)
        if db().scalar(has.where(CaseUnit.unit_id == unit.id, CaseUnit.ended_at.is_(None), Case.state == "open")):
            raise Conflict("这个单位还有在办的诉求，请先转办或办结。")
        unit.ended_at = now()
        db().commit()
        flash(f"已停用：{unit.name}。", "success")
        return redirect(url_for("UnitsPage.index"), 303)

    def _list(self, form: UnitForm) -> str:
        who = access()
        open_cases = (
            select(CaseUnit.unit_id, func.count().label("n")).join(Case, Case.id == CaseUnit.case_id)
            .where(CaseUnit.ended_at.is_(None), Case.state == "open").group_by(CaseUnit.unit_id).subquery()
        )  # fmt: skip
        query = select(Unit, open_cases.c.n).outerjoin(open_cases, open_cases.c.unit_id == Unit.id).where(who.within(Unit.region_code), Unit.ended_at.is_(None))
        rows = db().execute(query.order_by(Unit.region_code, Unit.name)).all()
        people: dict[int, list[str]] = {}
        for unit_id, first, last in db().execute(select(UnitMember.unit_id, User.first_name, User.last_name).join(User, User.id == UnitMember.user_id)):
            people.setdefault(unit_id, []).append(f"{first} {last}".strip())
        return self.show("cases/units.html", rows=rows, people=people, form=self._offer(form), regions={r.code: r.name for r in places()})

    def _offer(self, form: UnitForm) -> UnitForm:
        form.region_code.choices = [(r.code, r.name) for r in places()]
        return form


def _mine(unit_id: int) -> Unit:
    unit = db().scalar(select(Unit).where(Unit.id == unit_id, access().within(Unit.region_code), Unit.ended_at.is_(None)))
    if unit is None:
        raise NotFound("没有这个单位，或者它不在您的辖区内。")
    return unit


def _unassigned():  # noqa: ANN202  # a select of users
    """Users of the department role that no other county administers."""
    outside = select(UserRegion.user_id).where(UserRegion.user_id == User.id).where(~access().within(UserRegion.code, UserRegion.code))
    return select(User).where(User.roles.any(name="department"), User.active.is_(True), ~outside.exists())
