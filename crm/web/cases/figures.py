"""诉求分析: how well cases are handled, by county, unit, kind or source; the same as XLSX."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask import Response
from flask_appbuilder import expose, has_access, permission_name

from crm.cases.measures import BY, Measures, measures
from crm.cases.models import KINDS, SOURCES
from crm.core.clock import today
from crm.core.errors import Invalid
from crm.regions.queries import region_names
from crm.reports.sheets import xlsx
from crm.security.audit import record
from crm.web import address
from crm.web.packs import packs_here
from crm.web.page import STAFF, Page, access, db
from crm.web.visits.filters import midnight

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Target, TargetValue

HEAD = ("分组", "收到", "办结", "办结率", "化解", "化解率（化解÷收集）", "化解率（不含未到期）", "超期未办结", "已评价", "满意率（满意及以上）", "满意率（含基本满意）")
WIDTHS = (24, 9, 9, 10, 9, 20, 20, 12, 9, 20, 20)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COUNTS = "resolution_rate"
"""Ids of targets that promise a 化解率 end so."""


class CaseFiguresPage(Page):
    """Figures of cases that came in within a period, as they stand today."""

    route_base = "/cases/figures"
    permits = {"read": STAFF, "export": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Table and bars; a target a plan promises is shown with its distance."""
        by, since, until = _asked()
        rows = _rows(by, since, until)
        goals = [(pack, target, value) for pack in packs_here() for target in pack.book.targets if target.id.endswith(COUNTS) for value in target.values[-1:]]
        whole = rows[-1] if by != "co_unit" else _rows("county", since, until)[-1]
        return self.show(
            "cases/figures.html", rows=rows, by=by, bys=BY, since=since, until=until, here=address.here, total=whole, goals=[_goal(p, t, v, whole) for p, t, v in goals],
            year=date(today().year, 1, 1), today=today(),
        )  # fmt: skip

    @expose("/export")
    @has_access
    @permission_name("export")
    def export(self) -> ResponseReturnValue:
        """The table as XLSX; logged."""
        by, since, until = _asked()
        rows = _rows(by, since, until)
        record(db(), access(), "case.export", "case", rows=len(rows), by=by, since=since.isoformat(), until=until.isoformat())
        db().commit()
        cells = [
            [r.name, r.received, r.closed, _percent(r.close_rate), r.resolved, _percent(r.resolve_rate), _percent(r.resolve_rate_due), r.overdue, r.asked,
             _percent(r.content_rate), _percent(r.content_rate_wide)]
            for r in rows
        ]  # fmt: skip
        answer = Response(xlsx(HEAD, cells, "诉求分析", WIDTHS), mimetype=XLSX)
        answer.headers.set("Content-Disposition", "attachment", filename=f"cases-{by}-{since}-{until}.xlsx")
        return answer


def _asked() -> tuple[str, date, date]:
    by = address.choice("by", BY) or "county"
    since, until = address.a_day("since") or date(today().year, 1, 1), address.a_day("until") or today()
    if until < since:
        raise Invalid("结束日期早于开始日期，请改正。", field="until")
    return by, since, until


def _rows(by: str, since: date, until: date) -> list[Measures]:
    rows = measures(db(), access(), by, midnight(since), midnight(until + timedelta(days=1)), today())
    names = {"kind": KINDS, "source": SOURCES, "county": region_names(db(), {r.name for r in rows})}.get(by, {})
    return [replace(row, name=names.get(row.name, row.name)) for row in rows]


def _goal(pack: Pack, target: Target, value: TargetValue, total: Measures) -> dict[str, object]:
    """The promise beside what is; the text gives no formula, so both readings are compared."""
    per_cent = float(str(value.value).rstrip("%")) if value.value else None
    rates = [(name, rate, None if rate is None or per_cent is None else rate * 100 - per_cent) for name, rate in (("化解÷收集", total.resolve_rate), ("不含未到期", total.resolve_rate_due))]
    return {"label": target.label, "year": value.year, "goal": value.value, "clause": value.clause or "", "document": _document(pack, value.document), "rates": rates}


def _document(pack: Pack, key: str | None) -> str:
    return next((d.number or d.title for d in pack.book.documents if d.id == key), key or "")


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate * 100:.1f}%"
