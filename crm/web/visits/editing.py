"""The list of visits, and the form that logs and changes one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import select

from crm.cases import queries as cases
from crm.cases.models import KINDS as CASE_KINDS
from crm.core.clock import local, now, today
from crm.core.errors import Invalid
from crm.criteria.explain import explain
from crm.criteria.store import verdict_of
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Contact
from crm.ladder.models import Standing
from crm.regions.queries import region_names
from crm.reports.binding import FORMS
from crm.reports.parts import VARIANTS
from crm.security.models import UserProfile
from crm.visits import queries
from crm.visits.errors import Changed
from crm.visits.models import KINDS, Visit
from crm.visits.operations import amend, attach, detach, log_visit
from crm.visits.operations.logging import editable
from crm.visits.operations.policies import explained, worth_mentioning
from crm.visits.plans.queries import get_visible as get_campaign
from crm.visits.plans.queries import of_firm as campaigns_of
from crm.web import address
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page, access, db, wants_json
from crm.web.visits.filters import visit_filters
from crm.web.visits.form import VisitForm, draft_of, refuse, uploads, values_of
from crm.web.visits.mention import claimable, together
from crm.web.visits.words import names_of

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

    from crm.criteria.schema import Visit as VisitSheet
    from crm.enterprises.models import Enterprise

WRITERS = ("officer", "manager", "administrator")
COMPARED = {"kind": "方式", "place": "地点", "summary": "记录", "suggestions": "意见建议", "next_step": "下一步"}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A line of 参加人员 in the form."""

    side: str
    name: str
    unit: str = ""
    title: str = ""


