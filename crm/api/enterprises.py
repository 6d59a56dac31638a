"""Firms as JSON: list, one, enter, change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask import jsonify
from flask_appbuilder.api import expose
from flask_appbuilder.security.decorators import permission_name, protect
from sqlalchemy import select

from crm.api.scoped import READERS, Body, ScopedApi, plain, text_is
from crm.core.clock import now
from crm.core.errors import Invalid
from crm.enterprises.models import Contact, Enterprise
from crm.enterprises.operations import register_enterprise, update_enterprise
from crm.enterprises.queries import get_visible, matching
from crm.ladder.models import Standing
from crm.regions.models import Zone
from crm.regions.scope import prefix_range
from crm.security.privacy import phone_for
from crm.security.request import access, db

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue
    from sqlalchemy import ColumnElement

TEXTS = {
    "uscc": 18, "name": 200, "short_name": 64, "industry_code": 4, "region_code": 12, "zone_code": 16, "address": 300, "org_type": 128,
    "scope": 4000, "main_products": 300, "legal_person": 64,
}


def _below(text: str) -> ColumnElement[bool]:
    if not (text.isascii() and text.isdigit()):
        raise Invalid("region 要是区划代码。", "region")
    low, high = prefix_range(text)
    return (Enterprise.region_code >= low) & (Enterprise.region_code < high)


def _place(text: str) -> ColumnElement[bool]:
    return Enterprise.id.in_(select(Standing.enterprise_id).where(Standing.place == text))


class EnterprisesApi(ScopedApi):
    """Firms of the jurisdiction."""

    resource_name = "enterprises"
    openapi_spec_tag = "enterprises"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS, "write": ("officer", "manager")}
    model, noun = Enterprise, "企业"
    fields: ClassVar[Mapping[str, Any]] = {
        name: getattr(Enterprise, name)
        for name in (
            "id", "uscc", "name", "short_name", "kind", "industry_code", "region_code", "region_found", "zone_code", "address",
            "registered_on", "registered_capital", "status", "status_on", "officer_id", "created_at", "updated_at", "version",
        )
    }
    sorts: ClassVar[Mapping[str, Any]] = {"uscc": Enterprise.uscc, "name": Enterprise.name, "updated_at": Enterprise.updated_at}
    filters: ClassVar[Mapping[str, Any]] = {
        "q": matching, "region": _below, "zone": text_is(Enterprise.zone_code), "industry": lambda text: Enterprise.industry_code.startswith(text, autoescape=True),
        "status": text_is(Enterprise.status), "place": _place, "uscc": text_is(Enterprise.uscc),
    }

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Firms

        ---
        get:
          description: Firms in the jurisdiction, newest first
          parameters:
          - {in: query, name: q, schema: {type: string}, description: 'any two characters, pinyin initials, USCC or phone'}
          - {in: query, name: region, schema: {type: string}}
          - {in: query, name: place, schema: {type: string}}
          - {in: query, name: order, schema: {type: string}}
          - {in: query, name: after, schema: {type: integer}}
          - {in: query, name: limit, schema: {type: integer, maximum: 200}}
          responses:
            200: {description: 'result and after'}
            400: {description: unknown parameter}
            401: {description: not signed in}
          security:
            - jwt: []
        """
        return self.rows()

    @expose("/<int:pk>", methods=["GET"])
    @protect()
    @permission_name("get")
    def get(self, pk: int) -> ResponseReturnValue:
        """A firm

        ---
        get:
          description: One firm with its contacts and standing; phones masked by role
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: result}
            404: {description: not there or not in the jurisdiction}
          security:
            - jwt: []
        """
        row = self.one(pk).get_json()["result"]
        people = db().scalars(select(Contact).where(Contact.enterprise_id == pk, Contact.ended_on.is_(None)).order_by(Contact.is_primary.desc(), Contact.id))
        row["contacts"] = [
            {"name": p.name, "title": p.title, "phone": phone_for(access(), p.phone, row["officer_id"]), "is_primary": p.is_primary} for p in people
        ]
        standing = db().get(Standing, pk)
        names = ("place", "place_since", "tier", "in_register", "should_register", "pools", "titles", "steps")
        row["standing"] = {name: plain(getattr(standing, name)) for name in names} if standing else None
        return jsonify({"result": row})

    @expose("/", methods=["POST"])
    @protect()
    @permission_name("write")
    def post(self) -> ResponseReturnValue:
        """Enter a firm

        ---
        post:
          description: Needs uscc, name and region_code or an address that names a division
          requestBody:
            required: true
            content: {application/json: {schema: {type: object, required: [uscc, name]}}}
          responses:
            201: {description: the new firm}
            409: {description: already there}
            422: {description: which field and what to do}
          security:
            - jwt: []
        """
        values = self._values(Body(*TEXTS))
        firm = register_enterprise(db(), values, by=access().user_id, at=now())
        self._inside(firm)
        return self.saved(firm), 201

    @expose("/<int:pk>", methods=["PATCH"])
    @protect()
    @permission_name("write")
    def patch(self, pk: int) -> ResponseReturnValue:
        """Change a firm

        ---
        patch:
          description: Only the given fields; version is the one last read
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          requestBody:
            required: true
            content: {application/json: {schema: {type: object, required: [version]}}}
          responses:
            200: {description: the firm}
            404: {description: not there or not in the jurisdiction}
            409: {description: changed since it was read}
          security:
            - jwt: []
        """
        firm, body = get_visible(db(), access(), pk), Body("version", *TEXTS)
        update_enterprise(db(), firm, self._values(body), version=body.key("version"), by=access().user_id, at=now())
        self._inside(firm)
        return self.saved(firm)

    def _values(self, body: Body) -> dict[str, Any]:
        """The fields given; the domain checks what they say."""
        return {name: body.text(name, longest=longest) for name, longest in TEXTS.items() if name in body.data}

    def _inside(self, firm: Enterprise) -> None:
        """Neither a new firm nor a changed one may lie outside the jurisdiction, nor borrow a zone to get in."""
        zone = db().get(Zone, firm.zone_code) if firm.zone_code else None
        if zone is not None and not access().covers(zone.parent_code, zone.code):
            raise Invalid("这个功能区不在您的辖区内。", "zone_code")
        if not access().covers(firm.region_code, firm.zone_code):
            raise Invalid("这个区划不在您的辖区内，不能登记到那里。", "region_code")


views = [EnterprisesApi]
