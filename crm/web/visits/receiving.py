"""Photos, signatures and files sent one by one after their visit, each under the client's own id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, jsonify, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now
from crm.visits.operations import attach
from crm.visits.operations.attaching import Upload
from crm.web.page import Page, access, db
from crm.web.visits.editing import WRITERS

if TYPE_CHECKING:
    import uuid

    from flask.typing import ResponseReturnValue


class VisitFilesPage(Page):
    """Takes one file a request: a lost connection costs one file, not the visit."""

    route_base = "/visits"
    permits = {"write": WRITERS}

    @expose("/<uuid:key>/files/<uuid:file>", methods=["PUT"])
    @has_access
    @permission_name("write")
    def receive(self, key: uuid.UUID, file: uuid.UUID) -> ResponseReturnValue:
        """Keep the body as a file of the visit; the same one again answers the same. `role`, `name` and `caption` are in the address."""
        given = request.args
        upload = Upload(str(file), given.get("role", "photo"), given.get("name", "")[:200], request.get_data(), given.get("caption"))
        kept = attach(db(), access(), str(key), upload, current_app.extensions["crm_settings"].data_dir, now())
        db().commit()
        return jsonify(uuid=kept.uuid, size=kept.size, url=url_for("VisitPage.attachment", key=kept.uuid))
