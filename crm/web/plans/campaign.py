"""One campaign: coverage, its assignments with filters in the address, giving to somebody else, sharing out again, CSV, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import local, now, today
from crm.core.errors import Forbidden, Invalid
from crm.criteria.schema import STATUS_LABELS
from crm.regions.queries import region_names
from crm.reports.sheets import csv_rows
from crm.security.audit import record
from crm.visits.plans import operations
from crm.visits.plans.absences import stand_ins
from crm.visits.plans.coverage import BY, NOBODY, STATES, Filters, assignments, coverage, total
from crm.visits.plans.queries import PHASES, get_visible, phase
from crm.visits.plans.schemas import WHY, Rule
from crm.visits.plans.sharing import sees
from crm.web import address
from crm.web.enterprises.export import KINDS, most
from crm.web.enterprises.filters import code
from crm.web.packs import label, ladder_here
from crm.web.page import Page, access, db
from crm.web.people import people
from crm.web.plans.words import MANAGERS, alerted, rule_words

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

    from crm.visits.plans.coverage import Row
    from crm.visits.plans.models import Campaign

LINES, CHUNK = 50, 1_000
HEAD = ("企业名称", "统一社会信用代码", "属地", "梯度位置", "负责干部", "第几次", "应在", "状态", "走访日期")


class PlanPage(Page):
    """One campaign."""

    route_base = "/plans"
    permits = {"read": MANAGERS, "write": MANAGERS, "export": MANAGERS}

    @expose("/<int:campaign_id>")
    @has_access
    @permission_name("read")
    def show_campaign(self, campaign_id: int) -> str:
        """How far it is and who is with whom."""
        session, who, on = db(), access(), today()
        campaign, by, wanted = get_visible(session, who, campaign_id), address.choice("by", BY) or "officer", _filters()
        lines = coverage(session, who, campaign, on, by)
        found = assignments(session, who, campaign, wanted, on, after=request.args.get("after"), limit=LINES)
        over = phase(campaign, on) in {"over", "ended"}
        may = who.covers(campaign.region_code) and not over
        names = people({row.assignment.officer_id for row in found.rows} | {int(x.key) for x in lines if by == "officer" and x.key} | {wanted.officer or None})
        handed = [] if over else stand_ins(session, on, of={row.assignment.officer_id for row in found.rows})
        officers = operations.eligible(session, who, campaign.region_code) if may else []
        codes = {o.id: o.codes for o in officers}
        places = {campaign.region_code, *(row.region_code for row in found.rows), *(x.key for x in lines if by == "place"), *({wanted.region} if wanted.region else ())}
        return self.show(
            "plans/campaign.html", c=campaign, lines=lines, sum=total(lines), by=by, bys=BY, page=found, f=wanted, states=STATES, phase=phase(campaign, on), phases=PHASES, on=on, local=local,
            rule=rule_words(Rule.read(campaign.rule)), people=names, officers=officers, regions=region_names(session, places),
            here=address.here, label=label, why=WHY, may=may, tiers=ladder_here(campaign.region_code).places, statuses=STATUS_LABELS, most=most(who),
            standing=lambda row: next((s.substitute for s in handed if not row.is_done and s.holds(row.assignment.officer_id, row.assignment.due_on)), None),
            lost=lambda row: may and not row.is_done and row.assignment.officer_id and not sees(codes.get(row.assignment.officer_id, ()), row.region_code, row.zone_code),
            query=request.query_string.decode(),
        )  # fmt: skip

    @expose("/<int:campaign_id>/export")
    @has_access
    @permission_name("export")
    def export(self, campaign_id: int) -> Response:
        """The list as filtered, as CSV; logged, limited by role."""
        campaign, wanted, limit = get_visible(db(), access(), campaign_id), _filters(), most(access())
        if not limit:
            raise Forbidden("您的角色不能导出名单。")
        rows = _all(campaign, wanted, today(), limit)
        names, places = people({row.assignment.officer_id for row in rows}), region_names(db(), {row.region_code for row in rows})
        cells = [
            [row.name, row.uscc, places.get(row.region_code), label(row.place, row.region_code) if row.place else None, names.get(row.assignment.officer_id or 0, "没有人负责"),
             row.assignment.turn, row.assignment.due_on.isoformat(), _state(row, today()), local(row.visit[1]).date().isoformat() if row.visit else None]
            for row in rows
        ]  # fmt: skip
        record(db(), access(), "campaign.export", "campaign", campaign.id, region_code=campaign.region_code, rows=len(rows), limit=limit, filters={k: str(v) for k, v in wanted.given().items()})
        db().commit()
        name = f"qijie-plan-{campaign.id}-{today().isoformat()}.csv"
        return Response(b"".join(csv_rows(HEAD, cells)), mimetype=KINDS["csv"], headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"})

    @expose("/<int:campaign_id>/assign", methods=["POST"])
    @has_access
    @permission_name("write")
    def share_out(self, campaign_id: int) -> ResponseReturnValue:
        """补充分配: firms that meet the rule now and are not in the campaign yet."""
        campaign = operations.manageable(db(), access(), campaign_id, today())
        added = operations.assign(db(), access(), campaign_id, on=today(), at=now(), alerted=alerted(Rule.read(campaign.rule)))
        record(db(), access(), "campaign.assign", "campaign", campaign.id, region_code=campaign.region_code, firms=added)
        db().commit()
        flash(f"补充分配了 {added} 家，原来的没有动。" if added else "没有要补的：符合条件的企业都在计划里。", "success")
        return redirect(url_for("PlanPage.show_campaign", campaign_id=campaign_id), 303)

    @expose("/<int:campaign_id>/reassign", methods=["POST"])
    @has_access
    @permission_name("write")
    def reassign(self, campaign_id: int) -> ResponseReturnValue:
        """Give the ticked ones to another officer."""
        ids = [int(text) for text in request.form.getlist("ids") if text.isascii() and text.isdigit() and len(text) < address.LONGEST_KEY - 1]
        officer = request.form.get("officer_id", "")
        if not (officer.isascii() and officer.isdigit() and len(officer) < 10):
            operations.manageable(db(), access(), campaign_id, today())
            raise Invalid("请选择改派给谁。", field="officer")
        moved = operations.reassign(db(), access(), campaign_id, ids, int(officer), on=today(), at=now())
        db().commit()
        flash(f"已改派 {moved.moved} 家。" + (f"{moved.done} 家已走访，没有动。" if moved.done else ""), "success")
        kept = {k: v for k, v in request.args.items() if k in {"by", "officer", "state", "region", "tier", "q", "after"}}
        return redirect(url_for("PlanPage.show_campaign", campaign_id=campaign_id, **kept), 303)

    @expose("/<int:campaign_id>/end", methods=["POST"])
    @has_access
    @permission_name("write")
    def end(self, campaign_id: int) -> ResponseReturnValue:
        """End it before its last day."""
        operations.end(db(), access(), campaign_id, on=today(), at=now())
        db().commit()
        flash("计划已提前结束，走访记录和进度都保留。", "success")
        return redirect(url_for("PlanPage.show_campaign", campaign_id=campaign_id), 303)


def _filters() -> Filters:
    officer = NOBODY if request.args.get("officer") == "none" else address.whole("officer")
    if officer is not None and officer >= 2**31:  # a user's key is an INTEGER
        officer = None
    return Filters(officer=officer, state=address.choice("state", STATES), region=code("region"), tier=address.choice("tier", ladder_here().places), q=address.words("q"))


def _all(campaign: Campaign, wanted: Filters, on: date, limit: int) -> list[Row]:
    found: list[Any] = []
    after: str | None = None
    while len(found) < limit:
        part = assignments(db(), access(), campaign, wanted, on, after=after, limit=min(CHUNK, limit - len(found)))
        found += part.rows
        after = part.after
        if after is None:
            break
    return found


def _state(row: Row, on: date) -> str:
    return "已走访" if row.is_done else "已超期" if row.assignment.due_on < on else "未走访"
