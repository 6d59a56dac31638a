"""Figures as people read them; the exact 元 is never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.core.money import exact, human, rough


@pytest.mark.parametrize(
    ("yuan", "text"),
    [(26_500_000, "2,650 万元"), (99_999_999, "10,000 万元"), (100_000_000, "1 亿元"), (0, "0 万元"), (-32_000, "−3.2 万元"), (None, "无")],
)
def test_money_is_shown_in_wan_below_one_yi(yuan: int | None, text: str) -> None:
    assert human(yuan) == text


@pytest.mark.parametrize(
    ("yuan", "text"),
    [(13_447_100, "1,345 万元"), (19_999_900, "2,000 万元"), (185_203_000, "1.852 亿元"), (99_999_999, "1 亿元"), (532_649, "53.26 万元"), (0, "0 万元"),
     (-13_447_100, "−1,345 万元"), (None, "无")],
)
def test_an_estimate_is_shown_no_finer_than_four_figures(yuan: int | None, text: str) -> None:
    assert rough(yuan) == text


@given(st.integers(-10**15, 10**15))
def test_the_exact_figure_reads_back(yuan: int) -> None:
    assert int(exact(yuan).removesuffix(" 元").replace(",", "").replace("−", "-")) == yuan
