"""What came of it: at the close of a year, whether each firm that was warned fell or crossed, and who did so unwarned.

A year is settled from the annual figures and the register in the first half of the next. Until one of them says so, an
outcome is "not yet known", never "no". Precision and recall count the known ones only, and say how many are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import case, func, select

from crm.alerts.models import LEVELS, Alert, AlertEvent, AlertOutcome
from crm.core.bulk import fetch_columns, upsert_rows
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.ladder.models import RegisterMembership
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access

FALLS, RISES = ("exit_risk", "newly_entered_at_risk"), ("near_threshold",)
RULES = (*FALLS, *RISES)
CLOSES = (6, 30)
"""Month and day of the next year until which a year's outcomes are still looked for; our default, not policy."""
_RANK = {level: rank for rank, level in enumerate(LEVELS)}


def year_to_close(on: date) -> int | None:
    """The year whose outcomes are being settled on a day: last year's, in the first half of this one."""
    return on.year - 1 if (on.month, on.day) <= CLOSES else None


def close_year(session: Session, seen: pl.DataFrame, year: int, at: datetime) -> int:
    """Write the outcomes of `year` for the firms of `seen` (`enterprise_id`, `line`, `last_year` = the year's figure, 元). Returns rows written."""
    stays = _stays(session, year)
    known = seen.select("enterprise_id", "line", figure="last_year").join(stays, on="enterprise_id", how="left")
    rows = [*_rows(_warned(session, year, FALLS), known, year, falls=True), *_rows(_warned(session, year, RISES), known, year, falls=False)]
    rows += _unwarned(known, rows, year)
    names = ("enterprise_id", "rule", "year", "warned_on", "level", "happened", "how", "happened_on", "figure", "line")
    return upsert_rows(session, AlertOutcome, ["enterprise_id", "rule", "year"], {**{name: [row[name] for row in rows] for name in names}, "recorded_at": [at] * len(rows)})


def _stays(session: Session, year: int) -> pl.DataFrame:
    """Whether a firm was in the register when the year began, when it left (by the middle of the next), when it entered."""
    model = RegisterMembership
    first, last = date(year, 1, 1), date(year + 1, *CLOSES)
    query = select(
        model.enterprise_id, func.max(case((model.entered_on <= date(year, 12, 31), 1), else_=0)).label("was_in"),
        func.max(case((model.exited_on.between(first, last), model.exited_on))).label("left_on"), func.min(case((model.entered_on.between(first, last), model.entered_on))).label("entered_on"),
        func.max(case((model.exited_on.is_(None), 1), else_=0)).label("still_in"),
    ).where((model.exited_on.is_(None)) | (model.exited_on >= first)).group_by(model.enterprise_id)
    columns = fetch_columns(session, query)
    for name in ("left_on", "entered_on"):
        columns[name] = [date.fromisoformat(day) if isinstance(day, str) else day for day in columns[name]]
    kinds = {"enterprise_id": pl.Int64, "was_in": pl.Int64, "left_on": pl.Date, "entered_on": pl.Date, "still_in": pl.Int64}
    return pl.DataFrame(columns, schema=kinds)


def _warned(session: Session, year: int, rules: tuple[str, ...]) -> pl.DataFrame:
    """Firms that had an alert of the year: rule, first day, the worst level it reached."""
    worst = func.min(case(_RANK, value=AlertEvent.level, else_=len(LEVELS))).label("rank")
    query = (
        select(Alert.enterprise_id, Alert.rule, func.min(Alert.raised_on).label("warned_on"), worst)
        .join(AlertEvent, AlertEvent.alert_id == Alert.id)
        .where(Alert.rule.in_(rules), Alert.raised_on.between(date(year, 1, 1), date(year, 12, 31)), AlertEvent.level.is_not(None))
        .where(Alert.subject == "register" if rules == RISES else Alert.subject == Alert.subject)
        .group_by(Alert.enterprise_id, Alert.rule)
    )
    columns = fetch_columns(session, query)
    columns["warned_on"] = [date.fromisoformat(day) if isinstance(day, str) else day for day in columns["warned_on"]]
    return pl.DataFrame(columns, schema={"enterprise_id": pl.Int64, "rule": pl.String, "warned_on": pl.Date, "rank": pl.Int64})


def _rows(warned: pl.DataFrame, known: pl.DataFrame, year: int, *, falls: bool) -> list[dict[str, Any]]:
    made = []
    for row in warned.join(known, on="enterprise_id").iter_rows(named=True):
        happened, how, when = _fell(row, row["warned_on"]) if falls else _rose(row)
        made.append({
            "enterprise_id": row["enterprise_id"], "rule": row["rule"], "year": year, "warned_on": row["warned_on"], "level": LEVELS[row["rank"]] if row["rank"] < len(LEVELS) else None,
            "happened": happened, "how": how, "happened_on": when, "figure": row["figure"], "line": row["line"],
        })
    return made


def _fell(row: dict[str, Any], warned_on: date | None) -> tuple[bool | None, str | None, date | None]:
    """Left the register, or ended the year below the line. A firm that left before it was warned was not warned of that."""
    if row["left_on"] is not None and (warned_on is None or row["left_on"] >= warned_on):
        return True, "left", row["left_on"]
    if row["figure"] is not None and row["line"] is not None:
        return (True, "below", None) if row["figure"] < row["line"] else (False, "kept", None)
    return None, None, None


