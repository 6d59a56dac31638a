"""The shell: one page, its service worker and its manifest. They hold nobody's data, so they are open and may be kept on the phone.

The worker's text names every file with its digest: a new version of any file is a new worker, which fetches what changed
and takes over when the phone is next opened.
"""

from __future__ import annotations

import hashlib
from functools import cache

from flask import Response, jsonify, render_template, url_for
from flask_appbuilder import expose

from crm.web.frame import STATIC, asset
from crm.web.page import Page

STYLES = ("css/tokens.css", "css/app.css", "css/more.css", "css/phone.css")
SHARED = ("js/phone/store.js", "js/phone/outbox.js")
"""Read by the page and by the worker alike."""
SCRIPTS = ("js/theme.js", "js/app.js", *SHARED, "js/visit.js", "js/phone/carried.js", "js/phone/draw.js", "js/phone/route.js", "js/phone/firms.js", "js/phone/visit.js", "js/phone/queue.js", "js/phone/shell.js")
ICONS = ("mark.svg", "icons/192.png", "icons/512.png")


class PhonePage(Page):
    """The shell of the phone."""

    route_base = ""
    permits = {}

    @expose("/m/")
    def shell(self) -> Response:
        """The page itself: navigation, drawings, scripts; everything else comes from what the phone keeps."""
        answer = Response(render_template("phone/shell.html", styles=STYLES, scripts=SCRIPTS))
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    @expose("/sw.js")
    def worker(self) -> Response:
        """The service worker, from the root so that it may answer for every address."""
        kept = [asset(name) for name in (*STYLES, *SCRIPTS, *ICONS)]
        text = render_template("phone/worker.js", kept=kept, shared=[asset(name) for name in SHARED], version=_version(), shell=url_for("PhonePage.shell"))
        return Response(text, mimetype="text/javascript", headers={"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"})

    @expose("/manifest.webmanifest")
    def manifest(self) -> Response:
        """What the phone shows of the installed app."""
        icons = [{"src": asset(f"icons/{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose} for size in (192, 512) for purpose in ("any", "maskable")]
        answer = jsonify(
            id="/m/", name="企阶 助企走访", short_name="企阶", lang="zh-CN", start_url="/m/", scope="/", display="standalone",
            background_color="#f6f7f9", theme_color="#1c4f91", icons=icons,
            shortcuts=[{"name": "记走访", "url": "/m/#/visit"}, {"name": "待上传", "url": "/m/#/queue"}],
        )  # fmt: skip
        answer.mimetype = "application/manifest+json"
        answer.headers["Cache-Control"] = "no-cache"
        return answer


@cache
def _version() -> str:
    """One digest over the shell and everything it loads."""
    whole = hashlib.sha256(render_template("phone/shell.html", styles=STYLES, scripts=SCRIPTS).encode())
    for name in (*STYLES, *SCRIPTS, *ICONS):
        whole.update((STATIC / name).read_bytes())
    return whole.hexdigest()[:12]
