"""临近阈值: each firm's nearest item, or who lacks one title for one criterion alone; and the same as a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts.models import LEVEL_NAMES
from crm.core.clock import today
from crm.core.errors import Forbidden, Invalid
from crm.ladder.counts import tallies
from crm.ladder.near import items, near_list
from crm.ladder.queries import Filters, Line, firms
from crm.ladder.queries.firms import lines
from crm.reports.sheets import xlsx
from crm.security.audit import record
from crm.web.address import choice, here
from crm.web.enterprises.choices import counties
from crm.web.enterprises.export import KINDS, LEFT_OUT, most, restricted
from crm.web.enterprises.filters import code
from crm.web.packs import label, ladder_here, packs_here
from crm.web.page import STAFF, Page, access, db

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.ladder.near import Near

LINES = 50
CHUNK = 1_000
HEAD = ("统一社会信用代码", "企业名称", "县（市、区）", "梯度位置", "看哪一项", "只差这一条", "实际", "要求", "差多少", "其余条件", "期间", "依据", "预警")
WIDTHS = (22, 34, 12, 9, 22, 34, 16, 16, 18, 14, 16, 34, 8)


@dataclass(frozen=True, slots=True)
class Row:
    """A firm with the one criterion it lacks."""

    line: Line
    near: Near


class NearPage(Page):
    """Firms within reach, the nearest first."""

    route_base = "/near"
    permits = {"read": STAFF, "export": STAFF}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Without a title each firm's nearest item; with one, who lacks it for one criterion alone."""
        wanted, chosen = _filters(), _title()
        head: dict[str, Any] = {
            "filters": wanted, "here": here, "regions": counties(), "label": label, "steps": ladder_here(wanted.region).steps, "title": chosen,
            "items": items(packs_here(), today()), "counts": tallies(db(), access(), ("all", "near", "step"), wanted.region), "most": most(access()),
            "query": request.query_string.decode(),
        }
        if chosen is None:
            page = firms(db(), access(), replace(wanted, near=wanted.near or 1), sort="near", after=request.args.get("after"), limit=LINES)
            return self.show("board/near.html", page=page, **head | {"filters": replace(wanted, near=wanted.near or 1)})
        found = near_list(db(), access(), packs_here(wanted.region), chosen, today(), replace(wanted, near=None, step=None), choice("criterion", _Any()), sure=request.args.get("known") == "all")
        number = _page(len(found.firms))
        part = found.firms[number * LINES : (number + 1) * LINES]
        return self.show(
            "board/near_title.html", rows=_rows(part), total=len(found.firms), criteria=found.criteria, criterion=request.args.get("criterion"), number=number,
            following=(number + 1) * LINES < len(found.firms), **head,
        )

    @expose("/export")
    @has_access
    @permission_name("export")
    def export(self) -> Response:
        """The list of one title as XLSX; logged, limited by role, statistical figures left out."""
        wanted, chosen, who = _filters(), _title(), access()
        limit = most(who)
        if not limit:
            raise Forbidden("您的角色不能导出名单。")
        if chosen is None:
            raise Invalid("请先选一项称号，再导出名单。", field="title")
        found = near_list(db(), who, packs_here(wanted.region), chosen, today(), replace(wanted, near=None, step=None), choice("criterion", _Any()), sure=request.args.get("known") == "all")
        kept = found.firms[:limit]
        hidden = restricted([n.enterprise_id for n in kept])
        sheet = [_sheet(row, label(chosen), hide=row.near.enterprise_id in hidden) for row in _rows(kept)]
        record(db(), who, "near.export", "enterprise", rows=len(sheet), limit=limit, format="xlsx", left_out=len(hidden), item=chosen,
               filters={k: str(v) for k, v in wanted.given().items()})
        db().commit()
        name = f"qijie-near-{chosen}-{today().isoformat()}.xlsx"
        return Response(xlsx(HEAD, sheet, "临近阈值", WIDTHS), mimetype=KINDS["xlsx"],
                        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"})


class _Any:
    """A parameter of any value: one that names no criterion finds nothing."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and len(value) <= 64


def _filters() -> Filters:
    near = choice("near", ("1", "2", "3"))
    region = code("region")
    return Filters(
        region=region, level=choice("level", LEVEL_NAMES), near=int(near) if near else None, step=choice("step", ladder_here(region).steps),
        officer=access().user_id if request.args.get("officer") == "me" else None,
    )


def _title() -> str | None:
    return choice("title", items(packs_here(), today()))


def _page(size: int) -> int:
    text = request.args.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if number * LINES < size else 0


def _rows(part: Sequence[Near]) -> list[Row]:
    """The firms of a part of the list, in its order."""
    found: dict[int, Line] = {}
    for start in range(0, len(part), CHUNK):
        ids = tuple(n.enterprise_id for n in part[start : start + CHUNK])
        found |= {row[0].id: Line(*row) for row in db().execute(lines(db(), access(), Filters(ids=ids)))}
    return [Row(found[n.enterprise_id], n) for n in part if n.enterprise_id in found]


def _sheet(row: Row, item: str, *, hide: bool) -> list[Any]:
    firm, at, view = row.line.firm, row.line.standing, row.near.view
    figures = [LEFT_OUT, view.required, LEFT_OUT] if hide else [view.actual, view.required, view.gap]
    place = label(at.place, at.region_code) if at else None
    return [firm.uscc, firm.name, row.line.county_name or row.line.region_name, place, item, view.label, *figures, "都符合" if row.near.is_sure else "有数据缺", view.period, view.source.text,
            LEVEL_NAMES.get(at.alert_level or "") if at else None]


views = [NearPage]