def _rose(row: dict[str, Any]) -> tuple[bool | None, str | None, date | None]:
    """Entered the register, or ended the year at the line or above."""
    if row["entered_on"] is not None:
        return True, "entered", row["entered_on"]
    if row["figure"] is not None and row["line"] is not None:
        return (True, "reached", None) if row["figure"] >= row["line"] else (False, "stayed", None)
    return None, None, None


def _unwarned(known: pl.DataFrame, rows: list[dict[str, Any]], year: int) -> list[dict[str, Any]]:
    """Firms of the register that fell, and firms outside it that crossed, without a warning: what recall is counted against."""
    warned = {(row["enterprise_id"], row["rule"]) for row in rows}
    fell = known.filter((pl.col("was_in") == 1) & (pl.col("left_on").is_not_null() | (pl.col("figure") < pl.col("line"))))
    rose = known.filter((pl.col("was_in").fill_null(0) == 0) & (pl.col("entered_on").is_not_null() | (pl.col("figure") >= pl.col("line"))))
    found = []
    for frame, rule, judge in ((fell, "exit_risk", lambda row: _fell(row, None)), (rose, "near_threshold", _rose)):
        for row in frame.iter_rows(named=True):
            if (row["enterprise_id"], rule) not in warned:
                happened, how, when = judge(row)
                found.append({
                    "enterprise_id": row["enterprise_id"], "rule": rule, "year": year, "warned_on": None, "level": None, "happened": happened, "how": how,
                    "happened_on": when, "figure": row["figure"], "line": row["line"],
                })
    return found


@dataclass(frozen=True, slots=True)
class Effect:
    """How a rule did in a year. `levels`: the worst level reached -> (warned, happened, did not, not yet known)."""

    rule: str
    year: int
    warned: int
    hit: int  # warned, and it happened
    false: int  # warned, and it did not
    unknown: int  # warned, not yet known
    missed: int  # happened unwarned
    lead_days: int | None  # median days from the warning to the exit, where there was one
    levels: dict[str, tuple[int, int, int, int]]

    @property
    def precision(self) -> float | None:
        """Of the warnings whose outcome is known, the share that came true."""
        return self.hit / (self.hit + self.false) if self.hit + self.false else None

    @property
    def recall(self) -> float | None:
        """Of what happened, the share that had been warned of."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else None


def effects(session: Session, access: Access, *, region: str | None = None) -> list[Effect]:
    """Per rule and year, the newest first, over the jurisdiction."""
    known = case((AlertOutcome.happened.is_(None), "unknown"), (AlertOutcome.happened.is_(True), "yes"), else_="no")
    where = [visible(access)]
    if region:
        low, high = prefix_range(region)
        where += [Enterprise.region_code >= low, Enterprise.region_code < high]
    base = (
        select(AlertOutcome.rule, AlertOutcome.year, AlertOutcome.level, AlertOutcome.warned_on.is_not(None).label("warned"), known.label("known"), func.count())
        .join(Enterprise, Enterprise.id == AlertOutcome.enterprise_id)
        .where(*where)
    )
    counts: dict[tuple[str, int], dict[tuple[str | None, bool, str], int]] = {}
    for rule, year, level, warned, what, number in session.execute(base.group_by(AlertOutcome.rule, AlertOutcome.year, AlertOutcome.level, AlertOutcome.warned_on.is_not(None), known)):
        counts.setdefault((rule, year), {})[level, bool(warned), what] = number
    leads = _leads(session, where)
    return [_effect(rule, year, found, leads.get((rule, year))) for (rule, year), found in sorted(counts.items(), key=lambda item: (-item[0][1], RULES.index(item[0][0]) if item[0][0] in RULES else 9))]


def _effect(rule: str, year: int, found: dict[tuple[str | None, bool, str], int], lead: int | None) -> Effect:
    def total(what: str, *, warned: bool, level: str | None = None) -> int:
        return sum(n for (own, was, known), n in found.items() if was is warned and known == what and level in (None, own))

    hit, false, unknown = (total(what, warned=True) for what in ("yes", "no", "unknown"))
    levels = {}
    for level in LEVELS:
        parts = tuple(total(what, warned=True, level=level) for what in ("yes", "no", "unknown"))
        if sum(parts):
            levels[level] = (sum(parts), *parts)
    return Effect(rule, year, hit + false + unknown, hit, false, unknown, total("yes", warned=False), lead, levels)  # type: ignore[arg-type]  # three counts behind their sum


def _leads(session: Session, where: list[Any]) -> dict[tuple[str, int], int]:
    """Median days between warning and exit."""
    query = select(AlertOutcome.rule, AlertOutcome.year, AlertOutcome.warned_on, AlertOutcome.happened_on).join(Enterprise, Enterprise.id == AlertOutcome.enterprise_id)
    days: dict[tuple[str, int], list[int]] = {}
    for rule, year, first, then in session.execute(query.where(AlertOutcome.warned_on.is_not(None), AlertOutcome.happened_on.is_not(None), *where)):
        if first is not None and then is not None:
            days.setdefault((rule, year), []).append((then - first).days)
    return {key: sorted(found)[len(found) // 2] for key, found in days.items()}
