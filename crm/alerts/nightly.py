"""The night's comparison of what the rules find with the alerts that stand: raise, worsen, ease, wake, settle. Idempotent by day.

Worse is believed at once; better only when it has held for the rule's `hold` days, so that levels do not flicker. Days are
compared by "at least", never "exactly": a night that did not run loses nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from crm.alerts.models import CLOSED, LEVELS, LIVE, Alert, AlertEvent, AlertMute
from crm.alerts.rules import raised
from crm.alerts.settings import whole
from crm.alerts.telling import evidence, headline
from crm.alerts.watches import RULES as WATCHES
from crm.core.bulk import insert_rows
from crm.ladder.models import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import polars as pl
    from sqlalchemy.orm import Session

    from crm.alerts.watches import Watched
    from crm.criteria.packs import Pack

RANK = {level: rank for rank, level in enumerate(LEVELS)}
"""0 = worst. Grey ranks last: not knowing is no improvement, but no danger found either."""
GONE, EXPIRED = "条件已消除", "期限已过"
_FEW, _MANY = 500, 5_000
Key = tuple[int, str, str]
TOLD = ("red", "orange", "yellow", "grey")
"""Levels that can begin an alert. A better one may still keep an alert that stands (`kept`)."""


def kept(row: Mapping[str, Any], level: str) -> Mapping[str, Any]:
    """What is found of a firm, given the level its alert is at: between the level its figures enter and the one they let it stay at, nothing changes.

    Within the band the alert keeps its level; above it rises to `level`, below it falls to `stay_level`.
    """
    stay = row.get("stay_level")
    if stay is None or stay == row["level"] or (RANK[level] <= RANK[stay] and row["level"] == "grey"):
        return row
    if RANK[stay] <= RANK[level] <= RANK[row["level"]]:
        text = row["stay_text"] if level == stay else row["text"]
        return {**row, "level": level, "text": text or row["text"]}
    return {**row, "level": stay, "text": row["stay_text"]} if RANK[level] < RANK[stay] else row


@dataclass(slots=True)
class Changes:
    """How many alerts the night changed in which way."""

    raised: int = 0
    worsened: int = 0
    eased: int = 0
    reopened: int = 0
    resolved: int = 0
    expired: int = 0
    same: int = 0

    def as_dict(self) -> dict[str, int]:
        """For the run's row."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Loud:
    """An alert that somebody should hear of: raised, worsened or awake again tonight, and not muted."""

    alert_id: int
    why: str  # raised | worsened | snooze_over | mute_over


