"""Claims of many firms: who had an event in a year, their records, what they had already, what was decided and paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, cast, or_, select

from crm.criteria.facts import Enterprise as Facts
from crm.criteria.facts import Grant, Stay
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.indicators.models import COLUMNS, RESTRICTED_SOURCES, Filing
from crm.indicators.queries import PRIORITY
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.programmes.claims import Claim, Taken, claims
from crm.programmes.events import line_of
from crm.programmes.models import AwardDecision, AwardPayout, AwardRuling
from crm.regions.scope import prefix_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.criteria.packs import Pack
    from crm.security.access import Access

_BATCH = 2_000


def worth(claim: Claim) -> bool:
    """Whether a claim deserves a line in a list: money may be due, or the event happened and something beside it is unknown."""
    return claim.state in {"met", "undecided", "pending"} or (claim.state == "unknown" and claim.on is not None)


@dataclass(frozen=True, slots=True)
class Line:
    """A claim of a firm with what people made of it. `paid` in 元."""

    enterprise_id: int
    name: str
    uscc: str | None
    region_code: str
    pack: str
    claim: Claim
    decision: AwardDecision | None = None
    payouts: tuple[AwardPayout, ...] = ()

    @property
    def paid(self) -> int:
        """Money that left."""
        return sum(p.amount for p in self.payouts)

    @property
    def stage(self) -> str:
        """paid, granted or refused where a person decided; else what the rules say."""
        if self.decision is None:
            return self.claim.state
        return "paid" if self.decision.state == "granted" and self.paid >= self.decision.amount else self.decision.state

    @property
    def amount(self) -> int | None:
        """元: granted by a person, else what the text gives."""
        return self.decision.amount if self.decision is not None and self.decision.state == "granted" else self.claim.amount


@dataclass
class Sums:
    """Money and firms by stage, in 元."""

    firms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    yuan: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, line: Line) -> None:
        """Count a line: what was paid as paid, the rest of a grant as granted."""
        self.firms[line.stage] += 1
        if line.decision is not None:
            self.yuan["paid"] += line.paid
            self.yuan["granted"] += line.decision.amount - line.paid if line.decision.state == "granted" else 0
        else:
            self.yuan[line.stage] += line.amount or 0


def lines(session: Session, access: Access, packs: Iterable[Pack], year: int, on: date, region: str | None = None) -> list[Line]:
    """Claims of a year that somebody must look at or has decided, of the firms the user may see."""
    found: list[Line] = []
    inside = list(packs)
    for pack in inside:
        if not pack.book.awards:
            continue
        others = [other.region for other in inside if other is not pack and other.region and (pack.region or "") < other.region and _within(other.region, pack.region)]
        firms = _candidates(session, access, pack, year, region, others)
        found += _lines(session, pack, firms, (year,), on)
    return found


def firm_lines(session: Session, pack: Pack, firm: Enterprise, on: date, years: tuple[int, ...]) -> list[Line]:
    """Every award of one firm for some years, unmet ones too. The caller has checked that the firm may be seen."""
    return _lines(session, pack, [firm], years, on, whole=True)


def rulings(session: Session, packs: Iterable[Pack]) -> dict[tuple[str, str], AwardRuling]:
    """Standing rulings by pack and question."""
    query = select(AwardRuling).where(AwardRuling.pack.in_([p.id for p in packs]), AwardRuling.revoked_at.is_(None))
    return {(r.pack, r.question): r for r in session.scalars(query)}


def _lines(session: Session, pack: Pack, firms: Sequence[Any], years: tuple[int, ...], on: date, *, whole: bool = False) -> list[Line]:
    made: list[Line] = []
    for start in range(0, len(firms), _BATCH):
        part = firms[start : start + _BATCH]
        ids = [firm.id for firm in part]
        records, taken, decided, paid = record_of(session, pack, ids), taken_of(session, ids), _decisions(session, ids), _payouts(session, ids)
        for firm in part:
            for claim in claims(pack, records[firm.id], on, taken.get(firm.id, ()), years):
                key = (firm.id, claim.award.id, claim.year)
                if whole or worth(claim) or key in decided:
                    made.append(Line(firm.id, firm.name, firm.uscc, firm.region_code, pack.id, claim, decided.get(key), tuple(paid.get(key, ()))))
    return made


def _within(inner: str | None, outer: str | None) -> bool:
    if outer is None:
        return True
    low, high = prefix_range(outer)
    return low <= (inner or "") < high


def _candidates(session: Session, access: Access, pack: Pack, year: int, region: str | None, others: list[str]) -> list[Any]:
    """Firms of the pack that had an event its awards hang on in the year, or for which one was decided."""
    triggers = [a.trigger for a in pack.book.awards if a.trigger is not None]
    lines: dict[tuple[str, str], int] = {}
    for award in pack.book.awards:
        if award.trigger is not None and award.trigger.line is not None:
            measure, line, _ = line_of(pack, award)
            lines[award.trigger.kind, measure] = min(line, lines.get((award.trigger.kind, measure), line))
    first, last = date(year, 1, 1), date(year, 12, 31)
    asked: list[Any] = [select(AwardDecision.enterprise_id).where(AwardDecision.year == year, AwardDecision.pack == pack.id, AwardDecision.revoked_at.is_(None))]
    if any(t.kind == "first_entry" for t in triggers):
        asked.append(select(RegisterMembership.enterprise_id).where(RegisterMembership.entered_on.between(first, last), RegisterMembership.entry == "first"))
    if titles := sorted({str(t.title) for t in triggers if t.kind == "title"}):
        asked.append(select(TitleGrant.enterprise_id).where(TitleGrant.title.in_(titles), TitleGrant.granted_on.between(first, last)))
    asked += [_reached(kind, measure, line, year) for (kind, measure), line in lines.items()]
    where: list[ColumnElement[bool]] = [visible(access), or_(*(Enterprise.id.in_(query) for query in asked))]
    where += [_inside(code) for code in (pack.region, region) if code]
    where += [~_inside(code) for code in others]
    return list(session.execute(select(Enterprise.id, Enterprise.name, Enterprise.uscc, Enterprise.region_code, Enterprise.industry_code).where(*where).order_by(Enterprise.id)))


def _reached(kind: str, measure: str, line: int, year: int) -> Any:
    """Firms whose figure of the year is at or above the lowest line."""
    column = getattr(Filing, measure) if measure in COLUMNS else cast(Filing.extra[measure].as_string(), Integer)
    period = [Filing.period_kind == "year", Filing.period == str(year)] if kind == "crossing" else [Filing.period_kind == "at", Filing.period.startswith(str(year))]
    return select(Filing.enterprise_id).where(*period, Filing.superseded_at.is_(None), Filing.source.not_in(RESTRICTED_SOURCES), column >= line)


def _inside(code: str) -> ColumnElement[bool]:
    low, high = prefix_range(code)
    return (Enterprise.region_code >= low) & (Enterprise.region_code < high)


def record_of(session: Session, pack: Pack, ids: Sequence[int]) -> dict[int, Facts]:
    """What awards look at of these firms, in the shape of a facts file: figures, stays, titles. Statistical figures stay out of it."""
    named = {m.id for m in pack.book.measures}
    made = {
        firm: Facts(industry=industry, region=region[:6], register=[], titles=[])  # type: ignore[call-arg]  # `register` is the alias
        for firm, industry, region in session.execute(select(Enterprise.id, Enterprise.industry_code, Enterprise.region_code).where(Enterprise.id.in_(ids)))
    }
    for stay in session.scalars(select(RegisterMembership).where(RegisterMembership.enterprise_id.in_(ids))):
        made[stay.enterprise_id].register_.append(Stay(entered_on=stay.entered_on, exited_on=stay.exited_on, entry=stay.entry))  # type: ignore[union-attr]  # given above
    for held in session.scalars(select(TitleGrant).where(TitleGrant.enterprise_id.in_(ids))):
        made[held.enterprise_id].titles.append(Grant(title=held.title, granted_on=held.granted_on, valid_to=held.valid_to, revoked_on=held.revoked_on, kind=held.kind))  # type: ignore[union-attr]  # given above
    rank = {source: place for place, source in enumerate(PRIORITY)}
    filed = session.scalars(select(Filing).where(Filing.enterprise_id.in_(ids), Filing.superseded_at.is_(None), Filing.period_kind.in_(("year", "at")), Filing.form == "period", Filing.source.not_in(RESTRICTED_SOURCES)))
    for filing in sorted(filed, key=lambda f: -rank.get(f.source, len(rank))):  # the best source last, so that its figure stays
        into = made[filing.enterprise_id].year if filing.period_kind == "year" else made[filing.enterprise_id].at
        figures = {name: value for name in COLUMNS if name in named and (value := getattr(filing, name)) is not None}
        figures |= {name: value for name, value in (filing.extra or {}).items() if name in named and isinstance(value, int)}
        into.setdefault(filing.period, {}).update(figures)
    return made


def taken_of(session: Session, ids: Sequence[int]) -> dict[int, list[Taken]]:
    """Money had already, by firm."""
    found: dict[int, list[Taken]] = defaultdict(list)
    for paid in session.scalars(select(AwardPayout).where(AwardPayout.enterprise_id.in_(ids), AwardPayout.revoked_at.is_(None))):
        found[paid.enterprise_id].append(Taken(paid.award, paid.exclusion_group, paid.year, paid.document if paid.award is None else None))
    return found


def _decisions(session: Session, ids: Sequence[int]) -> dict[tuple[int, str, int], AwardDecision]:
    query = select(AwardDecision).where(AwardDecision.enterprise_id.in_(ids), AwardDecision.revoked_at.is_(None))
    return {(d.enterprise_id, d.award, d.year): d for d in session.scalars(query)}


def _payouts(session: Session, ids: Sequence[int]) -> dict[tuple[int, str, int], list[AwardPayout]]:
    found: dict[tuple[int, str, int], list[AwardPayout]] = defaultdict(list)
    for paid in session.scalars(select(AwardPayout).where(AwardPayout.enterprise_id.in_(ids), AwardPayout.award.is_not(None), AwardPayout.revoked_at.is_(None))):
        found[paid.enterprise_id, str(paid.award), paid.year].append(paid)
    return found
