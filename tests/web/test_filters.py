"""Figures in templates."""

from __future__ import annotations

import pytest

from crm.web.filters import rough_span


@pytest.mark.parametrize(
    ("low", "high", "text"), [(25_747_200, 31_204_600, "2,575–3,120 万元"), (95_000_000, 120_000_000, "9,500 万元–1.2 亿元")]
)
def test_an_interval_names_its_unit_once_where_both_ends_share_it(low: int, high: int, text: str) -> None:
    assert rough_span(low, high) == text
