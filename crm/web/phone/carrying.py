"""What the phone asks for when there is signal: who is signed in, and the bundle of everything it carries along."""

from __future__ import annotations

import gzip
import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response, current_app, g, jsonify, render_template, request
from flask_appbuilder import expose, has_access, permission_name
from flask_wtf.csrf import generate_csrf

from crm.cases.models import KINDS as CASE_KINDS
from crm.core.clock import now, today
from crm.security import audit
from crm.visits.models import KINDS
from crm.web.agenda import QUIET_DAYS
from crm.web.frame import frame
from crm.web.packs import packs
from crm.web.page import STAFF, Page, access, db
from crm.web.phone import firms
from crm.web.visits.form import VisitForm

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

FORMAT = 1
"""Raised when the shape of the bundle changes, so that phones fetch all of it anew."""
LONGEST_HAVE = 16_000


class PhoneDataPage(Page):
    """Answers for the phone, JSON only."""

    route_base = "/m"
    permits = {"read": STAFF}

    @expose("/session")
    @has_access
    @permission_name("read")
    def session(self) -> ResponseReturnValue:
        """Who I am, a fresh token for writing, the key of what this phone keeps, and what happens to it at sign-out."""
        who, settings = access(), current_app.extensions["crm_settings"]
        key = hmac.new(settings.key().encode(), f"phone:{who.user_id}".encode(), hashlib.sha256).digest()
        return jsonify(
            user={"id": who.user_id, "name": who.name, "unit": g.profile.unit or "", "title": g.profile.title or ""},
            csrf=generate_csrf(), key=b64encode(key).decode(), sign_out=settings.phone_sign_out, at=now().isoformat(),
        )  # fmt: skip

    @expose("/bundle")
    @has_access
    @permission_name("read")
    def bundle(self) -> ResponseReturnValue:
        """Everything of my firms; with `X-Have` (what the phone holds: id.digest,…) only what is new, 304 when nothing is."""
        mine = firms.lines(db(), access(), today())
        head, forms = _head(), _forms({line["pack"] for line in mine})
        digest = hashlib.sha256(orjson.dumps([FORMAT, head, sorted(forms), [(line["id"], line["d"]) for line in mine]]))
        tag = f"{access().user_id}-{digest.hexdigest()[:20]}"
        if tag in request.if_none_match:
            answer = Response(status=304)
            answer.set_etag(tag)
            return answer
        if "X-Have" not in request.headers and mine:  # a phone that has none of them yet
            audit.record(db(), access(), "phone.carry", "user", access().user_id, firms=len(mine))
            db().commit()
        have = set(request.headers.get("X-Have", "")[:LONGEST_HAVE].split(","))
        body = {
            **head, "format": FORMAT, "etag": tag, "at": now().isoformat(), "order": [line["id"] for line in mine],
            "firms": [line for line in mine if f"{line['id']}.{line['d']}" not in have],
            "forms": {key: html for key, html in forms.items() if key not in have},
        }  # fmt: skip
        return _compressed(body, tag)


def _head() -> dict[str, Any]:
    who, around = access(), frame()
    return {
        "user": {"id": who.user_id, "name": who.name, "place": around.place, "officer": who.has("officer")}, "month": around.data_month,
        "quiet_days": QUIET_DAYS, "kinds": KINDS, "on": today().isoformat(),
    }  # fmt: skip


def _forms(wanted: set[str]) -> dict[str, str]:
    """The empty visit form of each pack, as the page shows it; key `pack:digest`."""
    found = {}
    for pack in (packs()[name] for name in sorted(wanted)):
        html = render_template(
            "visits/_form.html", form=VisitForm(formdata=None), firm=None, visit=None, last=None, people=(), standing=None, sheet=pack.visit, fields={},
            cases=(), case_kinds=CASE_KINDS, kinds=KINDS, region="", errors={}, theirs=None, policies=(), max_mb=current_app.config["MAX_CONTENT_LENGTH"] // 2**20,
        )  # fmt: skip
        found[f"{pack.id}:{hashlib.sha256(html.encode()).hexdigest()[:8]}"] = html
    return found


def _compressed(body: dict[str, Any], tag: str) -> Response:
    data = orjson.dumps(body)
    answer = Response(mimetype="application/json")
    if "gzip" in request.accept_encodings:
        data = gzip.compress(data, 6, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
    answer.set_data(data)
    answer.headers["Vary"] = "Accept-Encoding, Cookie"
    answer.set_etag(tag)
    return answer
