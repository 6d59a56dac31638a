"""Evaluate → forecast → alerts → cases → escalation → digests → counts, for everybody or for some firms. Each part leaves nothing to do when repeated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import func, select, update

from crm.alerts.calibration import in_force
from crm.alerts.escalation import escalate
from crm.alerts.inputs import COLUMNS, forecast, inputs
from crm.alerts.nightly import Changes, Night, show_levels
from crm.alerts.notifying import tell
from crm.alerts.outcomes import close_year, year_to_close
from crm.alerts.pace import measure, pace_of
from crm.alerts.past import best_years, first_entries
from crm.alerts.rules import assess, crossings, near_lines, raised, titles_near
from crm.alerts.seasons import earlier
from crm.alerts.signals import electricity
from crm.alerts.watches import Asked, firms_for_watches, watch
from crm.alerts.weeks import count_week
from crm.cases.operations import supervise
from crm.core.clock import local
from crm.criteria import published
from crm.criteria.loading import load_packs
from crm.ladder.changes import changed, clear
from crm.ladder.counts import rebuild_counts
from crm.ladder.evaluation import evaluate_population
from crm.ladder.models import Standing
from crm.notices.delivery import bundle
from crm.visits.models import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.config import Settings
    from crm.criteria.engine import Evaluation
    from crm.criteria.packs import Pack, Packs
    from crm.criteria.published import Mark

_FEW = 500


def packs_of(settings: Settings) -> Packs:
    """The packs an instance works with; loaded once a process."""
    return _packs(settings.packs_dir, settings.packs, settings.packs_cache)


def current_packs(session: Session, settings: Settings, mark: Mark | None = None) -> Packs:
    """The packs with what people published laid over them. `mark` saves a query where the caller has read it."""
    base, now_ = packs_of(settings), published.mark(session) if mark is None else mark
    if now_[0] is None:
        return base
    key = (id(base), *now_)
    if key not in _overlaid:
        _overlaid.clear()
        _overlaid[key] = published.applied(base, published.standing(session))
    return _overlaid[key]


_overlaid: dict[tuple[object, ...], Packs] = {}


@lru_cache(maxsize=4)
def _packs(folder: Path, names: tuple[str, ...], cache: Path) -> Packs:
    return load_packs(folder, list(names), cache)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an evaluation of some firms left for the alerts: what was found worth telling, and what the watches want to know of each."""

    pack: Pack
    found: pl.DataFrame
    firms: pl.DataFrame


