"""Divisions, functional zones and industries: reference data, loaded by seeds; zones are ours to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_wtf import FlaskForm
from sqlalchemy import select, true
from wtforms import StringField
from wtforms.validators import InputRequired, Length, Regexp

from crm.core.errors import Conflict, Invalid
from crm.enterprises.models import Enterprise
from crm.regions.models import Industry, Region, Zone
from crm.security.models import UserRegion
from crm.web.page import access, db
from crm.web.scoped import ADMINISTRATOR, Column, ScopedModelView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Select

LEVELS = {"province": "省", "city": "市", "county": "县（市、区）", "town": "乡镇街道"}
INDUSTRY_LEVELS = {1: "门类", 2: "大类", 3: "中类", 4: "小类"}


class Regions(ScopedModelView):
    """Divisions of one's jurisdiction; changed by seeds only, because codes are the state's."""

    datamodel = SQLAInterface(Region)
    route_base = "/admin/regions"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"read": ADMINISTRATOR}
    noun = "行政区划"
    note = "GB/T 2260 与乡镇街道，只读"
    search = (Region.name, Region.code)
    descending = False
    columns = (
        Column("代码", lambda row: row.code, "code", Region.code, code=True),
        Column("名称", lambda row: row.name, "name", Region.name),
        Column("级别", lambda row: LEVELS.get(row.level, row.level)),
        Column("停用", lambda row: row.valid_to and f"{row.valid_to} 起由 {row.successor_code or '无'} 接替"),
    )

    def scope(self) -> ColumnElement[bool]:
        """At or below the jurisdiction."""
        return access().within(Region.code)


class ZoneForm(FlaskForm):
    """A zone's name and the division it lies in."""

    name = StringField("名称", [InputRequired("请填名称。"), Length(max=64)])
    parent_code = StringField("所在区划代码", [InputRequired("请填所在县（市、区）或市的代码。"), Length(max=12)], description="如 331081")


class NewZoneForm(ZoneForm):
    """With the code, which is given once."""

    code = StringField(
        "代码", [InputRequired("请填代码。"), Regexp(r"^(?=.*[A-Za-z])[A-Za-z0-9-]{3,16}$", message="3–16 个字母、数字或短横，至少一个字母。")],
        description="自定编码，含字母，以便与行政区划代码分开；建好后不能改。",
    )


class Zones(ScopedModelView):
    """Functional zones: they lie in a division and are never counted beside it."""

    datamodel = SQLAInterface(Zone)
    route_base = "/admin/zones"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(("read", "add", "edit"), ADMINISTRATOR)
    noun = "功能区"
    note = "开发区、集聚区；企业可以归入一个"
    search = (Zone.name, Zone.code)
    descending = False
    columns = (
        Column("代码", lambda row: row.code, "code", Zone.code, code=True),
        Column("名称", lambda row: row.name, "name", Zone.name),
        Column("所在区划", lambda row: row.parent_code, code=True),
    )
    adding, editing, removing = NewZoneForm, ZoneForm, "删除"

    def scope(self) -> ColumnElement[bool]:
        """Zones whose division lies in the jurisdiction."""
        return access().within(Zone.parent_code, Zone.code)

    def title_of(self, item: Zone) -> str:
        """Its name."""
        return item.name

    def create(self, form: NewZoneForm) -> None:
        """A code nobody has, in a division of one's own."""
        if db().get(Zone, form.code.data):
            raise Invalid("这个代码已经有了。", "code")
        db().add(Zone(code=form.code.data, name=form.name.data, parent_code=self._parent(form)))

    def change(self, item: Zone, form: ZoneForm) -> None:
        """Name and division; not out of the jurisdiction."""
        item.name, item.parent_code = form.name.data, self._parent(form)

    def remove(self, item: Zone) -> None:
        """Only an empty one."""
        if db().scalar(select(Enterprise.id).where(Enterprise.zone_code == item.code).limit(1)):
            raise Conflict("还有企业归在这个功能区，请先改到别处再删。")
        if db().scalar(select(UserRegion.user_id).where(UserRegion.code == item.code).limit(1)):
            raise Conflict("还有用户以这个功能区为辖区，请先改掉再删。")
        db().delete(item)

    def _parent(self, form: ZoneForm) -> str:
        code: str = form.parent_code.data
        if db().get(Region, code) is None or not access().covers(code):
            raise Invalid("没有这个区划，或不在您的辖区内。", "parent_code")
        return code


class Industries(ScopedModelView):
    """GB/T 4754-2017, as published."""

    datamodel = SQLAInterface(Industry)
    route_base = "/admin/industries"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"read": ADMINISTRATOR}
    noun = "行业分类"
    note = "GB/T 4754-2017，只读"
    search = (Industry.name, Industry.code)
    descending = False
    columns = (
        Column("代码", lambda row: row.code, "code", Industry.code, code=True),
        Column("名称", lambda row: row.name),
        Column("级别", lambda row: INDUSTRY_LEVELS.get(row.level, row.level)),
        Column("门类", lambda row: row.section),
    )

    def scope(self) -> ColumnElement[bool]:
        """Everybody's."""
        return true()

    def rows(self) -> Select[Any]:
        """As they are."""
        return select(Industry)
