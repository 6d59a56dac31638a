"""预警地图: the year as a whole: in which month each firm was first seen at risk, how sure that is, what it still needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts import yearly
from crm.alerts.models import LEVEL_NAMES
from crm.core.clock import today
from crm.web import address
from crm.web.alerts.rows import regions
from crm.web.page import STAFF, Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LEVELS = ("red", "orange", "yellow", "grey")
SORTS = {"level": "级别和可能性", "chance": "可能性", "first": "最早提出", "needed": "每月所需"}
MONTHS = {str(month): f"{month} 月" for month in range(1, 13)} | {"0": "去年起"}
LINES = 50


class AlertYearPage(Page):
    """The early-warning map of the jurisdiction."""

    route_base = "/alerts/year"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """Months by level, and below them the firms."""
        on, rule = today(), address.choice("rule", yearly.MAPPED) or "exit_risk"
        places = regions()
        region, level, month = address.choice("region", dict(places)), address.choice("level", LEVELS), address.choice("month", MONTHS)
        sort = address.choice("sort", SORTS) or "level"
        found = yearly.firms(db(), access(), rule, on, region=region, level=level, month=None if month is None else int(month), sort=sort, after=address.words("after", 200), limit=LINES)
        counts = yearly.months(db(), access(), rule, on, region)
        shown = [number for number in range(on.month + 1) if any(counts[number].values())] or [on.month]
        return self.show(
            "alerts/year.html", rule=rule, rules=yearly.MAPPED, rows=found.rows, after=found.after, counts=counts, shown=shown, months=MONTHS, month=month, level_of=level, levels=LEVELS, level_choices=[(code, LEVEL_NAMES[code]) for code in LEVELS],
            level_names=LEVEL_NAMES, sorts=SORTS, sort=sort, region=region, regions=places, year=on.year, here=address.here, is_first=not request.args.get("after"),
            most=max((sum(levels.values()) for levels in counts.values()), default=0),
        )
