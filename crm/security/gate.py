"""The door every request passes before any view: deny by default.

Addresses open to everybody are named here, all of them; a new route is closed until somebody adds it to this list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, flash, g, redirect, request, session, url_for
from flask_jwt_extended import verify_jwt_in_request
from flask_login import current_user
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, Unauthorized

from crm.security.request import access, has_bearer

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

OPEN = frozenset({
    "static", "healthz", "readyz", "metrics", "SignIn.login", "TokensApi.login", "TokensApi.refresh", "RecordsPage.verify",
    "PhonePage.shell", "PhonePage.worker", "PhonePage.manifest",
    "DoorPage.own", "DoorPage.follow", "DoorPage.file", "IntakeApi.receive", "CalendarPage.feed",
})
"""Endpoints anybody may call: assets, supervision, sign-in, the page a record's QR code leads to, the phone's empty shell, a firm's own form
(企业码), the signed door for hotlines, and a calendar under its private address."""
WITHOUT_NEW_PASSWORD = frozenset({"AccountPage.password", "SignIn.logout"})
"""All that a user who must change the password first may do."""
LARGEST = 2**63 - 1  # BIGINT
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask) -> None:
    """Stand before every view."""
    app.before_request(_check)


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None
    _refuse_nonsense()
    if request.endpoint in OPEN:
        return None
    is_api = request.path.startswith("/api/")
    if is_api and has_bearer():
        verify_jwt_in_request()  # 401 for anything but a good token, whatever cookie comes along
        return None
    if not current_user.is_authenticated:
        return _ask_to_sign_in(is_api)
    if is_api and request.method not in SAFE and current_app.config.get("WTF_CSRF_ENABLED", True):
        current_app.extensions["csrf_protect"].protect()
    if g.profile.must_change_password and request.endpoint not in WITHOUT_NEW_PASSWORD:
        if is_api or request.is_json or _wants_json():
            raise Forbidden("请先在网页上修改初始密码。")
        return redirect(url_for("AccountPage.password"))
    return None


def _refuse_nonsense() -> None:
    """Keys no database holds do not exist; a JSON body that is no object, or nested beyond reading, is not read further."""
    if any(isinstance(value, int) and value > LARGEST for value in (request.view_args or {}).values()):
        raise NotFound
    if request.is_json and request.method not in SAFE:
        try:
            sound = isinstance(request.get_json(silent=True), dict)
        except RecursionError:
            sound = False
        if not sound:
            raise BadRequest


def _ask_to_sign_in(is_api: bool) -> ResponseReturnValue:
    if is_api or request.is_json or _wants_json():
        raise Unauthorized  # the cookie is left alone: a request under way behind a page must not take the token of a form just opened
    if "_user_id" in session:
        session.clear()
        flash("登录已失效：太久没有操作，或密码已修改。请重新登录。", "warning")
    target = request.full_path.rstrip("?") if request.method in SAFE and request.path != "/" else None
    return redirect(url_for("SignIn.login", next=target))


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def safe_next(target: str | None) -> str:
    """`target` when it is an address on this site, else home. Only a path counts: no scheme, host, or trick with slashes."""
    if target and target.startswith("/") and not target.startswith("//") and not any(c in target for c in "\\\r\n\t\0"):
        return target
    return home()


def home() -> str:
    """Where a user starts: Today, the trail for those who only audit, the cases of a department."""
    if access().is_department:
        return url_for("CasesPage.index")
    return url_for("AuditPage.index" if access().roles == {"auditor"} else "TodayPage.index")
