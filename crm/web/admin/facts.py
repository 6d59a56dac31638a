"""Facts about firms that people enter one by one: titles, register stays, events, contacts.

Every row hangs on a firm: it is seen when the firm is, and the firm is named by its USCC inside the jurisdiction, so a
row can neither be attached to a foreign firm nor moved to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, DateField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from crm.core.clock import now, today
from crm.core.errors import Conflict, Invalid
from crm.core.signals import enterprise_changed
from crm.enterprises.models import Contact, Enterprise, EnterpriseEvent
from crm.enterprises.operations import add_contact, end_contact, record_event, refresh_search
from crm.enterprises.queries import visible
from crm.enterprises.uscc import normalise
from crm.ladder import operations as ladder
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.security.privacy import phone_for
from crm.web.packs import event_labels, label, title_labels
from crm.web.page import access, db
from crm.web.scoped import RECORDERS, Column, ScopedModelView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy import ColumnElement, Select

MOVED = {"moved": "迁移"}
FORMER = {"abnormal_operation": "列入经营异常名录", "violation": "严重违法失信", "environment_penalty": "环保处罚", **MOVED}
"""Kinds no rule asks for: a move, and what this form offered once."""
SAID = {"yes": "是", "no": "否"}
ENTRIES = {"first": "首次入库", "re_entry": "重返入库"}
KINDS = [("first", "首次认定"), ("review", "复核通过")]


class FirmForm(FlaskForm):
    """The firm is named by its code: no list of a million firms to choose from."""

    uscc = StringField("统一社会信用代码", [InputRequired("请填企业的统一社会信用代码。")], description="18 位；企业须在您的辖区内。")


def firm_of(form: FirmForm) -> Enterprise:
    """The firm the form names, inside the jurisdiction. Raises Invalid, the same for unknown and foreign."""
    firm: Enterprise | None = db().scalar(select(Enterprise).where(Enterprise.uscc == normalise(form.uscc.data), visible(access())))
    if firm is None:
        raise Invalid("没有找到这家企业，或者它不在您的辖区内。请核对代码。", "uscc")
    return firm


class OfFirm(ScopedModelView):
    """Base of rows that hang on a firm."""

    permits: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(("read", "add", "edit"), RECORDERS)
    search = (Enterprise.name, Enterprise.uscc)
    search_hint = "搜企业名称或信用代码"

    def scope(self) -> ColumnElement[bool]:
        """Of firms in the jurisdiction."""
        return self.datamodel.obj.enterprise_id.in_(select(Enterprise.id).where(visible(access())))

    def rows(self) -> Select[Any]:
        """With the firm."""
        model = self.datamodel.obj
        return select(model, Enterprise).join(Enterprise, Enterprise.id == model.enterprise_id).where(visible(access()))

    def title_of(self, item: Any) -> str:
        """The firm's name."""
        return db().scalars(select(Enterprise.name).where(Enterprise.id == item.enterprise_id)).one()


FIRM = Column("企业", lambda row: row[1].name)
CODE = Column("信用代码", lambda row: row[1].uscc, code=True)


class TitleForm(FirmForm):
    """A title granted."""

    title = SelectField("称号", [InputRequired("请选择称号。")])
    kind = SelectField("方式", [InputRequired()], choices=KINDS)
    granted_on = DateField("认定日期", [InputRequired("请填认定日期。")])
    valid_to = DateField("有效期到", [Optional()], description="不填表示长期有效。")
    batch = StringField("批次", [Optional(), Length(max=64)])
    document = StringField("文件", [Optional(), Length(max=200)], description="文号或名称，说明依据。")


class TitleEndForm(FlaskForm):
    """Its end before time."""

    on = DateField("撤销日期", [InputRequired("请填撤销日期。")], default=today)
    document = StringField("文件", [Optional(), Length(max=200)])


class Titles(OfFirm):
    """Titles and certificates: granted, and revoked before their last day; never deleted."""

    datamodel = SQLAInterface(TitleGrant)
    route_base = "/admin/titles"
    noun = "称号认定"
    note = "单条登记与撤销；整批请用导入"
    columns = (
        FIRM, CODE,
        Column("称号", lambda row: title_labels().get(row[0].title, row[0].title)),
        Column("认定", lambda row: row[0].granted_on, "granted_on", TitleGrant.granted_on),
        Column("有效期到", lambda row: row[0].valid_to or "长期"),
        Column("撤销", lambda row: row[0].revoked_on),
    )
    adding, editing, edit_word = TitleForm, TitleEndForm, "撤销"

    def prepare(self, form: Any) -> None:
        """Titles of the pack."""
        if isinstance(form, TitleForm):
            form.title.choices = list(title_labels().items())

    def create(self, form: TitleForm) -> None:
        """Grant."""
        ladder.grant(
            db(), access(), firm_of(form).id, form.title.data, granted_on=form.granted_on.data, at=now(), valid_to=form.valid_to.data,
            kind=form.kind.data, batch=form.batch.data or None, document=form.document.data or None,
        )

    def is_open(self, row: Any) -> bool:
        """What is revoked cannot be revoked again."""
        return row[0].revoked_on is None

    def change(self, item: TitleGrant, form: TitleEndForm) -> None:
        """Revoke."""
        ladder.revoke(db(), access(), item.id, on=form.on.data, at=now(), document=form.document.data or None)


class EntryForm(FirmForm):
    """Taken into the register."""

    on = DateField("入库日期", [InputRequired("请填入库日期。")])
    document = StringField("文件", [Optional(), Length(max=200)], description="统计部门的文件或名单。")


