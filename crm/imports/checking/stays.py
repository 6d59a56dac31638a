"""Check files of titles and of register entries and exits: dated stays, told apart by firm and day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select

from crm.imports.checking.firms import with_firms
from crm.imports.checking.plan import Check, Findings, Plan
from crm.imports.errors import MissingColumn
from crm.imports.fields import NOT_YET, PROFESSIONS, REQUIRED, title_of
from crm.imports.reading.cells import dates
from crm.indicators.periods import parse_period
from crm.ladder.models import RegisterMembership, TitleGrant

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

CHUNK = 5_000
TITLE_COLUMNS = ("level", "batch", "document", "valid_to", "revoked_on", "kind")
STAY_COLUMNS = ("exited_on", "profession", "exit_reason", "document")
Row = dict[str, Any]


def check_titles(session: Session, check: Check) -> Plan:
    """Judge every row. Plan data: `rows`, each with `state`, `id` and `before` where the grant is on file."""
    check.need(*REQUIRED["titles"])
    findings = Findings()
    frame = _frame(session, check, findings, ("title", "granted_on", "valid_to", "revoked_on", "level", "batch", "document", "grant_kind"),
                   ("granted_on", "valid_to", "revoked_on"))
    for row in (rows := frame.to_dicts()):
        if row["state"]:
            continue
        _title(row, check, findings)
    known = _known(session, TitleGrant, rows, TITLE_COLUMNS, lambda g: (g.enterprise_id, g.title, g.granted_on))
    _judge(rows, known, TITLE_COLUMNS, lambda r: (r["enterprise_id"], r["title_id"], r["granted_on"]), check, findings)
    return _plan("titles", rows, findings, check)


def check_register(session: Session, check: Check) -> Plan:
    """Judge every row: an entry, an exit of the stay that is open, or both."""
    if not check.mapping.fields & {"entered_on", "exited_on"}:
        raise MissingColumn("还没有指定入库日期或退库日期是哪一列，请在“对应关系”里选好再检查。", field="mapping")
    findings = Findings()
    frame = _frame(session, check, findings, ("entered_on", "exited_on", "profession", "exit_reason", "entry", "document"), ("entered_on", "exited_on"))
    rows = frame.to_dicts()
    stays = _stays(session, rows)
    for row in sorted(rows, key=lambda r: (str(r["entered_on"] or r["exited_on"]), r["row"])):
        if not row["state"]:
            row["profession"] = PROFESSIONS.get(row["profession"] or "", row["profession"] and row["profession"][:16])
            _stay(row, stays, check, findings)
    return _plan("register", rows, findings, check)


def _frame(session: Session, check: Check, findings: Findings, names: tuple[str, ...], days: tuple[str, ...]) -> pl.DataFrame:
    """Firms resolved, days read. A day written as a year or a month is its first day, and said so."""
    base = with_firms(session, check, findings)
    frame = base.join(check.texts(names), on="row", how="left").with_columns(dates(pl.col(d)).alias(f"{d}_day") for d in days)
    rows = frame.to_dicts()
    for row in rows:
        for name in days:
            text, row[name] = row[name], row.pop(f"{name}_day")
            if text is None or row[name] is not None:
                continue
            row[name] = _rough(text, name)
            if row[name] is None and not row["state"]:
                _reject(row, findings, check.head(name), text, "date_unreadable", f"“{text}”看不出是哪一天，请写成 2024-03-01 这样的日期。")
            elif not row["state"]:
                findings.add(row["row"], "repaired", check.head(name), text, "date_rough", f"“{text}”没有写到日，按 {row[name]} 记。")
        for name in days:
            if row[name] and name != "valid_to" and row[name] > check.today and not row["state"]:
                _reject(row, findings, check.head(name), row[name], "date_in_future", f"日期 {row[name]} 晚于今天，请核对。")
    return pl.DataFrame(rows, schema={**frame.drop(f"{d}_day" for d in days).schema, **dict.fromkeys(days, pl.Date)}) if rows else frame


def _rough(text: str, name: str) -> date | None:
    period = parse_period(text)
    if period is None:
        return None
    month = period.month or (12 if name == "valid_to" else 1)
    if name == "valid_to":
        return date(period.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return date(period.year, month, 1)


def _title(row: Row, check: Check, findings: Findings) -> None:
    text = row["title"] or ""
    row["title_id"] = title_of(text)
    row["kind"] = "review" if "复核" in (row["grant_kind"] or "") + text else "first"
    for name, limit in (("level", 16), ("batch", 64), ("document", 200)):
        row[name] = row[name] and row[name][:limit]
    if row["granted_on"] is None:
        _reject(row, findings, check.head("granted_on"), None, "date_missing", "缺少认定日期，请补填。")
    elif row["title_id"] is None:
        why = "只是培育、申报或市级的称号，系统的称号表里没有" if NOT_YET.search(text) else "不认识这个称号"
        _reject(row, findings, check.head("title"), text, "title_unknown", f"“{text}”：{why}，请核对或改用称号的规范名称。")
    elif any(row[d] and row[d] < row["granted_on"] for d in ("valid_to", "revoked_on")):
        _reject(row, findings, check.head("valid_to"), row["valid_to"] or row["revoked_on"], "dates_crossed", "到期或撤销日期早于认定日期，请核对。")


def _known(session: Session, model: Any, rows: list[Row], columns: tuple[str, ...], key: Callable[[Any], tuple[Any, ...]]) -> dict[tuple[Any, ...], Row]:
    firms = sorted({r["enterprise_id"] for r in rows if not r["state"]})
    found = {}
    for i in range(0, len(firms), CHUNK):
        for grant in session.scalars(select(model).where(model.enterprise_id.in_(firms[i : i + CHUNK]))):
            found[key(grant)] = {"id": grant.id, **{c: getattr(grant, c) for c in columns}}
    return found


def _judge(rows: list[Row], known: dict[tuple[Any, ...], Row], columns: tuple[str, ...], key: Callable[[Row], tuple[Any, ...]], check: Check, findings: Findings) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if row["state"]:
            continue
        if key(row) in seen:
            row["state"] = "duplicate"
            findings.add(row["row"], "duplicate", check.head("title"), row["title"], "same_row", f"与第 {seen[key(row)]} 行是同一家企业、同一称号、同一日期，本行不另写入。")
            continue
        seen[key(row)] = row["row"]
        was = known.get(key(row))
        row["id"], row["before"] = (was["id"], {c: was[c] for c in columns}) if was else (None, None)
        differs = was is not None and any(row[c] is not None and row[c] != was[c] for c in columns)
        row["state"] = "new" if was is None else "changed" if differs else "same"


def _stays(session: Session, rows: list[Row]) -> dict[int, list[Row]]:
    firms = sorted({r["enterprise_id"] for r in rows if not r["state"]})
    stays: dict[int, list[Row]] = {firm: [] for firm in firms}
    for i in range(0, len(firms), CHUNK):
        query = select(RegisterMembership).where(RegisterMembership.enterprise_id.in_(firms[i : i + CHUNK])).order_by(RegisterMembership.entered_on)
        for m in session.scalars(query):
            stays[m.enterprise_id].append({"id": m.id, "entered_on": m.entered_on, **{c: getattr(m, c) for c in STAY_COLUMNS}})
    return stays


def _stay(row: Row, stays: dict[int, list[Row]], check: Check, findings: Findings) -> None:
    """Against the stays so far, those of this file included: the same entry, an exit of the open one, or a new stay."""
    mine = stays[row["enterprise_id"]]
    entered, exited = row["entered_on"], row["exited_on"]
    if entered is None and exited is None:
        _reject(row, findings, check.head("entered_on"), None, "date_missing", "入库日期和退库日期都没有，请补填。")
        return
    if entered and exited and exited < entered:
        _reject(row, findings, check.head("exited_on"), exited, "dates_crossed", "退库日期早于入库日期，请核对。")
        return
    if entered:
        same = next((s for s in mine if s["entered_on"] == entered), None)
    else:
        same = next((s for s in mine if s["exited_on"] == exited), None) or next((s for s in mine if s["exited_on"] is None), None)
    if same is None and entered is None:
        _reject(row, findings, check.head("exited_on"), exited, "not_in_register", "库中没有这家企业的入库记录，不能退库；请先导入入库记录。")
    elif same is not None:
        _existing_stay(row, same, check, findings)
    elif any((entered < (s["exited_on"] or entered) and (exited is None or s["entered_on"] < exited)) or s["exited_on"] is None for s in mine):
        _reject(row, findings, check.head("entered_on"), entered, "already_in_register", "这家企业在该日期已经在库，不能再次入库；请核对或先导入退库。")
    else:
        row |= {"state": "new", "id": None, "before": None, "entry": "re_entry" if any(s["entered_on"] < entered for s in mine) else "first"}
        mine.append({"id": None, "row": row["row"], "entered_on": entered, **{c: row[c] for c in STAY_COLUMNS}})


def _existing_stay(row: Row, stay: Row, check: Check, findings: Findings) -> None:
    if row["exited_on"] and row["exited_on"] < stay["entered_on"]:
        _reject(row, findings, check.head("exited_on"), row["exited_on"], "dates_crossed", f"退库日期早于入库日期 {stay['entered_on']}，请核对。")
        return
    differs = any(row[c] is not None and row[c] != stay[c] for c in STAY_COLUMNS)
    if stay["id"] is None:  # a stay this very file opened
        row["state"] = "changed" if differs else "duplicate"
        if differs:
            row |= {"id": None, "joins": stay["row"], "before": None}
            stay |= {c: row[c] for c in STAY_COLUMNS if row[c] is not None}
        else:
            findings.add(row["row"], "duplicate", None, row["entered_on"], "same_row", f"与第 {stay['row']} 行相同，本行不另写入。")
        return
    row |= {"state": "changed" if differs else "same", "id": stay["id"], "before": {c: stay[c] for c in STAY_COLUMNS}, "entered_on": stay["entered_on"]}
    stay |= {c: row[c] for c in STAY_COLUMNS if row[c] is not None}


def _reject(row: Row, findings: Findings, column: str | None, value: object, reason: str, message: str) -> None:
    row["state"] = "rejected"
    findings.add(row["row"], "rejected", column, value, reason, message)


def _plan(kind: str, rows: list[Row], findings: Findings, check: Check) -> Plan:
    check.tell(1.0)
    states = pl.DataFrame({"row": [r["row"] for r in rows], "state": [r["state"] for r in rows]}, schema={"row": pl.Int64, "state": pl.String}).sort("row")
    return Plan(kind, states, findings, {"rows": [r for r in rows if r["state"] in {"new", "changed"}]})
