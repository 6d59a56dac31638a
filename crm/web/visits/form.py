"""The visit form: what a browser sends, turned into a VisitDraft, with each refusal under its field."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import DateField, DateTimeLocalField, FloatField, HiddenField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from crm.core.clock import SHANGHAI, local
from crm.core.errors import Invalid
from crm.core.money import WAN
from crm.visits.models import KINDS
from crm.visits.operations.attaching import Upload
from crm.visits.schemas import LONGEST, MAX_PEOPLE, MAX_PROBLEMS, TOLD, Person, Problem, VisitDraft, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wtforms import Field

    from crm.criteria.schema import VisitField
    from crm.visits.models import Visit

LOCAL = "%Y-%m-%dT%H:%M"
FILE_ROLES = {"photos": "photo", "files": "file", "signature_us": "signature_us", "signature_firm": "signature_firm"}
LONGEST_FIELD = 500
_POLICY = re.compile(r"(step|title|award)\.[a-z0-9_.-]{1,64}")


class VisitForm(FlaskForm):
    """The fixed part; people, problems and the pack's own fields come as lists beside it."""

    class Meta:
        """WTForms' own refusals in Chinese."""

        locales = ("zh_CN", "zh")

    uuid = HiddenField()
    version = IntegerField(validators=[Optional()])
    kind = RadioField("方式", choices=list(KINDS.items()), validators=[InputRequired("请选择走访方式。")])
    started_at = DateTimeLocalField("开始时间", format=LOCAL, validators=[InputRequired("请填开始时间。")])
    ended_at = DateTimeLocalField("结束时间", format=LOCAL, validators=[Optional()])
    place = StringField("地点", validators=[Length(max=LONGEST["place"])])
    latitude = FloatField(validators=[Optional(), NumberRange(-90, 90)])
    longitude = FloatField(validators=[Optional(), NumberRange(-180, 180)])
    accuracy_m = FloatField(validators=[Optional(), NumberRange(0, 10_000_000)])
    summary = TextAreaField("记录", validators=[Length(max=LONGEST["summary"], message="记录最多 4,000 字，请缩短。")])
    suggestions = TextAreaField("企业意见建议", validators=[Length(max=LONGEST["suggestions"], message="最多 2,000 字，请缩短。")])
    told_sales = StringField("本年销售额")
    told_tax = StringField("本年纳税额")
    told_sales_next = StringField("明年预计销售额")
    next_step = StringField("做什么", validators=[Length(max=LONGEST["next_step"], message="最多 300 字，请缩短。")])
    next_on = DateField("哪天前", validators=[Optional()])


def draft_of(form: VisitForm, enterprise_id: int, fields: tuple[VisitField, ...]) -> VisitDraft:
    """The draft, or Invalid with the field the refusal belongs to."""
    told = {key: yuan for key in TOLD if (yuan := _wan(form, f"told_{key}")) is not None}
    return VisitDraft(
        uuid=form.uuid.data or str(uuid.uuid4()), enterprise_id=enterprise_id, kind=form.kind.data,
        started_at=_instant(form.started_at.data), ended_at=_instant(form.ended_at.data) if form.ended_at.data else None,
        place=form.place.data, latitude=form.latitude.data, longitude=form.longitude.data, accuracy_m=form.accuracy_m.data,
        summary=form.summary.data, suggestions=form.suggestions.data, fields=_own_fields(fields), policies=_policies(),
        next_step=form.next_step.data, next_on=form.next_on.data, people=_people(), problems=_problems(), told=told,
    )  # fmt: skip


def refuse(form: VisitForm, error: Invalid) -> None:
    """Put a refusal of the domain under its field, or on top of the form."""
    name = {"sales": "told_sales", "tax": "told_tax", "sales_next": "told_sales_next"}.get(error.field or "", error.field or "")
    field: Field | None = form._fields.get(name)
    if field is None:
        form.form_errors.append(error.message)
    else:
        field.errors = [*field.errors, error.message]


