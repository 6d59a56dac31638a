"""目标: goals of the plans with what is there, how far and what pace; figures brought by people; tasks and where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.criteria import wording
from crm.criteria.schema import STATUS_LABELS
from crm.regions.queries import region_names
from crm.targets import operations
from crm.targets.models import TASK_STATES
from crm.targets.queries import Row, board, tasks, years
from crm.web.address import choice, here
from crm.web.enterprises.choices import counties
from crm.web.enterprises.filters import code
from crm.web.packs import packs_here
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask.typing import ResponseReturnValue

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Document
    from crm.targets.models import TaskEntry

MANAGERS = ("manager", "administrator")
OVER = {"ended", "superseded", "repealed"}
AT_FIRST = 12
"""Goals or tasks of one plan shown before one asks for the rest."""
GOAL_STATES = {"short": "还差", "reached": "已到", "none": "无数据", "differing": "说法不一"}


@dataclass(frozen=True, slots=True)
class Section:
    """One plan with what of it is shown."""

    document: Document | None
    status: str
    items: list[Any]

    @property
    def title(self) -> str:
        """The plan's name."""
        return self.document.title if self.document else "没有写明文件"

    @property
    def is_over(self) -> bool:
        """Whether the plan has ended."""
        return self.status in OVER

    @property
    def first(self) -> list[Any]:
        """What is shown at once; never all but one or two."""
        return self.items if len(self.items) <= AT_FIRST + 3 else self.items[:AT_FIRST]

    @property
    def rest(self) -> list[Any]:
        """What is shown when asked for."""
        return self.items[len(self.first):]


class TargetsPage(Page):
    """Goals and tasks."""

    route_base = "/targets"
    permits = {"read": MANAGERS, "keep": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """The board of one pack: each text's goals, or its tasks, together; ended plans last and closed."""
        pack, on, region = _pack(), today(), code("region")
        year, show = choice("year", [str(y) for y in years(pack)]), choice("show", ("tasks",))
        rows = board(db(), access(), pack, on, year=int(year) if year else None, region=region) if show is None else []
        entries = tasks(db(), pack)
        states = TASK_STATES if show else GOAL_STATES
        units = sorted({u for t in pack.book.tasks for u in (t.lead_unit, *t.units) if u})
        state, unit = choice("state", states), choice("unit", units)
        every: list[Any] = [t for t in pack.book.tasks if unit is None or unit in (t.lead_unit, *t.units)] if show else rows
        marked = [(item, _task_states(entries.get(item.id)) if show else _goal_states(item)) for item in every]
        sections = _sections(pack, [item for item, marks in marked if state is None or state in marks], on)
        opened = next((r for r in rows if r.target.id == request.args.get("target") and r.by_county is not None), None)
        names = region_names(db(), set(opened.by_county or ())) if opened else {}
        return self.show(
            "targets/index.html", pack=pack, inside=_inside(), sections=sections, on=on, here=here, year=year, years=years(pack), regions=counties(), region=region, opened=opened,
            names=names, statuses=STATUS_LABELS, amount=wording.amount, entries=entries, task_states=TASK_STATES, show=show, states=states, state=state, unit=unit, units=units,
            counts={k: sum(k in marks for _, marks in marked) for k in states}, many_goals=len(rows) if show is None else len(pack.book.targets),
            may=access().covers(region or pack.region or "") and access().has(*MANAGERS),
            kept={k: v for k, v in {"year": year, "region": region, "show": show, "state": state, "unit": unit}.items() if v},
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


def _sections(pack: Pack, items: Iterable[Any], on: date) -> list[Section]:
    """Plans in force and drafts first, in the pack's order; ended ones last."""
    found: dict[str, list[Any]] = {}
    for item in items:
        document = item.document.id if isinstance(item, Row) and item.document else "" if isinstance(item, Row) else item.document or ""
        found.setdefault(document, []).append(item)
    made = [Section(d := pack.documents.get(key), d.status_on(on) if d else "in_force", of) for key, of in found.items()]
    return sorted(made, key=lambda s: s.is_over)


def _goal_states(row: Row) -> set[str]:
    far = [goal.distance for goal in row.goals]
    marks = {"none"} if row.actual is None else {"short"} if any(d is not None and d > 0 for d in far) else {"reached"} if any(d is not None for d in far) else set()
    return marks | ({"differing"} if row.is_differing else set())


def _task_states(entry: TaskEntry | None) -> set[str]:
    return {entry.state if entry else "open"}


def _inside() -> list[Pack]:
    return [pack for pack in packs_here() if pack.book.targets or pack.book.tasks] or packs_here()[:1]


def _pack(name: str | None = None) -> Pack:
    asked = name if name is not None else request.args.get("pack", "")
    inside = _inside()
    return next((pack for pack in inside if pack.id == asked), inside[0])


def _done(message: str, pack: Pack) -> ResponseReturnValue:
    db().commit()
    flash(message, "success")
    return redirect(url_for("TargetsPage.index", pack=pack.id, **{k: v for k, v in request.args.items() if k in {"year", "region", "show", "state", "unit"}}))


views = [TargetsPage]
