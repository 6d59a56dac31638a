"""The facts frame of many firms from the database: one row per firm, columns as crm/criteria/columns.py defines them.

Yearly, daily and cumulative figures come from the filings, titles, register stays, stages and events from their tables.
What is not on file is null. `only` narrows to some firms, by their ids or by a range of ids; None is everybody.
With `known_at` everything that carries the instant of its record (figures and their corrections, titles, stays, stages,
events and their ends) is read as it stood then; industry, division and status of a firm are those of today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
from sqlalchemy import Integer, Text, case, cast, func, literal, literal_column, or_, select

from crm.core.bulk import among
from crm.core.frames import fetch_frame
from crm.criteria.columns import NEVER, STAGE_ORDER, dtype
from crm.enterprises.models import Enterprise, EnterpriseEvent
from crm.indicators.models import COLUMNS, Filing
from crm.indicators.queries import PRIORITY, known
from crm.ladder.models import RegisterMembership, StageEntry, TitleGrant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.criteria.terms import Column

IDENTITY = {"industry": "industry_code", "region": "region_code", "zone": "zone_code", "kind": "kind", "registered_on": "registered_on"}
STATUS_EVENTS = {"suspended": "suspended", "revoked": "deregistered", "cancelled": "deregistered"}
"""Status of a firm -> the event it counts as, on the day the status began."""
FLAG = "flag."
"""A yes/no fact is an event of kind `flag.<id>` with the note 'yes' or 'no'; the latest statement counts."""
RECENT = 3  # months read of everybody before earlier ones are read of the silent
FEW_SILENT = 10_000
HISTORY = 30  # years looked back for the largest earlier figure
_OWN = frozenset(COLUMNS)
_NUMBER = cast(func.replace(Filing.period, "-", ""), Integer).label("n")
_RANK = case({source: at for at, source in enumerate(PRIORITY)}, value=Filing.source, else_=len(PRIORITY)).label("rank")
_FEW = 5_000  # firms asked for by id in one statement


def facts_frame(session: Session, columns: Iterable[Column], on: date, only: Sequence[int] | range | None = None, *, known_at: datetime | None = None) -> pl.DataFrame:
    """`enterprise_id`, `status` and the columns asked for, for every live firm (or those of `only`).

    `known_at`: as things stood on file at that instant; None: as they stand now.
    """
    wanted = sorted(set(columns))
    frame = _identity(session, only)
    by_kind: dict[str, list[Column]] = {}
    for column in wanted:
        by_kind.setdefault(column.kind, []).append(column)
    read = _Reader(session, on, only, known_at, frame)
    for kinds, part in ((("year",), read.yearly), (("before",), read.before), (("at",), read.daily), (("ytd", "ytd_prior", "ytd_month"), read.cumulative)):
        asked = [column for kind in kinds for column in by_kind.get(kind, [])]
        if asked:
            frame = frame.join(part(asked), on="enterprise_id", how="left", maintain_order="left")
    for kind, whole in (("title", read.titles), ("ever", read.titles), ("stage", read.stages), ("register", read.register), ("event", read.events), ("flag", read.flags)):
        if by_kind.get(kind):
            frame = whole(frame, by_kind[kind])
    absent = [pl.lit(None, dtype(column)).alias(column.name) for column in wanted if column.name not in frame.columns]
    return frame.with_columns(absent)


def _identity(session: Session, only: Sequence[int] | range | None) -> pl.DataFrame:
    columns = {name: getattr(Enterprise, column) for name, column in IDENTITY.items()}
    query = select(
        Enterprise.id.label("enterprise_id"), Enterprise.status, Enterprise.status_on, *(column.label(name) for name, column in columns.items())
    ).where(Enterprise.deleted_at.is_(None))
    kinds = {"enterprise_id": pl.Int64, "status": pl.String, "status_on": pl.Date, **{name: pl.Date if name == "registered_on" else pl.String for name in columns}}
    return _read(session, query, Enterprise.id, only, kinds).sort("enterprise_id")


def narrowed(query: Any, key: Any, only: Sequence[int] | range | None) -> list[Any]:
    """The query for everybody, a range of ids, or for a list of them some thousand at a time."""
    if only is None:
        return [query]
    if isinstance(only, range):
        return [query.where(key.between(only.start, only.stop - 1))]
    ids = list(only)
    return [query.where(among(key, ids[i : i + _FEW])) for i in range(0, max(1, len(ids)), _FEW)]


def _read(session: Session, query: Any, key: Any, only: Sequence[int] | range | None, kinds: dict[str, Any]) -> pl.DataFrame:
    return pl.concat([fetch_frame(session, part, kinds) for part in narrowed(query, key, only)])


class _Reader:
    """Reads each kind of column for the same firms on the same day."""

    def __init__(self, session: Session, on: date, only: Sequence[int] | range | None, known_at: datetime | None, firms: pl.DataFrame) -> None:
        self._session, self._on, self._only, self._known_at, self._firms = session, on, only, known_at, firms

    def yearly(self, asked: list[Column]) -> pl.DataFrame:
        """One read per year, of the measures that year is asked for."""
        made = self._firms.select("enterprise_id")
        for offset in sorted({column.offset for column in asked}):
            mine = [column for column in asked if column.offset == offset]
            rows = self._filings("year", "period", [str(self._on.year + offset)], [column.key for column in mine])
            part = rows.select("enterprise_id", *(pl.col(column.key).alias(column.name) for column in mine))
            made = made.join(part, on="enterprise_id", how="left", maintain_order="left")
        return made

    def before(self, asked: list[Column]) -> pl.DataFrame:
        """Largest yearly value of any year before Y + offset."""
        years = [str(year) for year in range(self._on.year - HISTORY, self._on.year)]
        rows = self._filings("year", "period", years, [column.key for column in asked])
        return rows.group_by("enterprise_id").agg(
            *(pl.col(column.key).filter(pl.col("n") < self._on.year + column.offset).max().alias(column.name) for column in asked)
        )

    def daily(self, asked: list[Column]) -> pl.DataFrame:
        """The value with the latest day on or before the day."""
        days = self._days()
        rows = self._filings("day", "period", days, [column.key for column in asked])
        if len(days) == 1:
            return rows.select("enterprise_id", *(pl.col(column.key).alias(column.name) for column in asked))
        latest = [pl.col(column.key).drop_nulls().last().alias(column.name) for column in asked]
        return rows.sort("n").group_by("enterprise_id").agg(*latest)

    def _days(self) -> list[str]:
        """Days on which anything was filed, found by leaping along the index: their number is small, that of the rows is not."""
        found: list[str] = []
        latest = select(func.max(Filing.period)).where(Filing.period_kind == "day", Filing.period <= self._on.isoformat())
        day = self._session.scalar(latest)
        while day is not None:
            found.append(day)
            day = self._session.scalar(latest.where(Filing.period < day))
        return found

    def cumulative(self, asked: list[Column]) -> pl.DataFrame:
        """Per measure: 累计 of the latest month of this year that has one, its month, the same months of last year."""
        months = [f"{month:02d}" for month in range(1, self._on.month)] or ["00"]
        recent, older = months[-RECENT:], months[:-RECENT]
        measures = sorted({column.key for column in asked})
        now, before = (self._filings("month", "ytd", [f"{year}-{month}" for month in recent], measures) for year in (self._on.year, self._on.year - 1))
        made = self._firms.select("enterprise_id")
        for measure in measures:
            made = made.join(self._latest(measure, now, before, older), on="enterprise_id", how="left", maintain_order="left")
        return made.select("enterprise_id", *(column.name for column in asked))

    def _latest(self, measure: str, now: pl.DataFrame, before: pl.DataFrame, older: list[str]) -> pl.DataFrame:
        """`m.ytd`, `m.ytd_month`, `m.ytd_prior`; earlier months are read only of firms the recent ones do not answer for."""
        have, prior = (frame.select("enterprise_id", n=pl.col("n") % 100, value=pl.col(measure)).drop_nulls("value") for frame in (now, before))
        going = self._firms.filter(pl.col("status") == "active") if self._only is None or isinstance(self._only, range) else self._firms
        silent = going.select("enterprise_id").join(have, on="enterprise_id", how="anti")["enterprise_id"].to_list() if older else []
        if silent:
            rest = _Reader(self._session, self._on, silent if len(silent) < FEW_SILENT else self._only, self._known_at, self._firms)
            for year in (self._on.year, self._on.year - 1):
                rows = rest._filings("month", "ytd", [f"{year}-{month}" for month in older], [measure], filled=True)
                rows = rows.select("enterprise_id", n=pl.col("n") % 100, value=pl.col(measure)).drop_nulls("value")
                have, prior = (pl.concat([rows, have]), prior) if year == self._on.year else (have, pl.concat([rows, prior]))
        latest = have.sort("n").unique("enterprise_id", keep="last", maintain_order=True)
        joined = latest.join(prior.rename({"value": "prior"}), on=["enterprise_id", "n"], how="left")
        return joined.rename({"n": f"{measure}.ytd_month", "value": f"{measure}.ytd", "prior": f"{measure}.ytd_prior"})

    def _filings(self, kind: str, form: str, periods: Sequence[str], measures: Iterable[str], *, filled: bool = False) -> pl.DataFrame:
        """`enterprise_id`, `n` (the period's digits as a number) and the measures: one row per firm and period.

        Periods and sources are read as numbers: a text per row would cost more than all figures together.
        """
        names = sorted(set(measures))
        own = [name for name in names if name in _OWN]
        others = len(own) < len(names)
        query = select(
            Filing.enterprise_id, _NUMBER if len(periods) != 1 else literal(int(periods[0].replace("-", ""))).label("n"), _RANK,
            *(getattr(Filing, name) for name in own), *([cast(Filing.extra, Text).label("extra")] if others else []),
        ).where(Filing.form == literal_column(f"'{form}'"), Filing.period.in_(periods), known(self._known_at))
        if form == "period" and (self._only is None or isinstance(self._only, range)):  # a period says its kind; 累计 and a few firms have indexes of their own
            query = query.where(Filing.period_kind == kind)
        if filled and own:
            query = query.where(getattr(Filing, own[0]).is_not(None))
        kinds = {"enterprise_id": pl.Int64, "n": pl.Int64, "rank": pl.Int64, **dict.fromkeys(own, pl.Int64), **({"extra": pl.String} if others else {})}
        rows = _read(self._session, query, Filing.enterprise_id, self._only, kinds)
        if others:
            rows = rows.with_columns(_unpacked(rows["extra"], [name for name in names if name not in _OWN])).drop("extra")
        return _one_source(rows, names)

    def _recorded(self, model: Any) -> list[Any]:
        """Condition: on file at the instant."""
        return [] if self._known_at is None else [model.recorded_at <= self._known_at]

    def _ended(self, model: Any, day: Any) -> Any:
        """A day on which something ended, as far as that was on file at the instant."""
        if self._known_at is None:
            return day
        return case((or_(model.end_recorded_at.is_(None), model.end_recorded_at <= self._known_at), day))

    def titles(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """Held on the day, or ever granted. The list of titles counts as complete: not on it is no."""
        query = select(TitleGrant.enterprise_id, TitleGrant.title.label("name")).where(TitleGrant.granted_on <= self._on, *self._recorded(TitleGrant))
        if asked[0].kind == "title":
            revoked = self._ended(TitleGrant, TitleGrant.revoked_on)
            query = query.where(revoked.is_(None) | (revoked > self._on), TitleGrant.valid_to.is_(None) | (TitleGrant.valid_to >= self._on))
        return self._sets(frame, query, TitleGrant, asked, lambda key: [key])

    def stages(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """A stage counts as reached when it or a later one is on record and not ended."""
        ended = self._ended(StageEntry, StageEntry.ended_on)
        query = select(StageEntry.enterprise_id, StageEntry.stage.label("name")).where(
            StageEntry.on <= self._on, ended.is_(None) | (ended > self._on), *self._recorded(StageEntry)
        )
        return self._sets(frame, query, StageEntry, asked, lambda key: list(STAGE_ORDER[STAGE_ORDER.index(key) :]))

    def _sets(self, frame: pl.DataFrame, query: Any, model: Any, asked: list[Column], names: Callable[[str], list[str]]) -> pl.DataFrame:
        rows = _read(self._session, query, model.enterprise_id, self._only, {"enterprise_id": pl.Int64, "name": pl.String})
        ids = {str(name): part["enterprise_id"] for (name,), part in rows.group_by("name")}
        flags = []
        for column in asked:
            held = [ids[name] for name in names(column.key) if name in ids]
            flags.append((pl.col("enterprise_id").is_in(pl.concat(held).implode()) if held else pl.lit(value=False)).alias(column.name))
        return frame.with_columns(flags)

    def register(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """In the register on the day, ever, and the last exit; the stays on record count as complete."""
        model = RegisterMembership
        exited = self._ended(model, model.exited_on)
        query = (
            select(
                model.enterprise_id,
                func.max(case((exited.is_(None) | (exited > self._on), 1), else_=0)).label("inside"),
                func.max(case((exited <= self._on, exited))).label("left"),
            )
            .where(model.entered_on <= self._on, *self._recorded(model))
            .group_by(model.enterprise_id)
        )
        stays = _read(self._session, query, model.enterprise_id, self._only, {"enterprise_id": pl.Int64, "inside": pl.Int64, "left": pl.Date})
        made = {
            "in": (pl.col("inside") == 1).fill_null(value=False),
            "ever": pl.col("inside").is_not_null(),
            "last_exit": pl.col("left").fill_null(NEVER),
        }
        joined = frame.join(stays, on="enterprise_id", how="left", maintain_order="left")
        return joined.with_columns(made[column.key].alias(column.name) for column in asked).drop("inside", "left")

    def events(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """Latest day of each kind of event; the firm's status counts as one. None on record stays null."""
        event = EnterpriseEvent
        query = (
            select(event.enterprise_id, event.kind, func.max(event.on).label("day"))
            .where(event.kind.in_({column.key for column in asked}), event.on <= self._on, *self._recorded(event))
            .group_by(event.enterprise_id, event.kind)
        )
        rows = _read(self._session, query, event.enterprise_id, self._only, {"enterprise_id": pl.Int64, "kind": pl.String, "day": pl.Date})
        for column in asked:
            mine = rows.filter(pl.col("kind") == column.key).select("enterprise_id", pl.col("day").alias(column.name))
            frame = frame.join(mine, on="enterprise_id", how="left", maintain_order="left")
            if statuses := [status for status, event_ in STATUS_EVENTS.items() if event_ == column.key]:
                by_status = pl.when(pl.col("status").is_in(statuses)).then(pl.coalesce("status_on", pl.lit(self._on)))
                frame = frame.with_columns(pl.coalesce(pl.col(column.name), by_status))
        return frame

    def flags(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """The latest statement on each yes/no fact; nobody said: null."""
        event = EnterpriseEvent
        query = select(event.id, event.enterprise_id, event.kind, event.on.label("day"), cast(event.note == "yes", Integer).label("said")).where(
            event.kind.in_([FLAG + column.key for column in asked]), event.on <= self._on, *self._recorded(event)
        )
        kinds = {"id": pl.Int64, "enterprise_id": pl.Int64, "kind": pl.String, "day": pl.Date, "said": pl.Int64}
        rows = _read(self._session, query, event.enterprise_id, self._only, kinds).sort("day", "id")
        for column in asked:
            mine = rows.filter(pl.col("kind") == FLAG + column.key).unique("enterprise_id", keep="last", maintain_order=True)
            if mine.height:
                frame = frame.join(mine.select("enterprise_id", (pl.col("said") == 1).alias(column.name)), on="enterprise_id", how="left", maintain_order="left")
        return frame


def _unpacked(extra: pl.Series, names: list[str]) -> list[pl.Series]:
    """Measures without a column of their own, from the JSON beside them."""
    distinct = {text: orjson.loads(text) for text in extra.unique().drop_nulls().to_list()} if extra.null_count() < len(extra) else {}
    read = [distinct[text] if text else None for text in extra.to_list()] if distinct else [None] * len(extra)
    return [pl.Series(name, [None if row is None else row.get(name) for row in read], dtype=pl.Int64) for name in names]


def _one_source(frame: pl.DataFrame, measures: list[str]) -> pl.DataFrame:
    """Where several sources filed, each measure is the first's that has it."""
    if frame["rank"].n_unique() <= 1:
        return frame.drop("rank")
    first = [pl.col(name).drop_nulls().first() for name in measures]
    return frame.sort("rank").group_by("enterprise_id", "n", maintain_order=True).agg(*first)