class ExitForm(FlaskForm):
    """Left the register."""

    on = DateField("退库日期", [InputRequired("请填退库日期。")], default=today)
    reason = StringField("退库原因", [InputRequired("请写明退库原因。"), Length(max=64)])
    document = StringField("文件", [Optional(), Length(max=200)])


class Register(OfFirm):
    """Stays in the statistics register, as the statistics authority decided them; ended, never deleted."""

    datamodel = SQLAInterface(RegisterMembership)
    route_base = "/admin/register"
    noun = "入库退库"
    note = "在库名录的单条登记；整批请用导入"
    columns = (
        FIRM, CODE,
        Column("入库", lambda row: row[0].entered_on, "entered_on", RegisterMembership.entered_on),
        Column("类别", lambda row: ENTRIES.get(row[0].entry, row[0].entry)),
        Column("退库", lambda row: row[0].exited_on or "在库"),
        Column("原因", lambda row: row[0].exit_reason),
    )
    adding, editing, edit_word = EntryForm, ExitForm, "办理退库"

    def create(self, form: EntryForm) -> None:
        """Enter."""
        ladder.enter(db(), access(), firm_of(form).id, on=form.on.data, at=now(), document=form.document.data or None)

    def is_open(self, row: Any) -> bool:
        """A stay that ended stays as it is."""
        return row[0].exited_on is None

    def change(self, item: RegisterMembership, form: ExitForm) -> None:
        """Leave: the open stay, and only that."""
        if item.exited_on is not None:
            raise Conflict("这一段已经退库，不能再改。")
        ladder.leave(db(), access(), item.enterprise_id, on=form.on.data, at=now(), reason=form.reason.data, document=form.document.data or None)


class EventForm(FirmForm):
    """Something that happened on a day."""

    kind = SelectField("事件", [InputRequired()])
    on = DateField("日期", [InputRequired("请填日期。")])
    note = TextAreaField("说明", [Optional(), Length(max=1000)])


class Events(OfFirm):
    """Events in a firm's life; one entered by mistake is deleted, with a trace in the audit trail."""

    datamodel = SQLAInterface(EnterpriseEvent)
    route_base = "/admin/events"
    noun = "企业事件"
    note = "达产、停产、异常、处罚"
    columns = (
        FIRM, CODE,
        Column("事件", lambda row: FORMER.get(row[0].kind) or label(row[0].kind)),
        Column("日期", lambda row: row[0].on, "on", EnterpriseEvent.on),
        Column("说明", lambda row: SAID.get(row[0].note, row[0].note)),
    )
    adding, removing = EventForm, "删除"

    def prepare(self, form: Any) -> None:
        """Events the rules ask for: what is written down here decides verdicts."""
        form.kind.choices = list((event_labels() | MOVED).items())

    def create(self, form: EventForm) -> None:
        """Write it down."""
        if form.on.data > today():
            raise Invalid("日期不能晚于今天。", "on")
        record_event(db(), firm_of(form).id, form.kind.data, on=form.on.data, source="manual", by=access().user_id, at=now(), note=form.note.data or None)

    def remove(self, item: EnterpriseEvent) -> None:
        """Take it away; the firm is looked at again."""
        db().delete(item)
        enterprise_changed.send(None, session=db(), enterprise_ids=[item.enterprise_id])


class PersonForm(FlaskForm):
    """A person at a firm."""

    name = StringField("姓名", [InputRequired("请填姓名。"), Length(max=64)])
    title = StringField("职务", [Optional(), Length(max=64)])
    phone = StringField("电话", [Optional(), Length(max=32)])


class NewPersonForm(FirmForm, PersonForm):
    """With the firm."""

    primary = BooleanField("主要联系人")


class OldPersonForm(PersonForm):
    """With the end."""

    ended_on = DateField("离任日期", [Optional()], description="填了就不再作为联系人。")


class Contacts(OfFirm):
    """People at the firms: managers only, because the form shows whole numbers."""

    datamodel = SQLAInterface(Contact)
    route_base = "/admin/contacts"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(("read", "add", "edit"), ("manager",))
    noun = "联系人"
    note = "个人信息：只有管理者能看全号"
    search = (Enterprise.name, Enterprise.uscc, Contact.name)
    search_hint = "搜企业、信用代码或姓名"
    columns = (
        FIRM,
        Column("姓名", lambda row: row[0].name),
        Column("职务", lambda row: row[0].title),
        Column("电话", lambda row: phone_for(access(), row[0].phone, row[1].officer_id), code=True),
        Column("状态", lambda row: f"{row[0].ended_on} 离任" if row[0].ended_on else "主要联系人" if row[0].is_primary else "在任"),
    )
    adding, editing = NewPersonForm, OldPersonForm

    def create(self, form: NewPersonForm) -> None:
        """Add."""
        add_contact(db(), firm_of(form), name=form.name.data, phone=form.phone.data or None, title=form.title.data or None, primary=form.primary.data)

    def change(self, item: Contact, form: OldPersonForm) -> None:
        """Correct, or end."""
        ended: date | None = form.ended_on.data
        if ended and ended > today():
            raise Invalid("离任日期不能晚于今天。", "ended_on")
        item.name, item.title, item.phone = form.name.data.strip(), form.title.data or None, form.phone.data or None
        db().flush()
        if ended:
            end_contact(db(), item, on=ended)
        else:
            item.ended_on = None
            refresh_search(db(), db().get_one(Enterprise, item.enterprise_id))