class VisitsPage(Page):
    """All visits of the jurisdiction, and writing one down."""

    route_base = "/visits"
    permits = {"read": STAFF, "write": WRITERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Newest first; an officer starts from the own ones. Filters live in the address."""
        who = access()
        chosen, whose, since, until = visit_filters()
        page = queries.list_visits(db(), who, chosen, request.args.get("after"))
        firm = enterprises.get_visible(db(), who, chosen.enterprise_id) if chosen.enterprise_id else None
        campaign = get_campaign(db(), who, chosen.campaign_id) if chosen.campaign_id else None
        regions = region_names(db(), {v.enterprise.region_code for v in page.visits})
        return self.show(
            "visits/index.html", visits=page.visits, following=address.here(after=page.following) if page.following else None,
            first=address.here() if request.args.get("after") else None, f=chosen, whose=whose, since=since, until=until, firm=firm, campaign=campaign,
            kinds=KINDS, regions=regions, people=names_of(db(), (v.author_id for v in page.visits)), here=address.here, local=local,
            forms=FORMS, variants=VARIANTS, quarter=_quarter(today()), today=today(),
            bind_args={k: v for k, v in request.args.items() if k not in ("after", "signed")},
        )  # fmt: skip

    @expose("/new")
    @has_access
    @permission_name("write")
    def new(self) -> ResponseReturnValue:
        """Log a visit: choose the firm, then one page to fill."""
        firm_id = address.whole("enterprise")
        if firm_id is None:
            firms = queries.recent_firms(db(), access())
            return self.show("visits/choose.html", firms=firms, regions=region_names(db(), {f.region_code for f in firms}))
        firm = enterprises.get_visible(db(), access(), firm_id)
        last = queries.last_visit(db(), access(), firm.id)
        form = VisitForm(formdata=None, data=_prefill(last))
        return self._form(form, firm, last=last, people=_usual_people(firm, last))

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("write")
    def create(self) -> ResponseReturnValue:
        """Keep a visit; the same one sent again answers the same."""
        firm = enterprises.get_visible(db(), access(), _enterprise_id())
        form = VisitForm()
        return self._save(form, firm, None)

    @expose("/<uuid:key>/edit")
    @has_access
    @permission_name("write")
    def edit(self, key: uuid.UUID) -> ResponseReturnValue:
        """Change a visit that is not signed yet."""
        visit = editable(db(), access(), str(key))
        people = [PersonRow(p.side, p.name, p.unit or "", p.title or "") for p in visit.people]
        return self._form(VisitForm(formdata=None, data=values_of(visit)), visit.enterprise, visit=visit, people=people)

    @expose("/<uuid:key>/edit", methods=["POST"])
    @has_access
    @permission_name("write")
    def update(self, key: uuid.UUID) -> ResponseReturnValue:
        """Save the change, unless somebody else saved in between: then both versions are shown."""
        visit = editable(db(), access(), str(key))
        form = VisitForm()
        form.uuid.data = visit.uuid
        return self._save(form, visit.enterprise, visit)

    def _save(self, form: VisitForm, firm: Enterprise, visit: Visit | None) -> ResponseReturnValue:
        """Write everything in one transaction, or nothing and say under which field it failed."""
        sheet = _sheet(firm)
        try:
            if not form.validate():
                return self._refused(form, firm, visit)
            draft = draft_of(form, firm.id, sheet.fields if sheet else ())
            kept = _keep(draft, visit, form.version.data)
            db().commit()
        except Changed as error:
            return self._conflict(form, firm, error)
        except Invalid as error:
            db().rollback()
            refuse(form, error)
            return self._refused(form, firm, visit)
        target = url_for("VisitPage.show_visit", key=kept.uuid)
        if wants_json():
            return jsonify(url=target, uuid=kept.uuid, version=kept.version, mine=firm.officer_id in (None, access().user_id))
        return redirect(target, 303)

    def _refused(self, form: VisitForm, firm: Enterprise, visit: Visit | None) -> ResponseReturnValue:
        if wants_json():
            errors = {name: messages[0] for name, messages in form.errors.items() if name and messages}
            first = next(iter(errors.values()), None) or next(iter(form.form_errors), "有内容不符合要求，请改正后再保存。")
            return jsonify(message=first, errors=errors), 422
        return self._form(form, firm, visit=visit, people=_sent_people()), 422

    def _conflict(self, form: VisitForm, firm: Enterprise, error: Changed) -> ResponseReturnValue:
        """Show what is stored beside what was typed; saving again replaces it knowingly."""
        db().rollback()
        latest = queries.get_visible(db(), access(), form.uuid.data or "")
        theirs = [(label, _shown(latest, name)) for name, label in COMPARED.items() if (getattr(latest, name) or "") != (getattr(form, name).data or "")]
        if wants_json():
            shown = url_for("VisitPage.show_visit", key=latest.uuid)
            return jsonify(message=error.message, code=type(error).__name__, version=latest.version, theirs=dict(theirs), url=shown, signed=latest.signed_at is not None), 409
        form.version.data = latest.version
        form.version.raw_data = None
        return self._form(form, firm, visit=latest, people=_sent_people(), theirs=theirs), 409

    def _form(self, form: VisitForm, firm: Enterprise, *, visit: Visit | None = None, last: Visit | None = None, people: list[PersonRow], theirs: Any = None) -> str:
        sheet = _sheet(firm)
        standing = db().get(Standing, firm.id)
        regions = region_names(db(), {firm.region_code, firm.region_code[:6]})
        return self.show(
            "visits/form.html", form=form, firm=firm, visit=visit, last=last, people=people, standing=standing, sheet=sheet, theirs=theirs,
            fields=(visit.fields if visit else {}) or {}, cases=cases.open_of(db(), access(), firm.id, 5), case_kinds=CASE_KINDS, kinds=KINDS,
            region="".join(dict.fromkeys(regions.values())), policies=_policies(firm, visit),
            max_mb=current_app.config["MAX_CONTENT_LENGTH"] // 2**20, errors=form.errors, local=local, campaigns=[] if visit else campaigns_of(db(), access(), firm.id, today()),
        )  # fmt: skip


def _keep(draft: Any, visit: Visit | None, version: int | None) -> Visit:
    """Log or amend, then attach what came along and take away what was unticked."""
    at, data_dir = now(), current_app.extensions["crm_settings"].data_dir
    if visit is None:
        kept, is_new = log_visit(db(), access(), draft, at)
        if not is_new:
            return kept
    else:
        kept = amend(db(), access(), draft, version or 0, at)
        for key in request.form.getlist("remove")[:30]:
            detach(db(), access(), kept.uuid, key)
    for upload in uploads(kept.uuid):
        try:
            attach(db(), access(), kept.uuid, upload, data_dir, at)
        except Invalid as error:
            raise Invalid(f"“{upload.name}”：{error.message}", field=error.field) from error
    return kept


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A line of 讲了哪些政策 in the form."""

    id: str
    title: str
    why: str = ""
    draft: bool = False
    ticked: bool = False


def _policies(firm: Enterprise, visit: Visit | None) -> list[PolicyRow]:
    """What is worth mentioning to the firm; of a visit being changed, first what was ticked."""
    pack, ticked = pack_for(firm.region_code), visit.policies if visit else []
    found = {row["id"]: PolicyRow(row["id"], row["title"], draft=row["draft"], ticked=True) for row in explained(pack, ticked)}
    verdict = verdict_of(db(), firm.id, pack)
    near = worth_mentioning(explain(verdict.pack, verdict.row, verdict.as_of)) if verdict is not None else ()
    for p in together(claimable(db(), pack, [firm.id], today()).get(firm.id, ()), near):
        found[p.id] = PolicyRow(p.id, p.title, p.why, p.draft, ticked=p.id in ticked)
    return list(found.values())


def _enterprise_id() -> int:
    text = request.form.get("enterprise", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # fits 64 bits
        raise Invalid("请先选择企业。", field="enterprise")
    return int(text)


def _sheet(firm: Enterprise) -> VisitSheet | None:
    return pack_for(firm.region_code).visit


def _quarter(day: date) -> date:
    """The first day of the quarter."""
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def _prefill(last: Visit | None) -> dict[str, Any]:
    """A new visit starts now, in the way and at the place of the last one."""
    return {
        "uuid": str(uuid.uuid4()), "kind": last.kind if last else "onsite", "started_at": local(now()).replace(second=0, microsecond=0),
        "place": last.place if last else None,
    }  # fmt: skip


def _usual_people(firm: Enterprise, last: Visit | None) -> list[PersonRow]:
    """Who was there last time; else me and the firm's contact."""
    if last is not None and last.people:
        return [PersonRow(p.side, p.name, p.unit or "", p.title or "") for p in last.people]
    profile = db().get(UserProfile, access().user_id) if access().user_id else None
    rows = [PersonRow("us", access().name, (profile.unit or "") if profile else "", (profile.title or "") if profile else "")]
    query = select(Contact).where(Contact.enterprise_id == firm.id, Contact.ended_on.is_(None))
    contact = db().scalar(query.order_by(Contact.is_primary.desc(), Contact.id).limit(1))
    return [*rows, PersonRow("firm", contact.name, firm.name, contact.title or "")] if contact else rows


def _sent_people() -> list[PersonRow]:
    columns = [request.form.getlist(f"person_{name}")[:20] for name in ("side", "name", "unit", "title")]
    return [PersonRow(*row) for row in zip(*columns, strict=False)]


def _shown(visit: Visit, name: str) -> str:
    value = getattr(visit, name) or ""
    return KINDS.get(value, value) if name == "kind" else value or "（空）"
