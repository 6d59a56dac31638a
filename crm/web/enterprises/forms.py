"""What people fill in about a firm. Lengths follow the columns; the domain checks the rest."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from crm.core.money import WAN
from crm.enterprises.models import KINDS, STATUSES
from crm.web.address import key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crm.enterprises.models import Enterprise

NEEDED = "请填写{}。"


def _text(label: str, longest: int, *, needed: bool = False) -> Any:
    first = InputRequired(NEEDED.format(label)) if needed else Optional()
    return StringField(label, [first, Length(max=longest, message=f"{label}最多 {longest} 字，请缩短。")])


def _day(label: str, *, needed: bool = False) -> Any:
    first = InputRequired(NEEDED.format(label)) if needed else Optional()
    return DateField(label, [first])


class TokenForm(FlaskForm):
    """Base: fields that cannot be read say so in Chinese."""

    class Meta(FlaskForm.Meta):
        """WTForms ships zh translations for its own messages."""

        locales = ("zh_CN", "zh")

    def refuse(self, field: str | None, message: str) -> None:
        """Put a domain's refusal under the field it names, else above the form."""
        target = self._fields.get(field or "") or self._fields[next(iter(self._fields))]
        target.errors = [*target.errors, message]


class EnterpriseForm(TokenForm):
    """New firm, or the identity of one; `version` is the one the page was opened with."""

    version = IntegerField(widget=HiddenInput(), validators=[Optional()])
    confirmed = HiddenField()  # the similar firms that were shown and passed over
    uscc = _text("统一社会信用代码", 30, needed=True)
    name = _text("企业名称", 200, needed=True)
    short_name = _text("简称", 64)
    kind = SelectField("单位类型", choices=list(KINDS.items()))
    industry_code = _text("国民经济行业", 80)
    region_code = SelectField("所在乡镇、街道", validators=[Optional()])
    zone_code = SelectField("功能区", validators=[Optional()])
    address = _text("地址", 300)
    legal_person = _text("法定代表人", 64)
    registered_on = _day("成立日期")
    capital = DecimalField("注册资本", [Optional(), NumberRange(0, 10**9, "注册资本应在 0 到 10 亿万元之间。")], places=4)
    org_type = _text("登记类型", 128)
    main_products = _text("主导产品", 300)
    scope = TextAreaField("经营范围", [Optional(), Length(max=4000, message="经营范围最多 4000 字。")])

    PLAIN = ("uscc", "name", "short_name", "kind", "address", "legal_person", "registered_on", "org_type", "main_products", "scope")

    def offer(self, regions: Iterable[Any], zones: Iterable[tuple[str, str]], industries: dict[str, str]) -> None:
        """Fill the lists: towns of the jurisdiction (grouped by county), its zones; the industry shows its name."""
        self.region_code.choices = regions
        self.zone_code.choices = [("", "不在功能区"), *zones]
        code = (self.industry_code.data or "").strip()
        if code in industries:
            self.industry_code.data = f"{code} {industries[code]}"

    def show_firm(self, firm: Enterprise) -> None:
        """The values as stored."""
        for name in self.PLAIN:
            self._fields[name].data = getattr(firm, name)
        self.version.data = firm.version
        self.industry_code.data, self.zone_code.data = firm.industry_code, firm.zone_code or ""
        self.region_code.data = firm.region_code
        self.capital.data = None if firm.registered_capital is None else Decimal(firm.registered_capital) / WAN

    def values(self) -> dict[str, Any]:
        """What `register_enterprise` and `update_enterprise` take. The industry is the code written first."""
        values = {name: self._fields[name].data for name in self.PLAIN}
        industry = (self.industry_code.data or "").split()
        values["industry_code"] = industry[0] if industry else None
        values["region_code"] = self.region_code.data or None
        values["zone_code"] = self.zone_code.data or None
        values["registered_capital"] = None if self.capital.data is None else int(self.capital.data * WAN)
        return values


class ContactForm(TokenForm):
    """A person at the firm."""

    name = _text("姓名", 64, needed=True)
    title = _text("职务", 64)
    phone = _text("电话", 32)
    is_primary = BooleanField("设为主要联系人")


class StatusForm(TokenForm):
    """In business, suspended, cancelled …"""

    status = SelectField("企业状态", choices=list(STATUSES.items()))
    on = _day("从哪天起", needed=True)
    note = _text("说明", 300)


class OfficerForm(TokenForm):
    """Who looks after the firm."""

    officer_id = SelectField("责任助企干部", coerce=lambda v: key(str(v)), validators=[Optional()])


class EntryForm(TokenForm):
    """入库: a fact the statistics authority decided."""

    entered_on = _day("入库日期", needed=True)
    profession = SelectField("专业", choices=[
        ("", "未注明"), ("industry", "工业"), ("wholesale", "批发业"), ("retail", "零售业"), ("hotel", "住宿业"),
        ("catering", "餐饮业"), ("service", "服务业"), ("construction", "建筑业"), ("realestate", "房地产业"),
    ])
    document = _text("依据文件", 200)


class ExitForm(TokenForm):
    """退库."""

    exited_on = _day("退库日期", needed=True)
    exit_reason = _text("退库原因", 64, needed=True)
    document = _text("依据文件", 200)


class GrantForm(TokenForm):
    """A title was granted."""

    title = SelectField("称号", validators=[InputRequired("请选择称号。")])
    kind = SelectField("类别", choices=[("first", "首次认定"), ("review", "复核通过")])
    granted_on = _day("认定日期", needed=True)
    valid_to = _day("有效期至")
    batch = _text("批次", 64)
    document = _text("依据文件", 200)


class RevokeForm(TokenForm):
    """A title was taken away."""

    on = _day("撤销日期", needed=True)
    document = _text("依据文件", 200)
