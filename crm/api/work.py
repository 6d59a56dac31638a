"""Work as JSON: moves, alerts, visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask import current_app
from flask_appbuilder.api import expose
from flask_appbuilder.security.decorators import permission_name, protect

from crm.alerts import operations as alerts
from crm.alerts.models import Alert
from crm.api.facts import columns
from crm.api.scoped import READERS, Body, ScopedApi, id_is, text_is
from crm.core.clock import now, today
from crm.jobs.chain import current_packs
from crm.ladder import operations as ladder
from crm.ladder.models import Move
from crm.security.request import access, db
from crm.visits.models import Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from crm.criteria.packs import Packs

def packs() -> Packs:
    """The packs of this instance."""
    return current_packs(db(), current_app.extensions["crm_settings"])


STAFF = ("officer", "manager", "administrator")


class MovesApi(ScopedApi):
    """Moves between places: proposed, confirmed, rejected, withdrawn."""

    resource_name = "moves"
    openapi_spec_tag = "moves"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS, "propose": STAFF, "decide": ("manager", "administrator")}
    model, noun = Move, "变动"
    fields: ClassVar[Mapping[str, Any]] = columns(
        Move, "id", "enterprise_id", "step", "from_place", "to_place", "state", "proposed_on", "proposed_by", "reason", "against_verdict",
        "decided_at", "decided_by", "decision_reason",
    )
    sorts: ClassVar[Mapping[str, Any]] = {"proposed_on": Move.proposed_on}
    filters: ClassVar[Mapping[str, Any]] = {"enterprise_id": id_is(Move.enterprise_id), "state": text_is(Move.state), "step": text_is(Move.step)}

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Moves

        ---
        get:
          description: Moves of firms in the jurisdiction
          parameters:
          - {in: query, name: state, schema: {type: string}}
          - {in: query, name: enterprise_id, schema: {type: integer}}
          responses:
            200: {description: result and after}
          security:
            - jwt: []
        """
        return self.rows()

    @expose("/", methods=["POST"])
    @protect()
    @permission_name("propose")
    def post(self) -> ResponseReturnValue:
        """Propose

        ---
        post:
          description: Propose a move; against the verdict a reason is needed
          requestBody:
            required: true
            content: {application/json: {schema: {type: object, required: [enterprise_id, to_place]}}}
          responses:
            201: {description: the move}
            409: {description: an open move exists}
            422: {description: reason needed}
          security:
            - jwt: []
        """
        body = Body("enterprise_id", "to_place", "reason")
        move = ladder.propose(
            db(), access(), body.key("enterprise_id"), body.text("to_place", longest=16, needed=True) or "", packs=packs(), on=today(), at=now(),
            reason=body.text("reason", longest=2000),
        )
        db().flush()
        return self.saved(move), 201

    @expose("/<int:pk>/confirm", methods=["POST"])
    @protect()
    @permission_name("decide")
    def confirm(self, pk: int) -> ResponseReturnValue:
        """Confirm

        ---
        post:
          description: Agree to a proposed move
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: the move}
            404: {description: not there or not in the jurisdiction}
            409: {description: decided already}
          security:
            - jwt: []
        """
        self.one(pk)
        return self.saved(ladder.confirm(db(), access(), pk, packs=packs(), on=today(), at=now(), reason=Body("reason").text("reason", longest=2000)))

    @expose("/<int:pk>/reject", methods=["POST"])
    @protect()
    @permission_name("decide")
    def reject(self, pk: int) -> ResponseReturnValue:
        """Reject

        ---
        post:
          description: Refuse a proposed move, with a reason
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: the move}
            404: {description: not there or not in the jurisdiction}
            409: {description: decided already}
          security:
            - jwt: []
        """
        self.one(pk)
        return self.saved(ladder.reject(db(), access(), pk, at=now(), reason=Body("reason").text("reason", longest=2000) or ""))


class AlertsApi(ScopedApi):
    """What somebody must look at, as states."""

    resource_name = "alerts"
    openapi_spec_tag = "alerts"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS, "handle": STAFF}
    model, noun = Alert, "预警"
    fields: ClassVar[Mapping[str, Any]] = columns(
        Alert, "id", "enterprise_id", "rule", "subject", "level", "state", "headline", "evidence", "raised_on", "seen_on", "owner_id",
        "snoozed_until", "resolved_at", "resolution",
    )
    sorts: ClassVar[Mapping[str, Any]] = {"raised_on": Alert.raised_on}
    filters: ClassVar[Mapping[str, Any]] = {
        "enterprise_id": id_is(Alert.enterprise_id), "state": text_is(Alert.state), "level": text_is(Alert.level), "rule": text_is(Alert.rule),
    }

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Alerts

        ---
        get:
          description: Alerts of firms in the jurisdiction
          parameters:
          - {in: query, name: state, schema: {type: string}}
          - {in: query, name: level, schema: {type: string}}
          responses:
            200: {description: result and after}
          security:
            - jwt: []
        """
        return self.rows()


    @expose("/<int:pk>/acknowledge", methods=["POST"])
    @protect()
    @permission_name("handle")
    def acknowledge(self, pk: int) -> ResponseReturnValue:
        """Acknowledge

        ---
        post:
          description: Take an alert on
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: the alert}
            404: {description: not there or not in the jurisdiction}
            409: {description: resolved, or taken on already}
          security:
            - jwt: []
        """
        self.one(pk)
        return self.saved(alerts.acknowledge(db(), access(), pk, at=now(), note=Body("note").text("note", longest=2000)))


class VisitsApi(ScopedApi):
    """Visits as logged; what was frozen at sign-off is in the record, not here."""

    resource_name = "visits"
    openapi_spec_tag = "visits"
    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS}
    model, noun = Visit, "走访"
    fields: ClassVar[Mapping[str, Any]] = columns(
        Visit, "id", "uuid", "enterprise_id", "number", "kind", "started_at", "ended_at", "place", "summary", "suggestions", "next_step",
        "next_on", "author_id", "created_at", "signed_at", "digest",
    )
    sorts: ClassVar[Mapping[str, Any]] = {"started_at": Visit.started_at}
    filters: ClassVar[Mapping[str, Any]] = {"enterprise_id": id_is(Visit.enterprise_id), "kind": text_is(Visit.kind), "author_id": id_is(Visit.author_id)}

    @expose("/", methods=["GET"])
    @protect()
    @permission_name("get")
    def get_list(self) -> ResponseReturnValue:
        """Visits

        ---
        get:
          description: Visits to firms in the jurisdiction
          parameters:
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
        """A visit

        ---
        get:
          description: One visit
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: result}
            404: {description: not there or not in the jurisdiction}
          security:
            - jwt: []
        """
        return self.one(pk)


views = [MovesApi, AlertsApi, VisitsApi]
