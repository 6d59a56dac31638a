"""Who hears of an alert: the firm's officer, above him the managers of the county, above them those of the city. In the night's transaction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.alerts.models import LEVEL_NAMES, RULES, Alert
from crm.enterprises.models import Enterprise
from crm.notices.operations import Message, post_many
from crm.regions.scope import covers, prefix
from crm.security.models import User, UserRegion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.alerts.nightly import Loud

LOUD_LEVELS = ("red", "orange")
ONE_BY_ONE = 5
"""More alerts than these in one night reach a person as one notice with counts."""
CITY, COUNTY = 4, 6  # significant digits of a division's code
WHY = {"raised": "新预警", "worsened": "预警变得更严重", "snooze_over": "暂缓到期", "mute_over": "免打扰到期", "escalated": "预警无人处理，转请您督办"}
_MANY = 5_000


@dataclass(frozen=True, slots=True)
class Case:
    """An alert with what is needed to address it."""

    alert_id: int
    why: str
    level: str
    rule: str
    headline: str
    firm: int
    name: str
    region: str
    zone: str | None
    officer: int | None
    owner: int | None
    escalation: int


class People:
    """Managers by jurisdiction, read once."""

    def __init__(self, session: Session) -> None:
        rows = session.execute(select(UserRegion.user_id, UserRegion.code).join(User, User.id == UserRegion.user_id).where(User.active, User.roles.any(name="manager"))).all()
        self._county: list[tuple[str, int]] = [(code, user) for user, code in rows if not code.isdigit() or len(prefix(code)) >= COUNTY]
        self._city: list[tuple[str, int]] = [(code, user) for user, code in rows if code.isdigit() and len(prefix(code)) == CITY]
        self._known: dict[tuple[int, str, str | None], tuple[int, ...]] = {}

    def above(self, level: int, region: str, zone: str | None) -> tuple[int, ...]:
        """Users of a level (1 county, 2 city) whose jurisdiction holds the place."""
        key = (level, region, zone)
        if key not in self._known:
            among = self._county if level == 1 else self._city
            self._known[key] = tuple(sorted({user for code, user in among if (covers([code], region) if code.isdigit() else code == zone)}))
        return self._known[key]

    def addressed(self, case: Case) -> tuple[int, ...]:
        """Who is asked to handle an alert now; where a level has nobody, the next one up."""
        if case.escalation == 0 and (mine := case.owner or case.officer):
            return (mine,)
        for level in range(max(case.escalation, 1), 3):
            if found := self.above(level, case.region, case.zone):
                return found
        return ()


def tell(session: Session, loud: Sequence[Loud], on: date, at: datetime) -> int:
    """Notices of a night's new, worse and woken alerts. Red and orange are told; what woke up is told at any level. Returns the notices."""
    why = {one.alert_id: one.why for one in loud}
    cases = [case for case in _cases(session, why) if case.level in LOUD_LEVELS or case.why in ("snooze_over", "mute_over")]
    return send(session, cases, People(session), on, at) if cases else 0


def send(session: Session, cases: Iterable[Case], people: People, on: date, at: datetime) -> int:
    """Post to each person, one by one or, when there are many, as one notice with counts."""
    by_user: dict[int, list[Case]] = defaultdict(list)
    for case in cases:
        for user in people.addressed(case):
            by_user[user].append(case)
    messages = [message for user, mine in sorted(by_user.items()) for message in _messages(user, mine, on, at)]
    return post_many(session, messages)


def _messages(user: int, cases: list[Case], on: date, at: datetime) -> list[Message]:
    return [_one(user, case, on, at) for case in cases] if len(cases) <= ONE_BY_ONE else [_many(user, cases, on, at)]


def _one(user: int, case: Case, on: date, at: datetime) -> Message:
    title = f"{WHY[case.why]}：{case.name}（{LEVEL_NAMES[case.level]}）"
    text = f"{RULES.get(case.rule, case.rule)}：{case.headline}"
    key = f"alert:{case.alert_id}:{case.why}:{on.isoformat()}"
    return Message((user,), "alert", key, title[:120], text, f"/alerts/{case.alert_id}", at, case.level == "red", case.firm)


def _many(user: int, cases: list[Case], on: date, at: datetime) -> Message:
    counts = [f"{LEVEL_NAMES[level]} {n} 条" for level in LEVEL_NAMES if (n := sum(case.level == level for case in cases))]
    escalated = all(case.why == "escalated" for case in cases)
    worst = "；".join(f"{case.name}：{case.headline}" for case in sorted(cases, key=lambda case: list(LEVEL_NAMES).index(case.level))[:3])
    title = f"{'有' if escalated else '今晚有'} {len(cases)} 条预警{'无人处理，转请您督办' if escalated else '需要您看'}：{'，'.join(counts)}"
    key = f"alerts:{on.isoformat()}:{'up' if escalated else 'new'}:{min(case.alert_id for case in cases)}-{len(cases)}"
    firms = {case.firm for case in cases}
    return Message((user,), "alert", key, title, f"{worst} 等", "/alerts/", at, any(case.level == "red" for case in cases), firms.pop() if len(firms) == 1 else None)


def _cases(session: Session, why: dict[int, str]) -> list[Case]:
    ids, found = sorted(why), []
    for start in range(0, len(ids), _MANY):
        query = (
            select(
                Alert.id, Alert.level, Alert.rule, Alert.headline, Alert.enterprise_id, Enterprise.name, Enterprise.region_code, Enterprise.zone_code, Enterprise.officer_id,
                Alert.owner_id, Alert.escalation,
            )
            .join(Enterprise, Enterprise.id == Alert.enterprise_id)
            .where(Alert.id.in_(ids[start : start + _MANY]))
        )
        found += [Case(row[0], why[row[0]], *row[1:]) for row in session.execute(query)]
    return found

