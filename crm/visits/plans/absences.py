"""Who stands in for whom. What falls due while an officer is away is owed by the substitute, and is the officer's again afterwards.

An absence works only while the substitute is there and may see all the officer sees: else nothing is handed over, so that
nothing is ever owed by somebody who cannot open it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, false, not_, or_, select, update

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.notices.operations import post
from crm.security.audit import record
from crm.security.models import Role, User, UserProfile, UserRegion
from crm.visits.plans.models import Absence
from crm.visits.plans.sharing import sees

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

STAFF = ("officer", "manager", "administrator", "system")
LONGEST_DAYS, LONGEST_REASON, SHOWN = 366, 200, 100


@dataclass(frozen=True, slots=True)
class StandIn:
    """For what falls due from a day to a day, `substitute_id` owes instead of `user_id`."""

    user_id: int
    substitute_id: int
    from_on: date
    to_on: date
    user: str = ""
    substitute: str = ""

    def holds(self, officer_id: int | None, due_on: date) -> bool:
        """Whether a thing of that officer due that day is handed over."""
        return officer_id == self.user_id and self.from_on <= due_on <= self.to_on


def stand_ins(session: Session, on: date, *, of: Iterable[int | None] = (), by: int | None = None) -> list[StandIn]:
    """What is handed over as seen on a day: away users among `of`, and whoever `by` stands in for. Past absences are over."""
    users = {user for user in of if user is not None}
    query = (
        select(Absence, User, UserRegion.code)
        .join(User, or_(User.id == Absence.user_id, User.id == Absence.substitute_id))
        .join(UserRegion, UserRegion.user_id == User.id)
        .where(User.active, Absence.ended_at.is_(None), Absence.to_on >= on, or_(Absence.user_id.in_(users), Absence.substitute_id == by))
    )
    found: dict[int, Absence] = {}
    codes: dict[int, tuple[str, ...]] = {}
    names: dict[int, str] = {}
    for absence, user, code in session.execute(query.order_by(Absence.id, User.id, UserRegion.code)):
        found[absence.id] = absence
        names[user.id] = user.get_full_name().strip()
        codes[user.id] = tuple(dict.fromkeys((*codes.get(user.id, ()), code)))
    return [
        StandIn(a.user_id, a.substitute_id, a.from_on, a.to_on, names.get(a.user_id, ""), names[a.substitute_id])
        for a in found.values() if _covers(codes, a.substitute_id, a.user_id)
    ]  # fmt: skip


def owed_by(handed: Sequence[StandIn], user_id: int | None, officer: Any, due_on: Any) -> ColumnElement[bool]:
    """SQL condition: a thing of `officer` due on `due_on` is this user's to do. Both are columns; `handed` is from stand_ins."""
    if user_id is None:
        return false()
    away = [due_on.between(s.from_on, s.to_on) for s in handed if s.user_id == user_id]
    others = [and_(officer == s.user_id, due_on.between(s.from_on, s.to_on)) for s in handed if s.substitute_id == user_id]
    return or_(and_(officer == user_id, not_(or_(*away))) if away else officer == user_id, *others)


def absences(session: Session, access: Access) -> Sequence[Absence]:
    """Absences of people this user may know of, the newest first: the own ones, those stood in for, those of people overseen."""
    shown = or_(Absence.user_id == access.user_id, Absence.substitute_id == access.user_id)
    if access.has("manager", "administrator"):
        shown = or_(shown, access.oversees(Absence.user_id))
    return session.scalars(select(Absence).where(shown).order_by(Absence.from_on.desc(), Absence.id.desc()).limit(SHOWN)).all()


def candidates(session: Session, user_id: int) -> list[tuple[int, str]]:
    """Who may stand in for a user: active officers and managers whose jurisdiction holds all of the user's, officers first."""
    own = set(session.scalars(select(UserRegion.code).where(UserRegion.user_id == user_id)))
    above = own | {code for full in own for code in (f"{full[:2]}0000", f"{full[:4]}00", full[:6])}
    fit = (User.active, User.id != user_id, User.roles.any(Role.name.in_(("officer", "manager"))))
    users = session.scalars(select(User).join(UserRegion, UserRegion.user_id == User.id).where(UserRegion.code.in_(above), *fit).distinct().order_by(User.id)).all()
    codes = jurisdictions(session, [user_id, *(user.id for user in users)])
    fitting = [user for user in users if _covers(codes, user.id, user_id)]
    fitting.sort(key=lambda user: not any(role.name == "officer" for role in user.roles))
    return [(user.id, user.get_full_name().strip()) for user in fitting]


def overseen(session: Session, access: Access) -> list[tuple[int, str]]:
    """Officers a manager may record an absence for."""
    if not access.has("manager", "administrator"):
        return []
    users = session.scalars(select(User).where(User.active, User.roles.any(Role.name == "officer"), access.oversees(User.id)).order_by(User.first_name, User.id))
    return [(user.id, user.get_full_name().strip()) for user in users]


