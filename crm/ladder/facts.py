"""The facts frame of many firms from the database: one row per firm, columns as crm/criteria/columns.py defines them.

Yearly, daily and cumulative figures come from the live filings, titles, register stays, stages and events from their
tables. What is not on file is null. `only` narrows to some firms; None is everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
from sqlalchemy import Integer, case, cast, func, literal, literal_column, select

from crm.core.bulk import fetch_columns
from crm.criteria.columns import NEVER, STAGE_ORDER, dtype
from crm.criteria.terms import Column
from crm.enterprises.models import Enterprise, EnterpriseEvent
from crm.indicators.models import COLUMNS, Filing
from crm.indicators.queries import PRIORITY, known
from crm.ladder.models import RegisterMembership, StageEntry, TitleGrant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

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
_FEW = 500


def facts_frame(
    session: Session, columns: Iterable[Column], on: date, only: Sequence[int] | None = None, *, known_at: datetime | None = None
) -> pl.DataFrame:
    """`enterprise_id`, `status` and the columns asked for, for every live firm (or those of `only`).

    `known_at`: as the filings stood at that instant; None: as they stand now.
    """
    wanted = sorted(set(columns))
    frame = _identity(session, only)
    by_kind: dict[str, list[Column]] = {}
    for column in wanted:
        by_kind.setdefault(column.kind, []).append(column)
    read = _Reader(session, on, only, known_at)
    for kinds, part in ((("year",), read.yearly), (("before",), read.before), (("at",), read.daily), (("ytd", "ytd_prior", "ytd_month"), read.cumulative)):
        asked = [column for kind in kinds for column in by_kind.get(kind, [])]
        if asked:
            frame = frame.join(part(asked), on="enterprise_id", how="left", maintain_order="left")
    for kind, whole in (("title", read.titles), ("ever", read.titles), ("stage", read.stages), ("register", read.register), ("event", read.events), ("flag", read.flags)):
        if by_kind.get(kind):
            frame = whole(frame, by_kind[kind])
    absent = [pl.lit(None, dtype(column)).alias(column.name) for column in wanted if column.name not in frame.columns]
    return frame.with_columns(absent)


def _identity(session: Session, only: Sequence[int] | None) -> pl.DataFrame:
    query = select(
        Enterprise.id.label("enterprise_id"), Enterprise.status, Enterprise.status_on, *(getattr(Enterprise, c).label(n) for n, c in IDENTITY.items())
    ).where(Enterprise.deleted_at.is_(None)).order_by(Enterprise.id)
    kinds: dict[str, Any] = {"enterprise_id": pl.Int64, "status": pl.String, "industry": pl.String, "region": pl.String, "zone": pl.String, "kind": pl.String}
    frame = pl.concat([pl.DataFrame(part, schema_overrides=kinds) for part in _parts(session, query, Enterprise.id, only)], how="vertical_relaxed")
    return frame.with_columns(_day("registered_on", frame), _day("status_on", frame))


def _day(name: str, frame: pl.DataFrame) -> pl.Expr:
    """SQLite gives days as text, PostgreSQL as dates, an empty result as nothing."""
    return pl.col(name).str.to_date("%Y-%m-%d") if frame.schema[name] == pl.String else pl.col(name).cast(pl.Date)


def _parts(session: Session, query: Any, key: Any, only: Sequence[int] | None) -> list[dict[str, list[Any]]]:
    if only is None:
        return [fetch_columns(session, query)]
    ids = list(only)
    return [fetch_columns(session, query.where(key.in_(ids[i : i + _FEW]))) for i in range(0, max(1, len(ids)), _FEW)]


class _Reader:
    """Reads each kind of column for the same firms on the same day."""

    def __init__(self, session: Session, on: date, only: Sequence[int] | None, known_at: datetime | None) -> None:
        self._session, self._on, self._only, self._known_at = session, on, only, known_at

    def yearly(self, asked: list[Column]) -> pl.DataFrame:
        """One read per year, of the measures that year is asked for."""
        made: pl.DataFrame | None = None
        for offset in sorted({column.offset for column in asked}):
            mine = [column for column in asked if column.offset == offset]
            rows = self._filings("year", "period", [str(self._on.year + offset)], [column.key for column in mine])
            part = rows.select("enterprise_id", *(pl.col(column.key).alias(column.name) for column in mine))
            made = part if made is None else made.join(part, on="enterprise_id", how="full", coalesce=True)
        assert made is not None  # asked is not empty
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
        query = select(Filing.period).where(Filing.period_kind == "day", Filing.period <= self._on.isoformat(), known(self._known_at)).distinct()
        rows = self._filings("day", "period", self._session.scalars(query).all(), [column.key for column in asked])
        latest = [pl.col(column.key).drop_nulls().last().alias(column.name) for column in asked]
        return rows.sort("n").group_by("enterprise_id").agg(*latest)

    def cumulative(self, asked: list[Column]) -> pl.DataFrame:
        """Per measure: 累计 of the latest month of this year that has one, its month, the same months of last year."""
        months = [f"{month:02d}" for month in range(1, self._on.month)] or ["00"]
        recent, older = months[-RECENT:], months[:-RECENT]
        measures = sorted({column.key for column in asked})
        now, before = (self._filings("month", "ytd", [f"{year}-{month}" for month in recent], measures) for year in (self._on.year, self._on.year - 1))
        made: pl.DataFrame | None = None
        for measure in measures:
            part = self._latest(measure, now, before, older)
            made = part if made is None else made.join(part, on="enterprise_id", how="full", coalesce=True)
        assert made is not None  # asked is not empty
        return made.select("enterprise_id", *(column.name for column in asked))

    def _latest(self, measure: str, now: pl.DataFrame, before: pl.DataFrame, older: list[str]) -> pl.DataFrame:
        """`m.ytd`, `m.ytd_month`, `m.ytd_prior`; earlier months are read only of firms the recent ones do not answer for."""
        have, prior = (frame.select("enterprise_id", n=pl.col("n") % 100, value=pl.col(measure)).drop_nulls("value") for frame in (now, before))
        silent = sorted(self._firms() - set(have["enterprise_id"].to_list())) if older else []
        if silent:
            rest = _Reader(self._session, self._on, silent if len(silent) < FEW_SILENT else self._only, self._known_at)
            for year in (self._on.year, self._on.year - 1):
                rows = rest._filings("month", "ytd", [f"{year}-{month}" for month in older], [measure], filled=True)
                rows = rows.select("enterprise_id", n=pl.col("n") % 100, value=pl.col(measure)).drop_nulls("value")
                have, prior = (pl.concat([rows, have]), prior) if year == self._on.year else (have, pl.concat([rows, prior]))
        latest = have.sort("n").unique("enterprise_id", keep="last", maintain_order=True)
        joined = latest.join(prior.rename({"value": "prior"}), on=["enterprise_id", "n"], how="left")
        return joined.rename({"n": f"{measure}.ytd_month", "value": f"{measure}.ytd", "prior": f"{measure}.ytd_prior"})

    def _firms(self) -> set[int]:
        if self._only is not None:
            return set(self._only)
        return set(self._session.scalars(select(Enterprise.id).where(Enterprise.deleted_at.is_(None), Enterprise.status == "active")))

    def _filings(self, kind: str, form: str, periods: Sequence[str], measures: Iterable[str], *, filled: bool = False) -> pl.DataFrame:
        """`enterprise_id`, `n` (the period's digits as a number) and the measures: one row per firm and period.

        Periods and sources are read as numbers: a text per row would cost more than all figures together.
        """
        names = sorted(set(measures))
        own = [name for name in names if name in _OWN]
        query = select(
            Filing.enterprise_id, _NUMBER if len(periods) != 1 else literal(int(periods[0].replace("-", ""))).label("n"), _RANK,
            *(getattr(Filing, name) for name in own), *([Filing.extra] if len(own) < len(names) else []),
        ).where(Filing.form == literal_column(f"'{form}'"), Filing.period.in_(periods), known(self._known_at))
        if self._only is None and form == "period":  # a period says its kind; 累计 and a few firms have indexes of their own
            query = query.where(Filing.period_kind == kind)
        if filled and own:
            query = query.where(getattr(Filing, own[0]).is_not(None))
        return self._frame(query, names)

    def _frame(self, query: Any, names: list[str]) -> pl.DataFrame:
        own = [name for name in names if name in _OWN]
        schema = {"enterprise_id": pl.Int64, "n": pl.Int64, "rank": pl.Int64, **dict.fromkeys(own, pl.Int64)}
        parts = []
        for part in _parts(self._session, query, Filing.enterprise_id, self._only):
            extra = part.pop("extra", [])
            parts.append(pl.DataFrame(part, schema=schema).with_columns(_unpacked(extra, [name for name in names if name not in _OWN])))
        return _one_source(pl.concat(parts), names)

    def titles(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """Held on the day, or ever granted. The list of titles counts as complete: not on it is no."""
        query = select(TitleGrant.enterprise_id, TitleGrant.title).where(TitleGrant.granted_on <= self._on)
        if asked[0].kind == "title":
            query = query.where(
                TitleGrant.revoked_on.is_(None) | (TitleGrant.revoked_on > self._on), TitleGrant.valid_to.is_(None) | (TitleGrant.valid_to >= self._on)
            )
        return self._sets(frame, query, TitleGrant, asked, lambda key: [key])

    def stages(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """A stage counts as reached when it or a later one is on record and not ended."""
        query = select(StageEntry.enterprise_id, StageEntry.stage).where(
            StageEntry.on <= self._on, StageEntry.ended_on.is_(None) | (StageEntry.ended_on > self._on)
        )
        return self._sets(frame, query, StageEntry, asked, lambda key: list(STAGE_ORDER[STAGE_ORDER.index(key) :]))

    def _sets(self, frame: pl.DataFrame, query: Any, model: Any, asked: list[Column], names: Callable[[str], list[str]]) -> pl.DataFrame:
        ids: dict[str, set[int]] = {}
        for part in _parts(self._session, query, model.enterprise_id, self._only):
            first, second = part.values()
            for firm, name in zip(first, second, strict=True):
                ids.setdefault(name, set()).add(firm)
        flags = []
        for column in asked:
            held = set().union(*(ids.get(name, set()) for name in names(column.key)))
            flags.append(pl.col("enterprise_id").is_in(pl.Series(sorted(held), dtype=pl.Int64).implode()).alias(column.name))
        return frame.with_columns(flags)

    def register(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """In the register on the day, ever, and the last exit; the stays on record count as complete."""
        model = RegisterMembership
        query = (
            select(
                model.enterprise_id,
                func.max(case((model.exited_on.is_(None) | (model.exited_on > self._on), 1), else_=0)).label("inside"),
                func.max(model.exited_on).filter(model.exited_on <= self._on).label("left"),
            )
            .where(model.entered_on <= self._on)
            .group_by(model.enterprise_id)
        )
        parts = [pl.DataFrame(p, schema_overrides={"enterprise_id": pl.Int64}) for p in _parts(self._session, query, model.enterprise_id, self._only)]
        stays = pl.concat(parts, how="vertical_relaxed")
        stays = stays.with_columns(_day("left", stays))
        made = {
            "in": (pl.col("inside") == 1).fill_null(value=False),
            "ever": pl.col("inside").is_not_null(),
            "last_exit": pl.col("left").fill_null(NEVER),
        }
        joined = frame.join(stays, on="enterprise_id", how="left", maintain_order="left")
        return joined.with_columns(made[column.key].alias(column.name) for column in asked).drop("inside", "left")

    def events(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """Latest day of each kind of event; the firm's status counts as one. None on record stays null."""
        keys = {column.key for column in asked}
        query = (
            select(EnterpriseEvent.enterprise_id, EnterpriseEvent.kind, func.max(EnterpriseEvent.on).label("day"))
            .where(EnterpriseEvent.kind.in_(keys), EnterpriseEvent.on <= self._on)
            .group_by(EnterpriseEvent.enterprise_id, EnterpriseEvent.kind)
        )
        parts = [
            pl.DataFrame(p, schema_overrides={"enterprise_id": pl.Int64, "kind": pl.String})
            for p in _parts(self._session, query, EnterpriseEvent.enterprise_id, self._only)
        ]
        rows = pl.concat(parts, how="vertical_relaxed")
        rows = rows.with_columns(_day("day", rows))
        for column in asked:
            mine = rows.filter(pl.col("kind") == column.key).select("enterprise_id", pl.col("day").alias(column.name))
            frame = frame.join(mine, on="enterprise_id", how="left", maintain_order="left")
            if statuses := [status for status, event in STATUS_EVENTS.items() if event == column.key]:
                by_status = pl.when(pl.col("status").is_in(statuses)).then(pl.coalesce("status_on", pl.lit(self._on)))
                frame = frame.with_columns(pl.coalesce(pl.col(column.name), by_status))
        return frame

    def flags(self, frame: pl.DataFrame, asked: list[Column]) -> pl.DataFrame:
        """The latest statement on each yes/no fact; nobody said: null."""
        query = (
            select(EnterpriseEvent.enterprise_id, EnterpriseEvent.kind, EnterpriseEvent.note)
            .where(EnterpriseEvent.kind.in_([FLAG + column.key for column in asked]), EnterpriseEvent.on <= self._on)
            .order_by(EnterpriseEvent.on, EnterpriseEvent.id)
        )
        said: dict[str, dict[int, bool]] = {}
        for part in _parts(self._session, query, EnterpriseEvent.enterprise_id, self._only):
            for firm, kind, note in zip(*part.values(), strict=True):
                said.setdefault(kind, {})[firm] = note == "yes"
        for column in asked:
            if mine := said.get(FLAG + column.key):
                stated = pl.DataFrame({"enterprise_id": list(mine), column.name: list(mine.values())}, schema={"enterprise_id": pl.Int64, column.name: pl.Boolean})
                frame = frame.join(stated, on="enterprise_id", how="left", maintain_order="left")
        return frame


def _unpacked(extra: list[Any], names: list[str]) -> list[pl.Series]:
    """Measures without a column of their own, from the JSON beside them."""
    read = [None if value is None else orjson.loads(value) if isinstance(value, str | bytes) else value for value in extra]
    return [pl.Series(name, [None if row is None else row.get(name) for row in read], dtype=pl.Int64) for name in names]


def _one_source(frame: pl.DataFrame, measures: list[str]) -> pl.DataFrame:
    """Where several sources filed, each measure is the first's that has it."""
    if frame["rank"].n_unique() <= 1:
        return frame.drop("rank")
    first = [pl.col(name).drop_nulls().first() for name in measures]
    return frame.sort("rank").group_by("enterprise_id", "n", maintain_order=True).agg(*first)
