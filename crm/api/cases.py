"""Cases as JSON, and the signed door through which hotlines and platforms (17687, 12345, 帮企云, 企业码, 政企通) send them in."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from flask import current_app, jsonify, request
from flask_appbuilder.api import expose
from flask_appbuilder.security.decorators import permission_name, protect
from sqlalchemy import select

from crm.api.facts import columns
from crm.api.scoped import READERS, Body, ScopedApi, id_is, text_is
from crm.api.work import packs
from crm.cases import operations as cases
from crm.cases.life import STEPS
from crm.cases.models import KINDS, SOURCES, URGENCIES, Case
from crm.cases.queries import visible
from crm.core.clock import now
from crm.core.errors import CrmError, Invalid, NotFound
from crm.enterprises.models import Enterprise
from crm.security.access import system_access
from crm.security.request import access, db

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

STAFF = ("officer", "manager", "administrator")
OUTSIDE = tuple(source for source in SOURCES if source not in ("visit", "officer", "firm"))
FRESH = 300  # seconds a signature is good for


class Unsigned(CrmError):
    """The sender is not who it says, or the message is old."""

    status = 401


class CasesApi(ScopedApi):
    """Cases of firms in the jurisdiction."""

    resource_name = "cases"
    openapi_spec_tag = "cases"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS, "post": STAFF, "step": STAFF}
    model, noun = Case, "诉求"
    fields: ClassVar[Mapping[str, Any]] = columns(
        Case, "id", "uuid", "enterprise_id", "visit_id", "kind", "urgency", "source", "external_no", "title", "detail", "lead_unit", "state", "stage",
        "accept_by", "due_on", "due_rule", "is_resolved", "satisfaction", "opened_at", "closed_at", "version",
    )
    sorts: ClassVar[Mapping[str, Any]] = {"opened_at": Case.opened_at}
    filters: ClassVar[Mapping[str, Any]] = {
        "enterprise_id": id_is(Case.enterprise_id), "state": text_is(Case.state), "stage": text_is(Case.stage), "kind": text_is(Case.kind),
        "source": text_is(Case.source),
    }

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Cases

        ---
        get:
          description: Cases of firms in the jurisdiction
          parameters:
          - {in: query, name: state, schema: {type: string, enum: [open, closed]}}
          - {in: query, name: stage, schema: {type: string}}
          - {in: query, name: enterprise_id, schema: {type: integer}}
          responses:
            200: {description: result and after}
          security:
            - jwt: []
        """
        return self.rows()

    @expose("/<int:pk>", methods=["GET"])
    @protect()
    @permission_name("get")
    def get(self, pk: int) -> ResponseReturnValue:
        """A case

        ---
        get:
          description: One case
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: result}
            404: {description: not there or not in the jurisdiction}
          security:
            - jwt: []
        """
        return self.one(pk)

    @expose("/", methods=["POST"])
    @protect()
    @permission_name("post")
    def post(self) -> ResponseReturnValue:
        """Register

        ---
        post:
          description: Register a case; the same uuid again answers the same
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [uuid, enterprise_id, title]
                  properties:
                    uuid: {type: string, format: uuid}
                    enterprise_id: {type: integer}
                    title: {type: string, maxLength: 200}
                    kind: {type: string}
                    urgency: {type: string, enum: [normal, simple, urgent]}
                    detail: {type: string, maxLength: 1000}
          responses:
            200: {description: result}
            404: {description: the firm is not in the jurisdiction}
            422: {description: something is missing}
          security:
            - jwt: []
        """
        body = Body("uuid", "enterprise_id", "title", "kind", "urgency", "detail")
        case = cases.open_case(
            db(), access(), uuid=_uuid(body.text("uuid", longest=36, needed=True)), enterprise_id=body.key("enterprise_id"),
            title=body.text("title", longest=200, needed=True) or "", kind=body.text("kind", longest=12) or "other",
            urgency=body.text("urgency", longest=8) or "normal", detail=body.text("detail", longest=1000), at=now(),
        )  # fmt: skip
        return self.saved(case)

    @expose("/<int:pk>/steps/<name>", methods=["POST"])
    @protect()
    @permission_name("step")
    def step(self, pk: int, name: str) -> ResponseReturnValue:
        """Take a step

        ---
        post:
          description: Take a step of the case's life (accept, dispatch, close, follow, …)
          parameters: [{in: path, name: pk, required: true, schema: {type: integer}}, {in: path, name: name, required: true, schema: {type: string}}]
          responses:
            200: {description: result}
            403: {description: not for this role}
            409: {description: does not follow, or somebody took a step meanwhile}
            422: {description: something is missing}
          security:
            - jwt: []
        """
        case = db().scalar(visible(access()).where(Case.id == pk))
        if case is None or name not in STEPS:
            raise NotFound("没有这条诉求或这个步骤，或不在您的辖区内。")
        body = Body("note", "unit", "unit_id", "co_unit_ids", "due_on", "days", "recheck_on", "other", "resolved", "satisfaction", "version")
        given = cases.Given(
            note=body.text("note", longest=2000), unit=_number(body, "unit_id") or body.text("unit", longest=128), co_units=_keys(body, "co_unit_ids"),
            due_on=body.day("due_on"), days=_number(body, "days"), recheck_on=body.day("recheck_on"), other=body.text("other", longest=36),
            resolved=_yes_no(body, "resolved"), satisfaction=_number(body, "satisfaction"), version=_number(body, "version"),
        )  # fmt: skip
        firm = db().get(Enterprise, case.enterprise_id)
        rules = packs().for_region(firm.region_code if firm else None).cases
        return self.saved(cases.take_step(db(), access(), case.uuid, name, given, rules=rules, at=now()))


