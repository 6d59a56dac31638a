"""Where the firms of a file lie: the declared division, the address, or what was set for the whole file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from crm.imports.reading.cells import FULL, HALF
from crm.regions.gazetteer import NOISE, load_gazetteer
from crm.regions.scope import covers

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Check, Findings
    from crm.regions.gazetteer import Gazetteer


def with_places(session: Session, frame: pl.DataFrame, check: Check, findings: Findings) -> pl.DataFrame:
    """Add region_code, region_found (address | import | unknown), region_guess (only the file's own hint), zone_code, allowed."""
    gazetteer = load_gazetteer(session)
    declared = {text: gazetteer.by_name(text, check.mapping.region) for text in frame["region"].drop_nulls().unique()}
    lost = frame.filter(pl.col("region").is_in([text for text, code in declared.items() if code is None]) & pl.col("state").is_null())
    findings.add_rows(lost.select("row", "region").rows(), "suspicious", check.head("region"), "region_unreadable", "不认识这个地区，改从地址判断。")
    bare = pl.col("address").fill_null("").str.replace_many(list(FULL), list(HALF)).str.replace_all(NOISE.pattern, "")
    frame = frame.with_columns(bare.alias("bare"))
    rows = frame.select("row", "region", "address", "state").rows()
    whole = check.mapping.region
    relate: Relate = {}
    answers = [_place(gazetteer, declared.get(region) if region else None, text, whole, relate) for region, text in frame.select("region", "bare").rows()]
    for (row, region, address, state), (_, found, _, conflict) in zip(rows, answers, strict=True):
        if state is None and conflict:
            findings.add(row, "suspicious", check.head("address"), address, "region_conflict", f"地址不在“{region}”，按“{region}”归属，请核对。")
        elif state is None and found == "import" and region and address and len(declared[region] or "") == 6 and (declared[region] or "").endswith("00"):
            findings.add(row, "suspicious", check.head("address"), address, "region_city_only", "地址看不出县（市、区），暂归到市一级，请补充。")
    frame = frame.with_columns(
        pl.Series("region_code", [a[0] for a in answers], dtype=pl.String), pl.Series("region_found", [a[1] for a in answers], dtype=pl.String),
        pl.Series("region_guess", [a[2] for a in answers], dtype=pl.Boolean), _zones(gazetteer),
    ).drop("bare")
    return frame.with_columns(_allowed(frame, check))


Relate = dict[tuple[str, str], tuple[bool, bool]]


def _place(gazetteer: Gazetteer, declared: str | None, bare: str, whole: str | None, relate: Relate) -> tuple[str | None, str, bool, bool]:
    """(division, how found, only the file's hint, address contradicts the declaration). `relate` remembers what lies in what."""
    hint = declared or whole
    code = gazetteer.locate_bare(bare, hint).code
    if code is None:
        return hint, "import" if hint else "unknown", declared is None, False
    if hint is None:
        return code, "address", False, False
    known = relate.get((hint, code))
    if known is None:
        known = relate[hint, code] = covers([hint], code), covers([code], hint)
    inside, above = known
    if inside:
        return code, "address", False, False
    if above:
        return hint, "import", declared is None, False
    return (declared, "import", False, True) if declared else (code, "address", False, False)


def _zones(gazetteer: Gazetteer) -> pl.Expr:
    """The zone whose name stands in the zone column or the address."""
    text = pl.concat_str(pl.col("zone").fill_null(""), pl.col("bare"))
    names = gazetteer.zones
    found = text.str.extract("(" + "|".join(re.escape(name) for name, _ in names) + ")", 1) if names else pl.lit(None, dtype=pl.String)
    return found.replace_strict(dict(names), default=None, return_dtype=pl.String).alias("zone_code")


def _allowed(frame: pl.DataFrame, check: Check) -> pl.Series:
    if check.access is None:
        return pl.Series("allowed", [True] * frame.height)
    pairs = frame.select("region_code", "zone_code")
    verdicts = {pair: pair[0] is None or check.access.covers(*pair) for pair in pairs.unique().rows()}
    return pl.Series("allowed", [verdicts[pair] for pair in pairs.rows()])
