"""The forms on an alert's page."""

from __future__ import annotations

from datetime import timedelta

from wtforms import DateField, TextAreaField
from wtforms.validators import InputRequired, Length

from crm.alerts.operations import LONGEST_SNOOZE
from crm.core.clock import today
from crm.web.enterprises.forms import TokenForm

TWO_WEEKS = timedelta(days=14)
LONGEST = Length(max=500, message="最多 500 字，请写短些。")


class SnoozeForm(TokenForm):
    """Until when, and why."""

    until = DateField("暂缓到", [InputRequired("请选一个日期。")], default=lambda: today() + TWO_WEEKS)
    reason = TextAreaField("理由", [InputRequired("请写明暂缓的理由。"), LONGEST])

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        first, last = today() + timedelta(days=1), today() + timedelta(days=LONGEST_SNOOZE)
        self.until.render_kw = {"min": first.isoformat(), "max": last.isoformat()}


class ResolveForm(TokenForm):
    """On what grounds."""

    reason = TextAreaField("理由", [InputRequired("请写明解除的理由。"), Length(max=200, message="最多 200 字，请写短些。")])


class NoteForm(TokenForm):
    """A remark."""

    text = TextAreaField("备注", [InputRequired("请写下备注内容。"), LONGEST])
