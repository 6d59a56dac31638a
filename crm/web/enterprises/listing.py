"""The list of firms: search, filters in the URL, sorts, bulk assignment, export; and the search box's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import select

from crm.core.clock import now
from crm.core.errors import Invalid
from crm.enterprises.models import STATUSES, Enterprise
from crm.enterprises.operations import assign_officer
from crm.enterprises.queries import search, visible
from crm.ladder.counts import tallies
from crm.ladder.models import Standing
from crm.ladder.queries import SORTS, firms
from crm.regions.queries import region_names
from crm.web.address import choice, here, key
from crm.web.enterprises import choices, export, filters
from crm.web.packs import label, ladder_here, place_glyph, pool_labels, title_labels
from crm.web.page import STAFF, Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from crm.ladder.queries import Filters

PAGE = 50
HITS = 8
DIMENSIONS = ("all", "place", "near", "alert", "register")
MANAGERS = ("manager", "administrator")


class EnterprisesPage(Page):
    """Firms of the jurisdiction."""

    route_base = "/enterprises"
    permits = {"read": STAFF, "export": STAFF, "assign": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """A page of the list. Counts come from the nightly snapshot."""
        session, who, wanted = db(), access(), filters.read()
        sort, backwards = choice("sort", SORTS) or "near", request.args.get("dir") == "back"
        page = firms(session, who, wanted, sort=sort, backwards=backwards, after=request.args.get("after"), limit=PAGE)
        regions, zones, officers = choices.places(), choices.zones(), dict(choices.officers())
        names = {r.code: r.name for r in regions} | dict(zones)
        return self.show(
            "enterprises/list.html", page=page, filters=wanted, chips=filters.chips(wanted, names, officers), sort=sort, backwards=backwards, here=here,
            counts=tallies(session, who, DIMENSIONS, wanted.region), regions=regions, zones=zones, officers=officers, titles=title_labels(),
            pools=pool_labels(), sizes=filters.SIZES, registers=filters.REGISTER, statuses=STATUSES, places=ladder_here(wanted.region).places, label=label,
            counted=_only_region(wanted), may_assign=who.has(*MANAGERS), query=request.query_string.decode(), most=export.most(who),
        )

    @expose("/suggest")
    @has_access
    @permission_name("read")
    def suggest(self) -> ResponseReturnValue:
        """Search as you type: `{"items": [{id, name, uscc, region, place, href}], "more": bool}`."""
        text = request.args.get("q", "").replace("\x00", "").strip()[:64]
        hits = search(db(), access(), text, limit=HITS + 1)
        shown = hits[:HITS]
        regions = region_names(db(), {part for hit in shown for part in (hit.region_code[:6], hit.region_code)})
        places = dict(db().execute(select(Standing.enterprise_id, Standing.place).where(Standing.enterprise_id.in_([h.id for h in shown]))).tuples().all())
        items = [
            {
                "id": hit.id, "name": hit.name, "uscc": hit.uscc, "place": place_glyph(places[hit.id], hit.region_code)[2] if hit.id in places else None, "href": url_for("EnterprisePage.show_firm", enterprise_id=hit.id),
                "region": "".join(dict.fromkeys([regions.get(hit.region_code[:6], ""), regions.get(hit.region_code, "")])),
            }
            for hit in shown
        ]
        return jsonify({"items": items, "more": len(hits) > HITS})

    @expose("/assign", methods=["POST"])
    @has_access
    @permission_name("assign")
    def assign_many(self) -> ResponseReturnValue:
        """Give the ticked firms to an officer of the jurisdiction, or to nobody."""
        ids = [int(text) for text in request.form.getlist("ids")[:PAGE] if text.isascii() and text.isdigit() and len(text) < 19]
        officers = dict(choices.officers())
        chosen = _officer(request.form.get("officer_id", ""), officers)
        ticked = list(db().scalars(select(Enterprise).where(visible(access()), Enterprise.id.in_(ids))))
        if not ticked:
            raise Invalid("还没有勾选企业，请先勾选再指定。", field="ids")
        moved = assign_officer(db(), ticked, chosen, by=access().user_id, at=now())
        db().commit()
        flash(f"已把 {len(moved)} 家指定给{officers[chosen]}。" if chosen else f"{len(moved)} 家已改为无人负责。", "success")
        return redirect(url_for("EnterprisesPage.index") + _safe_query(request.form.get("back", "")))

    @expose("/export")
    @has_access
    @permission_name("export")
    def export(self) -> ResponseReturnValue:
        """What is filtered, as CSV or XLSX; logged, and limited by role."""
        return export.answer(filters.read(), choice("sort", SORTS) or "near", backwards=request.args.get("dir") == "back", kind=choice("format", export.KINDS) or "csv")


def _only_region(wanted: Filters) -> bool:
    """Whether the snapshot's counts speak of this list: nothing but a region and the counted filters narrows it."""
    return set(wanted.given()) <= {"region"}


def _officer(text: str, officers: dict[int, str]) -> int | None:
    if text == "none":
        return None
    if (chosen := key(text)) not in officers:
        raise Invalid("请选择一位本辖区的助企干部。", field="officer_id")
    return chosen


def _safe_query(text: str) -> str:
    """The filters the person came from; only a query string, never an address."""
    return "?" + text.lstrip("?")[:2000] if text and "\n" not in text and "\r" not in text else ""



