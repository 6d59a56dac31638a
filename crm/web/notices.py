"""My messages: what I was told, unread first, and how I want to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.validators import Length

from crm.core.clock import now
from crm.core.errors import Invalid, NotFound
from crm.core.outbound import Outbound
from crm.notices import operations, queries, wishes
from crm.notices.models import CHANNELS, MODES, STATES, Notice, NoticePreference
from crm.security import audit
from crm.security.gate import safe_next
from crm.security.models import ROLES
from crm.security.vault import Vault
from crm.web import address
from crm.web.frame import frame, notices_shown
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

KINDS = {"alert": "预警", "case": "诉求", "visit": "走访", "import": "导入", "move": "升降", "target": "目标", "report": "报告", "test": "测试", "digest": "摘要"}
PAGE_SIZE, UNREAD_SHOWN, LATEST = 30, 20, 3
WAYS = {
    "email": ("邮箱地址", "", "每封都有纯文本部分。"),
    "dingtalk": ("机器人地址（Webhook）", "加签密钥", "在钉钉群里添加“自定义机器人”，安全设置选“加签”，把地址和密钥贴过来。"),
    "wecom": ("机器人地址（Webhook）", "", "在企业微信群里添加“群机器人”，把地址贴过来。"),
    "feishu": ("机器人地址（Webhook）", "签名校验密钥", "在飞书群里添加“自定义机器人”，打开“签名校验”，把地址和密钥贴过来。"),
    "webhook": ("接收地址", "签名密钥（至少 16 位）", "把消息交给别的系统：JSON，HMAC-SHA256 签名，同一条消息重试时幂等键不变。"),
}
"""Channel -> label of its address, label of its secret ('' takes none), how to get them."""


class TimesForm(FlaskForm):
    """Quiet hours and digest times."""

    quiet = BooleanField("打开免打扰")
    quiet_from = StringField("从", [Length(max=5)])
    quiet_to = StringField("到", [Length(max=5)])
    urgent_any_time = BooleanField("紧急消息不受免打扰限制")
    digest_times = StringField("摘要时间", [Length(max=47, message="太长了，最多 6 个时间。")])


class ChannelForm(FlaskForm):
    """One channel. Address and secret are never filled in again: empty keeps what is stored."""

    address = StringField("地址", [Length(max=2000, message="地址太长。")])
    secret = PasswordField("密钥", [Length(max=200, message="密钥太长。")])
    mode = SelectField("怎么发", choices=list(MODES.items()), default="digest")


class NoticesPage(Page):
    """One's own bell: nobody reads another's."""

    route_base = "/notices"
    permits = {"read": tuple(ROLES)}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """Unread first, then what was read, newest first."""
        session, who, before = db(), access(), address.whole("before")
        only_unread = address.choice("show", {"unread"}) is not None
        seen = notices_shown(who)
        if only_unread:
            unread, read = queries.bell(session, _me(), seen, unread=True, before=before, limit=PAGE_SIZE + 1), []
        else:
            unread = [] if before else queries.bell(session, _me(), seen, unread=True, limit=UNREAD_SHOWN + 1)
            read = queries.bell(session, _me(), seen, unread=False, before=before, limit=PAGE_SIZE + 1)
        paged = unread if only_unread else read
        following = address.here(before=paged[PAGE_SIZE - 1].id) if len(paged) > PAGE_SIZE else None
        shown = PAGE_SIZE if only_unread else UNREAD_SHOWN
        return self.show(
            "notices/index.html", unread=unread[:shown], more_unread=not only_unread and len(unread) > shown, read=read[:PAGE_SIZE], kinds=KINDS,
            only_unread=only_unread, before=before, following=following, here=address.here,
        )

    @expose("/<int:notice_id>/open", methods=["POST"])
    @has_access
    @permission_name("read")
    def open_notice(self, notice_id: int) -> ResponseReturnValue:
        """Mark mine read and go where it leads."""
        notice = db().scalar(select(Notice).where(Notice.id == notice_id, Notice.user_id == _me(), notices_shown(access())))
        if notice is None:
            raise NotFound("没有这条消息。")
        operations.mark_read(db(), _me(), [notice.id], now())
        db().commit()
        return redirect(safe_next(notice.link) if request.form.get("go", "1") == "1" else url_for("NoticesPage.index"))

    @expose("/read", methods=["POST"])
    @has_access
    @permission_name("read")
    def read_all(self) -> ResponseReturnValue:
        """Everything of mine has been read."""
        count = operations.mark_read(db(), _me(), None, now())
        db().commit()
        flash(f"{count} 条消息已标为已读。" if count else "没有未读的消息。", "success")
        return redirect(url_for("NoticesPage.index"))

    @expose("/settings")
    @has_access
    @permission_name("read")
    def settings(self) -> ResponseReturnValue:
        """Channels, quiet hours, digest times."""
        return self._settings()

    @expose("/settings/times", methods=["POST"])
    @has_access
    @permission_name("read")
    def times(self) -> ResponseReturnValue:
        """Keep quiet hours and digest times."""
        form = TimesForm()
        if not form.validate():
            return self._settings(times=form), 422
        try:
            wishes.set_preference(
                db(), _me(), quiet=(form.quiet_from.data or "", form.quiet_to.data or "") if form.quiet.data else None,
                urgent_any_time=form.urgent_any_time.data, digest_times=[part for part in (form.digest_times.data or "").replace("，", ",").split(",") if part.strip()], at=now(),
            )
        except Invalid as error:
            _blame(form, error)
            return self._settings(times=form), 422
        db().commit()
        flash("免打扰和摘要时间已保存。", "success")
        return redirect(url_for("NoticesPage.settings"))

    @expose("/settings/<kind>", methods=["POST"])
    @has_access
    @permission_name("read")
    def channel(self, kind: str) -> ResponseReturnValue:
        """Add or change one channel."""
        _known(kind)
        form = ChannelForm(prefix=kind)
        if not form.validate():
            return self._settings(channel=(kind, form)), 422
        try:
            wishes.set_channel(
                db(), _me(), kind, mode=form.mode.data, at=now(), doors=_doors(), address=form.address.data or "", secret=form.secret.data or "",
                is_administrator=access().has("administrator"),
            )
        except Invalid as error:
            db().rollback()
            _blame(form, error)
            return self._settings(channel=(kind, form)), 422
        db().commit()
        flash(f"{CHANNELS[kind]}已保存。可以发一条测试消息看看通不通。", "success")
        return redirect(url_for("NoticesPage.settings") + f"#c-{kind}")

    @expose("/settings/<kind>/remove", methods=["POST"])
    @has_access
    @permission_name("read")
    def remove(self, kind: str) -> ResponseReturnValue:
        """Take a channel away."""
        wishes.remove_channel(db(), _me(), _known(kind))
        audit.record(db(), access(), "notice_channel.removed", "user", _me(), kind=kind)
        db().commit()
        flash(f"{CHANNELS[kind]}已移除，不再往那里发。", "success")
        return redirect(url_for("NoticesPage.settings"))

    @expose("/settings/<kind>/try", methods=["POST"])
    @has_access
    @permission_name("read")
    def try_channel(self, kind: str) -> ResponseReturnValue:
        """Send myself a message to see whether it arrives."""
        wishes.try_channel(db(), _me(), _known(kind), now())
        db().commit()
        flash("测试消息已排队，一分钟内发出。结果看本页下方的“最近发出”。", "success")
        return redirect(url_for("NoticesPage.settings") + "#sent")

    def _settings(self, times: TimesForm | None = None, channel: tuple[str, ChannelForm] | None = None) -> str:
        stored = queries.channels_of(db(), _me())
        kinds = [kind for kind in CHANNELS if kind != "webhook" or access().has("administrator") or kind in stored]
        forms = {kind: ChannelForm(formdata=None, prefix=kind, mode=stored[kind].mode if kind in stored else "digest") for kind in kinds}
        if channel:
            forms[channel[0]] = channel[1]
        return self.show(
            "notices/settings.html", times=times or _times(db().get(NoticePreference, _me())), forms=forms, stored=stored, channels=CHANNELS, modes=MODES, ways=WAYS, states=STATES,
            kinds=KINDS, sent=queries.deliveries(db(), user_id=_me(), limit=10), smtp=bool(current_app.extensions["crm_settings"].smtp_host),
        )


def latest() -> Sequence[Notice]:
    """My newest unread messages, for Today; no query when the frame has counted none."""
    if not frame().bell:
        return []
    return queries.bell(db(), _me(), notices_shown(access()), unread=True, limit=LATEST)


def _times(stored: NoticePreference | None) -> TimesForm:
    timing = queries.timing_of(stored)
    start, end = timing.quiet or (None, None)
    return TimesForm(
        formdata=None, quiet=timing.quiet is not None, quiet_from=f"{start:%H:%M}" if start else "21:00", quiet_to=f"{end:%H:%M}" if end else "07:30",
        urgent_any_time=timing.urgent_any_time, digest_times=",".join(f"{t:%H:%M}" for t in timing.digest_times),
    )


def _blame(form: FlaskForm, error: Invalid) -> None:
    field = form._fields.get(f"{form._prefix}{error.field}") or next(iter(form))  # noqa: SLF001  # wtforms offers no other way by short name
    field.errors = [error.message]


def _known(kind: str) -> str:
    if kind not in CHANNELS:
        raise NotFound("没有这种接收方式。")
    return kind


def _doors() -> wishes.Doors:
    settings = current_app.extensions["crm_settings"]
    return wishes.Doors(Vault(settings.key()), Outbound(allow=settings.outbound_allow))


def _me() -> int:
    user = access().user_id
    assert user is not None
    return user


views = [NoticesPage]
