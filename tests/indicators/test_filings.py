"""Figures on file: corrections kept, missing stays missing, sources in their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from crm.core.errors import Invalid
from crm.enterprises.operations import register_enterprise
from crm.indicators.operations import Filed, contents, file_figures
from crm.indicators.queries import corrections, filings, filings_frame
from tests.regions.some import load_some

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LATER = AT + timedelta(days=30)


@pytest.fixture
def firm(session: Session) -> int:
    """A firm's id."""
    load_some(session)
    return register_enterprise(session, {"uscc": "91331081MA17066936", "name": "甲厂", "region_code": "331081"}, by=None, at=AT).id


@pytest.fixture
def put(session: Session, firm: int) -> Callable[..., Filed]:
    """put({"revenue": 1}, period="2025") files figures of the firm."""

    def _put(values: dict[str, Any], *, period: str = "2025", form: str = "period", source: str = "firm", at: datetime = AT) -> Filed:
        return file_figures(session, firm, period=period, form=form, source=source, values=values, by=None, at=at)

    return _put


def test_the_first_filing_is_new(put: Callable[..., Filed]) -> None:
    assert put({"revenue": 20_000_000}).state == "new"


def test_the_same_figures_again_change_nothing(put: Callable[..., Filed]) -> None:
    put({"revenue": 20_000_000})

    assert put({"revenue": 20_000_000}, at=LATER).state == "same"


def test_a_correction_supersedes_and_keeps_the_old(session: Session, firm: int, put: Callable[..., Filed]) -> None:
    put({"revenue": 1})
    put({"revenue": 2}, at=LATER)

    assert [(f.revenue, f.superseded_at) for f in corrections(session, firm, "2025", "period")] == [(1, LATER), (2, None)]


def test_what_a_correction_does_not_mention_stays(put: Callable[..., Filed]) -> None:
    put({"revenue": 1, "employees": 61})

    assert contents(put({"revenue": 2}, at=LATER).filing) == {"revenue": 2, "employees": 61}


def test_a_figure_given_as_none_is_withdrawn(put: Callable[..., Filed]) -> None:
    put({"revenue": 1, "employees": 61})

    assert contents(put({"employees": None}, at=LATER).filing) == {"revenue": 1}


def test_zero_is_a_figure(put: Callable[..., Filed]) -> None:
    assert contents(put({"revenue": 0}).filing) == {"revenue": 0}


def test_a_packs_own_measure_is_kept_beside_the_standard_ones(session: Session, firm: int, put: Callable[..., Filed]) -> None:
    put({"revenue": 1, "land_area": 3000})

    frame = filings_frame(session, [("2025", "period")], ["revenue", "land_area"])

    assert frame.rows() == [(firm, "2025", "period", "firm", 1, 3000)]


def test_what_was_known_before_a_correction_can_be_read_after_it(session: Session, firm: int, put: Callable[..., Filed]) -> None:
    put({"revenue": 1})
    put({"revenue": 2}, at=LATER)

    assert [f.revenue for f in filings(session, firm, at=AT + timedelta(days=1))] == [1]


def test_the_frame_takes_each_measure_from_the_best_source(session: Session, put: Callable[..., Filed]) -> None:
    put({"revenue": 1, "employees": 61}, source="firm")
    put({"revenue": 2}, source="audit")

    frame = filings_frame(session, [("2025", "period")], ["revenue", "employees"])

    assert frame.select("source", "revenue", "employees").rows() == [("audit", 2, 61)]


def test_a_period_nobody_filed_is_no_row(session: Session, put: Callable[..., Filed]) -> None:
    put({"revenue": 1}, period="2025-02", form="ytd")

    assert filings_frame(session, [("2025-01", "ytd"), ("2025-01", "period")], ["revenue"]).is_empty()


def test_a_missing_measure_is_null_and_not_zero(session: Session, put: Callable[..., Filed]) -> None:
    put({"revenue": 1})

    assert filings_frame(session, [("2025", "period")], ["profit_total"])["profit_total"].to_list() == [None]


@pytest.mark.parametrize(
    ("values", "more"), [({"revenue": 1.5}, {}), ({"revenue": True}, {}), ({"Revenue": 1}, {}), ({"revenue": 1}, {"period": "2025-9"}), ({"revenue": 1}, {"source": "rumour"}), ({}, {})]
)
def test_what_cannot_be_filed_is_refused(put: Callable[..., Filed], values: dict[str, Any], more: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        put(values, **more)
