"""What a firm may claim: the event in its year, what waits for the next year, what a draft leaves to a person, what excludes what."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.criteria.facts import read_enterprise
from crm.criteria.packs import Pack
from crm.programmes.claims import Taken, claims
from crm.programmes.evaluating import answer
from tests.city import shipped

ON = date(2026, 6, 1)
YI = 10**8


@pytest.fixture(scope="module")
def pack():
    return shipped("taizhou")["taizhou"]


def inforce(pack):
    """The same pack as if the text were issued and said everything: no draft, no open question."""
    book = pack.book
    documents = tuple(d.model_copy(update={"status": "in_force"}) for d in book.documents)
    awards = tuple(a.model_copy(update={"undecided": None, "questions": ()}) for a in book.awards)
    return Pack.from_document(book.model_copy(update={"documents": documents, "awards": awards}).canonical())


def claim(pack, award, on=ON, taken=(), **facts):
    firm = read_enterprise({"name": "x", "region": "331081", "industry": "3441", "register": [], "titles": [], **facts}, pack)
    return next(c for c in claims(pack, firm, on, taken) if c.award.id == award)


def entered(day, left=None, entry="first"):
    return {"register": [{"entered_on": day, "exited_on": left, "entry": entry}]}


def revenue(**years):
    return {"year": {y[1:]: {"revenue_local": v} for y, v in years.items()}}


@pytest.mark.parametrize(("on", "left", "state"), [
    (date(2025, 12, 31), None, "pending"),
    (date(2025, 12, 31), "2025-11-30", "unmet"),
    (date(2026, 1, 1), None, "undecided"),
    (date(2026, 6, 1), "2026-01-01", "unmet"),
    (date(2026, 6, 1), "2026-01-02", "undecided"),
])
def test_first_entry_waits_for_the_register_of_the_next_year(pack, on, left, state):
    assert claim(pack, "first_entry", on, **entered("2025-03-01", left)).state == state


def test_a_firm_still_there_has_it_where_the_text_is_in_force(pack):
    assert claim(inforce(pack), "first_entry", **entered("2025-03-01")).state == "met"


def test_leaving_in_the_next_year_is_a_doubt_even_then(pack):
    found = claim(inforce(pack), "first_entry", **entered("2025-03-01", "2026-05-01"))
    assert (found.state, "文本没有写明" in found.reason) == ("undecided", True)


def test_coming_back_is_no_first_entry(pack):
    assert claim(pack, "first_entry", **entered("2025-03-01", entry="re_entry")).state == "unmet"


def test_without_a_register_list_nothing_is_said(pack):
    assert claim(pack, "first_entry", register=None).state == "unknown"


def test_a_firm_of_another_industry_is_refused_with_the_condition_in_words(pack):
    assert claim(pack, "first_entry", industry="5131", **entered("2025-03-01")).reason == "不符合：属于制造业"


def test_a_draft_never_grants(pack):
    found = claim(pack, "title.little_giant", titles=[{"title": "little_giant", "granted_on": "2026-02-01"}])
    assert (found.state, found.amount, found.draft) == ("undecided", 1_000_000, True)


def test_a_title_granted_before_the_plan_counts_for_nothing(pack):
    assert claim(pack, "title.little_giant", titles=[{"title": "little_giant", "granted_on": "2021-02-01"}]).state == "unmet"


def test_a_review_is_no_new_title(pack):
    assert claim(pack, "title.little_giant", titles=[{"title": "little_giant", "granted_on": "2026-02-01", "kind": "review"}]).state == "unmet"


def test_a_line_crossed_alone_asks_nothing_about_several(pack):
    found = claim(pack, "revenue_line.10yi", **revenue(y2025=11 * YI, y2024=9 * YI))
    assert (found.state, [q.id for q in found.questions]) == ("undecided", ["award.issued_text"])


def test_lines_crossed_together_are_undecided_even_in_an_issued_text(pack):
    states = {a: claim(inforce(pack), f"revenue_line.{a}", **revenue(y2025=60 * YI, y2024=9 * YI)).state for a in ("10yi", "50yi", "100yi")}
    assert states == {"10yi": "undecided", "50yi": "undecided", "100yi": "unmet"}


def test_a_line_crossed_before_is_no_first_crossing(pack):
    assert claim(pack, "revenue_line.10yi", **revenue(y2025=12 * YI, y2024=9 * YI, y2020=10 * YI)).state == "unmet"


def test_a_figure_exactly_on_its_line_is_asked_about(pack):
    found = claim(pack, "revenue_line.10yi", **revenue(y2025=10 * YI, y2024=9 * YI))
    assert "award.exact_line" in [q.id for q in found.questions]


def test_one_yuan_below_the_line_is_unmet(pack):
    assert claim(pack, "revenue_line.10yi", **revenue(y2025=10 * YI - 1, y2024=9 * YI)).state == "unmet"


def test_a_missing_year_is_unknown_never_zero(pack):
    assert claim(pack, "revenue_line.10yi", **revenue(y2024=9 * YI)).state == "unknown"


def test_what_was_paid_once_is_not_paid_again(pack):
    found = claim(inforce(pack), "first_entry", taken=[Taken("first_entry", None, 2024)], **entered("2025-03-01"))
    assert (found.state, found.excluded_by) == ("unmet", "first_entry")


def test_money_of_another_policy_for_the_same_matter_is_asked_about(pack):
    found = claim(pack, "first_entry", taken=[Taken(None, "first_entry", 2025, "台政办发〔2023〕12号")], **entered("2025-03-01"))
    assert (found.state, found.excluded_by, "award.same_kind" in [q.id for q in found.questions]) == ("undecided", "台政办发〔2023〕12号", True)


@settings(max_examples=60, deadline=None)
@given(before=st.integers(0, 1500), last=st.integers(0, 1500))
def test_each_line_is_claimed_exactly_where_the_last_year_is_the_first_at_or_above_it(pack, before, last):
    lines = {"10yi": 10, "50yi": 50, "100yi": 100, "200yi": 200, "500yi": 500, "1000yi": 1000}
    firm = read_enterprise({"name": "x", "region": "331081", "industry": "3441", "register": [], "titles": [], **revenue(y2025=last * YI, y2024=before * YI)}, pack)
    claimed = {c.award.id.partition(".")[2] for c in claims(pack, firm, ON) if c.award.id.startswith("revenue_line") and c.state == "undecided"}
    assert claimed == {name for name, line in lines.items() if before < line <= last}


def test_which_year_is_looked_at_is_said_to_be_ours(pack):
    told = answer(claims(pack, read_enterprise({"industry": "3441"}, pack), ON)[0], pack)
    assert (told["year_chosen"]["basis"], told["year_chosen"]["label"]) == ("default", "默认值，非政策")
