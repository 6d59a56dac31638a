"""Users: who may come in, as what, for where. An administrator keeps those whose jurisdiction lies inside their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask import flash, redirect, url_for
from flask_appbuilder import expose, has_access, permission_name
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_wtf import FlaskForm
from sqlalchemy import exists, false, select
from sqlalchemy.orm import selectinload
from wtforms import BooleanField, PasswordField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from crm.core.clock import now
from crm.core.errors import Conflict, Invalid
from crm.regions.models import Zone
from crm.security import audit
from crm.security.models import ROLES, User, UserProfile, UserRegion
from crm.security.passwords import RULES, random_password, set_password
from crm.security.users import add_user, is_last_administrator, set_active, set_regions, set_roles, unlock
from crm.web.page import access, db
from crm.web.scoped import ADMINISTRATOR, Column, ScopedModelView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue
    from sqlalchemy import ColumnElement, Select

REGIONS_HINT = "区划或功能区代码，用空格或换行分开，如 331081；其下的乡镇都包括在内。不填就看不到任何企业。"


class UserForm(FlaskForm):
    """What both forms ask."""

    name = StringField("姓名", [InputRequired("请填姓名。"), Length(max=64, message="最多 64 个字。")])
    role = SelectField("角色", [InputRequired()], choices=list(ROLES.items()))
    regions = TextAreaField("辖区", [Length(max=2000)], description=REGIONS_HINT)
    unit = StringField("单位", [Optional(), Length(max=128)])
    title = StringField("职务", [Optional(), Length(max=64)])


class NewUserForm(UserForm):
    """With the name to sign in by and a first password."""

    username = StringField("用户名", [InputRequired("请填用户名。"), Length(max=64)], description="工号或手机号。2–64 个字母、数字或 . _ - @")
    password = PasswordField("初始密码", [Optional()], description=f"不填则生成一个，只显示一次。首次登录必须修改。{RULES}")


class OldUserForm(UserForm):
    """Without them."""

    active = BooleanField("可以登录")


class Users(ScopedModelView):
    """The users of one's own jurisdiction."""

    datamodel = SQLAInterface(User)
    route_base = "/admin/users"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(("read", "add", "edit"), ADMINISTRATOR)
    noun = "用户"
    note = "角色、辖区、停用、重置密码、解锁"
    search = (User.username, User.first_name)
    search_hint = "搜姓名或用户名"
    columns = (
        Column("姓名", lambda row: row[0].get_full_name().strip()),
        Column("用户名", lambda row: row[0].username, "username", User.username, code=True),
        Column("角色", lambda row: "、".join(ROLES.get(r.name, r.name) for r in row[0].roles)),
        Column("单位", lambda row: row[1] and row[1].unit),
        Column("状态", lambda row: "在用" if row[0].active else "已停用"),
        Column("上次登录", lambda row: row[0].last_login and f"{row[0].last_login:%Y-%m-%d}"),
    )
    adding, editing = NewUserForm, OldUserForm

    def scope(self) -> ColumnElement[bool]:
        """No part of the user's jurisdiction lies outside one's own; never somebody with more."""
        zones = select(Zone.code).where(access().within(Zone.parent_code, Zone.code))
        mine = access().within(UserRegion.code) | UserRegion.code.in_(zones)
        return ~exists().where(UserRegion.user_id == User.id, ~mine) if access().regions or access().zones else false()

    def rows(self) -> Select[Any]:
        """With profile and roles at once."""
        query = select(User, UserProfile).outerjoin(UserProfile, UserProfile.user_id == User.id)
        return query.where(self.scope()).options(selectinload(User.roles))

    def title_of(self, item: User) -> str:
        """Name and user name."""
        return f"{item.get_full_name().strip()}（{item.username}）"

    def prefill(self, form: OldUserForm, item: User) -> None:
        """Role, jurisdiction and post."""
        profile = db().get(UserProfile, item.id)
        form.name.data = item.get_full_name().strip()
        form.role.data = item.roles[0].name if item.roles else None
        form.regions.data = " ".join(db().scalars(select(UserRegion.code).where(UserRegion.user_id == item.id).order_by(UserRegion.code)))
        form.unit.data, form.title.data = (profile.unit, profile.title) if profile else (None, None)

    def create(self, form: NewUserForm) -> None:
        """Add a user; a made-up password is shown once."""
        password = form.password.data or random_password()
        add_user(
            db(), form.username.data, form.name.data, password, role=form.role.data, regions=self._codes(form), title=form.title.data or None,
            unit=form.unit.data or None, must_change=True, at=now(),
        )
        if not form.password.data:
            flash(f"初始密码：{password}　只显示这一次，请当面或电话告知本人。", "success")

    def change(self, item: User, form: OldUserForm) -> None:
        """Name, role, jurisdiction, on or off."""
        codes = self._codes(form)
        if item.id == access().user_id and (form.role.data != "administrator" or not form.active.data):
            raise Conflict("不能停用自己，也不能改掉自己的管理员角色。请让另一位管理员来改。")
        if form.role.data != "administrator" and is_last_administrator(db(), item):
            raise Conflict("这是最后一个在用的管理员，请先设置另一个。")
        item.first_name, item.last_name = form.name.data.strip(), ""
        set_roles(db(), item, [form.role.data])
        set_regions(db(), item, codes)
        profile = db().get(UserProfile, item.id)
        if profile is not None:
            profile.unit, profile.title = form.unit.data or None, form.title.data or None
        if bool(item.active) != form.active.data:
            set_active(db(), item, form.active.data)

    def _codes(self, form: UserForm) -> list[str]:
        codes = (form.regions.data or "").replace(",", " ").replace("，", " ").split()
        for code in codes:
            zone = None if code.isdigit() else db().get(Zone, code)
            if not access().covers(zone.parent_code if zone else code, code):
                raise Invalid(f"{code} 不在您自己的辖区内，不能授权给别人。", "regions")
        return codes

    def acts(self, item: User) -> list[tuple[str, str, str]]:
        """Reset and unlock."""
        return [
            ("重置密码", url_for("Users.reset", pk=item.id), f"给 {self.title_of(item)} 换一个新的初始密码？现有登录会全部退出。"),
            ("解除锁定", url_for("Users.unlock", pk=item.id), ""),
        ]

    @expose("/reset/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def reset(self, pk: str) -> ResponseReturnValue:
        """A new first password, shown once; the old sessions end and the lock opens."""
        user, password = self.find(pk), random_password()
        set_password(db(), user, password, now(), must_change=True)
        unlock(db(), user)
        audit.record(db(), access(), "password_reset", "user", user.id)
        db().commit()
        flash(f"{self.title_of(user)} 的新密码：{password}　只显示这一次，请当面或电话告知本人。", "success")
        return redirect(url_for("Users.edit", pk=user.id))

    @expose("/unlock/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def unlock(self, pk: str) -> ResponseReturnValue:
        """Let somebody locked out try again."""
        user = self.find(pk)
        unlock(db(), user)
        audit.record(db(), access(), "sign_in_unlocked", "user", user.id)
        db().commit()
        flash(f"{self.title_of(user)} 可以重新登录了。", "success")
        return redirect(url_for("Users.edit", pk=user.id))
