"""The forms of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, DateField, HiddenField, IntegerField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from crm.cases.models import KINDS, SATISFACTION, URGENCIES
from crm.cases.operations import Given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.cases.models import Case
    from crm.security.models import Unit


class CaseForm(FlaskForm):
    """A new case."""

    uuid = HiddenField()
    title = StringField("企业要解决什么", validators=[InputRequired("请写明企业要解决什么问题。"), Length(max=200, message="最多 200 字，细节写在说明里。")])
    kind = SelectField("类型", choices=list(KINDS.items()), default="other")
    urgency = RadioField("轻重缓急", choices=list(URGENCIES.items()), default="normal")
    detail = TextAreaField("说明", validators=[Length(max=1000, message="最多 1,000 字，请缩短。")])
    contact_name = StringField("联系人", validators=[Length(max=64, message="最多 64 字。")])
    contact_phone = StringField("联系电话", validators=[Length(max=32, message="最多 32 位。")])
    files = MultipleFileField("附件")


class StepForm(FlaskForm):
    """Whatever a step may need; which of it is asked for is the step's business."""

    version = HiddenField()
    note = TextAreaField("说明", validators=[Length(max=2000, message="最多 2,000 字，请缩短。")])
    unit = SelectField("主办单位", choices=[("", "请选择，或在下面写名称")], validate_choice=False)
    unit_name = StringField("没有账号的单位", validators=[Length(max=128, message="最多 128 字。")])
    co_units = SelectMultipleField("协办单位", choices=[], validate_choice=False)
    due_on = DateField("办结时限", validators=[Optional()])
    days = IntegerField("延几个工作日", validators=[Optional(), NumberRange(1, 250, "请填 1 到 250。")])
    recheck_on = DateField("什么时候复查", validators=[Optional()])
    other = SelectField("并入哪一条", choices=[("", "请选择")], validate_choice=False)
    resolved = RadioField("问题化解了吗", choices=[("yes", "已化解"), ("no", "未化解")], validators=[Optional()])
    files = MultipleFileField("附件")
    to_firm = BooleanField("给企业看")
    satisfaction = SelectField("满意度", choices=[("", "没有评价"), *((str(k), v) for k, v in SATISFACTION.items())], validate_choice=False)

    def offer(self, units: Sequence[Unit], others: Sequence[Case]) -> StepForm:
        """Fill the lists to choose from."""
        named = [(str(unit.id), unit.name) for unit in units]
        self.unit.choices = [("", "请选择，或在下面写名称"), *named]
        self.co_units.choices = named
        self.other.choices = [("", "请选择"), *((case.uuid, f"{case.number} {case.title[:40]}") for case in others)]
        return self

    def given(self) -> Given:
        """What was sent, for the operation."""
        chosen = _key(self.unit.data)
        return Given(
            note=self.note.data, unit=chosen if chosen is not None else (self.unit_name.data or "").strip() or None,
            co_units=tuple(k for text in (self.co_units.data or [])[:20] if (k := _key(text)) is not None), due_on=self.due_on.data,
            days=self.days.data, recheck_on=self.recheck_on.data, other=self.other.data or None,
            resolved={"yes": True, "no": False}.get(self.resolved.data or ""), satisfaction=_key(self.satisfaction.data), version=_key(self.version.data), to_firm=bool(self.to_firm.data),
        )  # fmt: skip


class OwnForm(FlaskForm):
    """What a firm itself fills in, without signing in. `website` is for machines: people do not see it."""

    uuid = HiddenField()
    title = StringField("要解决什么问题", validators=[InputRequired("请写明要解决什么问题。"), Length(max=200, message="最多 200 字，细节写在说明里。")])
    kind = SelectField("属于哪一类", choices=list(KINDS.items()), default="other")
    detail = TextAreaField("说明", validators=[Length(max=1000, message="最多 1,000 字，请缩短。")])
    contact_name = StringField("怎么称呼您", validators=[InputRequired("请留下称呼，方便联系。"), Length(max=64, message="最多 64 字。")])
    contact_phone = StringField("电话", validators=[InputRequired("请留下电话，查进度也要用。"), Length(min=7, max=32, message="电话位数不对，请核对。")])
    files = MultipleFileField("现场照片")
    website = StringField("网址")


class AskForm(FlaskForm):
    """Following a case: its number and the last four digits of the phone."""

    number = IntegerField("编号里的数字", validators=[InputRequired("请填编号，例如 诉〔2026〕00012号 填 12。"), NumberRange(1, 2**62, "编号不对。")])
    text = TextAreaField("补充说明", validators=[Length(max=1000, message="最多 1,000 字，请缩短。")])
    files = MultipleFileField("补充照片")
    last_four = StringField("电话后四位", validators=[InputRequired("请填电话后四位。"), Length(min=4, max=4, message="请填四位。")])


class UnitForm(FlaskForm):
    """A unit."""

    name = StringField("单位名称", validators=[InputRequired("请写单位名称。"), Length(max=128, message="最多 128 字。")])
    region_code = SelectField("服务哪里", validate_choice=False)
    contact = StringField("联系人和电话", validators=[Length(max=128, message="最多 128 字。")])


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
