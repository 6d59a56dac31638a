"""Who is asking, and what they may see. Every query that reads firms takes an `Access`; nobody reads without one.

A jurisdiction is a set of divisions and zones; everything below a division is included, for every role. No rows: sees nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, false, not_, or_, select

from crm.core.errors import Forbidden
from crm.regions.scope import covers, prefix_range
from crm.security.models import UnitMember, UserRegion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Access:
    """A user's rights for the length of one request or job."""

    user_id: int | None
    name: str
    roles: frozenset[str]
    regions: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    units: tuple[int, ...] = ()

    @property
    def is_department(self) -> bool:
        """Whether the user sees cases of the own unit only: a role of the staff beside it goes before."""
        return self.has("department") and not self.has("officer", "manager", "administrator", "system")

    def has(self, *roles: str) -> bool:
        """Whether the user has any of `roles`."""
        return not self.roles.isdisjoint(roles)

    def need(self, *roles: str) -> None:
        """Raise Forbidden unless the user has one of `roles`."""
        if not self.has(*roles):
            raise Forbidden("您的角色不能做这一步。需要时请联系管理员。")

    def within(self, region_column: Any, zone_column: Any = None) -> ColumnElement[bool]:
        """SQL condition: the row lies in the jurisdiction."""
        parts: list[ColumnElement[bool]] = []
        for code in self.regions:
            low, high = prefix_range(code)
            parts.append(and_(region_column >= low, region_column < high))
        if zone_column is not None and self.zones:
            parts.append(zone_column.in_(self.zones))
        return or_(*parts) if parts else false()

    def oversees(self, user_column: Any) -> ColumnElement[bool]:
        """SQL condition: the column names me, or a user whose whole jurisdiction lies within mine."""
        theirs = select(UserRegion.user_id).where(UserRegion.user_id == user_column)
        outside = theirs.where(not_(self.within(UserRegion.code, UserRegion.code)))
        return or_(user_column == self.user_id, and_(theirs.exists(), not_(outside.exists())))

    def covers(self, region_code: str, zone_code: str | None = None) -> bool:
        """The same question about one row already in hand."""
        return covers(self.regions, region_code) or (zone_code is not None and zone_code in self.zones)


def system_access(regions: Iterable[str] = ()) -> Access:
    """What the worker and run.py act as."""
    return Access(None, "system", frozenset({"system"}), tuple(regions))


def load_access(session: Session, user_id: int, name: str, roles: Iterable[str]) -> Access:
    """Read a user's jurisdiction. Zone codes contain a letter, division codes are digits."""
    codes = session.scalars(select(UserRegion.code).where(UserRegion.user_id == user_id)).all()
    held = frozenset(roles)
    units = session.scalars(select(UnitMember.unit_id).where(UnitMember.user_id == user_id)).all() if "department" in held else ()
    return Access(
        user_id,
        name,
        held,
        tuple(sorted(c for c in codes if c.isdigit())),
        tuple(sorted(c for c in codes if not c.isdigit())),
        tuple(units),
    )
