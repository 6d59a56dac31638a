"""Registering, changing, ending firms."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.core.errors import Invalid
from crm.core.signals import enterprise_changed
from crm.enterprises.errors import AlreadyRegistered, Stale
from crm.enterprises.models import EnterpriseEvent, FormerName, RegionStay
from crm.enterprises.operations import change_status, end_enterprise, register_enterprise, update_enterprise

from .conftest import AT, CODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from crm.enterprises.models import Enterprise


def test_a_firm_gets_its_division_from_the_address(reference: Session) -> None:
    firm = register_enterprise(reference, {"uscc": CODES[1], "name": "甲厂", "address": "浙江省台州市温岭市泽国镇1号"}, by=None, at=AT)

    assert (firm.region_code, firm.region_found) == ("331081100", "address")


def test_the_division_is_never_read_from_the_code(reference: Session) -> None:
    with pytest.raises(Invalid) as refused:
        register_enterprise(reference, {"uscc": "91331081MA17066936", "name": "甲厂", "address": "第三车间"}, by=None, at=AT)

    assert refused.value.field == "region_code"


def test_a_code_already_on_file_is_refused(register: Callable[..., Enterprise]) -> None:
    register(0)

    with pytest.raises(AlreadyRegistered):
        register(0, name="另一家")


def test_an_ended_firms_code_may_be_registered_anew(reference: Session, register: Callable[..., Enterprise]) -> None:
    end_enterprise(reference, register(0), by=None, at=AT)

    assert register(0).id is not None


def test_an_unknown_industry_is_refused_with_its_field(register: Callable[..., Enterprise]) -> None:
    with pytest.raises(Invalid) as refused:
        register(0, industry_code="9999")

    assert refused.value.field == "industry_code"


def test_a_rename_keeps_the_former_name(reference: Session, register: Callable[..., Enterprise]) -> None:
    firm = register(0, name="旧名机械厂")

    update_enterprise(reference, firm, {"name": "新名机械厂"}, version=firm.version, by=None, at=AT)

    assert reference.scalars(select(FormerName.name)).all() == ["旧名机械厂"]


def test_a_move_keeps_the_stay(reference: Session, register: Callable[..., Enterprise]) -> None:
    firm = register(0, region_code="331002")

    update_enterprise(reference, firm, {"region_code": "331081"}, version=firm.version, by=None, at=AT)

    assert reference.execute(select(RegionStay.region_code, RegionStay.until)).all() == [("331002", date(2026, 3, 2))]


def test_a_change_on_an_old_page_is_refused(reference: Session, register: Callable[..., Enterprise]) -> None:
    firm = register(0)
    update_enterprise(reference, firm, {"address": "甲"}, version=1, by=None, at=AT)

    with pytest.raises(Stale):
        update_enterprise(reference, firm, {"address": "乙"}, version=1, by=None, at=AT)


def test_saving_without_a_difference_changes_no_version(reference: Session, register: Callable[..., Enterprise]) -> None:
    firm = register(0, address="甲")

    assert update_enterprise(reference, firm, {"address": " 甲 "}, version=1, by=None, at=AT) == {}


def test_a_suspension_is_an_event_on_its_day(reference: Session, register: Callable[..., Enterprise]) -> None:
    change_status(reference, register(0), "suspended", on=date(2026, 2, 1), by=None, at=AT)

    assert reference.execute(select(EnterpriseEvent.kind, EnterpriseEvent.on)).all() == [("suspended", date(2026, 2, 1))]


def test_a_status_cannot_begin_tomorrow(reference: Session, register: Callable[..., Enterprise]) -> None:
    with pytest.raises(Invalid):
        change_status(reference, register(0), "suspended", on=date(2026, 3, 3), by=None, at=AT)


def test_a_change_marks_the_firm_for_evaluation(reference: Session, register: Callable[..., Enterprise]) -> None:
    told: list[int] = []

    def hear(_sender: object, enterprise_ids: list[int], **_more: object) -> None:
        told.extend(enterprise_ids)

    with enterprise_changed.connected_to(hear):
        firm = register(0)

    assert told == [firm.id]
