"""A firm's timeline: what authorities stated and what we did, in one query, newest first, by kind and period, paged by key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from flask import request, url_for
from sqlalchemy import BigInteger, Date, String, cast, func, literal, null, select, tuple_, type_coerce, union_all

from crm.alerts.models import LEVEL_NAMES, Alert, AlertEvent
from crm.cases.life import EVENTS as CASE_EVENTS
from crm.cases.models import Case, CaseEvent
from crm.core.db import is_postgresql
from crm.criteria.models import Transition
from crm.enterprises.models import EnterpriseEvent
from crm.indicators.models import SOURCES, Filing
from crm.ladder.models import MOVE_STATES, STAGES, Move, RegisterMembership, StageEntry, TitleGrant
from crm.reports.models import Paper
from crm.visits.models import KINDS as VISIT_KINDS
from crm.visits.models import Attachment, Visit
from crm.web.address import FIRST_DAY, LARGEST, LAST_DAY, a_day, choices

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

EVENTS = {
    "suspended": "停产停业", "resumed": "恢复生产经营", "new_build_in_production": "新建项目投产", "abnormal_operation": "列入经营异常名录", "violation": "严重违法失信", "environment_penalty": "环保处罚",
    "moved": "迁移", "revoked": "吊销营业执照", "cancelled": "注销", "moved_out": "迁出", "ceased": "歇业",
}
SAID = {"yes": "是", "no": "否"}
STATES = {"met": "符合", "unmet": "未达", "unknown": "缺数据", "not_in_force": "无现行规定"}
PAGE_SIZE = 40
GROUPS = {"official": "入库、称号与登记", "move": "层级与评估", "visit": "走访", "case": "诉求", "alert": "预警", "filing": "报表数据", "document": "文书与附件"}
"""Value of `kind` in the URL -> its chip, in the order of the chips."""
PERIODS = {"90": "近 90 天", "365": "近一年", "1095": "近三年"}
ALERT_STEPS = {"raised": "提出", "worsened": "加重", "eased": "缓和", "resolved": "解除", "expired": "期限已过"}
CASE_STEPS = ("opened", "declined", "assigned", "supervised", "closed", "deferred", "resolved", "unresolved", "dissatisfied", "reopened", "ended")
"""The steps of a case that matter years later; the rest is on the case's own page."""
OUTSIDE = ("tax", "electricity", "statistics", "audit")
"""Sources of figures that are not the firm's word or ours."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the union. What `what`, `text`, `note`, `state` and `key` mean depends on `kind`; see `_parts`."""

    group: str
    kind: str
    id: int
    on: date
    what: str | None
    text: str | None
    note: str | None
    state: str | None
    key: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline. `is_official`: somebody else's fact, a filled dot; else our own work, a ring."""

    on: date
    group: str
    text: str
    detail: str | None
    is_official: bool
    href: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks for: kinds (none: all), days from and to, and the key of the last line of the page before."""

    groups: tuple[str, ...]
    since: date | None
    until: date | None
    after: tuple[date, str, int] | None
    period: str | None


def read(on: date) -> Asked:
    """The filters of the address; odd values count as absent. A period of days wins over a day to begin with."""
    period = request.args.get("period", "")
    since = on - timedelta(days=int(period)) if period in PERIODS else a_day("from")
    return Asked(choices("kind", GROUPS), since, a_day("to"), _key(request.args.get("after", "")), period if period in PERIODS else None)


def timeline(session: Session, firm: int, asked: Asked, label: Callable[[str], str]) -> tuple[list[Entry], str | None]:
    """A page of lines and the key of the next page. The caller has checked that the user may see the firm."""
    parts = _parts(session, firm)
    rows = union_all(*(select for group, selects in parts.items() if not asked.groups or group in asked.groups for select in selects)).subquery()
    key = tuple_(rows.c.on, rows.c.kind, rows.c.id)
    query = select(rows).where(rows.c.on.is_not(None)).order_by(rows.c.on.desc(), rows.c.kind.desc(), rows.c.id.desc()).limit(PAGE_SIZE + 1)
    if asked.since:
        query = query.where(rows.c.on >= asked.since)
    if asked.until:
        query = query.where(rows.c.on <= asked.until)
    if asked.after:
        day, kind, number = asked.after
        query = query.where(key < tuple_(literal(day, Date), literal(kind, String), literal(number, BigInteger)))
    found = [Row(*row) for row in session.execute(query)]
    shown = found[:PAGE_SIZE]
    following = f"{shown[-1].on.isoformat()}.{shown[-1].kind}.{shown[-1].id}" if len(found) > PAGE_SIZE else None
    return [_entry(row, label) for row in shown], following


def _key(text: str) -> tuple[date, str, int] | None:
    """The key in the address, when it has the shape of one."""
    day, _, rest = text.partition(".")
    kind, _, number = rest.partition(".")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return None
    if not (FIRST_DAY <= on <= LAST_DAY and kind in WORDS and number.isascii() and number.isdigit() and len(number) < 20 and int(number) <= LARGEST):
        return None
    return on, kind, int(number)


def _parts(session: Session, firm: int) -> dict[str, list[Any]]:
    """Selects by group with the same columns and types in each, for PostgreSQL."""
    to_day = cast if is_postgresql(session) else type_coerce  # CAST(x AS DATE) makes a number of it on SQLite

    def day(instant: Any) -> Any:
        return cast(func.timezone("Asia/Shanghai", instant), Date) if is_postgresql(session) else func.date(instant, "+8 hours")

    def part(group: str, kind: str, table: Any, on: Any, what: Any = None, text: Any = None, note: Any = None, state: Any = None, key: Any = None) -> Any:
        given = [cast(null() if value is None else value, String).label(name) for name, value in (("what", what), ("text", text), ("note", note), ("state", state), ("key", key))]
        return select(
            cast(literal(group), String).label("group"), cast(literal(kind), String).label("kind"), cast(table.id, BigInteger).label("id"), to_day(on, Date).label("on"), *given,
        )

    def own(group: str, kind: str, table: Any, on: Any, *values: Any) -> Any:
        return part(group, kind, table, on, *values).where(table.enterprise_id == firm)

    cases = select(literal("case:") + Case.uuid).where(Case.enterprise_id == firm)
    stay, grant, stage, move = RegisterMembership, TitleGrant, StageEntry, Move
    return {
        "official": [
            own("official", "register", stay, stay.entered_on, stay.entry, stay.document),
            own("official", "register_left", stay, stay.exited_on, None, stay.exit_reason),
            own("official", "title", grant, grant.granted_on, grant.title, grant.kind, grant.document, grant.valid_to),
            own("official", "title_revoked", grant, grant.revoked_on, grant.title, None, grant.document),
            own("official", "stage", stage, stage.on, stage.stage, stage.board, stage.document),
            own("official", "stage_ended", stage, stage.ended_on, stage.stage, None, stage.document),
            own("official", "event", EnterpriseEvent, EnterpriseEvent.on, EnterpriseEvent.kind, EnterpriseEvent.note, None, EnterpriseEvent.source),
        ],
        "move": [
            own("move", "move", move, func.coalesce(day(move.decided_at), move.proposed_on), move.from_place, move.to_place, func.coalesce(move.decision_reason, move.reason), move.state),
            own("move", "verdict", Transition, Transition.on, Transition.item, Transition.before, None, Transition.after).where(Transition.before.is_not(None)),
        ],
        "visit": [own("visit", "visit", Visit, day(Visit.started_at), Visit.kind, Visit.summary, Visit.next_step, Visit.number, Visit.uuid)],
        "case": [
            part("case", "case", CaseEvent, day(CaseEvent.at), CaseEvent.kind, Case.title, Case.lead_unit, None, Case.uuid)
            .join(Case, Case.id == CaseEvent.case_id).where(Case.enterprise_id == firm, CaseEvent.kind.in_(CASE_STEPS))
        ],
        "alert": [
            part("alert", "alert", AlertEvent, day(AlertEvent.at), AlertEvent.kind, Alert.headline, AlertEvent.note, func.coalesce(AlertEvent.level, Alert.level), Alert.id)
            .join(Alert, Alert.id == AlertEvent.alert_id).where(Alert.enterprise_id == firm, AlertEvent.kind.in_(ALERT_STEPS))
        ],
        "filing": [own("filing", "filing", Filing, day(Filing.recorded_at), Filing.period, Filing.form, Filing.source, day(Filing.superseded_at))],
        "document": [
            part("document", "paper", Paper, day(Paper.made_at), Paper.title, None, None, None, Paper.uuid)
            .where((Paper.subject == f"enterprise:{firm}") | Paper.subject.in_(cases)),
            part("document", "attachment", Attachment, day(Attachment.created_at), Attachment.role, func.coalesce(Attachment.caption, Attachment.name), None, None, Attachment.uuid)
            .join(Visit, Visit.id == Attachment.visit_id).where(Visit.enterprise_id == firm, Attachment.role.in_(("photo", "file"))),
        ],
    }


def _entry(row: Row, label: Callable[[str], str]) -> Entry:
    """The row in words."""
    text, detail = WORDS[row.kind](row, label)
    page, name = LINKS.get(row.kind, (None, ""))
    href = url_for(page, **{name: row.key}) if page and row.key else None
    return Entry(row.on, row.group, text, detail, _official(row), href)


def _official(row: Row) -> bool:
    """Stated by an authority, not found or done by ourselves."""
    if row.kind == "event":
        return row.state != "visit"
    if row.kind == "filing":
        return row.note in OUTSIDE
    return row.group == "official"


def _title(row: Row, label: Callable[[str], str]) -> tuple[str, str | None]:
    return f"{'认定' if row.text == 'first' else '复核通过'}{label(row.what or '')}", f"有效期至 {row.state}" if row.state else row.note


def _filing(row: Row, _: Callable[[str], str]) -> tuple[str, str | None]:
    corrected = f"，{row.state} 已更正" if row.state else ""
    return f"报送 {row.what}{' 累计' if row.text == 'ytd' else ''} 数据", f"来源：{SOURCES.get(row.note or '', row.note)}{corrected}"


def _visit(row: Row, _: Callable[[str], str]) -> tuple[str, str | None]:
    said = [part for part in (row.text, f"下一步：{row.note}" if row.note else None) if part]
    return f"{VISIT_KINDS.get(row.what or '', '走访')}{' ' + row.state if row.state else '（未签发）'}", " · ".join(said) or None


WORDS: dict[str, Callable[[Row, Callable[[str], str]], tuple[str, str | None]]] = {
    "register": lambda r, _: ("首次入库" if r.what == "first" else "重返入库", r.text),
    "register_left": lambda r, _: ("退库", r.text),
    "title": _title,
    "title_revoked": lambda r, label: (f"撤销{label(r.what or '')}", r.note),
    "stage": lambda r, _: (f"上市进程：{STAGES.get(r.what or '', r.what)}", r.text or r.note),
    "stage_ended": lambda r, _: (f"上市进程终止：{STAGES.get(r.what or '', r.what)}", r.note),
    "event": lambda r, label: (EVENTS.get(r.what or "") or label(r.what or ""), SAID.get(r.text or "", r.text)),
    "move": lambda r, label: (f"{label(r.what or '')} → {label(r.text or '')}（{MOVE_STATES.get(r.state or '', r.state)}）", r.note),
    "verdict": lambda r, label: (f"{label(r.what or '')}：{STATES.get(r.text or '', '未评估')} → {STATES.get(r.state or '', r.state)}", None),
    "visit": _visit,
    "case": lambda r, _: (f"诉求{CASE_EVENTS.get(r.what or '', r.what)}：{r.text}", r.note),
    "alert": lambda r, _: (f"{LEVEL_NAMES.get(r.state or '', '')}色预警{ALERT_STEPS.get(r.what or '', r.what)}：{r.text}", r.note),
    "filing": _filing,
    "paper": lambda r, _: (f"文书：{r.what}", None),
    "attachment": lambda r, _: (f"走访{'照片' if r.what == 'photo' else '附件'}：{r.text}", None),
}
"""Kind of a row -> its line and what stands below it."""
LINKS = {
    "visit": ("VisitPage.show_visit", "key"), "case": ("CasesPage.show_case", "key"), "alert": ("AlertsPage.show_alert", "alert_id"),
    "paper": ("PapersPage.file", "key"), "attachment": ("VisitPage.attachment", "key"),
}
