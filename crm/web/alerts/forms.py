"""The forms on an alert's page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from crm.alerts.operations import LONGEST_MUTE, LONGEST_SNOOZE
from crm.core.clock import today
from crm.web.address import key
from crm.web.enterprises.forms import TokenForm

if TYPE_CHECKING:
    from collections.abc import Iterable

TWO_WEEKS = timedelta(days=14)
MONTHS = timedelta(days=90)
LONGEST = Length(max=500, message="最多 500 字，请写短些。")
SHORT = Length(max=200, message="最多 200 字，请写短些。")
PICK_A_DAY = "请选一个日期。"


class SnoozeForm(TokenForm):
    """Until when, and why."""

    until = DateField("暂缓到", [InputRequired(PICK_A_DAY)], default=lambda: today() + TWO_WEEKS)
    reason = TextAreaField("理由", [InputRequired("请写明暂缓的理由。"), LONGEST])

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _between(self.until, 1, LONGEST_SNOOZE)


class MuteForm(TokenForm):
    """Until when nobody wants to hear of it, and why."""

    until = DateField("免打扰到", [InputRequired(PICK_A_DAY)], default=lambda: today() + MONTHS)
    reason = TextAreaField("理由", [InputRequired("请写明为什么免打扰。"), SHORT])

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _between(self.until, 1, LONGEST_MUTE)


class AssignForm(TokenForm):
    """To whom, and a word with it."""

    to = SelectField("指派给", [InputRequired("请选一个人。")], coerce=lambda v: key(str(v)) or 0, validate_choice=False)
    note = StringField("交代一句", [SHORT])

    def __init__(self, people: Iterable[tuple[int, str]] = (), *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.to.choices = list(people)


class TaskForm(TokenForm):
    """What to do, and by when."""

    text = StringField("要做什么", [InputRequired("请写明要做什么。"), SHORT])
    due_on = DateField("截止日", [InputRequired(PICK_A_DAY)], default=lambda: today() + TWO_WEEKS)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _between(self.due_on, 0, LONGEST_MUTE)


class ResolveForm(TokenForm):
    """On what grounds."""

    reason = TextAreaField("理由", [InputRequired("请写明解除的理由。"), SHORT])


class NoteForm(TokenForm):
    """A remark."""

    text = TextAreaField("备注", [InputRequired("请写下备注内容。"), LONGEST])


def _between(field: DateField, first: int, last: int) -> None:
    field.render_kw = {"min": (today() + timedelta(days=first)).isoformat(), "max": (today() + timedelta(days=last)).isoformat()}
