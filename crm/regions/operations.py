"""Load the reference tables: divisions, zones, industries. Idempotent; only differences are written."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.config import ROOT
from crm.core.bulk import upsert_rows
from crm.regions.models import Industry, Region, Zone

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

SEEDS = ROOT / "seeds"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows written (new or corrected) per table; all zero on the second load."""

    regions: int
    zones: int
    industries: int


def load_reference(session: Session, folder: Path = SEEDS) -> Loaded:
    """Bring divisions, zones and industries up to the tables in `folder`. Rows a bureau added itself are kept."""
    return Loaded(
        _sync(session, Region, division_rows(folder)),
        _sync(session, Zone, zone_rows(folder), keep=True),
        _sync(session, Industry, industry_rows(folder)),
    )


def division_rows(folder: Path = SEEDS) -> list[dict[str, Any]]:
    """Every division, parents before children."""
    rows = {r["code"]: _division(r["code"], r["name"], "province", None) for r in _read(folder / "gb2260_province.csv")}
    for r in _read(folder / "gb2260_city.csv"):
        rows[r["code"]] = _division(r["code"], r["name"].split("-")[-1], "city", r["code"][:2] + "0000", virtual=r["code"][2:4] == "90")
    for r in _read(folder / "gb2260_area.csv"):
        city = r["code"][:4] + "00"
        rows[r["code"]] = _division(r["code"], r["name"], "county", city if city in rows else r["code"][:2] + "0000")
    for r in _read(folder / "divisions_supplement.csv"):
        row = _division(r["code"], r["name"], r["level"], r["parent"], virtual=r["is_virtual"] == "1")
        row["valid_from"], row["valid_to"] = _day(r["valid_from"]), _day(r["valid_to"])
        row["successor_code"] = r["successor"] or None
        rows[r["code"]] = row
    for r in _read(folder / "streets_tz_qz_wz.csv"):
        rows[r["code"]] = _division(r["code"], r["name"], "town", r["areaCode"], virtual=r["code"][6] == "4")
    return list(rows.values())


def zone_rows(folder: Path = SEEDS) -> list[dict[str, Any]]:
    """Functional zones with our codes. A zone a bureau renamed keeps its name."""
    return [{"code": r["code"], "name": r["name"], "parent_code": r["parent"]} for r in _read(folder / "zones.csv")]


def industry_rows(folder: Path = SEEDS) -> list[dict[str, Any]]:
    """Every node of GB/T 4754-2017; the parent is the code one digit shorter, a division's is its section."""
    rows, section = [], ""
    for r in _read(folder / "gbt4754_2017.csv"):
        code = r["code"]
        section = code if code.isalpha() else r["section"] or section
        parent = None if code.isalpha() else section if len(code) == 2 else code[:-1]
        rows.append({"code": code, "name": r["name"], "level": len(code), "parent_code": parent, "section": section})
    return rows


def _division(code: str, name: str, level: str, parent: str | None, *, virtual: bool = False) -> dict[str, Any]:
    return {
        "code": code, "name": name, "level": level, "parent_code": parent,
        "valid_from": None, "valid_to": None, "successor_code": None, "is_virtual": virtual,
    }


def _sync(session: Session, model: Any, rows: list[dict[str, Any]], *, keep: bool = False) -> int:
    names = list(rows[0])
    known = {row[0]: tuple(row) for row in session.execute(select(*(getattr(model, name) for name in names)))}
    changed = [row for row in rows if (row["code"] not in known if keep else known.get(row["code"]) != tuple(row.values()))]
    return upsert_rows(session, model, ["code"], {name: [row[name] for row in changed] for name in names}) if changed else 0


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