def record_absence(
    session: Session, access: Access, user_id: int, substitute_id: int, from_on: date, to_on: date, reason: str, *, on: date, at: datetime,
) -> Absence:
    """Say who is away from when to when, both days included, and who stands in. An officer says it of himself, a manager of those overseen.

    Raises NotFound for a user out of sight, Forbidden, Invalid with the field, Conflict when either is away or standing in already.
    """
    access.need(*STAFF)
    _may_speak_for(session, access, user_id)
    _days(from_on, to_on, on)
    reason = _reason(reason)
    # Both are locked in one order: of two absences recorded at once the second sees the first.
    for key in sorted({user_id, substitute_id}):
        session.execute(update(UserProfile).where(UserProfile.user_id == key).values(user_id=key))
    _fit(session, user_id, substitute_id)
    _free(session, user_id, substitute_id, from_on, to_on)
    made = Absence(user_id=user_id, substitute_id=substitute_id, from_on=from_on, to_on=to_on, reason=reason, created_at=at, created_by=access.user_id)
    session.add(made)
    session.flush()
    names = user_names(session, (user_id, substitute_id))
    post(
        session, to=[substitute_id], kind="visit", key=f"absence:{made.id}", title=f"{from_on:%m-%d} 至 {to_on:%m-%d} 请您代{names[user_id]}走访",
        text=f"{names[user_id]}外出（{reason}）。这几天到期的走访会出现在您的走访计划里，之后自动交回。", link="/plans/", at=at,
    )  # fmt: skip
    record(session, access, "absence.record", "user", user_id, substitute=substitute_id, from_on=from_on.isoformat(), to_on=to_on.isoformat(), reason=reason)
    return made


def take_back(session: Session, access: Access, absence_id: int, *, at: datetime) -> Absence:
    """End an absence before its time; it stays in the history. Doing it twice is a Conflict."""
    access.need(*STAFF)
    row = session.get(Absence, absence_id, with_for_update=True, populate_existing=True)
    if row is None or not _speaks_for(session, access, row.user_id):
        raise NotFound("没有这条外出记录，或不归您管。")
    if row.ended_at is not None:
        raise Conflict("这条外出记录已经撤销了。")
    row.ended_at, row.ended_by = at, access.user_id
    session.flush()
    record(session, access, "absence.end", "user", row.user_id, absence=row.id, substitute=row.substitute_id)
    return row


def jurisdictions(session: Session, users: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Codes of divisions and zones by user, active ones only."""
    rows = session.execute(select(UserRegion.user_id, UserRegion.code).join(User, User.id == UserRegion.user_id).where(UserRegion.user_id.in_(set(users)), User.active))
    found: dict[int, tuple[str, ...]] = {}
    for user_id, code in rows:
        found[user_id] = (*found.get(user_id, ()), code)
    return found


def user_names(session: Session, users: Iterable[int]) -> dict[int, str]:
    """Names by id."""
    return {user.id: user.get_full_name().strip() for user in session.scalars(select(User).where(User.id.in_(set(users))))}


def _covers(codes: Mapping[int, Sequence[str]], substitute: int, user: int) -> bool:
    """Whether all of the one's jurisdiction lies in the other's. A zone's code begins with its county's."""
    theirs = codes.get(substitute, ())
    return bool(theirs) and all(sees(theirs, code, None if code.isdigit() else code) for code in codes.get(user, ()))


def _speaks_for(session: Session, access: Access, user_id: int) -> bool:
    if access.user_id == user_id or access.has("system"):
        return True
    return access.has("manager", "administrator") and session.scalar(select(User.id).where(User.id == user_id, access.oversees(User.id))) is not None


def _may_speak_for(session: Session, access: Access, user_id: int) -> None:
    if not _speaks_for(session, access, user_id):
        if access.has("manager", "administrator"):
            raise NotFound("没有这位干部，或不在您的辖区内。")
        raise Forbidden("只能登记自己的外出。别人的请管理者登记。")


def _days(from_on: date, to_on: date, on: date) -> None:
    if to_on < from_on:
        raise Invalid("结束日期早于开始日期，请改正。", field="to_on")
    if to_on < on:
        raise Invalid("这段时间已经过去，不用登记。", field="to_on")
    if (to_on - from_on).days >= LONGEST_DAYS:
        raise Invalid("外出最长登记一年。更久请管理者把企业改派给别人。", field="to_on")


def _reason(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if not text:
        raise Invalid("请写明外出原因，如“培训”“休假”。", field="reason")
    if len(text) > LONGEST_REASON:
        raise Invalid(f"原因最多 {LONGEST_REASON} 字，请缩短。", field="reason")
    return text


def _fit(session: Session, user_id: int, substitute_id: int) -> None:
    """The substitute is somebody else, of the staff, and sees all the officer sees."""
    if user_id == substitute_id:
        raise Invalid("不能自己代自己，请选另一位。", field="substitute")
    fit = select(User.id).where(User.id == substitute_id, User.active, User.roles.any(Role.name.in_(("officer", "manager"))))
    if session.scalar(fit) is None:
        raise Invalid("没有这位干部，请从名单里选。", field="substitute")
    if not _covers(jurisdictions(session, (user_id, substitute_id)), substitute_id, user_id):
        raise Invalid("这位干部看不到外出者的全部企业，代不了。请选辖区相同或更大的人。", field="substitute")


def _free(session: Session, user_id: int, substitute_id: int, from_on: date, to_on: date) -> None:
    """Nobody is away twice, and nobody hands on what was handed over."""
    meet = and_(Absence.ended_at.is_(None), Absence.from_on <= to_on, Absence.to_on >= from_on)
    rows = session.scalars(select(Absence).where(meet, or_(Absence.user_id.in_((user_id, substitute_id)), Absence.substitute_id == user_id))).all()
    for row in rows:
        days = f"{row.from_on:%m-%d} 至 {row.to_on:%m-%d}"
        if row.user_id == user_id:
            raise Conflict(f"这段时间已登记外出（{days}）。要改期请先撤销那一条。")
        if row.user_id == substitute_id:
            raise Conflict(f"选的代办人自己也外出（{days}），请另选一位。")
        raise Conflict(f"外出者正要替别人代办（{days}）。请先给那一条换代办人。")
