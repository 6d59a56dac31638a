"""Every error a client can cause is answered in Chinese, as a page or as JSON; nothing half-written stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import g, jsonify, render_template
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from crm.core.errors import CrmError
from crm.web.page import db, wants_json

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

MESSAGES = {
    400: "请求不完整或格式不对，请返回重填。",
    401: "请先登录。",
    403: "您的角色不能做这一步。需要时请联系管理员。",
    404: "没有这一页，或不在您的辖区内。",
    405: "这个地址不接受这种操作。",
    409: "别人刚改过，请刷新后再试。",
    413: "文件太大，请拆开再传。",
    415: "不支持这种文件格式。",
    422: "有内容不符合要求，请改正后再交。",
    429: "操作太频繁，请稍等一分钟再试。",
    500: "系统出错，内容没有改动。请把下面的编号告诉管理员。",
}
log = structlog.get_logger()


def answer(status: int, message: str | None = None, **details: object) -> ResponseReturnValue:
    """The error as page or JSON, the session rolled back."""
    db().rollback()
    message = message or MESSAGES.get(status, MESSAGES[400])
    number = g.get("request_id", "")
    if wants_json():
        return jsonify({"message": message, "request_id": number, **details}), status
    return render_template("error.html", status=status, message=message, number=number), status


def install(app: Flask) -> None:  # noqa: C901  (one handler a kind)
    """Register the handlers."""

    @app.errorhandler(CrmError)
    def _crm(error: CrmError) -> ResponseReturnValue:
        field = getattr(error, "field", None)
        return answer(error.status, error.message, code=type(error).__name__, **({"field": field} if field else {}))

    @app.errorhandler(CSRFError)
    def _csrf(_error: CSRFError) -> ResponseReturnValue:
        return answer(400, "页面放得太久或已在别处退出，请刷新后再交，填的内容请先复制。", code="Csrf")

    @app.errorhandler(StaleDataError)
    def _stale(_error: StaleDataError) -> ResponseReturnValue:
        return answer(409)

    @app.errorhandler(IntegrityError)
    def _integrity(error: IntegrityError) -> ResponseReturnValue:
        log.warning("integrity", error=str(error.orig))
        return answer(409, "与已有记录冲突，可能已经登记过。请刷新后再试。")

    @app.errorhandler(StatementError)
    def _statement(error: StatementError) -> ResponseReturnValue:
        # A value the database cannot hold (too long, out of range) came from the client.
        if isinstance(error.orig, (OverflowError, ValueError)) or "DataError" in type(error).__name__:
            return answer(422)
        raise error

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> ResponseReturnValue:
        if error.code is None or error.code < 400:
            return error
        return answer(error.code)

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> ResponseReturnValue:
        log.error("unhandled", error=str(error), exc_info=error)
        if app.config.get("PROPAGATE_EXCEPTIONS") or app.testing:
            raise error
        return answer(500)
