"""Today: what is due for an officer; what the place looks like for everybody else."""

from __future__ import annotations

from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import today
from crm.ladder.counts import counts_by_region
from crm.ladder.queries import Filters, firms
from crm.visits.plans.absences import stand_ins
from crm.visits.plans.queries import due as plan_due
from crm.web import agenda
from crm.web.notices import latest
from crm.web.packs import label, ladder_here
from crm.web.page import STAFF, Page, access, db

WEEKDAYS = "一二三四五六日"


class TodayPage(Page):
    """The first page after signing in."""

    route_base = "/today"
    permits = {"read": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """An officer's list, or the picture of a place."""
        on = today()
        heading = f"{on.month}月{on.day}日 周{WEEKDAYS[on.weekday()]}"
        if access().has("officer") and not access().has("manager", "administrator"):
            return self._officer(heading)
        return self._place(heading)

    def _officer(self, heading: str) -> str:
        session, who, on = db(), access(), today()
        handed = stand_ins(session, on, of=[who.user_id], by=who.user_id)
        due, planned = agenda.due_visits(session, who, on, handed), plan_due(session, who, on, handed=handed)
        return self.show(
            "today/officer.html", heading=heading, on=on, quiet_days=agenda.QUIET_DAYS, firms=agenda.my_firms(session, who), due=due,
            cases=agenda.overdue_cases(session, who, on), alerts=agenda.new_alerts(session, who), quiet=agenda.quiet_firms(session, who, on), told=latest(), planned=planned, planned_shown=agenda.SHOWN,
            away=[s for s in handed if s.user_id == who.user_id], standing=[s for s in handed if s.substitute_id == who.user_id],
            people={s.user_id: s.user for s in handed},
        )

    def _place(self, heading: str) -> str:
        session, who = db(), access()
        below, ladder = agenda.places_below(session, who), ladder_here()
        codes = [*who.regions, *(region.code for region in below)]
        numbers = {name: counts_by_region(session, who, name, codes) for name in ("place", "alert")}
        return self.show(
            "today/place.html", heading=heading, on=today(), below=below, numbers=numbers, total=_total(numbers, who.regions),
            red=agenda.red_alerts(session, who), moves=agenda.open_moves(session, who), near=firms(session, who, Filters(near=1), sort="near", limit=agenda.SHOWN).rows, places=ladder.places, label=label,
            told=latest(), may_decide=who.has("manager", "administrator"),
        )


def _total(numbers: dict[str, dict[str, dict[str, int]]], regions: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Dimension -> value -> firms over the whole jurisdiction."""
    total: dict[str, dict[str, int]] = {}
    for name, by_region in numbers.items():
        summed: dict[str, int] = {}
        for code in regions:
            for value, count in by_region.get(code, {}).items():
                summed[value] = summed.get(value, 0) + count
        total[name] = summed
    return total


views = [TodayPage]
