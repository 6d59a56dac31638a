"""What managers see of all alerts of a place: the overview, how well the rules did, and the weekly bulletin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask import Response, current_app
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts import outcomes, overview
from crm.alerts.models import LEVEL_NAMES, RULES
from crm.alerts.weeks import monday, trend
from crm.core.clock import now, today
from crm.reports.fonts import CharactersMissing, missing_characters
from crm.reports.pool import RenderPool
from crm.reports.sheets import workbook
from crm.reports.stacked import NARROW, WIDE, stacked
from crm.reports.view import text_of
from crm.security.audit import record
from crm.web import address
from crm.web.alerts.bulletin import COLUMNS, duration, gather, region_names, share
from crm.web.alerts.rows import regions
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MANAGERS = ("manager", "administrator")
DAYS = 30
WEEKS = 26
PARTS = ("red", "orange", "yellow")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
RED_COLUMNS = ("企业", "地区", "全年预计", "80%区间", "主要理由", "提出日期", "处置", "助企干部")


class AlertOverviewPage(Page):
    """For managers and administrators."""

    route_base = "/alerts/overview"
    permits = {"read": MANAGERS, "export": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Each division by level, how fast alerts are taken on, how many are left lying, and half a year by week."""
        rule, on = address.choice("rule", RULES), today()
        found = overview.places(db(), access(), on - timedelta(days=DAYS), on + timedelta(days=1), rule)
        weeks = trend(db(), access(), on, rule=rule, weeks=WEEKS)
        return self.show(
            "alerts/overview.html", rule=rule, rules=RULES, places=found, names=region_names(db(), [place.code for place in found]), whole=overview.total(found), days=DAYS,
            weeks=[(week, numbers) for week, numbers in weeks if any(number is not None for number in numbers.values())], level_names=LEVEL_NAMES, levels=overview.LOUD,
            wide=stacked(weeks, PARTS, WIDE), narrow=stacked(weeks[-13:], PARTS, NARROW, every=3), duration=duration, share=share, here=address.here,
        )

    @expose("/effect")
    @has_access
    @permission_name("read")
    def effect(self) -> str:
        """Per rule and year how many warnings came true and how much was warned of; what nobody knows yet is said."""
        region = address.words("region", 12)
        region = region if region and region.isdigit() and region.isascii() else None
        return self.show(
            "alerts/effect.html", effects=outcomes.effects(db(), access(), region=region), rules=RULES, level_names=LEVEL_NAMES, share=share, region=region, regions=regions(),
            falls=outcomes.FALLS, here=address.here,
        )

    @expose("/bulletin")
    @has_access
    @permission_name("read")
    def bulletin(self) -> str:
        """The week on a page that prints."""
        week, this = _week(), monday(today())
        return self.show(
            "alerts/bulletin.html", b=gather(db(), access(), week, now()), columns=COLUMNS, red_columns=RED_COLUMNS, week=week, this=this, here=address.here,
            earlier=week - timedelta(days=7), later=week + timedelta(days=7) if week < this else None,
        )

    @expose("/bulletin.pdf")
    @has_access
    @permission_name("export")
    def bulletin_pdf(self) -> ResponseReturnValue:
        """The week on A4, laid out in a process of its own."""
        data, data_dir = gather(db(), access(), _week(), now()), current_app.extensions["crm_settings"].data_dir
        with RenderPool(data_dir) as pool:
            if missing := missing_characters(pool.fonts, text_of(data)):
                raise CharactersMissing(missing, data_dir / "fonts" / "custom")
            pdf = pool.render(data, {}, "bulletin").pdf
        return _sent(pdf, "application/pdf", f"预警周报{data['since']}.pdf", len(data["red"]))

    @expose("/bulletin.xlsx")
    @has_access
    @permission_name("export")
    def bulletin_xlsx(self) -> ResponseReturnValue:
        """The week as a workbook."""
        data = gather(db(), access(), _week(), now())
        made = workbook([
            ("各地", COLUMNS, [*data["rows"], data["total"]], (18, 8, 8, 8, 8, 8, 10, 10, 10, 16)),
            ("各类", ("预警", "现有", "本周新增", "本周解除"), data["rules"], (18, 10, 10, 10)),
            ("红色退库预警", RED_COLUMNS, data["red"], (32, 14, 14, 16, 44, 12, 18, 14)),
        ])
        return _sent(made, XLSX, f"预警周报{data['since']}.xlsx", len(data["red"]))


def _week() -> date:
    """The week asked for, else the last one that is over; never one to come."""
    this = monday(today())
    asked = address.a_day("week")
    return min(monday(asked), this) if asked else this - timedelta(days=7)


def _sent(data: bytes, kind: str, name: str, firms: int) -> Response:
    """A download, written down in the trail."""
    from urllib.parse import quote

    record(db(), access(), "export", "alert_bulletin", name, firms=firms)
    db().commit()
    return Response(data, mimetype=kind, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"})
