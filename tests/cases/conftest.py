"""A world with two units of a county, a person of each, and a case."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crm.cases import operations as cases
from crm.criteria.loading import load_packs
from crm.security.models import Unit
from tests.visits.conftest import NOW, World

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.cases.models import Case

RULES = load_packs(Path(__file__).resolve().parents[2] / "plugins", ["cn"])["cn"].cases


class Office(World):
    """The world of visits, with departments."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.lead, self.other = Unit(name="市人社局", region_code="331081"), Unit(name="市金融办", region_code="331081")
        self.far = Unit(name="瑞安人社局", region_code="330381")
        session.add_all([self.lead, self.other, self.far])
        session.flush()
        self.lead_person = self.of(self.lead, "人社小王")
        self.co_person = self.of(self.other, "金融小李")
        self.far_person = self.of(self.far, "瑞安小张")
        self.administrator = self.access("管理员", "administrator", "331081")
        self.auditor = self.access("审计", "auditor", "331000")

    def of(self, unit: Unit, name: str):
        return replace(self.access(name, "department", unit.region_code), regions=(), units=(unit.id,))

    def case(self, **given) -> Case:
        wanted = {"uuid": str(uuid.uuid4()), "enterprise_id": self.firm.id, "title": "春节后缺工", "kind": "labour", "at": NOW, **given}
        return cases.open_case(self.session, self.officer, **wanted)

    def step(self, access, case: Case, name: str, at=NOW, **given) -> Case:
        return cases.take_step(self.session, access, case.uuid, name, cases.Given(**given), rules=RULES, at=at)

    def dispatched(self, **given) -> Case:
        return self.step(self.manager, self.case(**given), "dispatch", unit=self.lead.id, co_units=(self.other.id,))


@pytest.fixture
def office(session: Session) -> Office:
    return Office(session)
