"""create_app(): the only module that knows all the others."""

from __future__ import annotations

import importlib
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, g, request
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import crm.schema  # noqa: F401  # fills the metadata
from crm.config import Settings
from crm.core.clock import now
from crm.core.db import make_engine, make_sessions
from crm.ladder import changes
from crm.reports import seal
from crm.security import gate
from crm.security.logs import configure
from crm.security.manager import Builder, CrmSecurityManager
from crm.web import errors, filters, frame, headers, health, packs
from crm.web.site import API_MODULES, PAGE_MODULES

if TYPE_CHECKING:
    from sqlalchemy import Engine


def create_app(settings: Settings | None = None, engine: Engine | None = None, **overrides: Any) -> Flask:
    """The WSGI application. `overrides` go into Flask's config (tests)."""
    settings = settings or Settings.from_env()
    app = Flask("crm", template_folder="web/templates", static_folder="web/static", static_url_path="/assets")
    app.config.update(_flask_config(settings), **overrides)
    if not app.testing:
        configure(settings)
    app.extensions["crm_settings"] = settings
    seal.ready(settings, now())  # a certificate that cannot be used is told now, not with the first record
    if (hops := settings.trusted_proxies) > 0:  # else anybody could choose the address the lockout and the trail see
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    engine = engine or make_engine(settings.url)
    sessions = make_sessions(engine)
    app.extensions["crm_engine"], app.extensions["crm_sessions"] = engine, sessions
    app.teardown_appcontext(lambda _error: sessions.remove())
    app.before_request(_name_request)
    changes.listen()
    csrf = CSRFProtect(app)
    app.extensions["csrf_protect"] = csrf
    with app.app_context():
        builder = Builder(app, sessions, security_manager_class=CrmSecurityManager)
        for name in (*PAGE_MODULES, *API_MODULES):
            module = importlib.import_module(name)
            for view in module.views:
                builder.add_view_no_menu(view) if name in PAGE_MODULES else builder.add_api(view)
        for part in (gate, filters, errors, frame, headers, health, packs):
            part.install(app)
    return app


def _flask_config(settings: Settings) -> dict[str, Any]:
    return {
        "APP_NAME": "企阶",
        "SECRET_KEY": settings.key(),
        "SQLALCHEMY_DATABASE_URI": settings.url,
        "MAX_CONTENT_LENGTH": settings.max_upload_mb * 1024 * 1024,
        "SESSION_COOKIE_NAME": f"qijie_{settings.port}",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.https,
        "WTF_CSRF_TIME_LIMIT": None,
        "BABEL_DEFAULT_LOCALE": "zh",
        "LANGUAGES": {"zh": {"flag": "cn", "name": "中文"}, "en": {"flag": "gb", "name": "English"}},
        # FAB would create tables behind Alembic's back and let web workers race for permission rows.
        "FAB_CREATE_DB": False,
        "FAB_UPDATE_PERMS": False,
        "FAB_ADD_SECURITY_API": False,
        "FAB_INDEX_VIEW": "crm.web.site.Index",
        "FAB_AUTH_VIEW": "crm.web.account.SignIn",
        "RATELIMIT_ENABLED": True,
        "RATELIMIT_STORAGE_URI": "memory://",  # per worker, in memory; the lockout by name is in the database
        "FAB_PASSWORD_HASH_METHOD": "scrypt",
        "FAB_SAFE_REDIRECT_HOSTS": [],
    }


def _name_request() -> None:
    g.request_id = uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, path=request.path)
