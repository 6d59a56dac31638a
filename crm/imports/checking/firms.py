"""Which firm a row is about: by USCC, by what a person said, by name, former name, short name, or name without place and form."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select

from crm.enterprises.models import Enterprise, FormerName
from crm.enterprises.names import fold, name_key
from crm.enterprises.uscc import InvalidUscc, read_uscc, why_invalid
from crm.imports.checking.codes import with_codes
from crm.imports.checking.lookup import firms_by
from crm.regions.gazetteer import load_gazetteer
from crm.regions.scope import covers

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Check, Findings

IDENTITY = ("uscc", "name", "short_name", "code", "region")
_EXCHANGE = re.compile(r"^(\*?ST|XD|XR|DR|N|C|U|W)(?=[一-龥*])")
_MANY = 200  # unknown names for which near ones are still looked up


@dataclass(frozen=True, slots=True)
class _Firm:
    id: int
    uscc: str
    name: str
    region_code: str


@dataclass(slots=True)
class _Book:
    """Firms by every name they go by."""

    names: dict[str, list[_Firm]] = field(default_factory=lambda: defaultdict(list))
    former: dict[str, list[_Firm]] = field(default_factory=lambda: defaultdict(list))
    short: dict[str, list[_Firm]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, list[_Firm]] = field(default_factory=lambda: defaultdict(list))


def with_firms(session: Session, check: Check, findings: Findings) -> pl.DataFrame:
    """`row`, `enterprise_id` and `state` ('rejected' where no firm could be told, with a finding)."""
    frame = with_codes(check.texts(IDENTITY).rename({"uscc": "uscc_text"}), "uscc_text").with_columns(pl.lit(None, dtype=pl.String).alias("state"))
    frame = _by_code(session, frame, check)
    open_rows = frame.filter(pl.col("enterprise_id").is_null())
    answers = _by_name(session, open_rows, check, findings) if open_rows.height else {}
    found = {row: firm for row, firm in answers.items() if firm is not None}
    frame = frame.with_columns(pl.coalesce("enterprise_id", pl.col("row").replace_strict(found, default=None, return_dtype=pl.Int64)).alias("enterprise_id"))
    return frame.select("row", "enterprise_id", pl.when(pl.col("enterprise_id").is_null()).then(pl.lit("rejected")).alias("state"))


def _by_code(session: Session, frame: pl.DataFrame, check: Check) -> pl.DataFrame:
    codes = frame.filter(pl.col("valid"))["uscc"].unique().to_list()
    if not codes:
        return frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("enterprise_id"))
    found = firms_by(session, Enterprise.uscc, codes, (Enterprise.id, Enterprise.uscc, Enterprise.region_code, Enterprise.zone_code))
    known = pl.DataFrame(found, schema={"id": pl.Int64, "uscc": pl.String, "region_code": pl.String, "zone_code": pl.String})
    if check.access is not None:
        inside = [check.access.covers(region, zone) for region, zone in known.select("region_code", "zone_code").rows()]
        known = known.filter(pl.Series(inside, dtype=pl.Boolean))
    return frame.join(known.select("uscc", pl.col("id").alias("enterprise_id")), on="uscc", how="left")


def _by_name(session: Session, frame: pl.DataFrame, check: Check, findings: Findings) -> dict[int, int | None]:
    """Rows without a known code: told apart by their distinct identities, of which there are few."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row, *identity in frame.select("row", "uscc", "valid", "name", "short_name", "code", "region").rows():
        groups[tuple(identity)].append(row)
    book = _book(session, groups, check)
    gazetteer = load_gazetteer(session) if check.mapping.column("region") else None
    answers: dict[int, int | None] = {}
    for identity, rows in groups.items():
        region = gazetteer.by_name(identity[5], check.mapping.region) if gazetteer and identity[5] else None
        firm, severity, reason, message = _decide(session, book, identity, region, check, unknown=len(groups))
        shown = identity[2] or identity[3] or identity[4] or identity[0]
        for row in rows if severity == "rejected" else rows[:1]:
            if severity:
                findings.add(row, severity, check.head("name") or check.head("short_name") or check.head("uscc") or check.head("code"), shown, reason, message)
        answers.update(dict.fromkeys(rows, firm))
    return answers


