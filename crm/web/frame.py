"""What surrounds every page: navigation, jurisdiction, data month, counts, the worker's last word."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app, g, request, url_for
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import func, literal, or_, select, union_all

from crm.alerts.models import Alert
from crm.cases.models import Case, CaseUnit
from crm.core.clock import now
from crm.criteria.models import RuleChange
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.jobs.models import JobRun, WorkerBeat
from crm.jobs.queries import SILENT_AFTER, WorkerState
from crm.notices.models import Notice
from crm.regions.models import Region, Zone
from crm.security.gate import home
from crm.web.filters import moment
from crm.web.page import access, db

if TYPE_CHECKING:

    from flask import Flask
    from sqlalchemy import ColumnElement, Select

    from crm.criteria.published import Mark
    from crm.security.access import Access

STATIC = Path(__file__).parent / "static"
COUNTY = 6  # digits of a county's code
_known_names: dict[str, str] = {}
COUNT_TO = 100
"""Nothing beyond is counted to draw a badge: it reads 99+."""

# (heading, [(label, icon, view, permission)])
NAVIGATION: list[tuple[str, list[tuple[str, str, str]]]] = [
    ("", [("今日", "i-today", "TodayPage"), ("企业", "i-firm", "EnterprisesPage"), ("预警", "i-alert", "AlertsPage"),
          ("走访", "i-visit", "VisitsPage"), ("走访计划", "i-clock", "PlansPage"), ("诉求", "i-case", "CasesPage")]),
    ("培育", [("梯队看板", "i-board", "BoardPage"), ("临近阈值", "i-near", "NearPage"), ("奖补", "i-award", "AwardsPage"), ("目标", "i-target", "TargetsPage"), ("条件与试算", "i-trial", "RulesPage")]),
    ("数据", [("导入", "i-import", "ImportsPage"), ("任务", "i-jobs", "JobsPage"), ("审计", "i-audit", "AuditPage"),
              ("管理", "i-admin", "AdminPage")]),
]


@dataclass
class Link:
    """One entry of a navigation."""

    label: str
    icon: str
    href: str
    current: bool
    count: str = ""
    go: bool = False


@dataclass
class Group:
    """Entries under one heading."""

    heading: str
    links: list[Link] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frame:
    """Facts about who is looking and how fresh the data is."""

    user_name: str
    place: str
    data_month: str | None
    bell: int
    counts: dict[str, int]
    worker: WorkerState
    night: JobRun | None  # the last nightly run that finished
    rules: Mark | None = None  # changes whenever somebody publishes a value over a pack


def frame() -> Frame:
    """Read once a request; two queries."""
    if "frame" not in g:
        g.frame = _read(access()) if access().user_id is not None else Frame("访客", "", None, 0, {}, WorkerState(False, None, None, None), None)
    return g.frame


def _read(who: Access) -> Frame:
    facts = db().execute(
        select(
            select(func.max(Filing.period)).where(Filing.period_kind == "month").scalar_subquery(),
            select(func.max(WorkerBeat.at)).scalar_subquery(),
            _open_alerts(who).scalar_subquery(),
            _open_cases(who).scalar_subquery(),
            _unread(who).scalar_subquery(),
            select(func.max(RuleChange.id)).scalar_subquery(),
            select(func.max(RuleChange.published_at)).scalar_subquery(),
            select(func.max(RuleChange.revoked_at)).scalar_subquery(),
            JobRun,
        )
        .select_from(select(literal(1).label("one")).subquery())
        .outerjoin(JobRun, JobRun.id == select(func.max(JobRun.id)).where(JobRun.job == "nightly", JobRun.state == "done", JobRun.started_at.is_not(None)).scalar_subquery())
    ).one()
    month, seen, alerts, cases, unread, *rules, night = facts
    counts = {"AlertsPage": alerts, "CasesPage": cases}
    worker = WorkerState(seen is not None and now() - seen <= SILENT_AFTER, seen, None, None)
    return Frame(who.name, place_name(who), month, unread, counts, worker, night, (rules[0], rules[1], rules[2]))


def _open_alerts(who: Access) -> Select[tuple[int]]:
    """Alerts nobody has taken on; counted up to 100 ("99+"), so that no page counts a table."""
    return _counted(select(Alert.id).join(Enterprise, Enterprise.id == Alert.enterprise_id).where(Alert.state == "open", *_mine(who)))


def _open_cases(who: Access) -> Select[tuple[int]]:
    if who.is_department:
        return _department_cases(who)
    return _counted(select(Case.id).join(Enterprise, Enterprise.id == Case.enterprise_id).where(Case.state == "open", *_mine(who)))


def _unread(who: Access) -> Select[tuple[int]]:
    return _counted(select(Notice.id).where(Notice.user_id == who.user_id, Notice.read_at.is_(None), notices_shown(who)))


def notices_shown(who: Access) -> ColumnElement[bool]:
    """SQL condition: the notice names no firm, or one that lies in the jurisdiction now."""
    firm = select(Enterprise.id).where(Enterprise.id == Notice.enterprise_id, who.within(Enterprise.region_code, Enterprise.zone_code), Enterprise.deleted_at.is_(None))
    return or_(Notice.enterprise_id.is_(None), firm.exists()) if not who.is_department else Notice.id.is_not(None)


def _department_cases(who: Access) -> Select[tuple[int]]:
    theirs = select(CaseUnit.case_id).where(CaseUnit.unit_id.in_(who.units), CaseUnit.ended_at.is_(None))
    return _counted(select(Case.id).where(Case.state == "open", Case.id.in_(theirs)))


def _mine(who: Access) -> list[ColumnElement[bool]]:
    """Officers are reminded of their own firms, everybody else of the whole jurisdiction."""
    if who.has("officer"):
        return [Enterprise.officer_id == who.user_id, Enterprise.deleted_at.is_(None)]
    return [who.within(Enterprise.region_code, Enterprise.zone_code), Enterprise.deleted_at.is_(None)]


def _counted(rows: Select[Any]) -> Select[tuple[int]]:
    return select(func.count()).select_from(rows.limit(COUNT_TO).subquery())


def place_name(who: Access) -> str:
    """The jurisdiction in words: 温岭市大溪镇; more than two are counted."""
    names = _names({code for full in who.regions for code in (full, full[:6])} | set(who.zones))
    parts = [names.get(c[:6], "") + names.get(c, c) if len(c) > COUNTY else names.get(c, c) for c in (*who.regions, *who.zones)]
    return "、".join(parts[:2]) + (f" 等 {len(parts)} 处" if len(parts) > 2 else "")


def _names(codes: set[str]) -> dict[str, str]:
    """Division and zone names, kept for the life of the process: they head every page and hardly ever change."""
    if missing := codes - _known_names.keys():
        wanted = union_all(*(select(t.code, t.name).where(t.code.in_(missing)) for t in (Region, Zone)))
        _known_names.update(db().execute(wanted).tuples().all())
    return _known_names


def nav() -> list[Group]:
    """The side navigation: only what the user's roles may open."""
    groups = []
    for heading, entries in NAVIGATION:
        links = [
            Link(label, icon, url_for(f"{view}.index"), _is_current(view), _badge(frame().counts.get(view, 0)))
            for label, icon, view in entries
            if may(view)
        ]
        if links:
            groups.append(Group(heading, links))
    return groups


