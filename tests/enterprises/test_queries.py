"""Finding firms, and not finding those that lie elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.core.errors import NotFound
from crm.enterprises.models import Enterprise
from crm.enterprises.operations import add_contact, update_enterprise
from crm.enterprises.queries import get_visible, matching, search, similar

from .conftest import AT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from crm.security.access import Access


@pytest.mark.parametrize("text", ["银轮", "轮机", "yljx", "tzyl", "MA1417", "ma1417", "银轮 机械", "1990000"])
def test_a_firm_is_found_by_any_part(reference: Session, register: Callable[..., Enterprise], text: str) -> None:
    firm = register(0)
    add_contact(reference, firm, name="王某", phone="19900001111")

    assert reference.scalars(select(Enterprise.id).where(matching(text))).all() == [firm.id]


@pytest.mark.parametrize("text", ["%", "银_", "银轮\\", "轮银"])
def test_marks_of_the_query_language_are_plain_text(reference: Session, register: Callable[..., Enterprise], text: str) -> None:
    register(0)

    assert reference.scalars(select(Enterprise.id).where(matching(text))).all() == []


def test_a_former_name_still_finds_the_firm(reference: Session, register: Callable[..., Enterprise]) -> None:
    firm = register(0, name="旧名机械厂")
    update_enterprise(reference, firm, {"name": "新招牌"}, version=1, by=None, at=AT)

    assert reference.scalars(select(Enterprise.id).where(matching("旧名"))).all() == [firm.id]


def test_names_that_begin_so_come_first(reference: Session, register: Callable[..., Enterprise], wenling: Access) -> None:
    register(0, name="温岭大元泵业")
    register(1, name="大元机械厂")

    assert [hit.name for hit in search(reference, wenling, "大元")] == ["大元机械厂", "温岭大元泵业"]


def test_a_firm_elsewhere_is_not_found(reference: Session, register: Callable[..., Enterprise], wenling: Access) -> None:
    firm = register(0, region_code="331002")

    with pytest.raises(NotFound):
        get_visible(reference, wenling, firm.id)


def test_a_firm_of_a_town_is_in_its_countys_jurisdiction(reference: Session, register: Callable[..., Enterprise], wenling: Access) -> None:
    firm = register(0, region_code="331081100")

    assert get_visible(reference, wenling, firm.id) is firm


def test_the_same_name_with_another_place_and_form_is_similar(reference: Session, register: Callable[..., Enterprise], wenling: Access) -> None:
    firm = register(0, name="温岭市银轮机械厂有限公司")

    assert [s.id for s in similar(reference, wenling, name="浙江银轮机械厂股份有限公司").inside] == [firm.id]


def test_the_same_code_body_is_similar(reference: Session, register: Callable[..., Enterprise], wenling: Access) -> None:
    firm = register(0)

    assert [s.score for s in similar(reference, wenling, uscc="92331081MA14177790").inside] == [95], firm.uscc


def test_a_similar_firm_elsewhere_is_counted_and_not_shown(reference: Session, register: Callable[..., Enterprise], wenling: Access) -> None:
    register(0, region_code="331002")

    found = similar(reference, wenling, name="台州银轮机械有限公司")

    assert (found.inside, found.outside) == ((), 1)
