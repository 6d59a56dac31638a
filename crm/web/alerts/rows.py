"""What a list of alerts is asked for, and an alert as a row shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.alerts import queries
from crm.alerts.models import ESCALATIONS, LEVEL_NAMES, LEVELS, RULES, STATES
from crm.criteria.alerting import FORECAST_RULES
from crm.regions.models import Industry, Region
from crm.web import address
from crm.web.alerts.words import SUBJECTS, handled, interval_of
from crm.web.packs import label
from crm.web.page import access, db
from crm.web.people import people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.alerts.models import Alert
    from crm.alerts.queries import AlertLine
    from crm.web.alerts.words import Interval


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for."""

    rule: str
    levels: tuple[str, ...]
    state: str | None
    region: str | None
    owner: int | None
    enterprise: int | None
    q: str | None
    mine: bool
    sort: str
    went_up: bool

    @property
    def has_forecast(self) -> bool:
        """Whether the rule's alerts have a projection to draw."""
        return self.rule in FORECAST_RULES

    @classmethod
    def read(cls) -> Wanted:
        """From the address; officers begin with their own firms. Odd values count as absent."""
        who, firm = access(), address.whole("enterprise")
        whose = address.choice("whose", ("mine", "all")) or ("mine" if who.has("officer") and not firm else "all")
        region = address.words("region", 12)
        return cls(
            address.choice("rule", RULES) or next(iter(RULES)), address.choices("level", LEVELS), address.choice("state", STATES),
            region if region and region.isdigit() and region.isascii() else None, address.whole("owner"), firm, address.words("q"), whose == "mine", address.choice("sort", queries.SORTS) or "level", address.choice("up", ("1",)) == "1",
        )

    def filters(self) -> queries.Filters:
        """For the domain's queries."""
        return queries.Filters(
            levels=self.levels, rules=(self.rule,), states=(self.state,) if self.state else (), region=self.region, owner=self.owner,
            officer=access().user_id if self.mine else None, enterprise=self.enterprise, went_up=self.went_up, q=self.q,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """An alert as a list or its page shows it."""

    alert: Alert
    name: str
    region: str
    industry: str | None
    officer: str | None
    handled: str
    subject: str

    @property
    def interval(self) -> Interval | None:
        """The projection against its threshold, for rules that rest on one."""
        return interval_of(self.alert.evidence) if self.alert.rule in FORECAST_RULES else None

    @property
    def waits(self) -> str:
        """Whose turn it is now, where it went up; and that a better level is waiting to be believed."""
        up = f"已转{ESCALATIONS[min(self.alert.escalation, len(ESCALATIONS) - 1)]}" if self.alert.escalation and self.alert.state in ("open", "acknowledged") else ""
        return "；".join(part for part in (up, "已见好转，观察中" if self.alert.easing_level else "") if part)

    @property
    def basis(self) -> str | None:
        """How many months the projection rests on."""
        months = self.alert.evidence.get("months")
        return f"{months} 个月" if months else None

    @property
    def basis_note(self) -> str | None:
        """How much of last year those months were, or that the season is unknown."""
        share = self.alert.evidence.get("share_of_year")
        return f"去年占全年 {share * 100:.1f}%" if share is not None else "未作季节修正" if self.basis else None


def rows(lines: Sequence[AlertLine]) -> list[Row]:
    """Lines with names; industries and officers are read in one query each."""
    codes = {line.firm.industry_code for line in lines if line.firm.industry_code}
    names = dict(db().execute(select(Industry.code, Industry.name).where(Industry.code.in_(codes))).tuples().all()) if codes else {}
    officers = people(line.firm.officer_id for line in lines)
    return [
        Row(
            line.alert, line.firm.name, line.region_name, names.get(line.firm.industry_code or ""), officers.get(line.firm.officer_id or 0),
            handled(line.alert, line.owner.get_full_name() if line.owner else None), _subject(line.alert.rule, line.alert.subject, line.firm.region_code),
        )
        for line in lines
    ]


def _subject(rule: str, subject: str, region_code: str) -> str:
    """What it is about, where the headline does not say so itself."""
    if rule not in FORECAST_RULES or subject in SUBJECTS or subject.startswith("revenue."):
        return SUBJECTS.get(subject, "")  # a revenue line stands in the headline
    return label(subject, region_code)


def regions() -> list[tuple[str, str]]:
    """Counties of the jurisdiction, else its towns."""
    query = select(Region.code, Region.name).where(access().within(Region.code), Region.valid_to.is_(None), Region.is_virtual.is_(False)).order_by(Region.code)
    found = db().execute(query.where(Region.level.in_(("county", "town"))).limit(400)).all()
    counties = [(code, name) for code, name in found if len(code) == 6]
    return counties if len(counties) > 1 else [(code, name) for code, name in found]


def chips(wanted: Wanted, shown: list[Row]) -> list[tuple[str, str]]:
    """The filters that hold, each with the address without it."""
    found = [("".join(LEVEL_NAMES[level] for level in wanted.levels), address.here(level=None))] if wanted.levels else []
    if wanted.state:
        found.append((STATES[wanted.state], address.here(state=None)))
    if wanted.region:
        found.append((dict(regions()).get(wanted.region, wanted.region), address.here(region=None)))
    if wanted.owner:
        found.append(("我认领的" if wanted.owner == access().user_id else "某人认领的", address.here(owner=None)))
    if wanted.went_up:
        found.append(("超时没人处理的", address.here(up=None)))
    if wanted.enterprise:
        found.append((shown[0].name if shown else "一家企业", address.here(enterprise=None)))
    if wanted.q:
        found.append((f"“{wanted.q}”", address.here(q=None)))
    return found
