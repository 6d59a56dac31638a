"""What is filtered, out as a file: CSV with a mark or XLSX, logged, limited by role.

Figures the statistics law keeps to statistical purposes do not leave: a firm with such filings has its figures blank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from sqlalchemy import select

from crm.alerts.models import LEVEL_NAMES
from crm.core.clock import today
from crm.core.errors import Forbidden
from crm.enterprises.models import STATUSES
from crm.indicators.models import RESTRICTED_SOURCES, Filing
from crm.ladder.queries import firms
from crm.reports.sheets import csv_rows, xlsx
from crm.security.audit import record
from crm.web.enterprises.filters import SIZES
from crm.web.packs import label
from crm.web.page import access, db

if TYPE_CHECKING:
    from crm.ladder.queries import Filters, Line
    from crm.security.access import Access

KINDS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MOST = {"officer": 1_000, "manager": 20_000, "administrator": 100_000}
"""Rows a role may take out at once."""
CHUNK = 1_000
HEAD = (
    "统一社会信用代码", "企业名称", "县（市、区）", "乡镇街道", "行业代码", "行业", "状态", "规模", "梯度位置", "在库", "称号", "培育库",
    "营收年份", "营业收入（元）", "累计至", "累计营业收入（元）", "上年同期（元）", "最近差距", "预警", "上次走访",
)
WIDTHS = (22, 34, 12, 14, 9, 22, 8, 8, 9, 8, 28, 24, 9, 18, 10, 18, 18, 30, 8, 12)
LEFT_OUT = "统计来源，不导出"


def most(who: Access) -> int:
    """Rows this user may export at once."""
    return max((MOST.get(role, 0) for role in who.roles), default=0)


def answer(wanted: Filters, sort: str, *, backwards: bool, kind: str) -> Response:
    """The file, at most as many rows as the role may take."""
    who = access()
    limit = most(who)
    if not limit:
        raise Forbidden("您的角色不能导出名单。")
    lines = _all(wanted, sort, backwards=backwards, limit=limit)
    hidden = restricted([line.firm.id for line in lines])
    rows = [_row(line, hide=line.firm.id in hidden) for line in lines]
    record(
        db(), who, "enterprise.export", "enterprise", rows=len(rows), limit=limit, format=kind, left_out=len(hidden),
        filters={k: str(v) for k, v in wanted.given().items()},
    )
    db().commit()
    body = xlsx(HEAD, rows, "企业", WIDTHS) if kind == "xlsx" else b"".join(csv_rows(HEAD, rows))
    name = f"qijie-enterprises-{today().isoformat()}.{kind}"
    return Response(body, mimetype=KINDS[kind], headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"})


def _all(wanted: Filters, sort: str, *, backwards: bool, limit: int) -> list[Line]:
    found: list[Line] = []
    after: str | None = None
    while len(found) < limit:
        page = firms(db(), access(), wanted, sort=sort, backwards=backwards, after=after, limit=min(CHUNK, limit - len(found)))
        found += page.rows
        after = page.after
        if after is None:
            break
    return found


def restricted(ids: list[int]) -> set[int]:
    """Firms whose figures rest, or may rest, on a source that must not leave."""
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        query = select(Filing.enterprise_id).where(Filing.enterprise_id.in_(part), Filing.source.in_(RESTRICTED_SOURCES), Filing.superseded_at.is_(None))
        found |= set(db().scalars(query.distinct()))
    return found


def _row(line: Line, *, hide: bool) -> list[Any]:
    firm, at = line.firm, line.standing
    town = line.region_name if len(firm.region_code) > 6 else ""  # a county's code has six digits
    head = [firm.uscc, firm.name, line.county_name or line.region_name, town, firm.industry_code, line.industry_name, STATUSES[firm.status]]
    if at is None:
        return [*head, *[None] * (len(HEAD) - len(head))]
    figures = [None, LEFT_OUT, None, LEFT_OUT, None, LEFT_OUT] if hide else [
        at.revenue_year, at.revenue_last, at.ytd_period, at.revenue_ytd, at.revenue_ytd_before, at.near_text,
    ]
    return [
        *head, SIZES.get(at.size_class or ""), label(at.place, at.region_code), "在库" if at.in_register else "不在库", "、".join(map(label, at.titles)),
        "、".join(map(label, at.pools)), *figures, LEVEL_NAMES.get(at.alert_level or ""),
        at.last_visit_on.isoformat() if at.last_visit_on else None,
    ]
