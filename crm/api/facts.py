"""What hangs on a firm, as JSON: filings, titles, register stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask_appbuilder.api import expose
from flask_appbuilder.security.decorators import permission_name, protect

from crm.api.scoped import READERS, Body, ScopedApi, id_is, text_is
from crm.core.clock import now
from crm.core.errors import Invalid
from crm.indicators.models import COLUMNS, RESTRICTED_SOURCES, Filing
from crm.ladder import operations as ladder
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.security.request import access, db

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue
    from sqlalchemy import Select

READ_AND_RECORD: dict[str, tuple[str, ...]] = {"get": READERS, "record": ("manager", "administrator")}


def columns(model: Any, *names: str) -> dict[str, Any]:
    """Wire names that are the columns' own."""
    return {name: getattr(model, name) for name in names}


class FilingsApi(ScopedApi):
    """Figures in force, integer 元; missing is null, never 0. Sources under the statistics law are left out."""

    resource_name = "filings"
    openapi_spec_tag = "filings"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS}
    model, noun = Filing, "数据"
    fields: ClassVar[Mapping[str, Any]] = columns(Filing, "id", "enterprise_id", "period_kind", "period", "form", "source", "recorded_at", *COLUMNS, "extra")
    sorts: ClassVar[Mapping[str, Any]] = {"period": Filing.period}
    filters: ClassVar[Mapping[str, Any]] = {
        "enterprise_id": id_is(Filing.enterprise_id), "period": text_is(Filing.period), "form": text_is(Filing.form), "source": text_is(Filing.source),
    }

    def select(self) -> Select[Any]:
        """Not superseded, not restricted."""
        return super().select().where(Filing.superseded_at.is_(None), Filing.source.not_in(RESTRICTED_SOURCES))

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Figures

        ---
        get:
          description: Figures in force of firms in the jurisdiction
          parameters:
          - {in: query, name: enterprise_id, schema: {type: integer}}
          - {in: query, name: period, schema: {type: string}, description: '2025 or 2025-09'}
          - {in: query, name: after, schema: {type: integer}}
          - {in: query, name: limit, schema: {type: integer, maximum: 200}}
          responses:
            200: {description: result and after}
            400: {description: unknown parameter}
          security:
            - jwt: []
        """
        return self.rows()

    @expose("/<int:pk>", methods=["GET"])
    @protect()
    @permission_name("get")
    def get(self, pk: int) -> ResponseReturnValue:
        """A filing

        ---
        get:
          description: One filing
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: result}
            404: {description: not there or not in the jurisdiction}
          security:
            - jwt: []
        """
        return self.one(pk)


class TitlesApi(ScopedApi):
    """Titles held, from a day to a day."""

    resource_name = "titles"
    openapi_spec_tag = "titles"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = READ_AND_RECORD
    model, noun = TitleGrant, "称号"
    fields: ClassVar[Mapping[str, Any]] = columns(
        TitleGrant, "id", "enterprise_id", "title", "kind", "level", "batch", "document", "granted_on", "valid_to", "revoked_on", "recorded_at"
    )
    sorts: ClassVar[Mapping[str, Any]] = {"granted_on": TitleGrant.granted_on}
    filters: ClassVar[Mapping[str, Any]] = {"enterprise_id": id_is(TitleGrant.enterprise_id), "title": text_is(TitleGrant.title)}

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Titles

        ---
        get:
          description: Titles of firms in the jurisdiction
          parameters:
          - {in: query, name: enterprise_id, schema: {type: integer}}
          - {in: query, name: title, schema: {type: string}}
          responses:
            200: {description: result and after}
          security:
            - jwt: []
        """
        return self.rows()

    @expose("/", methods=["POST"])
    @protect()
    @permission_name("record")
    def post(self) -> ResponseReturnValue:
        """Grant

        ---
        post:
          description: A title granted to a firm in the jurisdiction
          requestBody:
            required: true
            content: {application/json: {schema: {type: object, required: [enterprise_id, title, granted_on]}}}
          responses:
            201: {description: the grant}
            404: {description: the firm is not there or not in the jurisdiction}
            409: {description: the same grant exists}
          security:
            - jwt: []
        """
        body = Body("enterprise_id", "title", "kind", "level", "batch", "document", "granted_on", "valid_to")
        kind = body.text("kind", longest=8) or "first"
        if kind not in ("first", "review"):
            raise Invalid("kind 要是 first 或 review。", "kind")
        item = ladder.grant(
            db(), access(), body.key("enterprise_id"), body.text("title", longest=32, needed=True) or "", kind=kind, at=now(),
            granted_on=body.day("granted_on", needed=True), valid_to=body.day("valid_to"), level=body.text("level", longest=16),
            batch=body.text("batch", longest=64), document=body.text("document", longest=200),
        )
        return self.saved(item), 201


class RegisterApi(ScopedApi):
    """Stays in the statistics register, as people and imports recorded them."""

    resource_name = "register"
    openapi_spec_tag = "register"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = READ_AND_RECORD
    model, noun = RegisterMembership, "入库记录"
    fields: ClassVar[Mapping[str, Any]] = columns(
        RegisterMembership, "id", "enterprise_id", "entered_on", "exited_on", "entry", "profession", "exit_reason", "document", "recorded_at"
    )
    sorts: ClassVar[Mapping[str, Any]] = {"entered_on": RegisterMembership.entered_on}
    filters: ClassVar[Mapping[str, Any]] = {"enterprise_id": id_is(RegisterMembership.enterprise_id)}

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Register

        ---
        get:
          description: Stays of firms in the jurisdiction
          parameters:
          - {in: query, name: enterprise_id, schema: {type: integer}}
          responses:
            200: {description: result and after}
          security:
            - jwt: []
        """
        return self.rows()

    @expose("/enter", methods=["POST"])
    @protect()
    @permission_name("record")
    def enter(self) -> ResponseReturnValue:
        """Enter

        ---
        post:
          description: A firm was taken into the register
          requestBody:
            required: true
            content: {application/json: {schema: {type: object, required: [enterprise_id, on]}}}
          responses:
            201: {description: the stay}
            409: {description: already in the register}
          security:
            - jwt: []
        """
        body = Body("enterprise_id", "on", "profession", "document")
        stay = ladder.enter(
            db(), access(), body.key("enterprise_id"), on=body.day("on", needed=True), at=now(), profession=body.text("profession", longest=16),
            document=body.text("document", longest=200),
        )
        return self.saved(stay), 201

    @expose("/leave", methods=["POST"])
    @protect()
    @permission_name("record")
    def leave(self) -> ResponseReturnValue:
        """Leave

        ---
        post:
          description: A firm left the register
          requestBody:
            required: true
            content: {application/json: {schema: {type: object, required: [enterprise_id, on, reason]}}}
          responses:
            200: {description: the ended stay}
            409: {description: not in the register}
          security:
            - jwt: []
        """
        body = Body("enterprise_id", "on", "reason", "document")
        stay = ladder.leave(
            db(), access(), body.key("enterprise_id"), on=body.day("on", needed=True), at=now(),
            reason=body.text("reason", longest=64, needed=True) or "", document=body.text("document", longest=200),
        )
        return self.saved(stay)


views = [FilingsApi, TitlesApi, RegisterApi]
