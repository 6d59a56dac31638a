"""What surrounds every page: navigation, jurisdiction, data month, counts, the worker's last word."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app, g, request, url_for
from flask_login import current_user

from crm.web.page import access

if TYPE_CHECKING:
    from flask import Flask

STATIC = Path(__file__).parent / "static"

# (heading, [(label, icon, view, permission)])
NAVIGATION: list[tuple[str, list[tuple[str, str, str]]]] = [
    ("", [("今日", "i-today", "TodayPage"), ("企业", "i-firm", "EnterprisesPage"), ("预警", "i-alert", "AlertsPage"),
          ("走访", "i-visit", "VisitsPage"), ("诉求", "i-case", "CasesPage")]),
    ("培育", [("梯队看板", "i-board", "BoardPage")]),
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
    count: int | None = None
    go: bool = False


@dataclass
class Group:
    """Entries under one heading."""

    heading: str
    links: list[Link] = field(default_factory=list)


@dataclass
class Frame:
    """Facts about who is looking and how fresh the data is."""

    user_name: str
    place: str
    data_month: str | None
    bell: int
    counts: dict[str, int]


def frame() -> Frame:
    """Read once a request."""
    if "frame" not in g:
        g.frame = Frame(access().name or "访客", "", None, 0, {})
    return g.frame


def nav() -> list[Group]:
    """The side navigation: only what the user's roles may open."""
    groups = []
    for heading, entries in NAVIGATION:
        links = [
            Link(label, icon, url_for(f"{view}.index"), _is_current(view), frame().counts.get(view))
            for label, icon, view in entries
            if _may(view)
        ]
        if links:
            groups.append(Group(heading, links))
    return groups


def bottom_nav() -> list[Link]:
    """The phone's bar of five; the officer's middle one logs a visit."""
    entries = [("今日", "i-today", "TodayPage"), ("企业", "i-firm", "EnterprisesPage"), ("记走访", "i-plus", "VisitsPage.new"),
               ("预警", "i-alert", "AlertsPage"), ("我的", "i-user", "AccountPage")]
    links = []
    for label, icon, target in entries:
        view, _, method = target.partition(".")
        if _may(view):
            links.append(Link(label, icon, url_for(f"{view}.{method or 'index'}"), _is_current(view) and not method, go=bool(method)))
    return links


def _may(view: str) -> bool:
    return current_user.is_authenticated and current_app.appbuilder.sm.has_access("can_read", view)  # type: ignore[attr-defined]


def _is_current(view: str) -> bool:
    return (request.endpoint or "").split(".")[0] == view


def worker_line() -> str:
    """The last nightly run in words, or that no worker runs."""
    return ""


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
        return {"nav": nav, "bottom_nav": bottom_nav, "worker_line": worker_line, "asset": asset, "frame": frame()}
