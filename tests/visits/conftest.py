"""A firm in 温岭, one in 瑞安, an officer and a manager of each place."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crm.cases.operations import listen
from crm.enterprises.models import Enterprise
from crm.regions.models import Region
from crm.security.access import Access
from crm.security.models import User
from crm.visits.schemas import Letterhead, VisitDraft

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NOW = datetime(2026, 10, 20, 2, 42, tzinfo=UTC)
LETTERHEAD = Letterhead(unit="台州市助企服务工作专班", series="台助访", verify_base="https://crm.example.gov.cn")
listen()


class World:
    """Rows most tests start from."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.add_all(Region(code=c, name=n, level=level, parent_code=p) for c, n, level, p in (
            ("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), ("331081", "温岭市", "county", "331000"),
            ("330300", "温州市", "city", "330000"), ("330381", "瑞安市", "county", "330300"),
        ))
        session.flush()
        self.firm = self.enterprise("台州砚江机械有限公司", "331081", "91331081MA2AAAAA1X")
        self.other_firm = self.enterprise("瑞安云帆汽配有限公司", "330381", "91330381MA2BBBBB2X")
        self.officer = self.access("林助企", "officer", "331081")
        self.manager = self.access("周科长", "manager", "331000")
        self.stranger = self.access("陈助企", "officer", "330381")

    def enterprise(self, name: str, region: str, uscc: str) -> Enterprise:
        firm = Enterprise(uscc=uscc, name=name, region_code=region, name_key=name, created_at=NOW, updated_at=NOW)
        self.session.add(firm)
        self.session.flush()
        return firm

    def access(self, name: str, role: str, region: str) -> Access:
        key = uuid.uuid4().hex[:12]
        user = User(first_name="", last_name=name, username=key, email=f"{key}@example.test", active=True, password="x")
        self.session.add(user)
        self.session.flush()
        return Access(user.id, name, frozenset({role}), (region,))

    def draft(self, **given: Any) -> VisitDraft:
        base = {"uuid": str(uuid.uuid4()), "enterprise_id": self.firm.id, "kind": "onsite", "started_at": NOW}
        return VisitDraft(**{**base, **given})


@pytest.fixture
def world(session: Session) -> World:
    """The rows, flushed."""
    return World(session)