def _badge(count: int) -> str:
    return "99+" if count >= COUNT_TO else str(count or "")


def bottom_nav() -> list[Link]:
    """The phone's bar of five; the officer's middle one logs a visit."""
    entries = [("今日", "i-today", "TodayPage"), ("企业", "i-firm", "EnterprisesPage"), ("记走访", "i-plus", "VisitsPage.new"),
               ("预警", "i-alert", "AlertsPage"), ("我的", "i-user", "AccountPage")]
    links = []
    if access().has("officer") and not access().has("manager", "administrator"):  # an officer's phone works without signal
        shell = url_for("PhonePage.shell")
        links = [Link("今日", "i-today", shell, _is_current("TodayPage")), Link("企业", "i-firm", f"{shell}#/firms", _is_current("EnterprisesPage")), Link("记走访", "i-plus", f"{shell}#/visit", current=False, go=True)]
        entries = entries[3:]
    if access().is_department:
        entries = [("诉求", "i-case", "CasesPage"), *entries]
    for label, icon, target in entries:
        view, _, method = target.partition(".")
        if may(view):
            links.append(Link(label, icon, url_for(f"{view}.{method or 'index'}"), _is_current(view) and not method, go=bool(method)))
    return links


def may(view: str) -> bool:
    """Whether who is asking may open the page at all."""
    return current_user.is_authenticated and current_app.appbuilder.sm.has_access("can_read", view)  # type: ignore[attr-defined]


def _is_current(view: str) -> bool:
    """Whether the page lies at or below the view's address: a firm's page keeps 企业 lit."""
    return request.path.startswith(url_for(f"{view}.index"))


def worker_line() -> Markup:
    """The last nightly run in words, or that no worker runs."""
    night = frame().night
    finished = f"夜间评估 {moment(night.finished_at)[5:]} 完成" if night else "还没有做过夜间评估"
    if not frame().worker.alive:
        return Markup('<span class="pulse pulse--off"></span>没有后台进程在运行<br>{}').format(finished)
    return Markup('<span class="pulse"></span>{}').format(finished)


@cache
def _digest(name: str) -> str:
    return sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Address of a static file with its digest, so that browsers may keep it for ever."""
    return url_for("static", filename=name, v=_digest(name))


def install(app: Flask) -> None:
    """Give templates what base.html needs."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 31_536_000

    @app.context_processor
    def _names() -> dict[str, Any]:
        return {"nav": nav, "bottom_nav": bottom_nav, "worker_line": worker_line, "asset": asset, "frame": frame(), "may_open": may, "home": home}
