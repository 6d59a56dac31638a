"""Tokens for programs: name and password once, a bearer token for half an hour, a refresh token for the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, g, jsonify
from flask_appbuilder.api import BaseApi, expose
from flask_appbuilder.security.decorators import limit
from flask_jwt_extended import create_access_token, create_refresh_token, get_jwt_identity, jwt_required

from crm.api.scoped import Body
from crm.core.clock import local
from crm.core.errors import CrmError, Forbidden
from crm.security.models import UserProfile
from crm.security.request import db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class Unauthenticated(CrmError):
    """Name, password or lock."""

    status = 401


def _rate() -> str:
    return str(current_app.extensions["crm_settings"].login_rate)


class TokensApi(BaseApi):
    """The API's sign-in: the same door, count and lock as the page's."""

    version = "v1"
    resource_name = "tokens"
    openapi_spec_tag = "tokens"

    def add_apispec_components(self, api_spec: object) -> None:
        """Bearer tokens, in the OpenAPI document."""
        super().add_apispec_components(api_spec)
        for name in ("jwt", "jwt_refresh"):
            if name not in api_spec.components.security_schemes:  # type: ignore[attr-defined]
                api_spec.components.security_scheme(name, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})  # type: ignore[attr-defined]

    @expose("/", methods=["POST"])
    @limit(_rate)
    def login(self) -> ResponseReturnValue:
        """Sign in

        ---
        post:
          description: Name and password for an access and a refresh token
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [username, password]
                  properties:
                    username: {type: string}
                    password: {type: string}
          responses:
            200:
              description: access_token (30 minutes) and refresh_token (12 hours)
            401:
              description: wrong, with tries left; or locked, with the time it opens
            403:
              description: the first password must be changed on the web page
            429:
              description: too often
        """
        body = Body("username", "password")
        name, password = body.text("username", longest=128, needed=True), body.text("password", longest=1024, needed=True)
        user = current_app.appbuilder.sm.auth_user_db(name, password)  # type: ignore[attr-defined]
        if user is None:
            outcome = g.sign_in
            if outcome.opens_at is not None:
                raise Unauthenticated(f"试错太多次，已锁定到 {local(outcome.opens_at):%H:%M}。")
            raise Unauthenticated(f"用户名或密码不对，还可以试 {outcome.left} 次。")
        profile = db().get(UserProfile, user.id)
        if profile is None or profile.must_change_password:
            raise Forbidden("请先在网页上修改初始密码。")
        return jsonify({"access_token": create_access_token(str(user.id), fresh=True), "refresh_token": create_refresh_token(str(user.id))})

    @expose("/refresh", methods=["POST"])
    @jwt_required(refresh=True)
    @limit(_rate)
    def refresh(self) -> ResponseReturnValue:
        """Refresh

        ---
        post:
          description: A new access token for a refresh token sent as bearer
          responses:
            200:
              description: access_token
            401:
              description: expired, or ended by a password change
          security:
            - jwt_refresh: []
        """
        return jsonify({"access_token": create_access_token(get_jwt_identity(), fresh=False)})


views = [TokensApi]