class Chain:
    """One pass over firms as of a day. `only` None: everybody."""

    def __init__(self, session: Session, packs: Packs, on: date, at: datetime, only: Sequence[int] | None = None, run_id: int | None = None) -> None:
        self._session, self._packs, self._on, self._at = session, packs, on, at
        self._only = None if only is None else sorted(set(only))
        self._run_id = run_id
        self._seen: dict[str, list[Seen]] = {}  # by pack, one for each range of firms
        self._closing: list[pl.DataFrame] = []

    def within(self, session: Session) -> Chain:
        """The same pass in another transaction."""
        self._session = session
        return self

    def evaluate(self, progress: Callable[[int, int], None] | None = None) -> dict[str, int]:
        """Verdicts, standings with forecast, proposed moves. What alerts need is kept for `alerts()`."""
        self._seen.clear()
        self._closing.clear()
        power = electricity(self._session, self._on, self._only)
        entered = first_entries(self._session, self._on, self._only)
        if self._only is None:
            measure(self._session, self._on, self._at, self._run_id)
        parameters = replace(in_force(self._session, self._on), pace=pace_of(self._session, self._on))

        latest: list[pl.DataFrame] = []

        def look(evaluation: Evaluation) -> pl.DataFrame:
            frame = evaluation.frame.join(power, on="enterprise_id", how="left", maintain_order="left")
            frame = frame.join(earlier(self._session, frame, self._on), on="enterprise_id", how="left", maintain_order="left")
            seen = inputs(evaluation, frame, parameters).join(entered, on="enterprise_id", how="left", maintain_order="left")
            latest[:] = [seen]
            return forecast(seen, self._on)

        def told(evaluation: Evaluation, standings: pl.DataFrame) -> None:
            seen = latest[0]
            found = assess(evaluation, seen)
            best = best_years(self._session, near_lines(found)["enterprise_id"].to_list(), self._on)
            found = pl.concat([found, crossings(evaluation, found, best), titles_near(evaluation, seen)], how="diagonal_relaxed")
            firms = firms_for_watches(evaluation, seen, found, standings)
            self._seen.setdefault(evaluation.pack.id, []).append(Seen(evaluation.pack, raised(found), firms))
            if year_to_close(self._on) is not None:
                self._closing.append(seen.select("enterprise_id", "line", "last_year"))

        return evaluate_population(
            self._session, self._packs, self._on, at=self._at, only=self._only, more=COLUMNS, run_id=self._run_id, look=look, told=told, progress=progress
        ).as_dict()

    def alerts(self) -> dict[str, int]:
        """Raise, worsen, ease, wake and settle, tell people, settle last year's outcomes; then show each firm's worst level in its standing."""
        total, loud = Changes(), []
        for parts in self._seen.values():
            pack, firms = parts[0].pack, pl.concat([part.firms for part in parts], how="vertical_relaxed")
            watched = watch(Asked(self._session, pack, self._on, firms, self._only))
            night = Night(self._session, pack, self._on, self._at)
            found = pl.concat([part.found for part in parts], how="diagonal_relaxed")
            for name, count in night.compare(found, firms["enterprise_id"].to_list(), watched).as_dict().items():
                setattr(total, name, getattr(total, name) + count)
            loud += night.loud
        told = tell(self._session, loud, self._on, self._at) if loud else 0
        closing = year_to_close(self._on)
        outcomes = sum(close_year(self._session, seen, closing, self._at) for seen in self._closing) if closing else 0
        show_levels(self._session, self._only)
        return total.as_dict() | {"told": told, "outcomes": outcomes}

    def escalate(self) -> dict[str, int]:
        """Alerts nobody handled for too many work days go one level up."""
        return escalate(self._session, self._packs, self._on, self._at)

    def cases(self) -> dict[str, int]:
        """Cases past their day go up, level by level."""
        return supervise(self._session, lambda code: self._packs.for_region(code).cases, self._on, self._at)

    def digests(self) -> dict[str, int]:
        """The coming day's digests of all that is held: the night's alerts, what went up a level among them. What is told later joins them at their times."""
        return bundle(self._session, self._at + timedelta(days=1), self._at)

    def counts(self) -> dict[str, int]:
        """Visits into the standings, then all counts anew, and the week's alerts."""
        show_visits(self._session, self._only)
        count_week(self._session, self._on)
        return {"counts": rebuild_counts(self._session, self._at)}


def show_visits(session: Session, only: Sequence[int] | None = None) -> None:
    """Write the day of each firm's latest visit into its standing row."""
    query = select(Visit.enterprise_id, func.max(Visit.started_at)).group_by(Visit.enterprise_id)
    if only is not None and len(only) <= _FEW:
        query = query.where(Visit.enterprise_id.in_(only))
    shown = dict(session.execute(select(Standing.enterprise_id, Standing.last_visit_on).where(Standing.last_visit_on.is_not(None))).tuples().all())
    for firm, instant in session.execute(query).tuples().all():
        if shown.get(firm) != local(instant).date():
            session.execute(update(Standing).where(Standing.enterprise_id == firm).values(last_visit_on=local(instant).date()))


def refresh(session: Session, packs: Packs, on: date, at: datetime, ids: Sequence[int]) -> dict[str, Any]:
    """Bring some firms up to date at once: for a page that has just changed one, and for the queue."""
    chain = Chain(session, packs, on, at, ids)
    done: dict[str, Any] = {**chain.evaluate(), **chain.alerts()}
    show_visits(session, ids)
    clear(session, at, ids)
    return done


def refresh_changed(session: Session, packs: Packs, on: date, at: datetime) -> dict[str, Any]:
    """Bring all firms marked as changed up to date, and the counts."""
    ids = changed(session, at)
    if not ids:
        return {"firms": 0}
    done = refresh(session, packs, on, at, ids)
    rebuild_counts(session, at)
    return done
