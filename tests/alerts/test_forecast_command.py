"""run.py forecast: a facts file in, the contract's answer out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from crm.alerts.commands import forecast

SEASONAL = {"name": "甲", "industry": "3441", "year": {"2024": {"revenue_main": 26_500_000}}, "ytd": {"2024-09": {"revenue_main": 12_720_000}, "2025-09": {"revenue_main": 12_720_000}}}


@pytest.fixture
def answer(tmp_path):
    """Runs the command on firms and gives back the answer."""

    def run(*firms: dict[str, Any], options: tuple[str, ...] = ()) -> dict[str, Any]:
        path = tmp_path / "facts.json"
        path.write_text(json.dumps({"enterprises": list(firms)}), encoding="utf-8")
        said = CliRunner().invoke(forecast, ["--as-of", "2025-10-20", "--facts", str(path), "--json", *options], catch_exceptions=False)
        return json.loads(said.stdout) if said.exit_code == 0 else {"exit": said.exit_code, "said": said.stderr}

    return run


def test_an_answer_has_range_probability_and_what_is_needed(answer):
    one = answer(SEASONAL)["results"][0]
    assert (one["state"], one["data_to"], one["needed_per_month"]["20000000"], sorted(one["forecast"])) == ("ok", "2025-09", 2_426_667, ["high", "low", "mid"])


def test_the_line_is_the_one_of_the_firms_industry(answer):
    assert "5000000" in answer({**SEASONAL, "industry": "5211"})["results"][0]["probability_below"]


def test_any_threshold_may_be_asked(answer):
    assert answer(SEASONAL, options=("--threshold", "23850000"))["results"][0]["probability_below"]["23850000"] > 0.5


def test_a_firm_without_this_years_figures_is_unknown(answer):
    one = answer({"industry": "3441", "year": {"2024": {"revenue": 26_500_000}}})["results"][0]
    assert (one["state"], one["forecast"]) == ("unknown", None)


def test_answers_come_in_the_order_given(answer):
    assert [one["state"] for one in answer({"industry": "3441"}, SEASONAL, {})["results"]] == ["unknown", "ok", "unknown"]


def test_revenue_serves_where_main_revenue_is_not_on_file(answer):
    other = {**SEASONAL, "year": {"2024": {"revenue": 26_500_000}}, "ytd": {"2024-09": {"revenue": 12_720_000}, "2025-09": {"revenue": 12_720_000}}}
    assert answer(other)["results"][0]["forecast"] == answer(SEASONAL)["results"][0]["forecast"]


def test_a_suspended_firm_ends_where_it_stands_and_goes_on_when_resumed(answer):
    stop, go = {"kind": "suspended", "on": "2025-09-12"}, {"kind": "resumed", "on": "2025-10-08"}
    highs = [answer({**SEASONAL, "events": events})["results"][0]["forecast"]["high"] for events in ([stop], [stop, go])]
    assert (highs[0], highs[1] > 20_000_000) == (12_720_000, True)


def test_an_unknown_measure_is_refused_with_its_path(answer):
    said = answer({"industry": "3441", "ytd": {"2025-09": {"sales": 1}}})
    assert (said["exit"], "enterprises[0].ytd['2025-09'].sales" in said["said"]) == (1, True)
