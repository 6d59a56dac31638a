"""Security headers: a content security policy without inline script, nosniff, no framing, no referrer outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g, request
from flask_talisman import Talisman

from crm.web import compress

if TYPE_CHECKING:
    from flask import Flask, Response

POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data: blob:",
    "style-src": "'self'",
    "script-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


FILE_POLICY = "default-src 'none'; sandbox"


def sandboxed(response: Response) -> Response:
    """Answer with somebody's file: whatever it holds, a browser runs and fetches nothing of it."""
    g.sandboxed = True
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def install(app: Flask) -> None:
    """Talisman for all; Flask-AppBuilder's own back-office pages carry inline styles, ours need none."""
    settings = app.extensions["crm_settings"]

    @app.after_request
    def _file(response: Response) -> Response:
        # Registered before Talisman, so it runs after: Talisman lays the pages' policy over whatever a view set.
        if g.get("sandboxed"):
            response.headers["Content-Security-Policy"] = FILE_POLICY
        return response

    Talisman(
        app,
        force_https=False,
        strict_transport_security=settings.https,
        session_cookie_secure=settings.https,
        session_cookie_samesite="Lax",
        content_security_policy=POLICY,
        content_security_policy_nonce_in=["script-src"],
        referrer_policy="same-origin",
        frame_options="DENY",
    )

    compress.install(app)

    @app.after_request
    def _private(response: Response) -> Response:
        # Pages hold firms' data: not in shared caches, nor behind the back button after signing out.
        if not request.path.startswith(("/assets/", "/static/")):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
