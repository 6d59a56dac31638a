"""The form of a new campaign. It is sent by GET for the preview and by POST to make it; the fields are the same."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import request
from wtforms import BooleanField, DateField, Form, HiddenField, IntegerField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from crm.core.clock import today
from crm.visits.plans.schemas import DEFAULT_DAYS, DEFAULT_PER_FIRM, LONGEST_NAME, MOST_FIRMS, MOST_TURNS, Plan, Rule
from crm.web.enterprises.choices import grouped, places
from crm.web.packs import ladder_here, pool_labels
from crm.web.page import access
from crm.web.plans.words import ALERTED, source_of, templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.visits.plans.schemas import Sharer

VISITED = {"": "不限", "days": "多少天没有走访", "never": "从未走访"}
DEFAULT_UNVISITED = 90
"""默认值，非政策: the number that stands in the field."""


class PlanForm(Form):
    """Everything a campaign is made of."""

    class Meta:
        """WTForms' own refusals in Chinese."""

        locales = ("zh_CN", "zh")

    template = HiddenField()
    name = StringField("名称", validators=[InputRequired("请给计划起个名字。"), Length(max=LONGEST_NAME, message=f"名字最多 {LONGEST_NAME} 字，请缩短。")])
    region = SelectField("地方", validators=[InputRequired("请选择地方。")])
    from_on = DateField("从", validators=[InputRequired("请选择开始日期。")])
    to_on = DateField("到", validators=[InputRequired("请选择结束日期。")])
    per_firm = IntegerField("每家走访次数", validators=[InputRequired("请填次数。"), NumberRange(1, MOST_TURNS, message=f"请填 1 到 {MOST_TURNS}。")])
    per_officer = IntegerField("每人最多几家", validators=[Optional(), NumberRange(1, MOST_FIRMS, message=f"请填 1 到 {MOST_FIRMS:,}。")])
    onsite_only = BooleanField("只算实地走访，电话、线上、座谈不算")
    places = SelectMultipleField("梯度位置", validators=[Optional()])
    pools = SelectMultipleField("培育库", validators=[Optional()])
    alerted = SelectField("预警", choices=[("", "不限"), *ALERTED.items()])
    visited = RadioField("走访情况", choices=list(VISITED.items()))
    unvisited_days = IntegerField("天数", validators=[Optional(), NumberRange(1, 3650, message="请填 1 到 3650。")])
    officers = SelectMultipleField("参加的干部", coerce=int, validators=[Optional()])
    keep_officer = BooleanField("有联系干部的企业归本人，本人名额满了再分给别人")
    nearest = BooleanField("没有的先归本乡镇的干部，再归全县的")


def blank() -> PlanForm:
    """What the form starts from, with the template the address names."""
    on, own = today(), access().regions
    first = next((campaign for _, campaign in templates() if campaign.id == request.args.get("template")), None)
    form = PlanForm(data={
        "template": first.id if first else "", "name": first.label if first else "", "region": own[0] if own else "", "from_on": on,
        "to_on": on + timedelta(days=((first.days if first else None) or DEFAULT_DAYS) - 1), "per_firm": (first.per_firm if first else None) or DEFAULT_PER_FIRM,
        "visited": "", "unvisited_days": DEFAULT_UNVISITED, "alerted": "", "keep_officer": True, "nearest": True,
    })  # fmt: skip
    return _offering(form)


def given(values: Any) -> PlanForm:
    """The form as filled in."""
    return _offering(PlanForm(formdata=values))


def offer_officers(form: PlanForm, officers: Sequence[Sharer]) -> None:
    """Officers of the place chosen; those of another place that were ticked before are no choice any more."""
    known = {officer.id for officer in officers}
    form.officers.choices = [(officer.id, officer.name) for officer in officers]
    form.officers.data = [key for key in form.officers.data or [] if key in known]


def plan_of(form: PlanForm) -> Plan:
    """The plan, or Invalid with its field."""
    rule = Rule(
        places=tuple(form.places.data or ()), pools=tuple(form.pools.data or ()), alerted=form.alerted.data or None,
        unvisited_days=(form.unvisited_days.data or DEFAULT_UNVISITED) if form.visited.data == "days" else None, never_visited=form.visited.data == "never",
        keep_officer=form.keep_officer.data, nearest=form.nearest.data,
    )
    return Plan(
        name=(form.name.data or "").replace("\x00", ""), region_code=form.region.data, from_on=form.from_on.data, to_on=form.to_on.data, officers=tuple(form.officers.data or ()),
        per_firm=form.per_firm.data, per_officer=form.per_officer.data, onsite_only=form.onsite_only.data, rule=rule, source=source_of(form.template.data),
    )


def _offering(form: PlanForm) -> PlanForm:
    found = places()
    own = [(r.code, f"{r.name}（全市）") for r in found if r.level == "city"]
    counties = [(r.code, f"{r.name}（全域）") for r in found if r.level == "county"]
    towns = [(head, [(code, name) for code, name in options if len(code) > 6]) for head, options in grouped(found)]  # a county's code has six digits
    groups = {"全域": own + counties} | {head: options for head, options in towns if options}
    form.region.choices = {head: options for head, options in groups.items() if options}
    form.places.choices = list(ladder_here().places.items())
    form.pools.choices = list(pool_labels().items())
    for field in (form.visited, form.alerted):
        field.data = field.data or ""
    return form
