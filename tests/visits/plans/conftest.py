"""Two towns of a county with officers, a manager above them, and firms to share out."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.enterprises.models import Enterprise
from crm.regions.models import Region
from crm.security.access import Access
from crm.security.models import Role, User, UserProfile, UserRegion
from crm.visits.models import Visit
from crm.visits.plans.schemas import Plan

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COUNTY, TOWN, OTHER_TOWN, ELSEWHERE = "331081", "331081100", "331081101", "331082"
ON = date(2026, 11, 2)  # a Monday
LAST = date(2026, 11, 27)
AT = datetime(2026, 11, 2, 1, tzinfo=UTC)


class Place:
    """Rows most tests start from."""

    def __init__(self, session: Session) -> None:
        self.session = session
        rows = (("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), (COUNTY, "温岭市", "county", "331000"),
                (ELSEWHERE, "临海市", "county", "331000"), (TOWN, "泽国镇", "town", COUNTY), (OTHER_TOWN, "大溪镇", "town", COUNTY))
        for code, name, level, parent in rows:
            session.add(Region(code=code, name=name, level=level, parent_code=parent))
            session.flush()
        self.roles = {role.name: role for role in session.scalars(select(Role))}
        for name in ("officer", "manager"):
            if name not in self.roles:
                self.roles[name] = Role(name=name)
                session.add(self.roles[name])
        session.flush()
        self.lin = self.user("林助", "officer", COUNTY)
        self.chen = self.user("陈助", "officer", COUNTY)
        self.boss = self.user("周科", "manager", COUNTY)
        self.firms = [self.firm(n) for n in range(4)]

    def user(self, name: str, role: str, *codes: str) -> Access:
        key = uuid.uuid4().hex[:12]
        user = User(first_name=name, last_name="", username=key, email=f"{key}@example.test", active=True, password="x")
        user.roles = [self.roles[role]]
        self.session.add(user)
        self.session.flush()
        self.session.add(UserProfile(user_id=user.id))
        self.session.add_all(UserRegion(user_id=user.id, code=code) for code in codes)
        self.session.flush()
        return Access(user.id, name, frozenset({role}), codes)

    def firm(self, number: int, region: str = TOWN, **given: Any) -> Enterprise:
        firm = Enterprise(uscc=f"91331081MA2{number:06}X", name=f"第{number}厂", region_code=region, name_key=str(number), created_at=AT, updated_at=AT, **given)
        self.session.add(firm)
        self.session.flush()
        return firm

    def visit(self, firm: Enterprise, day: date, *, hour: int = 10, by: Access | None = None, kind: str = "onsite") -> Visit:
        """A visit at an hour of Shanghai."""
        at = datetime.combine(day, time(hour), UTC) - timedelta(hours=8)
        visit = Visit(uuid=str(uuid.uuid4()), enterprise_id=firm.id, kind=kind, started_at=at, author_id=(by or self.lin).user_id, created_at=at, policies=[], fields={})
        self.session.add(visit)
        self.session.flush()
        return visit

    def plan(self, **given: Any) -> Plan:
        return Plan(**{"name": "万名干部助万企", "region_code": COUNTY, "from_on": ON, "to_on": LAST, **given})


@pytest.fixture
def place(session: Session) -> Place:
    """The rows, flushed."""
    return Place(session)
