"""The audit trail, read: who did what to what, before and after; whether the chain still holds; exported, and that logged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, flash, redirect, url_for
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import select

from crm.core.clock import SHANGHAI, now
from crm.regions.models import Region
from crm.reports.sheets import csv_rows
from crm.security import audit
from crm.web import address
from crm.web.audit_words import ACTIONS, FIELDS, SUBJECTS, action_words
from crm.web.filters import moment
from crm.web.page import Page, access, db

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flask.typing import ResponseReturnValue

    from crm.security.models import AuditEntry

PAGE_SIZE = 50
EXPORT_LIMIT = 50_000
CHECKED = "audit.verified"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for."""

    action: str | None
    actor: str | None
    subject_type: str | None
    subject_id: str | None
    since: date | None
    until: date | None

    @classmethod
    def read(cls) -> Filters:
        """From the address; odd values count as absent."""
        return cls(
            address.choice("action", ACTIONS), address.words("actor"), address.choice("subject_type", SUBJECTS),
            address.words("subject_id"), address.a_day("since"), address.a_day("until"),
        )

    def as_args(self) -> dict[str, Any]:
        """Only what is set."""
        return {k: v for k, v in asdict(self).items() if v is not None}

    def entries(self, before: int | None, limit: int) -> list[AuditEntry]:
        """The entries that match and lie within the jurisdiction, newest first. `until` includes its whole day."""
        return audit.entries(
            db(), actor=self.actor, action=self.action, subject_type=self.subject_type, subject_id=self.subject_id,
            since=_midnight(self.since), until=_midnight(self.until, 1), before_id=before, limit=limit, access=access(),
        )


def _midnight(day: date | None, plus: int = 0) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days=plus), time(), SHANGHAI)


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after; None: it had, or has, no value."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in words."""

    entry: AuditEntry
    action: str
    subject: str | None
    href: str | None
    region: str | None
    changes: tuple[Change, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def failed(self) -> bool:
        """Something was tried and refused."""
        return "failed" in self.entry.action or "refused" in self.entry.action


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def changes(detail: dict[str, Any]) -> tuple[Change, ...]:
    """What an entry says was there before and after, field by field."""
    before, after = detail.get("before") or {}, detail.get("after") or {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ()
    names = list(dict.fromkeys([*before, *after]))
    return tuple(Change(FIELDS.get(n, n), _text(before.get(n)), _text(after.get(n))) for n in names)


def rows(entries: Iterable[AuditEntry]) -> list[Row]:
    """Entries in words, the names of divisions read in one query."""
    entries = list(entries)
    codes = {e.region_code for e in entries if e.region_code}
    names = {r.code: r.name for r in db().scalars(select(Region).where(Region.code.in_(codes)))} if codes else {}
    made = []
    for entry in entries:
        detail = entry.detail if isinstance(entry.detail, dict) else {}
        facts = tuple((FIELDS.get(k, k), _text(v) or "无") for k, v in detail.items() if k not in {"before", "after"})
        subject = f"{SUBJECTS.get(entry.subject_type or '', entry.subject_type or '')} {entry.subject_id or ''}".strip()
        made.append(
            Row(entry, action_words(entry.action), subject or None, _address(entry), names.get(entry.region_code or ""), changes(detail), facts)
        )
    return made


def _address(entry: AuditEntry) -> str | None:
    """Where the subject can be seen, for those that have a page the reader may open."""
    key = entry.subject_id or ""
    if entry.subject_type == "import_batch" and key.isdigit() and access().has("administrator"):
        return url_for("ImportsPage.show_batch", batch_id=int(key))
    return None


@dataclass(frozen=True, slots=True)
class Checked:
    """The last time somebody walked the chain."""

    at: datetime
    by: str
    up_to: int
    broken_at: int | None

    @property
    def intact(self) -> bool:
        """Nothing was found altered."""
        return self.broken_at is None


def last_check() -> Checked | None:
    """Read from the trail itself."""
    found = audit.entries(db(), action=CHECKED, limit=1)
    if not found:
        return None
    detail = found[0].detail or {}
    return Checked(found[0].at, found[0].actor, int(detail.get("up_to", 0)), detail.get("broken_at"))


class AuditPage(Page):
    """For the auditor and the administrator; it changes nothing but notes that it was checked or exported."""

    route_base = "/audit"
    permits = {"read": ("auditor", "administrator")}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """Entries newest first; filters and position in the address."""
        filters, before = Filters.read(), address.whole("before")
        found = filters.entries(before, PAGE_SIZE + 1)
        following = address.here(before=found[PAGE_SIZE - 1].id) if len(found) > PAGE_SIZE else None
        return self.show(
            "audit/index.html", rows=rows(found[:PAGE_SIZE]), filters=filters, actions=ACTIONS.items(), subjects=SUBJECTS.items(),
            first=address.here() if before else None, following=following, checked=last_check(), newest=audit.head(db())[0],
        )

    @expose("/check", methods=["POST"])
    @has_access
    @permission_name("read")
    def check(self) -> ResponseReturnValue:
        """Walk the whole chain and note the outcome in it."""
        up_to = audit.head(db())[0]
        broken = audit.verify(db())
        audit.record(db(), access(), CHECKED, "audit_entry", None, up_to=up_to, broken_at=broken)
        db().commit()
        if broken is None:
            flash(f"核对完毕：#1 到 #{up_to:,} 完整。", "success")
        else:
            flash(f"核对完毕：从 #{broken:,} 起对不上，请看下面的说明。", "error")
        return redirect(url_for("AuditPage.index"))

    @expose("/export.csv")
    @has_access
    @permission_name("read")
    def export(self) -> ResponseReturnValue:
        """What the filters show, as CSV; the export itself is an entry."""
        filters = Filters.read()
        found = filters.entries(None, EXPORT_LIMIT)
        audit.record(db(), access(), "audit.export", "audit_entry", None, rows=len(found), filters=filters.as_args())
        db().commit()
        name = f"audit-{now().astimezone(SHANGHAI):%Y%m%d-%H%M}.csv"
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        return Response(csv_rows(HEAD, _lines(rows(found))), mimetype="text/csv; charset=utf-8", headers=headers)


HEAD = ("编号", "时间", "谁", "做了什么", "对象", "地区", "从哪里", "改动", "摘要")


def _lines(found: list[Row]) -> Iterator[tuple[object, ...]]:
    for row in found:
        entry = row.entry
        yield (entry.id, moment(entry.at), entry.actor, row.action, row.subject, row.region, entry.ip, _told(row), entry.digest)


def _told(row: Row) -> str:
    parts = [f"{c.field}: {c.before or '无'} → {c.after or '无'}" for c in row.changes]
    return "；".join([*parts, *(f"{k}: {v}" for k, v in row.facts)])


views = [AuditPage]
