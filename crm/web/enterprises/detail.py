"""One firm: where it stands and why, its figures, what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import select

from crm.alerts.inputs import register_line
from crm.core.clock import today
from crm.core.errors import NotFound
from crm.criteria.explain import explain
from crm.criteria.store import verdict_of
from crm.enterprises.models import KINDS as FIRM_KINDS
from crm.enterprises.models import REGION_FOUND, STATUSES
from crm.indicators.models import SOURCES, Filing
from crm.indicators.queries import filings
from crm.ladder.models import MOVE_STATES, STAGES
from crm.ladder.queries import Filters, firms
from crm.regions.models import Zone
from crm.reports.charts import NARROW
from crm.reports.fan import fan_chart
from crm.security.models import User
from crm.security.privacy import mask_phone, sees_phone
from crm.visits.models import KINDS as VISIT_KINDS
from crm.web.address import here
from crm.web.enterprises import choices, criteria, figures, past, timeline
from crm.web.enterprises.filters import SIZES
from crm.web.enterprises.forms import ContactForm, EntryForm, ExitForm, GrantForm, OfficerForm, RevokeForm, StatusForm
from crm.web.enterprises.ladder import staircase
from crm.web.enterprises.ledger import ledger
from crm.web.packs import ladder_for, pack_for, title_labels
from crm.web.page import STAFF, Page, access, db
from crm.web.verdicts import verdicts_of

if TYPE_CHECKING:
    from crm.criteria.explain import Explanation
    from crm.criteria.packs import Pack
    from crm.enterprises.models import Enterprise
    from crm.ladder.queries import Line

MANAGERS = ("manager", "administrator")


class EnterprisePage(Page):
    """Overview, figures and history of a firm of the jurisdiction."""

    route_base = "/enterprises"
    permits = {"read": STAFF}

    @expose("/<int:enterprise_id>")
    @has_access
    @permission_name("read")
    def show_firm(self, enterprise_id: int) -> str:
        """Identity, figures, ladder with reasons, alerts, titles, visits. Reads one row per table, nothing is decided here."""
        line = line_of(enterprise_id)
        firm, who, pack = line.firm, access(), pack_for(line.firm.region_code)
        looked = past.read(firm, pack)
        explanation, is_stale = explained(firm.id, pack)
        seen = explanation if looked is None else looked.explanation
        filed = filings(db(), firm.id)
        book = figures.read(filed)
        ahead = figures.outlook(filed, line.standing, register_line(pack, line.standing.register_item if line.standing else None, today()))
        rows = ledger(db(), firm.id)
        asked = request.args.get("item", "").replace(".", "-")
        near, far = criteria.split(criteria.tables(seen) if seen else [], asked)
        return self.show(
            "enterprises/firm.html", tab="overview", line=line, firm=firm, at=line.standing, pack=pack, explanation=explanation, is_stale=is_stale, past=looked, seen=seen,
            near=near, far=far, opened=_opened(near, asked), book=book, rows=rows, stairs=staircase(ladder_for(firm.region_code), line.standing, explanation, rows), on=today(),
            phones=sees_phone(who, firm.officer_id), mask=mask_phone, people=_people(firm), may_manage=who.has(*MANAGERS),
            verdicts=verdicts_of(line.standing) if line.standing else {}, forms=_forms(firm, manages=who.has(*MANAGERS)), **words_of(line.firm),
            ahead=ahead, fan_wide=fan_chart(ahead) if ahead else None, fan_narrow=fan_chart(ahead, NARROW) if ahead else None,
        )

    @expose("/<int:enterprise_id>/figures")
    @has_access
    @permission_name("read")
    def show_figures(self, enterprise_id: int) -> str:
        """Every filing with its source, and what was corrected when."""
        line = line_of(enterprise_id)
        filed = _filings(line.firm.id)
        return self.show(
            "enterprises/figures.html", tab="figures", line=line, firm=line.firm, at=line.standing, pack=pack_for(line.firm.region_code),
            book=figures.read(filed), filings=sorted((f for f in filed if f.superseded_at is None), key=lambda f: (f.period, f.form), reverse=True),
            people=_people(line.firm), **words_of(line.firm),
        )

    @expose("/<int:enterprise_id>/history")
    @has_access
    @permission_name("read")
    def show_history(self, enterprise_id: int) -> str:
        """Everything dated, newest first, by kind and period."""
        line = line_of(enterprise_id)
        pack, asked = pack_for(line.firm.region_code), timeline.read(today())
        entries, following = timeline.timeline(db(), line.firm.id, asked, pack.label)
        return self.show(
            "enterprises/history.html", tab="history", line=line, firm=line.firm, at=line.standing, pack=pack, entries=entries, people={}, asked=asked, here=here,
            first=here() if asked.after else None, following=here(after=following) if following else None, groups=timeline.GROUPS, periods=timeline.PERIODS,
            **words_of(line.firm),
        )


def line_of(enterprise_id: int) -> Line:
    """The firm with its standing, if the user may see it."""
    rows = firms(db(), access(), Filters(ids=(enterprise_id,)), limit=1).rows
    if not rows:
        raise NotFound("没有找到这家企业，或者它不在您的辖区内。")
    return rows[0]


def explained(enterprise_id: int, pack: Pack) -> tuple[Explanation | None, bool]:
    """The stored verdicts in words, by the pack that gave them; True when today's rules are others."""
    found = verdict_of(db(), enterprise_id, pack)
    return (explain(found.pack, found.row, found.as_of), not found.current) if found else (None, False)


def _filings(enterprise_id: int) -> list[Filing]:
    """All filings, corrected ones included; one query."""
    return list(db().scalars(select(Filing).where(Filing.enterprise_id == enterprise_id)))


def _people(firm: Enterprise) -> dict[str, str]:
    """Names of the officer and the zone; one query when there is either."""
    found: dict[str, str] = {}
    if firm.officer_id:
        user = db().get(User, firm.officer_id)
        found["officer"] = f"{user.first_name} {user.last_name}".strip() if user else ""
    if firm.zone_code:
        found["zone"] = db().scalar(select(Zone.name).where(Zone.code == firm.zone_code)) or firm.zone_code
    return found


def _opened(near: list[criteria.Table], asked: str) -> str:
    """Which table is open: the one asked for, else the nearest."""
    keys = [table.key for table in near]
    return asked if asked in keys else next(iter(keys), "")


def _forms(firm: Enterprise, *, manages: bool) -> dict[str, Any]:
    """The small forms of the page, empty."""
    grant, status, officer = GrantForm(formdata=None), StatusForm(formdata=None, status=firm.status, on=today()), OfficerForm(formdata=None, officer_id=firm.officer_id)
    grant.title.choices = [("", "请选择"), *title_labels().items()]
    officer.officer_id.choices = [(0, "无人负责"), *choices.officers()] if manages else []
    return {
        "contact": ContactForm(formdata=None), "status": status, "enter": EntryForm(formdata=None), "leave": ExitForm(formdata=None),
        "grant": grant, "revoke": RevokeForm(formdata=None), "officer": officer,
    }


def words_of(firm: Enterprise) -> dict[str, Any]:
    """Words for the codes a firm's pages show."""
    ladder = ladder_for(firm.region_code)
    return {
        "places": ladder.places, "glyphs": ladder.glyphs, "sizes": SIZES, "statuses": STATUSES, "found_by": REGION_FOUND, "kinds": FIRM_KINDS,
        "sources": SOURCES, "stages": STAGES, "move_states": MOVE_STATES, "visit_kinds": VISIT_KINDS,
    }
