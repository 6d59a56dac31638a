"""The OpenAPI document of everything under /api/v1, for those who are signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from flask_appbuilder.api import expose
from flask_appbuilder.api.manager import OpenApi
from flask_appbuilder.security.decorators import permission_name, protect

from crm.api.scoped import READERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue


class SpecApi(OpenApi):
    """/api/v1/_openapi"""

    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {"get": READERS}

    @expose("/<version>/_openapi")
    @protect()
    @permission_name("get")
    def get(self, version: str) -> ResponseReturnValue:
        """OpenAPI

        ---
        get:
          description: This document
          parameters:
          - {in: path, name: version, required: true, schema: {type: string}}
          responses:
            200:
              description: OpenAPI 3.0
        """
        return super().get.__wrapped__.__wrapped__(self, version)


views = [SpecApi]
