"""The night's comparison of what the rules find with the alerts that stand: raise, worsen, ease, wake, settle. Idempotent by day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from crm.alerts.evidence import evidence, headline
from crm.alerts.models import LEVELS, Alert, AlertEvent
from crm.alerts.rules import raised
from crm.core.bulk import insert_rows
from crm.ladder.models import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    import polars as pl
    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack

RANK = {level: rank for rank, level in enumerate(LEVELS)}
"""0 = worst. Grey ranks last: not knowing is no improvement, but no danger found either."""
GONE = "条件已消除"
_FEW = 500
Key = tuple[int, str, str]


@dataclass(slots=True)
class Changes:
    """How many alerts the night changed in which way."""

    raised: int = 0
    worsened: int = 0
    eased: int = 0
    reopened: int = 0
    resolved: int = 0
    same: int = 0

    def as_dict(self) -> dict[str, int]:
        """For the run's row."""
        return asdict(self)


class Night:
    """One comparison for one set of firms (None: all). Alerts are changed in bulk, every change leaves an event."""

    def __init__(self, session: Session, pack: Pack, on: date, at: datetime) -> None:
        self._session, self._pack, self._on, self._at = session, pack, on, at
        self._events: list[tuple[int, str, str, dict[str, Any] | None]] = []
        self.changes = Changes()

    def compare(self, assessed: pl.DataFrame, firms: Iterable[int]) -> Changes:
        """Bring the alerts of `firms` to what `assessed` says. Other firms' alerts are left alone."""
        found = {(row["enterprise_id"], row["rule"], row["subject"]): row for row in raised(assessed).iter_rows(named=True)}
        standing, watched = self._standing(set(firms))
        new: list[Mapping[str, Any]] = []
        for key, row in found.items():
            if alert := standing.pop(key, None):
                self._update(alert, row)
            elif (old := watched.pop(key, None)) is None:
                new.append(row)
            elif RANK[row["level"]] < RANK[old.level]:
                self._reopen(old, row)
            else:
                old.seen_on = self._on
        for alert in standing.values():
            self._settle(alert)
        for old in watched.values():
            old.is_watched = False
        self._session.flush()
        self._raise(new)
        self._write_events()
        return self.changes

    def _standing(self, firms: set[int]) -> tuple[dict[Key, Alert], dict[Key, Alert]]:
        """Alerts that stand, and those a person settled while their condition held."""
        query = select(Alert).where((Alert.state != "resolved") | Alert.is_watched)
        standing: dict[Key, Alert] = {}
        watched: dict[Key, Alert] = {}
        for alert in self._session.scalars(query):
            if alert.enterprise_id in firms:
                (watched if alert.state == "resolved" else standing)[alert.enterprise_id, alert.rule, alert.subject] = alert
        return standing, watched

    def _update(self, alert: Alert, row: Mapping[str, Any]) -> None:
        worse, changed = RANK[row["level"]] < RANK[alert.level], row["level"] != alert.level
        woken = alert.state == "snoozed" and alert.snoozed_until is not None and alert.snoozed_until <= self._on
        if changed:
            self._events.append((alert.id, "worsened" if worse else "eased", row["level"], {"before": alert.level}))
            self.changes.worsened += worse
            self.changes.eased += not worse
        if (worse and alert.state != "open") or woken:
            alert.state, alert.snoozed_until = "open", None
            self._events.append((alert.id, "reopened", row["level"], {"why": "worsened" if worse else "snooze_over"}))
            self.changes.reopened += 1
        self.changes.same += not changed
        self._refresh(alert, row, changed=changed)

    def _refresh(self, alert: Alert, row: Mapping[str, Any], *, changed: bool) -> None:
        """Figures of the day; an alert that is told the same as before is only seen again."""
        alert.seen_on = self._on
        told = headline(row)
        if changed or told != alert.headline or alert.pack_hash != self._pack.hash:
            before = {k: alert.evidence.get(k) for k in ("projected", "data_to", "probability")}
            alert.level, alert.headline, alert.pack_hash = row["level"], told, self._pack.hash
            alert.evidence = evidence(row, self._pack, self._on) | {"before": before | {"as_of": alert.evidence.get("as_of")}}

    def _reopen(self, alert: Alert, row: Mapping[str, Any]) -> None:
        self._events.append((alert.id, "reopened", row["level"], {"why": "worsened", "before": alert.level}))
        alert.state, alert.resolved_at, alert.resolution, alert.is_watched = "open", None, None, False
        self.changes.reopened += 1
        self._refresh(alert, row, changed=True)

    def _settle(self, alert: Alert) -> None:
        alert.state, alert.resolved_at, alert.resolution, alert.snoozed_until = "resolved", self._at, GONE, None
        self._events.append((alert.id, "resolved", alert.level, {"why": "gone"}))
        self.changes.resolved += 1

    def _raise(self, rows: list[Mapping[str, Any]]) -> None:
        self.changes.raised = len(rows)
        if not rows:
            return
        last = self._session.scalar(select(func.max(Alert.id))) or 0
        insert_rows(self._session, Alert, {
            "enterprise_id": [row["enterprise_id"] for row in rows], "rule": [row["rule"] for row in rows], "subject": [row["subject"] for row in rows],
            "level": [row["level"] for row in rows], "state": ["open"] * len(rows), "headline": [headline(row) for row in rows],
            "evidence": [evidence(row, self._pack, self._on) for row in rows], "pack_hash": [self._pack.hash] * len(rows),
            "raised_on": [self._on] * len(rows), "seen_on": [self._on] * len(rows), "is_watched": [False] * len(rows),
        })
        self._events += [(key, "raised", level, None) for key, level in self._session.execute(select(Alert.id, Alert.level).where(Alert.id > last))]

    def _write_events(self) -> None:
        insert_rows(self._session, AlertEvent, {
            "alert_id": [e[0] for e in self._events], "kind": [e[1] for e in self._events], "level": [e[2] for e in self._events],
            "detail": [e[3] for e in self._events], "at": [self._at] * len(self._events),
        })


def show_levels(session: Session, firms: list[int] | None = None) -> None:
    """Write each firm's worst standing alert into its standing row, for lists and boards."""
    worst: dict[int, str] = {}
    for firm, level in session.execute(select(Alert.enterprise_id, Alert.level).where(Alert.state != "resolved", Alert.rule == "exit_risk")):
        if firm not in worst or RANK[level] < RANK[worst[firm]]:
            worst[firm] = level
    shown = {firm: level for firm, level in session.execute(select(Standing.enterprise_id, Standing.alert_level).where(Standing.alert_level.is_not(None)))}
    among = None if firms is None else set(firms)
    changes = [(firm, worst.get(firm)) for firm in worst.keys() | shown.keys() if worst.get(firm) != shown.get(firm) and (among is None or firm in among)]
    for level in {level for _, level in changes}:
        ids = [firm for firm, new in changes if new == level]
        for start in range(0, len(ids), _FEW):
            session.execute(update(Standing).where(Standing.enterprise_id.in_(ids[start : start + _FEW])).values(alert_level=level))


__all__ = ["GONE", "RANK", "Changes", "Night", "show_levels"]
