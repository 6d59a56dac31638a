"""Check a file of cases from a hotline or platform: one row a case, told apart by source and number."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select

from crm.cases.models import KINDS, SOURCES, URGENCIES, Case
from crm.core.clock import SHANGHAI
from crm.enterprises.models import Enterprise
from crm.enterprises.names import fold
from crm.imports.checking.firms import with_firms
from crm.imports.checking.plan import Check, Findings, Plan
from crm.imports.errors import MissingColumn
from crm.imports.fields import REQUIRED
from crm.imports.reading.cells import dates

if TYPE_CHECKING:

    from sqlalchemy.orm import Session

    from crm.criteria.schema import Cases

Row = dict[str, Any]
TEXTS = ("subject", "detail", "external_no", "received_on", "case_kind", "urgency", "case_source", "contact", "phone")
OUTSIDE = tuple(source for source in SOURCES if source not in ("visit", "officer", "firm"))
"""Sources a file may be from."""
LENGTHS = {"subject": 200, "detail": 1000, "contact": 64, "phone": 32}
LONGEST_NUMBER = 64
CHUNK = 5_000
_CLOCK = re.compile(r"(?:[T\s]|日)\s*(\d{1,2}):(\d{2})(?::(\d{2}))?")


def check_cases(session: Session, check: Check) -> Plan:
    """Judge every row. Plan data: `rows` of new cases with everything a case holds, deadlines counted from the day it was received."""
    check.need(*REQUIRED["cases"])
    if not check.mapping.fields & {"subject", "detail"}:
        raise MissingColumn("还没有指定哪一列是诉求标题或诉求内容，请在“对应关系”里选好再检查。", field="mapping")
    if check.rules is None:
        raise TypeError("cases need the rules of their packs")
    findings = Findings()
    base = with_firms(session, check, findings)
    frame = base.join(check.texts(TEXTS), on="row", how="left").with_columns(dates(pl.col("received_on")).alias("day"))
    rows = frame.to_dicts()
    regions = _regions(session, rows)
    for row in rows:
        if not row["state"]:
            _row(row, check.rules(regions[row["enterprise_id"]]), check, findings)
    check.tell(0.6)
    _judge(rows, _known(session, rows), check, findings)
    check.tell(1.0)
    states = pl.DataFrame({"row": [r["row"] for r in rows], "state": [r["state"] for r in rows]}, schema={"row": pl.Int64, "state": pl.String}).sort("row")
    return Plan("cases", states, findings, {"rows": [r for r in rows if r["state"] == "new"], "rules": lambda firm: check.rules(regions[firm])})  # type: ignore[misc]


def _regions(session: Session, rows: list[Row]) -> dict[int, str]:
    firms, found = sorted({r["enterprise_id"] for r in rows if not r["state"]}), {}
    for i in range(0, len(firms), CHUNK):
        found.update(session.execute(select(Enterprise.id, Enterprise.region_code).where(Enterprise.id.in_(firms[i : i + CHUNK]))).tuples().all())
    return found


def _row(row: Row, rules: Cases, check: Check, findings: Findings) -> None:
    """Source, day, text, kind, urgency and number of one row; rejected at the first that cannot be told."""
    words = rules.words
    source = _meant(row["case_source"], {k: SOURCES[k] for k in OUTSIDE}, words.sources) if row["case_source"] else _default_source(check)
    if source is None:
        _reject(row, findings, check.head("case_source"), row["case_source"], "source_unknown",
                f"“{row['case_source']}”不认识，请改为{'、'.join(SOURCES[k] for k in OUTSIDE)}之一。来源和编号一起认诉求，不能猜。")
        return
    row["source"] = source
    if not _received(row, check, findings):
        return
    _texts(row, check, findings)
    if not row["subject"]:
        _reject(row, findings, check.head("subject") or check.head("detail"), None, "subject_missing", "没有写诉求标题和内容，请补填。")
        return
    row["kind"] = _code(row, "case_kind", (KINDS, words.kinds), ("other", "case_kind_unknown"), check, findings)
    row["urgency_code"] = _code(row, "urgency", (URGENCIES, words.urgency), ("normal", "urgency_unknown"), check, findings)
    _number(row, check, findings)


def _default_source(check: Check) -> str:
    return check.mapping.source if check.mapping.source in OUTSIDE else "other"


def _meant(text: str, labels: dict[str, str], words: dict[str, tuple[str, ...]]) -> str | None:
    """The code a text means: a code or label as it is, else the longest word of the pack inside it."""
    bare = text.strip().lower()
    if exact := next((code for code, label in labels.items() if bare in (code.lower(), label.lower())), None):
        return exact
    found = [(len(word), code) for code, many in words.items() for word in many if word.lower() in bare and code in labels]
    return max(found)[1] if found else None


def _code(
    row: Row, name: str, known: tuple[dict[str, str], dict[str, tuple[str, ...]]], fallback: tuple[str, str], check: Check, findings: Findings
) -> str:
    """A kind or urgency; what is written and not known becomes the fallback, and is said."""
    code, reason = fallback
    if not row[name]:
        return code
    meant = _meant(row[name], *known)
    if meant is None:
        findings.add(row["row"], "suspicious", check.head(name), row[name], reason, f"“{row[name]}”不认识，写入时按“{known[0][code]}”。要写准，请先在表里改为{'、'.join(known[0].values())}之一再导入。")
    return meant or code


def _received(row: Row, check: Check, findings: Findings) -> bool:
    text, day = row["received_on"], row["day"]
    head = check.head("received_on")
    if text is None:
        _reject(row, findings, head, None, "date_missing", "没有写收到日期，时限无从起算，请补填。")
    elif day is None:
        _reject(row, findings, head, text, "date_unreadable", f"“{text}”看不出是哪一天，请写成 2026-03-01 这样的日期。")
    elif day > check.today:
        _reject(row, findings, head, text, "date_in_future", f"日期 {day} 晚于今天，请核对。")
    else:
        row["at"] = _instant(day, text)
    return not row["state"]


def _instant(day: date, text: str) -> datetime:
    """The day with the time behind it, if one is written, in China."""
    found = _CLOCK.search(text)
    hour, minute = (int(found[1]), int(found[2])) if found else (0, 0)
    clock = time(hour, minute) if hour < 24 and minute < 60 else time()
    return datetime.combine(day, clock, SHANGHAI).astimezone(UTC)


def _texts(row: Row, check: Check, findings: Findings) -> None:
    """A case needs a title: without one, the beginning of what was said. Nothing is cut without a word."""
    row["phone"] = row["phone"] and fold(row["phone"])
    title, detail = row["subject"], row["detail"]
    if not title and detail:
        row["subject"] = detail if len(detail) <= 60 else detail[:59] + "…"
    elif title and len(title) > LENGTHS["subject"] and not detail:
        row["detail"] = title
    for name, limit in LENGTHS.items():
        if row[name] and len(row[name]) > limit:
            findings.add(row["row"], "repaired", check.head(name), row[name], "text_shortened", f"超过 {limit} 字，只保留前 {limit} 字。")
            row[name] = row[name][:limit]


def _number(row: Row, check: Check, findings: Findings) -> None:
    """The case's number in its system. Without one: a digest of firm, day and text, so that the same row again is the same case."""
    number = row["external_no"]
    if number and len(number) > LONGEST_NUMBER:
        _reject(row, findings, check.head("external_no"), number, "number_too_long", f"编号超过 {LONGEST_NUMBER} 位，请核对是否错列。")
    elif not number:
        said = f"{row['enterprise_id']}|{row['day']}|{fold(row['subject'])}|{fold(row['detail'] or '')}"
        row["external_no"] = f"无号-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
        findings.add(row["row"], "repaired", check.head("external_no"), None, "number_made",
                     f"没有编号，按企业、日期和内容认作 {row['external_no']}：三项都相同的算同一件，再导入不会重复登记。")


