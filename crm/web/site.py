"""The list of everything the site serves. A module here exports `views`: the classes to register."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect
from flask_appbuilder import IndexView, expose

from crm.security.gate import home

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

PAGE_MODULES = (
    "crm.web.account",
    "crm.web.calendar",
    "crm.web.today",
    "crm.web.enterprises",
    "crm.web.board",
    "crm.web.near",
    "crm.web.awards",
    "crm.web.targets",
    "crm.web.rules",
    "crm.web.alerts",
    "crm.web.visits",
    "crm.web.plans",
    "crm.web.phone",
    "crm.web.cases",
    "crm.web.records",
    "crm.web.papers",
    "crm.web.imports",
    "crm.web.notices",
    "crm.web.deliveries",
    "crm.web.jobs",
    "crm.web.audit",
    "crm.web.admin",
)
API_MODULES = ("crm.api.tokens", "crm.api.spec", "crm.api.enterprises", "crm.api.facts", "crm.api.work", "crm.api.cases")


class Index(IndexView):
    """The bare address leads to Today."""

    @expose("/")
    def index(self) -> Response:
        """Today, or where the role starts."""
        return redirect(home())