class Night:
    """One comparison for one set of firms. Alerts are changed in bulk, every change leaves an event."""

    def __init__(self, session: Session, pack: Pack, on: date, at: datetime) -> None:
        self._session, self._pack, self._on, self._at = session, pack, on, at
        self._events: list[tuple[int, str, str, str, dict[str, Any] | None]] = []
        self.changes = Changes()
        self.loud: list[Loud] = []

    def compare(self, assessed: pl.DataFrame, firms: Iterable[int], watched: Sequence[Watched] = ()) -> Changes:
        """Bring the alerts of `firms` to what is found. `assessed`: rows of crm.alerts.rules; `watched`: of crm.alerts.watches.

        Other firms' alerts are left alone, and so are the watched rules that were not asked tonight.
        """
        found = {(row["enterprise_id"], row["rule"], row["subject"]): row for row in raised(assessed).iter_rows(named=True)}
        for one in watched:
            found |= {(row["enterprise_id"], one.rule, row["subject"]): row for row in one.rows()}
        asked = {one.rule: one.firms for one in watched}
        mutes = self._mutes()
        new: list[tuple[Mapping[str, Any], AlertMute | None]] = []
        standing, settled = self._standing(set(firms), asked, found)
        found = {key: row for key, row in found.items() if row["level"] in TOLD}
        for key, row in found.items():
            if alert := standing.pop(key, None):
                if isinstance(alert, Alert):
                    self._update(alert, row)
            elif (old := settled.pop(key, None)) is None:
                new.append((row, mutes.get(key)))
            elif RANK[row["level"]] < RANK[old.level]:
                self._reopen(old, row, mutes.get(key))
            else:
                old.seen_on = self._on
        for alert in standing.values():
            self._settle(alert)  # type: ignore[arg-type]  # what was not found is always loaded
        for old in settled.values():
            old.is_watched = False
        self._session.flush()
        self._raise(new)
        self._write_events()
        return self.changes

    def _standing(self, firms: set[int], asked: Mapping[str, set[int] | None], found: dict[Key, Mapping[str, Any]]) -> tuple[dict[Key, Alert | int], dict[Key, Alert]]:
        """Alerts that stand, and those a person settled while their condition held; of the rules asked tonight.

        An alert about which nothing is new is only marked as seen and stands here as its number: most nights that is nearly all.
        """
        names = (Alert.id, Alert.enterprise_id, Alert.rule, Alert.subject, Alert.level, Alert.state, Alert.headline, Alert.pack_hash, Alert.snoozed_until, Alert.easing_level, Alert.expires_on)
        quiet: dict[Key, Alert | int] = {}
        stirred: list[int] = []
        theirs = Alert.enterprise_id.between(min(firms, default=0), max(firms, default=0))  # a chunk of everybody need not look at all others' alerts
        for row in self._session.execute(select(*names).where(Alert.state.in_(LIVE) | Alert.is_watched, theirs)):
            if row.enterprise_id not in firms or (row.rule in WATCHES and row.rule not in asked):
                continue
            among = asked.get(row.rule)
            if among is not None and row.enterprise_id not in among:
                continue
            key = (row.enterprise_id, row.rule, row.subject)
            if (new := found.get(key)) is not None:
                found[key] = new = kept(new, row.level)
                if new["level"] not in TOLD:
                    new = None
                    del found[key]
            if row.state not in CLOSED and self._is_quiet(row, new):
                quiet[key] = row.id
            else:
                stirred.append(row.id)
        self._seen([number for number in quiet.values() if isinstance(number, int)])
        settled: dict[Key, Alert] = {}
        standing = quiet
        for alert in self._load(stirred):
            key = (alert.enterprise_id, alert.rule, alert.subject)
            if alert.state in CLOSED:
                settled[key] = alert
            else:
                standing[key] = alert
        return standing, settled

    def _is_quiet(self, alert: Any, row: Mapping[str, Any] | None) -> bool:
        """Whether tonight says the same of an alert as it says itself."""
        if row is None or row["level"] != alert.level or alert.easing_level or alert.pack_hash != self._pack.hash or alert.state == "muted":
            return False
        awake = alert.snoozed_until is not None and alert.snoozed_until <= self._on
        over = alert.expires_on is not None and alert.expires_on < self._on
        return not awake and not over and headline(row)[:200] == alert.headline

    def _seen(self, ids: list[int]) -> None:
        self.changes.same += len(ids)
        for start in range(0, len(ids), _MANY):
            part = Alert.id.in_(ids[start : start + _MANY])
            self._session.execute(update(Alert).where(part, Alert.seen_on != self._on).values(seen_on=self._on).execution_options(synchronize_session=False))

    def _load(self, ids: list[int]) -> Iterator[Alert]:
        for start in range(0, len(ids), _MANY):
            yield from self._session.scalars(select(Alert).where(Alert.id.in_(ids[start : start + _MANY])).execution_options(populate_existing=True))

    def _mutes(self) -> dict[Key, AlertMute]:
        """What nobody wants to hear of today. Those that are over are ended."""
        live: dict[Key, AlertMute] = {}
        for mute in self._session.scalars(select(AlertMute).where(AlertMute.ended_at.is_(None))):
            if mute.until <= self._on:
                mute.ended_at = self._at
            else:
                live[mute.enterprise_id, mute.rule, mute.subject] = mute
        return live

    def _update(self, alert: Alert, row: Mapping[str, Any]) -> None:
        level, before = row["level"], alert.level
        worse, better = RANK[level] < RANK[before], RANK[level] > RANK[before]
        held = better and self._held(alert, level)
        why = self._awake(alert) or ("worsened" if worse and alert.state not in ("open", "muted") else None)
        if not better:
            alert.easing_level = alert.easing_since = None
        if why:
            alert.state, alert.snoozed_until, alert.muted_until, alert.waiting_since = "open", None, None, self._on
            self.changes.reopened += 1
        if worse or held:
            alert.level = level
            alert.easing_level = alert.easing_since = None
            self._event(alert, "worsened" if worse else "eased", {"before": before})
            self.changes.worsened += worse
            self.changes.eased += held
        if why:
            self._event(alert, "reopened", {"why": why})
        if (why or worse) and alert.state != "muted":
            self.loud.append(Loud(alert.id, why or "worsened"))
        self.changes.same += not (worse or held)
        alert.version += bool(worse or held or why)
        self._refresh(alert, row, changed=worse or held)

    def _awake(self, alert: Alert) -> str | None:
        """Why an alert that was put aside is back on the table today, if it is."""
        if alert.state == "snoozed" and alert.snoozed_until is not None and alert.snoozed_until <= self._on:
            return "snooze_over"
        if alert.state == "muted" and (alert.muted_until is None or alert.muted_until <= self._on):
            return "mute_over"
        return None

    def _held(self, alert: Alert, level: str) -> bool:
        """Whether it has been better for long enough. A level between counts as better; the wait goes on from its first day."""
        alert.easing_level = level
        alert.easing_since = alert.easing_since or self._on
        return (self._on - alert.easing_since).days >= self._hold(alert.rule)

    def _hold(self, rule: str) -> int:
        return whole(self._pack.alerts.get(rule), "hold", 0)

    def _refresh(self, alert: Alert, row: Mapping[str, Any], *, changed: bool) -> None:
        """Figures of the day; an alert that is told the same as before is only seen again."""
        alert.seen_on = self._on
        alert.expires_on = row.get("expires_on") or self._year_end(alert.rule)
        told = headline(row)[:200]
        if changed or told != alert.headline or alert.pack_hash != self._pack.hash:
            before = {name: alert.evidence.get(name) for name in ("projected", "data_to", "probability", "as_of", "ytd", "pack_hash")}
            alert.headline, alert.pack_hash = told, self._pack.hash
            alert.evidence = evidence(row, self._pack, self._on) | {"before": before | {"headline": alert.evidence.get("told")}, "told": told, "first": alert.evidence.get("first") or before}

    def _year_end(self, rule: str) -> date | None:
        """A year's forecast says nothing any more when the year is over."""
        return self._on.replace(month=12, day=31) if rule in ("exit_risk", "newly_entered_at_risk", "first_crossing") else None

    def _reopen(self, alert: Alert, row: Mapping[str, Any], mute: AlertMute | None) -> None:
        before = alert.level
        alert.state, alert.muted_until = ("open", None) if mute is None else ("muted", mute.until)
        alert.resolved_at, alert.resolution, alert.is_watched = None, None, False
        alert.level, alert.waiting_since, alert.escalation = row["level"], self._on, 0
        alert.easing_level = alert.easing_since = None
        alert.version += 1
        self._event(alert, "reopened", {"why": "worsened", "before": before})
        if mute is None:
            self.loud.append(Loud(alert.id, "worsened"))
        self.changes.reopened += 1
        self._refresh(alert, row, changed=True)

    def _settle(self, alert: Alert) -> None:
        """Its ground is gone: settled after the rule's hold days, or run out when its time was over."""
        over = alert.expires_on is not None and self._on > alert.expires_on
        if not over and not self._held(alert, "gone"):
            if why := self._awake(alert):
                alert.state, alert.snoozed_until, alert.muted_until, alert.waiting_since = "open", None, None, self._on
                alert.version += 1
                self._event(alert, "reopened", {"why": why})
                self.changes.reopened += 1
            return
        alert.state, alert.resolution = ("expired", EXPIRED) if over else ("resolved", GONE)
        alert.resolved_at, alert.snoozed_until, alert.muted_until = self._at, None, None
        alert.easing_level = alert.easing_since = None
        alert.version += 1
        self._event(alert, alert.state, {"why": "over" if over else "gone"})
        self.changes.expired += over
        self.changes.resolved += not over

    def _raise(self, new: list[tuple[Mapping[str, Any], AlertMute | None]]) -> None:
        self.changes.raised = len(new)
        if not new:
            return
        last = self._session.scalar(select(func.max(Alert.id))) or 0
        rows, size = [row for row, _ in new], len(new)
        told = [headline(row)[:200] for row in rows]
        insert_rows(self._session, Alert, {
            "enterprise_id": [row["enterprise_id"] for row in rows], "rule": [row["rule"] for row in rows], "subject": [row["subject"] for row in rows],
            "level": [row["level"] for row in rows], "state": ["muted" if mute else "open" for _, mute in new], "headline": told,
            "evidence": [evidence(row, self._pack, self._on) | {"told": text} for row, text in zip(rows, told, strict=True)], "pack_hash": [self._pack.hash] * size,
            "raised_on": [self._on] * size, "seen_on": [self._on] * size, "raised_at": [self._at] * size, "waiting_since": [self._on] * size,
            "expires_on": [row.get("expires_on") or self._year_end(row["rule"]) for row in rows], "muted_until": [mute.until if mute else None for _, mute in new],
            "is_watched": [False] * size, "escalation": [0] * size, "version": [1] * size,
        })
        for key, level, state in self._session.execute(select(Alert.id, Alert.level, Alert.state).where(Alert.id > last)):
            self._events.append((key, "raised", level, state, None))
            if state == "open":
                self.loud.append(Loud(key, "raised"))

    def _event(self, alert: Alert, kind: str, detail: dict[str, Any] | None) -> None:
        self._events.append((alert.id, kind, alert.level, alert.state, detail))

    def _write_events(self) -> None:
        insert_rows(self._session, AlertEvent, {
            "alert_id": [e[0] for e in self._events], "kind": [e[1] for e in self._events], "level": [e[2] for e in self._events],
            "state": [e[3] for e in self._events], "detail": [e[4] for e in self._events], "at": [self._at] * len(self._events),
        })


def show_levels(session: Session, firms: list[int] | None = None) -> None:
    """Write each firm's worst standing alert into its standing row, for lists and boards."""
    worst: dict[int, str] = {}
    for firm, level in session.execute(select(Alert.enterprise_id, Alert.level).where(Alert.state.in_(LIVE), Alert.rule == "exit_risk")):
        if firm not in worst or RANK[level] < RANK[worst[firm]]:
            worst[firm] = level
    shown = dict(session.execute(select(Standing.enterprise_id, Standing.alert_level).where(Standing.alert_level.is_not(None))).tuples().all())
    among = None if firms is None else set(firms)
    changes = [(firm, worst.get(firm)) for firm in worst.keys() | shown.keys() if worst.get(firm) != shown.get(firm) and (among is None or firm in among)]
    for level in {level for _, level in changes}:
        ids = [firm for firm, new in changes if new == level]
        for start in range(0, len(ids), _FEW):
            session.execute(update(Standing).where(Standing.enterprise_id.in_(ids[start : start + _FEW])).values(alert_level=level))


__all__ = ["EXPIRED", "GONE", "RANK", "Changes", "Loud", "Night", "show_levels"]
