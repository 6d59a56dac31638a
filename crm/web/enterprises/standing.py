"""Facts an authority decided about a firm: register entries and exits, titles granted and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now, today
from crm.core.errors import Invalid, NotFound
from crm.ladder import operations
from crm.ladder.models import TitleGrant
from crm.web.enterprises.forms import EntryForm, ExitForm, GrantForm, RevokeForm
from crm.web.packs import title_labels
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class EnterpriseStandingPage(Page):
    """Managers write down what was decided; software never does."""

    route_base = "/enterprises"
    permits = {"record": ("manager", "administrator")}

    @expose("/<int:enterprise_id>/register", methods=["POST"])
    @has_access
    @permission_name("record")
    def enter(self, enterprise_id: int) -> ResponseReturnValue:
        """入库."""
        form = _valid(EntryForm())
        operations.enter(
            db(), access(), enterprise_id, on=form.entered_on.data, at=now(), profession=form.profession.data or None,
            document=form.document.data or None,
        )
        return _saved(enterprise_id, "已登记入库。随即自动重新评估，稍后刷新就是新的梯度位置。")

    @expose("/<int:enterprise_id>/register/leave", methods=["POST"])
    @has_access
    @permission_name("record")
    def leave(self, enterprise_id: int) -> ResponseReturnValue:
        """退库."""
        form = _valid(ExitForm())
        operations.leave(
            db(), access(), enterprise_id, on=form.exited_on.data, at=now(), reason=form.exit_reason.data or "",
            document=form.document.data or None,
        )
        return _saved(enterprise_id, "已登记退库，在库记录保留。")

    @expose("/<int:enterprise_id>/titles", methods=["POST"])
    @has_access
    @permission_name("record")
    def grant(self, enterprise_id: int) -> ResponseReturnValue:
        """A title granted, first or by review."""
        form = GrantForm()
        form.title.choices = list(title_labels().items())
        _valid(form)
        operations.grant(
            db(), access(), enterprise_id, form.title.data, granted_on=form.granted_on.data, at=now(), valid_to=form.valid_to.data,
            kind=form.kind.data, batch=form.batch.data or None, document=form.document.data or None,
        )
        return _saved(enterprise_id, f"已登记称号：{title_labels()[form.title.data]}。")

    @expose("/<int:enterprise_id>/titles/<int:grant_id>/revoke", methods=["POST"])
    @has_access
    @permission_name("record")
    def revoke(self, enterprise_id: int, grant_id: int) -> ResponseReturnValue:
        """A title taken away; the record stays."""
        held = db().get(TitleGrant, grant_id)
        if held is None or held.enterprise_id != enterprise_id:
            raise NotFound("没有这条称号记录。")
        form = _valid(RevokeForm())
        operations.revoke(db(), access(), grant_id, on=form.on.data or today(), at=now(), document=form.document.data or None)
        return _saved(enterprise_id, "已登记撤销，称号记录保留。")


def _valid(form: Any) -> Any:
    if not form.validate():
        field, messages = next(iter(form.errors.items()))
        raise Invalid(str(messages[0]), field=field)
    return form


def _saved(enterprise_id: int, message: str) -> ResponseReturnValue:
    db().commit()
    flash(message, "success")
    return redirect(url_for("EnterprisePage.show_firm", enterprise_id=enterprise_id))