class IntakeApi(ScopedApi):
    """What other systems send in. Signed: X-Signature = hex(HMAC-SHA256(secret, timestamp + "." + body)), X-Timestamp in seconds."""

    resource_name = "intake"
    openapi_spec_tag = "cases"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    model, noun = Case, "诉求"

    @expose("/cases", methods=["POST"])
    def receive(self) -> ResponseReturnValue:
        """Receive

        ---
        post:
          description: A case from a hotline or platform; the same number of the same source again answers the same
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [source, number, uscc, title]
                  properties:
                    source: {type: string, enum: ["17687", "12345", bqy, qym, zqt, other]}
                    number: {type: string, maxLength: 64}
                    uscc: {type: string}
                    title: {type: string, maxLength: 200}
                    kind: {type: string}
                    urgency: {type: string, enum: [normal, simple, urgent]}
                    detail: {type: string, maxLength: 1000}
                    contact: {type: string}
                    phone: {type: string}
          responses:
            200: {description: the case as it stands}
            401: {description: not signed, or too old}
            404: {description: no such firm}
            422: {description: something is missing}
        """
        with current_app.appbuilder.sm.limiter.limit("120 per minute"):  # type: ignore[attr-defined]
            _check_signature(current_app.extensions["crm_settings"].intake_secret)
        body = Body("source", "number", "uscc", "title", "kind", "urgency", "detail", "contact", "phone")
        source = body.text("source", longest=12, needed=True)
        if source not in OUTSIDE:
            raise Invalid(f"source 要是 {'、'.join(OUTSIDE)} 之一。", "source")
        kind, urgency = body.text("kind", longest=12) or "other", body.text("urgency", longest=8) or "normal"
        if kind not in KINDS or urgency not in URGENCIES:
            raise Invalid(f"kind 要是 {'、'.join(KINDS)} 之一，urgency 要是 {'、'.join(URGENCIES)} 之一。", "kind")
        firm = db().scalar(select(Enterprise).where(Enterprise.uscc == (body.text("uscc", longest=18, needed=True) or "").upper(), Enterprise.deleted_at.is_(None)))
        if firm is None:
            raise NotFound("企业库里没有这个统一社会信用代码，请核对，或先登记企业。")
        number = body.text("number", longest=64, needed=True)
        case = cases.open_case(
            db(), system_access(), uuid=cases.outside_uuid(source, number or ""), enterprise_id=firm.id,
            title=body.text("title", longest=200, needed=True) or "", kind=kind, urgency=urgency, detail=body.text("detail", longest=1000), source=source,
            external_no=number, contact_name=body.text("contact", longest=64), contact_phone=body.text("phone", longest=32),
            rules=packs().for_region(firm.region_code).cases, at=now(),
        )  # fmt: skip
        db().commit()
        return jsonify(number=case.number, uuid=case.uuid, state=case.state, stage=case.stage, accept_by=case.accept_by.isoformat() if case.accept_by else None)


def _check_signature(secret: str) -> None:
    """Raise Unsigned unless the body was signed with our secret within the last minutes."""
    stamp, given = request.headers.get("X-Timestamp", ""), request.headers.get("X-Signature", "")
    if not secret:
        raise Unsigned("没有开通接入：请管理员设置 CRM_INTAKE_SECRET。")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(now().timestamp() - int(stamp)) > FRESH:
        raise Unsigned("时间戳不对或已过期：X-Timestamp 是秒，与本机相差不超过五分钟。")
    wanted = hmac.new(secret.encode(), stamp.encode() + b"." + request.get_data(cache=True), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "ignore")):
        raise Unsigned('签名不对：X-Signature = HMAC-SHA256(密钥, 时间戳 + "." + 请求体) 的十六进制。')


def _uuid(text: str | None) -> str:
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        raise Invalid("uuid 要是一个 UUID。", "uuid") from None


def _number(body: Body, name: str) -> int | None:
    return body.key(name) if body.data.get(name) is not None else None


def _keys(body: Body, name: str) -> tuple[int, ...]:
    value = body.data.get(name, [])
    if not isinstance(value, list) or len(value) > 20 or any(isinstance(k, bool) or not isinstance(k, int) for k in value):
        raise Invalid(f"{name} 要是最多 20 个正整数的列表。", name)
    return tuple(value)


def _yes_no(body: Body, name: str) -> bool | None:
    value = body.data.get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f"{name} 要是 true 或 false。", name)
    return value


views = [CasesApi, IntakeApi]