def uploads(visit_uuid: str) -> list[Upload]:
    """Files of the request. A file sent again has the same id: it is made from the visit and the content."""
    found = []
    for name, role in FILE_ROLES.items():
        captions = request.form.getlist(f"{name}_caption")
        for i, file in enumerate(f for f in request.files.getlist(name) if f.filename):
            data = file.read()
            key = uuid.uuid5(uuid.UUID(visit_uuid), f"{role}:{hashlib.sha256(data).hexdigest()}")
            found.append(Upload(str(key), role, file.filename or "", data, captions[i] if i < len(captions) else None))
    return found


def values_of(visit: Visit) -> dict[str, Any]:
    """What an edited visit starts from."""
    told = (visit.fields or {}).get("told") or {}
    return {
        "uuid": visit.uuid, "version": visit.version, "kind": visit.kind, "started_at": local(visit.started_at),
        "ended_at": local(visit.ended_at) if visit.ended_at else None, "place": visit.place, "latitude": visit.latitude,
        "longitude": visit.longitude, "accuracy_m": visit.accuracy_m, "summary": visit.summary, "suggestions": visit.suggestions,
        "next_step": visit.next_step, "next_on": visit.next_on,
        **{f"told_{key}": f"{Decimal(told[key]) / WAN:f}" for key in TOLD if key in told},
    }  # fmt: skip


def _instant(value: datetime) -> datetime:
    return value.replace(tzinfo=SHANGHAI)


def _wan(form: VisitForm, name: str) -> int | None:
    """万元 as written -> 元, exact; full-width digits and thousands separators are fine."""
    text = (tidy(getattr(form, name).data) or "").translate(str.maketrans("０１２３４５６７８９．，", "0123456789.,")).replace(",", "")
    text = text.removesuffix("万元").removesuffix("万").strip()
    if not text:
        return None
    try:
        yuan = Decimal(text) * WAN
    except InvalidOperation:
        yuan = Decimal("NaN")
    if not yuan.is_finite() or yuan != yuan.to_integral_value():
        raise Invalid("请填数字，单位万元，最多四位小数。", field=name)
    return int(yuan)


def _people() -> tuple[Person, ...]:
    columns = [request.form.getlist(f"person_{name}")[: MAX_PEOPLE + 1] for name in ("side", "name", "unit", "title")]
    return tuple(
        Person(side, name, unit or None, title or None) for side, name, unit, title in zip(*columns, strict=False) if name.strip()
    )


def _problems() -> tuple[Problem, ...]:
    names = ("uuid", "title", "kind", "urgency", "unit", "due")
    columns = [request.form.getlist(f"problem_{name}")[: MAX_PROBLEMS + 1] for name in names]
    return tuple(
        Problem(uuid=key, title=title, kind=kind, urgency=urgency, lead_unit=unit or None, due_on=_day(due))
        for key, title, kind, urgency, unit, due in zip(*columns, strict=False)
        if title.strip()
    )


def _policies() -> tuple[str, ...]:
    """Policies ticked, each once."""
    return tuple(dict.fromkeys(key for key in request.form.getlist("policies")[:30] if _POLICY.fullmatch(key)))


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("问题的答复日期不对，请重选。", field="problems") from None


def _own_fields(fields: tuple[VisitField, ...]) -> Mapping[str, Any]:
    """The pack's fields, by kind; and which promises of last time were kept."""
    found: dict[str, Any] = {}
    for field in fields:
        given = [text[:LONGEST_FIELD] for t in request.form.getlist(f"f_{field.id}") if (text := tidy(t) or "")]
        if field.kind in ("choice", "chips"):
            given = [text for text in given if text in field.options]
        if given:
            found[field.id] = given if field.kind == "chips" else _typed(field, given[0])
    if kept := [text[:LONGEST["next_step"]] for t in request.form.getlist("kept") if (text := tidy(t) or "")]:
        found["kept"] = kept[:5]
    return found


def _typed(field: VisitField, text: str) -> Any:
    if field.kind not in ("number", "money"):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > 10**12:  # no office counts further
        raise Invalid(f"“{field.label}”请填数字。", field=f"f_{field.id}")
    return int(number) if number == number.to_integral_value() else str(number)
