"""目标: goals of the plans with what is there, how far and what pace; figures brought by people; tasks and where they stand."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.criteria import wording
from crm.criteria.schema import STATUS_LABELS
from crm.regions.queries import region_names
from crm.targets import operations
from crm.targets.models import TASK_STATES
from crm.targets.queries import board, tasks, years
from crm.web.address import choice, here
from crm.web.enterprises.choices import counties
from crm.web.enterprises.filters import code
from crm.web.packs import packs_here
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from crm.criteria.packs import Pack

MANAGERS = ("manager", "administrator")


class TargetsPage(Page):
    """Goals and tasks."""

    route_base = "/targets"
    permits = {"read": MANAGERS, "keep": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The board of one pack: each text's goals together, ended plans last."""
        pack, on, region = _pack(), today(), code("region")
        year = choice("year", [str(y) for y in years(pack)])
        rows = board(db(), access(), pack, on, year=int(year) if year else None, region=region)
        rows.sort(key=lambda r: (r.status in {"ended", "superseded", "repealed"}, r.document.id if r.document else ""))
        groups = [(document, list(of)) for document, of in groupby(rows, key=lambda r: r.document)]
        opened = next((r for r in rows if r.target.id == request.args.get("target") and r.by_county is not None), None)
        names = region_names(db(), set(opened.by_county or ())) if opened else {}
        return self.show(
            "targets/index.html", pack=pack, inside=_inside(), groups=groups, on=on, here=here, year=year, years=years(pack), regions=counties(), region=region, opened=opened,
            names=names, statuses=STATUS_LABELS, amount=wording.amount, tasks=pack.book.tasks, entries=tasks(db(), pack), task_states=TASK_STATES,
            task_state=choice("task", TASK_STATES), may=access().covers(region or pack.region or "") and access().has(*MANAGERS), kept={"pack": pack.id, "year": year, "region": region},
        )

    @expose("/actuals", methods=["POST"])
    @has_access
    @permission_name("keep")
    def bring(self) -> ResponseReturnValue:
        """Enter a figure with its source."""
        form, pack = request.form, _pack(request.form.get("pack"))
        year = form.get("year", "")
        try:
            as_of = date.fromisoformat(form.get("as_of", ""))
        except ValueError:
            raise Invalid("请填写日期，如 2026-06-01。", field="as_of") from None
        operations.bring(
            db(), access(), pack, form.get("target", "")[:64], int(year) if year.isascii() and year.isdigit() and len(year) == 4 else 0,
            form.get("region", "")[:12] or (pack.region or ""), value=form.get("value", ""), as_of=as_of, source=form.get("source", "").replace("\x00", ""), on=today(), at=now(),
        )
        return _done("已录入。", pack)

    @expose("/actuals/<int:actual_id>/revoke", methods=["POST"])
    @has_access
    @permission_name("keep")
    def take_back(self, actual_id: int) -> ResponseReturnValue:
        """Revoke a figure."""
        operations.take_back(db(), access(), actual_id, at=now())
        return _done("已撤销，记录保留。", _pack(request.form.get("pack")))

    @expose("/tasks", methods=["POST"])
    @has_access
    @permission_name("keep")
    def advance(self) -> ResponseReturnValue:
        """Say where a task stands."""
        form, pack = request.form, _pack(request.form.get("pack"))
        operations.advance(db(), access(), pack, form.get("task", "")[:64], state=form.get("state", ""), note=form.get("note", "").replace("\x00", ""), on=today(), at=now())
        return _done("已登记进展。", pack)


def _inside() -> list[Pack]:
    return [pack for pack in packs_here() if pack.book.targets or pack.book.tasks] or packs_here()[:1]


def _pack(name: str | None = None) -> Pack:
    asked = name if name is not None else request.args.get("pack", "")
    inside = _inside()
    return next((pack for pack in inside if pack.id == asked), inside[0])


def _done(message: str, pack: Pack) -> ResponseReturnValue:
    db().commit()
    flash(message, "success")
    return redirect(url_for("TargetsPage.index", pack=pack.id, **{k: v for k, v in request.args.items() if k in {"year", "region"}}))


views = [TargetsPage]
