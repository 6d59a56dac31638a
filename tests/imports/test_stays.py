"""Titles and register entries and exits."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.core.signals import member_entered, member_left
from crm.ladder.models import RegisterMembership, TitleGrant

from .conftest import NAMES
from .test_registrations import counts, reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from crm.imports.models import ImportBatch

pytestmark = pytest.mark.usefixtures("firms")
TITLES = "企业名称,称号,认定日期,有效期至\n"
REGISTER = "企业名称,入库日期,退库日期,退库原因\n"


@pytest.mark.parametrize(
    ("written", "title"),
    [("国家高新技术企业", "hnte"), ("专精特新“小巨人”企业", "little_giant"), ("省专精特新中小企业(2022第二批)", "srdi"), ("制造业单项冠军(前两批)", "champion"), ("省隐形冠军", "hidden_champion")],
)
def test_a_title_is_known_by_its_words(reference: Session, bring: Callable[..., ImportBatch], written: str, title: str) -> None:
    bring(TITLES + f"{NAMES[0]},{written},2023-12-08,\n")

    assert reference.scalars(select(TitleGrant.title)).all() == [title]


@pytest.mark.parametrize("written", ["市级专精特新小巨人(第四批)", "制造业单项冠军培育企业(第三批)", "省科技小巨人", "先进集体"])
def test_a_candidature_or_an_unknown_honour_is_given_back(reference: Session, bring: Callable[..., ImportBatch], written: str) -> None:
    batch = bring(TITLES + f"{NAMES[0]},{written},2023-12-08,\n")

    assert reasons(reference, batch) == [(2, "rejected", "title_unknown")]


def test_a_day_written_as_a_month_is_its_first(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(TITLES + f"{NAMES[0]},高企,2023-12,2026年12月\n")

    assert reference.execute(select(TitleGrant.granted_on, TitleGrant.valid_to)).one() == (date(2023, 12, 1), date(2026, 12, 31))


def test_the_second_import_of_titles_changes_nothing(bring: Callable[..., ImportBatch]) -> None:
    bring(TITLES + f"{NAMES[0]},高企,2023-12-08,\n")

    assert counts(bring(TITLES + f"{NAMES[0]},高企,2023-12-08,\n")) == {"rows": 1, "same": 1}


def test_an_entry_and_its_exit_in_one_file_are_one_stay(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(REGISTER + f"{NAMES[0]},2015-01-01,,\n{NAMES[0]},,2020-12-31,收入低于起点\n", kind="register")

    assert reference.execute(select(RegisterMembership.entered_on, RegisterMembership.exited_on, RegisterMembership.entry)).all() == [(date(2015, 1, 1), date(2020, 12, 31), "first")]


def test_a_firm_that_comes_back_is_a_re_entry(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(REGISTER + f"{NAMES[0]},2015-01-01,2020-12-31,\n{NAMES[0]},2023-01-01,,\n", kind="register")

    assert reference.scalars(select(RegisterMembership.entry).order_by(RegisterMembership.entered_on)).all() == ["first", "re_entry"]


def test_the_second_import_of_the_register_changes_nothing(bring: Callable[..., ImportBatch]) -> None:
    text = REGISTER + f"{NAMES[0]},2015-01-01,,\n{NAMES[0]},,2020-12-31,收入低于起点\n{NAMES[0]},2023-01-01,,\n"
    bring(text, kind="register")

    assert counts(bring(text, kind="register")) == {"rows": 3, "same": 3}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{NAMES[1]},,2020-12-31,", "not_in_register"),
        (f"{NAMES[0]},2016-01-01,,", "already_in_register"),
        (f"{NAMES[1]},2020-01-01,2019-01-01,", "dates_crossed"),
        (f"{NAMES[1]},2030-01-01,,", "date_in_future"),
        (f"{NAMES[1]},,,", "date_missing"),
        (f"{NAMES[1]},不详年份,,", "date_unreadable"),
    ],
)
def test_a_stay_that_cannot_be_is_given_back(reference: Session, bring: Callable[..., ImportBatch], row: str, reason: str) -> None:
    batch = bring(REGISTER + f"{NAMES[0]},2015-01-01,,\n{row}\n", kind="register")

    assert reasons(reference, batch) == [(3, "rejected", reason)]


def test_entries_and_exits_are_told(bring: Callable[..., ImportBatch]) -> None:
    told: list[str] = []

    def entered(_sender: object, **_more: object) -> None:
        told.append("entered")

    def left(_sender: object, **_more: object) -> None:
        told.append("left")

    with member_entered.connected_to(entered), member_left.connected_to(left):
        bring(REGISTER + f"{NAMES[0]},2015-01-01,,\n", kind="register")
        bring(REGISTER + f"{NAMES[0]},,2020-12-31,\n", kind="register")

    assert told == ["entered", "left"]