def _known(session: Session, rows: list[Row]) -> dict[tuple[str, str], tuple[int, str, str | None]]:
    """Cases on file with these numbers: (source, number) -> firm, title, detail."""
    numbers = sorted({r["external_no"] for r in rows if not r["state"]})
    found = {}
    for i in range(0, len(numbers), CHUNK):
        query = select(Case.source, Case.external_no, Case.enterprise_id, Case.title, Case.detail).where(Case.external_no.in_(numbers[i : i + CHUNK]))
        found.update({(source, number): (firm, title, detail) for source, number, firm, title, detail in session.execute(query)})
    return found


def _judge(rows: list[Row], known: dict[tuple[str, str], tuple[int, str, str | None]], check: Check, findings: Findings) -> None:
    """New, on file already, twice in the file, or the number of another firm's case."""
    seen: dict[tuple[str, str], Row] = {}
    head = check.head("external_no")
    for row in rows:
        if row["state"]:
            continue
        key = (row["source"], row["external_no"])
        label = f"{SOURCES[row['source']]} {row['external_no']}"
        first, was = seen.get(key), known.get(key)
        if (was and was[0] != row["enterprise_id"]) or (first and first["enterprise_id"] != row["enterprise_id"]):
            where = "已登记在另一家企业名下" if was else f"在第 {first['row'] if first else ''} 行属于另一家企业"
            _reject(row, findings, head, row["external_no"], "number_taken", f"{label} {where}，请核对编号和企业。")
        elif first:
            row["state"] = "duplicate"
            findings.add(row["row"], "duplicate", head, row["external_no"], "same_row", f"与第 {first['row']} 行是同一件（{label}），本行不另登记。")
        else:
            seen[key] = row
            row["state"] = "same" if was else "new"
            if was and (was[1], was[2]) != (row["subject"], row["detail"]):
                findings.add(row["row"], "suspicious", head, row["external_no"], "case_differs", f"{label} 已经登记过，文字与这里不同；登记的不改，需要时在诉求里写进展。")


def _reject(row: Row, findings: Findings, column: str | None, value: object, reason: str, message: str) -> None:
    row["state"] = "rejected"
    findings.add(row["row"], "rejected", column, value, reason, message)


