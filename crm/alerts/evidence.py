"""What an alert rests on, as kept with it and as told: figures with period, source, rule version, and a headline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from crm.alerts import titles
from crm.alerts.forecasting.outlook import METHODS
from crm.alerts.inputs import STOPS
from crm.core.money import human
from crm.criteria.schema import BASIS_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crm.criteria.packs import Pack
    from crm.criteria.schema import AlertRule

STOP_WORDS = dict(zip(STOPS, ("停产", "歇业", "注销或吊销", "列入经营异常名录"), strict=True))
CHANGES = {
    "ytd_yoy": ("累计", "ytd", "ytd_prior"), "electricity_yoy": ("用电", "electricity", "electricity_before"),
    "insured_yoy": ("参保人数", "insured", "insured_before"),
}
"""Comparison -> what it is called, this year's figure, last year's."""
FIGURES = ("line", "ytd", "ytd_prior", "last_year", "projected", "projected_low", "projected_high", "months_missing", "months_without_power", "electricity", "electricity_before")


def evidence(row: Mapping[str, Any], pack: Pack, on: date) -> dict[str, Any]:
    """Plain data for the alert's page and the answer of `evaluate`; money in 元, shares 0–1, missing figures left out."""
    rule = pack.alerts[row["rule"]]
    if row.get("titles"):
        return _of_titles(row, pack, rule, on)
    month = row["ytd_month"]
    found: dict[str, Any] = {name: row[name] for name in FIGURES if row.get(name) is not None}
    found |= {
        "as_of": on.isoformat(), "pack": pack.id, "pack_hash": pack.hash, "reason": row["text"],
        "basis": rule.basis, "basis_label": BASIS_LABELS.get(rule.basis or "", ""), "rule_label": rule.label,
    }
    if month:
        found |= {"data_to": f"{on.year}-{month:02d}", "months": month, "method": row["method"], "method_label": METHODS[row["method"]]}
        if row["share"] is not None:
            found["share_of_year"] = round(row["share"], 4)
        if row["line"] and month < 12:
            found["needed_per_month"] = max(0, -(-(row["line"] - row["ytd"]) // (12 - month)))
    if row["ytd"] is not None and row["ytd_prior"]:
        found["ytd_change"] = round(row["ytd"] / row["ytd_prior"] - 1, 4)
    if row.get("probability") is not None:
        found["probability"] = row["probability"]
    if row["stopped_by"]:
        found |= {"stopped_by": row["stopped_by"], "stopped_on": row["stopped_on"].isoformat()}
    return found


def _of_titles(row: Mapping[str, Any], pack: Pack, rule: AlertRule, on: date) -> dict[str, Any]:
    told = orjson.loads(row["titles"])
    return {
        "titles": told[:titles.SHOWN], "titles_more": max(0, len(told) - titles.SHOWN), "as_of": on.isoformat(), "pack": pack.id, "pack_hash": pack.hash, "reason": row["text"],
        "basis": rule.basis, "basis_label": BASIS_LABELS.get(rule.basis or "", ""), "rule_label": rule.label,
    }


def headline(row: Mapping[str, Any]) -> str:
    """One line for lists: what is wrong, with its figure."""
    if row.get("titles"):
        return titles.headline(row["titles"])
    if str(row["subject"]).startswith("revenue.") and row["line"] is not None:
        return _line_ahead(row)
    if row["rule"] == "exit_risk":
        if row["stopped_by"]:
            return f"{STOP_WORDS.get(row['stopped_by'], '停产')}（{row['stopped_on'].isoformat()}）"
        if row["level"] == "grey":
            return "本年没有数据，无法判断"
        if row["months_missing"] and row["months_missing"] > 1:
            return f"连续 {row['months_missing']} 个月未报"
        if row["months_without_power"] and row["months_without_power"] > 1:
            return f"连续 {row['months_without_power']} 个月零用电"
    expected = f"，全年预计 {human(row['projected'])}" if row["projected"] is not None else ""
    if change := _change(row):
        return change + expected
    if row["projected"] is None or row["line"] is None:
        return row["text"] or "临近阈值"
    gap = row["projected"] - row["line"]
    side = f"高出起点 {human(gap)}" if gap >= 0 else f"低于起点 {human(-gap)}"
    return f"全年预计 {human(row['projected'])}，{side}"


def _line_ahead(row: Mapping[str, Any]) -> str:
    """'有望首次越过 1 亿元，可能 73%，全年预计 1.08 亿元'."""
    first, line = "首次" if row["rule"] == "first_crossing" else "", human(row["line"])
    if row["ytd"] is not None and row["ytd"] >= row["line"]:
        return f"本年累计 {human(row['ytd'])}，已{first}越过 {line}"
    return f"有望{first}越过 {line}（可能 {1 - row['probability']:.0%}），全年预计 {human(row['projected'])}"


def _change(row: Mapping[str, Any]) -> str | None:
    """'累计同比 −21.3%' where a comparison with a year before gave the level."""
    if row["by"] is None:
        return None
    label, now, before = CHANGES[row["by"]]
    return f"{label}同比 {row[now] / row[before] - 1:+.1%}".replace("-", "−") if row[now] is not None and row[before] else None


def answer(row: Mapping[str, Any], pack: Pack, on: date) -> dict[str, Any]:
    """An alert in the answer of `run.py evaluate`."""
    kept = evidence(row, pack, on)
    forecast = None
    if row.get("projected") is not None:
        forecast = {"low": row["projected_low"], "mid": row["projected"], "high": row["projected_high"], "method": row["method"]}
    return {
        "rule": row["rule"], "subject": row["subject"], "level": row["level"], "headline": headline(row), "reason": row["text"], "forecast": forecast,
        "probability": row["probability"], "basis": kept["basis_label"],
        "evidence": {k: kept[k] for k in ("data_to", "months", "share_of_year", "needed_per_month", "ytd_change", "months_missing", "months_without_power", "stopped_by", "titles", "titles_more") if k in kept},
    }
