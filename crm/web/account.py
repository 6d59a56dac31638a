"""Sign-in, sign-out, my account, my password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, flash, g, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose, has_access, permission_name
from flask_login import current_user, logout_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.security import check_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from crm.core.clock import local, now
from crm.core.errors import Invalid
from crm.regions.models import Region, Zone
from crm.security import audit, calendars
from crm.security.gate import home, safe_next
from crm.security.manager import begin_session
from crm.security.models import ROLES, Unit, UserProfile
from crm.security.passwords import LONGEST, RULES, SHORTEST, set_password
from crm.security.request import signed_in
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from crm.security.signin import Outcome

EVERYBODY = tuple(ROLES)


class SignInForm(FlaskForm):
    """Name and password."""

    username = StringField("用户名", [InputRequired("请填用户名。"), Length(max=128, message="用户名太长。")])
    password = PasswordField("密码", [InputRequired("请填密码。")])


class PasswordForm(FlaskForm):
    """The present password and twice the new one."""

    current = PasswordField("现在的密码", [InputRequired("请填现在的密码。")])
    password = PasswordField("新密码", [InputRequired("请填新密码。"), Length(max=LONGEST, message=f"最多 {LONGEST} 个字符。")])
    again = PasswordField("再填一遍新密码", [InputRequired("请再填一遍新密码。")])


def refusal(outcome: Outcome, minutes: int) -> str:
    """Why the sign-in failed and what to do; the same words whether or not the name exists."""
    if outcome.opens_at is not None:
        wait = max(1, -(-int((outcome.opens_at - now()).total_seconds()) // 60))
        return f"试错太多次，已锁定到 {local(outcome.opens_at):%H:%M}（还有 {wait} 分钟）。着急的话请找本单位管理员解锁或重置密码。"
    return f"用户名或密码不对，还可以试 {outcome.left} 次，之后锁定 {minutes} 分钟。忘记密码请找本单位管理员重置。"


class SignIn(BaseView):
    """The way in and out."""

    route_base = ""

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> ResponseReturnValue:
        """Name and password; where one wanted to go is kept in `next`, paths of this site only."""
        if current_user.is_authenticated:
            return redirect(self._onwards())
        form = SignInForm()
        if not form.validate_on_submit():
            return self._form(form, None), 200 if request.method == "GET" else 422
        user = self.appbuilder.sm.auth_user_db(form.username.data, form.password.data)
        if user is None:
            settings = current_app.extensions["crm_settings"]
            return self._form(form, refusal(g.sign_in, settings.login_lock_minutes)), 401
        begin_session(user)
        return redirect(self._onwards())

    def _onwards(self) -> str:
        """Where one wanted to go; who has to change the password first goes there, also from the phone's open shell."""
        profile = db().get(UserProfile, signed_in().id)
        return url_for("AccountPage.password") if profile is not None and profile.must_change_password else safe_next(request.args.get("next"))

    @expose("/logout/", methods=["POST"])
    def logout(self) -> ResponseReturnValue:
        """End this session and every other of the user's: the cookie is worth nothing from now on, wherever it was copied."""
        g.profile.session_version += 1
        audit.record(db(), access(), "sign_out", "user", current_user.id)
        db().commit()
        logout_user()
        session.clear()
        flash("已退出。别处的登录也一并退出了。", "success")
        return redirect(url_for("SignIn.login"))

    def _form(self, form: SignInForm, refused: str | None) -> str:
        settings = current_app.extensions["crm_settings"]
        return self.render_template(
            "account/sign_in.html", form=form, refused=refused, unit=settings.unit_name, idle=settings.session_idle_minutes
        )


class AccountPage(Page):
    """Who I am here, and my password."""

    route_base = "/account"
    permits = {"read": EVERYBODY}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Role, jurisdiction, last sign-ins."""
        codes = (*access().regions, *access().zones)
        names = [*db().scalars(select(Region.name).where(Region.code.in_(codes))), *db().scalars(select(Zone.name).where(Zone.code.in_(codes)))]
        mine = [e for e in audit.entries(db(), subject_type="user", subject_id=str(current_user.id), limit=20) if e.action.startswith("sign_in")]
        return self.show(
            "account/index.html", profile=g.profile, username=current_user.username, name=access().name,
            calendar=calendars.made_on(db(), access()) if access().has(*calendars.READERS) else None, calendar_offered=access().has(*calendars.READERS),
            roles=[ROLES.get(role, role) for role in sorted(access().roles)], regions=names, units=list(db().scalars(select(Unit.name).where(Unit.id.in_(access().units)))), sign_ins=mine[:8],
        )

    @expose("/password", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    def password(self) -> ResponseReturnValue:
        """Change my password; every other session of mine ends."""
        form = PasswordForm()
        if form.validate_on_submit() and self._change(form):
            flash("密码已修改。别处的登录已经全部退出。", "success")
            return redirect(home())
        page = self.show("account/password.html", form=form, rules=RULES, shortest=SHORTEST, forced=g.profile.must_change_password)
        return page, 422 if form.errors else 200

    def _change(self, form: PasswordForm) -> bool:
        if form.password.data != form.again.data:
            form.again.errors = ["两遍不一样，请再填一次。"]
            return False
        # The same door as sign-in: a stolen session cannot guess the password here without being locked out.
        if not check_password_hash(current_user.password, form.current.data):
            if self.appbuilder.sm.auth_user_db(current_user.username, form.current.data) is None:
                form.current.errors = [refusal(g.sign_in, current_app.extensions["crm_settings"].login_lock_minutes)]
            return False
        try:
            set_password(db(), signed_in(), form.password.data, now())
        except Invalid as error:
            form.password.errors = [error.message]
            return False
        audit.record(db(), access(), "password_changed", "user", current_user.id)
        db().commit()
        begin_session(signed_in())
        return True


views = [AccountPage]
