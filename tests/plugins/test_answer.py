"""What `run.py evaluate` answers for the packs as shipped."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from crm.criteria.answer import answer
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.facts import facts_frame, read_enterprise
from tests.city import shipped

if TYPE_CHECKING:
    from crm.criteria.packs import Pack

ON = date(2026, 6, 1)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return shipped("taizhou")["taizhou"]


def result(pack: Pack, **facts: Any) -> dict[str, Any]:
    firm = read_enterprise({"industry": "3441", "region": "331081", **facts}, pack)
    seen = explain_all(evaluate(pack, facts_frame([firm], pack, ON), ON))
    return answer(pack, ON, [firm], seen, {})["results"][0]


def award(given: dict[str, Any], title: str) -> dict[str, Any]:
    return next(t for t in given["titles"] if (t["id"], t["purpose"]) == (title, "award"))


def test_one_valid_title_of_two_opens_the_gate_and_is_one_entry(pack: Pack) -> None:
    held = result(pack, titles=[{"title": "tech_sme", "granted_on": "2026-03-01", "valid_to": "2027-02-28"}])
    gate = next(c for c in award(held, "srdi")["criteria"] if c["id"] == "srdi.gate")
    assert (gate["state"], [c["state"] for c in gate["criteria"]]) == ("met", ["met", "unmet"])


@pytest.mark.parametrize(("employees", "yuan", "size"), [(1200, 300_000_000, "medium"), (15, 500_000_000, "micro"), (61, 26_500_000, "small")])
@pytest.mark.parametrize("measure", ["revenue", "revenue_main"])
def test_size_is_the_lower_of_both_lines_whichever_revenue_is_on_file(pack: Pack, measure: str, employees: int, yuan: int, size: str) -> None:
    assert result(pack, year={"2025": {"employees": employees, measure: yuan}})["size_class"] == size
