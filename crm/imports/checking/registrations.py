"""Check a file of registrations: one row a firm, told apart by USCC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select

from crm.enterprises.models import Contact, Enterprise
from crm.enterprises.names import fold
from crm.enterprises.uscc import why_invalid
from crm.imports.checking.codes import with_codes
from crm.imports.checking.lookup import CHUNK, firms_by
from crm.imports.checking.places import with_places
from crm.imports.checking.plan import Check, Findings, Plan
from crm.imports.fields import REQUIRED, STATUSES
from crm.imports.reading.cells import SCALES, capital, dates, integers
from crm.regions.models import Industry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TEXTS = ("name", "short_name", "org_type", "capital", "scope", "address", "industry", "zone", "legal_person", "contact", "phone", "status", "main_products", "region",
         "registered_on", "uscc")
COMPARED = ("name", "short_name", "org_type", "registered_on", "registered_capital", "capital_raw", "industry_code", "zone_code", "address", "scope", "main_products",
            "legal_person", "status")
"""Columns of `enterprise` a file may change. What the file leaves blank stays as it is."""
LENGTHS = {"name": 200, "short_name": 64, "org_type": 128, "capital": 64, "address": 300, "legal_person": 64, "main_products": 300, "contact": 64, "phone": 32}
_TIMES = {"updated_at", "registered_on", "status_on"}  # text on SQLite, dates on PostgreSQL
_KINDS = {"1": "corporate", "2": "individual", "3": "cooperative"}


def check_registrations(session: Session, check: Check) -> Plan:
    """Judge every row. Plan data: `new` and `changed` frames with the columns of `enterprise`, `before` of the changed."""
    check.need(*REQUIRED["registrations"])
    findings = Findings()
    frame = _coded(check, findings)
    check.tell(0.2)
    frame = _lengths(frame, check, findings)
    frame = _values(session, frame, check, findings)
    frame = with_places(session, frame, check, findings)
    check.tell(0.6)
    frame = _reject(frame, check, findings)
    frame = _duplicates(frame, check, findings)
    known = existing(session, frame.filter(pl.col("state").is_null())["uscc"])
    frame = _homeless(_new_contacts(session, _compare(frame, known, check, findings)), check, findings)
    _same_names(session, frame, check, findings)
    check.tell(1.0)
    return Plan("registrations", frame.select("row", "state").sort("row"), findings, {
        "new": frame.filter(pl.col("state") == "new"), "changed": frame.filter((pl.col("state") == "changed") & pl.col("differs")),
        "known": frame.filter(pl.col("id").is_not_null() & pl.col("state").is_in(["same", "changed"])),
    })


def existing(session: Session, codes: pl.Series) -> pl.DataFrame:
    """Live firms with these USCCs, columns prefixed `was_`."""
    names = ("id", "uscc", "version", "updated_at", "region_code", "region_found", "name_key", "initials", "status_on", *COMPARED)
    columns = [getattr(Enterprise, name) for name in names]
    found = firms_by(session, Enterprise.uscc, codes.unique().to_list(), columns)
    numbers = {"id": pl.Int64, "version": pl.Int64, "registered_capital": pl.Int64}
    known = pl.DataFrame({k: pl.Series(k, v if k in numbers or k not in _TIMES else [x and str(x) for x in v], dtype=numbers.get(k, pl.String)) for k, v in found.items()})
    known = known.with_columns(pl.col("registered_on").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False))
    return known.rename({name: f"was_{name}" for name in names if name not in {"id", "uscc"}})


def _coded(check: Check, findings: Findings) -> pl.DataFrame:
    """USCCs normalised; repairs told, wrong ones rejected in words that help."""
    raw = check.texts(TEXTS).rename({"uscc": "uscc_text"})
    frame = with_codes(raw, "uscc_text").with_columns(pl.lit(None, dtype=pl.String).alias("state"))
    head = check.head("uscc")
    repaired = frame.filter(pl.col("valid") & (pl.col("uscc") != pl.col("uscc_text")))
    for row, text, code in repaired.select("row", "uscc_text", "uscc").rows():
        findings.add(row, "repaired", head, text, "uscc_repaired", f"统一社会信用代码已规范为 {code}（大小写、全半角或空格）。")
    wrong = frame.filter(~pl.col("valid"))
    for row, text, code in wrong.select("row", "uscc_text", "uscc").rows():
        findings.add(row, "rejected", head, text, *why_invalid(code or ""))
    return frame.with_columns(pl.when(~pl.col("valid")).then(pl.lit("rejected")).otherwise(pl.col("state")).alias("state"))


def _lengths(frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """Text longer than its column is cut, and said so; a name is never cut."""
    for name, limit in LENGTHS.items():
        long = frame.filter(pl.col(name).str.len_chars() > limit)
        if long.height and name != "name":
            findings.add_rows(long.select("row", name).rows(), "repaired", check.head(name), "text_shortened", f"超过 {limit} 字，只保留前 {limit} 字。")
    cut = [pl.col(name).str.slice(0, limit) for name, limit in LENGTHS.items() if name != "name"]
    return frame.with_columns(*cut)


def _values(session: Session, frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """Dates, capital, industry and status out of text."""
    column = check.mapping.column("capital")
    unit = (column.unit if column else None) or check.mapping.unit
    yuan, foreign = capital(pl.col("capital"), SCALES.get(unit) if unit else None)
    frame = frame.with_columns(
        dates(pl.col("registered_on")).alias("registered_date"), pl.coalesce(yuan, _bare_capital(unit)).alias("registered_capital"), foreign.alias("foreign"),
        pl.col("capital").alias("capital_raw"), pl.col("status").alias("status_text"),
        pl.col("status").str.replace_all(r"[（(].*$", "").replace_strict({k.split("(")[0]: v for k, v in STATUSES.items()}, default=None).alias("status"),
    )
    late = pl.col("registered_date") > check.today
    for mask, name, reason, message in (
        (pl.col("registered_on").is_not_null() & pl.col("registered_date").is_null(), "registered_on", "date_unreadable", "看不出是哪一天，成立日期留空。"),
        (late, "registered_on", "date_in_future", "成立日期晚于今天，已留空，请核对。"),
        (pl.col("foreign"), "capital", "capital_foreign", "注册资本是外币，按原文保留，不折算成人民币。"),
        (pl.col("capital").is_not_null() & pl.col("registered_capital").is_null() & ~pl.col("foreign"), "capital", "capital_unreadable",
         "注册资本看不出金额或单位，只保留原文。"),
        (pl.col("status_text").is_not_null() & pl.col("status").is_null(), "status_text", "status_unknown", "不认识的经营状态，按“在营”处理。"),
    ):
        value = name
        hit = frame.filter(mask & pl.col("state").is_null()).select("row", value).rows()
        findings.add_rows(hit, "suspicious", check.head(name.removesuffix("_text")), reason, message)
    frame = frame.with_columns(pl.when(~late).then(pl.col("registered_date")).alias("registered_on"), _kind().alias("kind"))
    return _industries(session, frame, check, findings)


def _bare_capital(unit: str | None) -> pl.Expr:
    return integers(pl.col("capital"), SCALES[unit]) if SCALES.get(unit) else pl.lit(None, dtype=pl.Int64)


def _kind() -> pl.Expr:
    """Kind of unit: from the second character of the code; a branch by its form or name."""
    branch = pl.col("org_type").fill_null("").str.contains("分公司|分支机构|非法人|代表机构") | pl.col("name").fill_null("").str.contains("分公司$|分厂$|办事处$")
    return pl.when(branch).then(pl.lit("branch")).otherwise(
        pl.when(pl.col("uscc").str.starts_with("9")).then(pl.col("uscc").str.slice(1, 1).replace_strict(_KINDS, default="other", return_dtype=pl.String))
        .otherwise(pl.lit("other"))
    )


def _industries(session: Session, frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    if check.mapping.column("industry") is None:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("industry_code"))
    nodes = session.execute(select(Industry.code, Industry.name, Industry.level).order_by(Industry.level)).all()
    codes = {code: code for code, _, _ in nodes}
    names = {name: code for code, name, _ in nodes}  # the deepest node of a name wins: levels ascend
    written = pl.col("industry").str.extract(r"(?:^|[^\d])[A-T]?(\d{2,4})(?:[^\d]|$)", 1)
    bare = pl.col("industry").str.replace_all(r"[\dA-Z\s()（）.、:：]+", "")
    frame = frame.with_columns(
        pl.coalesce(written.replace_strict(codes, default=None, return_dtype=pl.String), pl.col("industry").replace_strict(names, default=None, return_dtype=pl.String),
                    bare.replace_strict(names, default=None, return_dtype=pl.String)).alias("industry_code")
    )
    lost = frame.filter(pl.col("industry").is_not_null() & pl.col("industry_code").is_null() & pl.col("state").is_null())
    findings.add_rows(lost.select("row", "industry").rows(), "suspicious", check.head("industry"), "industry_unknown", "不是国民经济行业分类（2017）中的代码或名称，行业留空。")
    return frame


def _reject(frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """Rows that cannot be a firm."""
    total = pl.col("name").str.contains(r"^(合\s*计|总\s*计|小\s*计)$")
    for mask, name, reason, message in (
        (pl.col("name").is_null(), "name", "name_missing", "缺少企业名称，请补填。"),
        (total.fill_null(value=False), "name", "total_row", "这是合计行，不是企业。"),
        (pl.col("name").str.len_chars() > LENGTHS["name"], "name", "name_too_long", "企业名称超过 200 字，请核对是否错列。"),
        (~pl.col("allowed"), "region", "outside", "企业不在您的辖区内，不能由您导入。"),
    ):
        hit = frame.filter(mask & pl.col("state").is_null())
        findings.add_rows(hit.select("row", name).rows(), "rejected", check.head(name), reason, message)
        frame = frame.with_columns(pl.when(mask & pl.col("state").is_null()).then(pl.lit("rejected")).otherwise(pl.col("state")).alias("state"))
    return frame


def _duplicates(frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """The first row of a USCC stands; blanks in it are filled from the later ones, which are told as duplicates."""
    free = frame.filter(pl.col("state").is_null())
    doubled = free.filter(pl.col("uscc").is_duplicated())
    if doubled.is_empty():
        return frame
    content = [c for c in ("name", "org_type", "capital_raw", "scope", "address", "legal_person", "registered_on", "phone") if c in frame.columns]
    labels = {c: check.head("capital" if c == "capital_raw" else c) or c for c in content}
    extra: list[int] = []
    for (code,), group in doubled.group_by(["uscc"], maintain_order=True):
        first, *others = group.sort("row").to_dicts()
        for other in others:
            extra.append(other["row"])
            differs = [labels[c] for c in content if other[c] is not None and other[c] != first[c]]
            said = f"{'、'.join(differs)}不同，以第 {first['row']} 行为准，第 {first['row']} 行空着的项用本行补上" if differs else "内容完全相同"
            findings.add(other["row"], "duplicate", check.head("uscc"), code, "same_uscc_differs" if differs else "same_row",
                         f"与第 {first['row']} 行是同一家企业，{said}，本行不另写入。")
    fill = [c for c in frame.columns if c not in {"row", "uscc", "state", "uscc_text", "valid"}]
    filled = doubled.sort("row").group_by("uscc").agg(pl.col("row").first(), *(pl.col(c).drop_nulls().first() for c in fill))
    merged = frame.join(filled.select("row", *fill), on="row", how="left", suffix="_filled")
    merged = merged.with_columns(pl.coalesce(c, f"{c}_filled").alias(c) for c in fill).select(frame.columns)
    return merged.with_columns(pl.when(pl.col("row").is_in(extra)).then(pl.lit("duplicate")).otherwise(pl.col("state")).alias("state"))


def _compare(frame: pl.DataFrame, known: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """Against the firms on file: new, changed or same. A division a person chose is not overruled by an address."""
    frame = frame.join(known, on="uscc", how="left")
    differs = pl.any_horizontal(pl.col(c).is_not_null() & pl.col(c).ne_missing(pl.col(f"was_{c}")) for c in COMPARED)
    trusted = pl.col("was_region_found").is_in(["declared", "manual"]) & (pl.col("region_found") != "import")
    moved = pl.col("id").is_not_null() & ~trusted & (pl.col("region_code") != pl.col("was_region_code")) & ~pl.col("region_guess")
    frame = frame.with_columns(moved.fill_null(value=False).alias("moved"))
    if check.access is not None:
        ids = [i for i, region, zone in frame.select("id", "was_region_code", "was_zone_code").rows() if i is not None and not check.access.covers(region, zone)]
        outside = pl.col("id").is_in(ids).fill_null(value=False)
        hit = frame.filter(outside & pl.col("state").is_null())
        findings.add_rows(hit.select("row", "name").rows(), "rejected", check.head("uscc"), "outside", "库中这家企业不在您的辖区内，不能由您修改。")
        frame = frame.with_columns(pl.when(outside & pl.col("state").is_null()).then(pl.lit("rejected")).otherwise(pl.col("state")).alias("state"))
    state = pl.when(pl.col("state").is_not_null()).then(pl.col("state")).when(pl.col("id").is_null()).then(pl.lit("new"))
    return frame.with_columns((differs | pl.col("moved")).alias("differs")).with_columns(
        state.when(pl.col("differs")).then(pl.lit("changed")).otherwise(pl.lit("same")).alias("state"))


def _homeless(frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """A new firm must lie somewhere; one on file keeps its division."""
    lost = (pl.col("state") == "new") & pl.col("region_code").is_null()
    findings.add_rows(frame.filter(lost).select("row", "address").rows(), "rejected", check.head("address") or check.head("region"), "region_unknown",
                      "看不出属地：请补“所属地区”列，或在导入设置里选定全部企业所在的县（市、区）。")
    return frame.with_columns(pl.when(lost).then(pl.lit("rejected")).otherwise(pl.col("state")).alias("state"))


def _new_contacts(session: Session, frame: pl.DataFrame) -> pl.DataFrame:
    """A firm that is the same but for a person or phone not yet on file is changed."""
    people = frame.filter(pl.col("state").eq("same") & (pl.col("contact").is_not_null() | pl.col("phone").is_not_null()))
    ids = people["id"].to_list()
    known: set[tuple[int, str, str]] = set()
    for i in range(0, len(ids), CHUNK):
        rows = session.execute(select(Contact.enterprise_id, Contact.name, Contact.phone).where(Contact.enterprise_id.in_(ids[i : i + CHUNK])))
        known |= {(firm, name, phone or "") for firm, name, phone in rows}
    added = [row for row, firm, name, phone in people.select("row", "id", "contact", "phone").rows() if (firm, *contact_key(name, phone)) not in known]
    return frame.with_columns(pl.when(pl.col("row").is_in(added)).then(pl.lit("changed")).otherwise(pl.col("state")).alias("state"))


def contact_key(name: str | None, phone: str | None) -> tuple[str, str]:
    """A person as stored: (name, phone or '')."""
    return name or "联系人", fold(phone or "")[: LENGTHS["phone"]]


def _same_names(session: Session, frame: pl.DataFrame, check: Check, findings: Findings) -> None:
    """One name under two codes, in the file or on file: somebody should look."""
    fresh = frame.filter(pl.col("state") == "new")
    inside = fresh.filter(pl.col("name").is_duplicated())
    head = check.head("name")
    findings.add_rows(inside.select("row", "name").rows(), "suspicious", head, "same_name", "文件里有同名企业，信用代码不同，请核对是否同一家。")
    found = firms_by(session, Enterprise.name, fresh["name"].to_list(), (Enterprise.name, Enterprise.uscc))
    others = pl.DataFrame(found, schema={"name": pl.String, "uscc": pl.String}).rename({"uscc": "other"}).unique("name")
    for row, name, code in fresh.join(others, on="name").select("row", "name", "other").rows():
        findings.add(row, "suspicious", head, name, "same_name_on_file", f"库中已有同名企业，信用代码是 {code}，请核对是否同一家。")