def _decide(
    session: Session, book: _Book, identity: tuple[Any, ...], region: str | None, check: Check, *, unknown: int
) -> tuple[int | None, str, str, str]:
    """(firm or None, severity, reason, message); severity '' when there is nothing to say."""
    uscc, valid, name, short, code, _ = identity
    if said := next((check.mapping.aliases[v] for v in (code, name, short, uscc) if v and v in check.mapping.aliases), None):
        return _aliased(session, said, check)
    if uscc and not valid:
        return None, "rejected", *why_invalid(uscc)
    if uscc:
        return None, "rejected", "firm_unknown", f"辖区内库中没有信用代码为 {uscc} 的企业，请先导入企业登记再导入本表。"
    names = [_EXCHANGE.sub("", text) for text in (name, short) if text]
    if not names:
        return None, "rejected", "firm_missing", "本行没有企业名称和信用代码，看不出是哪家企业。"
    for table, reason in ((book.names, ""), (book.former, "matched_former_name"), (book.short, ""), (book.keys, "matched_by_key")):
        firms = _in_region([f for text in names for f in table.get(name_key(text) if table is book.keys else fold(text), [])], region)
        if len(firms) > 1:
            listed = "、".join(f"{f.name}（{f.uscc}）" for f in firms[:3])
            return None, "rejected", "firm_ambiguous", f"“{names[0]}”对得上 {len(firms)} 家企业：{listed}；请补信用代码，或在“对应关系”里指定。"
        if firms and reason:
            return firms[0].id, "suspicious", reason, f"按{'曾用名' if 'former' in reason else '去掉地名和组织形式后的名称'}对到“{firms[0].name}”，请核对。"
        if firms:
            return firms[0].id, "", "", ""
    near = _near(session, names, check) if unknown <= _MANY else []
    hint = f"名称相近的有：{'、'.join(near)}；若是其中一家，请在“对应关系”里指定。" if near else "请先导入企业登记再导入本表。"
    return None, "rejected", "firm_unknown", f"辖区内库中没有“{names[0]}”。{hint}"


def _aliased(session: Session, said: str, check: Check) -> tuple[int | None, str, str, str]:
    try:
        uscc = read_uscc(said).code
    except InvalidUscc as error:
        return None, "rejected", error.reason, f"对应关系里写的信用代码 {said} 不对：{error.message}"
    firm = session.execute(select(Enterprise.id, Enterprise.region_code, Enterprise.zone_code).where(Enterprise.uscc == uscc, Enterprise.deleted_at.is_(None))).first()
    if firm is None or (check.access is not None and not check.access.covers(firm.region_code, firm.zone_code)):
        return None, "rejected", "firm_unknown", f"对应关系里指定的信用代码 {uscc} 不在库中。"
    return firm.id, "", "", ""


def _in_region(firms: list[_Firm], region: str | None) -> list[_Firm]:
    """Distinct firms; where several share a name, those of the row's division."""
    distinct = list({f.id: f for f in firms}.values())
    inside = [f for f in distinct if region and covers([region], f.region_code)]
    return inside if len(distinct) > 1 and inside else distinct


def _book(session: Session, groups: dict[tuple[Any, ...], list[int]], check: Check) -> _Book:
    texts = {_EXCHANGE.sub("", text) for identity in groups for text in identity[2:4] if text}
    if not texts:
        return _Book()
    columns = (Enterprise.id, Enterprise.uscc, Enterprise.name, Enterprise.region_code, Enterprise.zone_code, Enterprise.name_key, Enterprise.short_name)
    every, book = [], _Book()
    wanted = sorted({name_key(text)[:200] for text in texts})
    for key, values in ((Enterprise.name_key, wanted), (Enterprise.short_name, sorted(texts))):
        data = firms_by(session, key, values, columns)
        every += list(zip(*data.values(), strict=True)) if data else []
    former = select(FormerName.name, *columns).join(Enterprise, Enterprise.id == FormerName.enterprise_id).where(Enterprise.deleted_at.is_(None))
    old = session.execute(former.where(FormerName.name.in_(sorted(texts)))).all() if len(texts) <= 10_000 else session.execute(former).all()
    for former_name, *rest in [*((None, *row) for row in set(every)), *old]:
        firm_id, uscc, name, region_code, zone, key, short = rest
        if check.access is not None and not check.access.covers(region_code, zone):
            continue
        firm = _Firm(firm_id, uscc, name, region_code)
        if former_name:
            book.former[fold(former_name)].append(firm)
            continue
        book.names[fold(name)].append(firm)
        book.keys[key].append(firm)
        if short:
            book.short[fold(short)].append(firm)
    return book


def _near(session: Session, names: list[str], check: Check) -> list[str]:
    """Up to three names that hold the row's name without place and form."""
    found: list[str] = []
    for text in names:
        key = name_key(text)
        base = re.sub(r"(科技|药业|制药|实业|电气|电器|新材|精工|国际|医疗|生物)$", "", key) or key
        query = select(Enterprise.name, Enterprise.region_code).where(Enterprise.name.like(f"%{base}%"), Enterprise.deleted_at.is_(None)).limit(20)
        found += [name for name, region in session.execute(query) if check.access is None or check.access.covers(region)]
    return list(dict.fromkeys(sorted(found, key=len)))[:3]
