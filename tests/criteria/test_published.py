"""A number published over a pack: from its day on, with its source, in every verdict; taken back it is as if it had never been."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.models import RuleChange
from crm.criteria.published import applied, mark, overlaid, standing, stranded
from crm.criteria.publishing import publish, revoke
from crm.security.access import Access
from tests.city import shipped

ON, AT = date(2026, 6, 1), datetime(2026, 6, 1, 2, tzinfo=UTC)
CITY = Access(None, "m", frozenset({"manager"}), ("331000",))
COUNTY = Access(None, "c", frozenset({"manager"}), ("331081",))
OFFICER = Access(None, "o", frozenset({"officer"}), ("331000",))
LINE, RATIO = "register.industry.line", "srdi.rd_ratio"
TOLD = {"document": "台政办发〔2026〕9号", "clause": "第二条", "quote": "调整为1500万元", "reason": "省里统一调整"}


@pytest.fixture(scope="module")
def packs():
    return shipped("taizhou")


@pytest.fixture(scope="module")
def pack(packs):
    return packs["taizhou"]


def change(target=LINE, value="1500万元", from_on=ON, **more):
    return RuleChange(id=7, pack="taizhou", target=target, from_on=from_on, value=value, before="x", published_at=AT, **{**TOLD, **more})


def register_state(pack, yuan, on=ON):
    facts = pl.DataFrame({"industry": ["3441"], "region": ["331081"], "revenue.y-1": [yuan], "revenue_main.y-1": [yuan]})
    return explain_all(evaluate(pack, facts, on))[0].register


def publishing(session, pack, **more):
    given = {"access": CITY, "target": LINE, "value": "1500万元", "from_on": ON, **TOLD, **more}
    access, target = given.pop("access"), given.pop("target")
    return publish(session, access, pack, target, **given, on=ON, at=AT)


def test_a_published_parameter_decides_from_its_day_on(pack):
    made = overlaid(pack, [change()])
    assert [register_state(made, 16_000_000, day).state for day in (date(2026, 5, 31), ON)] == ["unmet", "met"]


def test_the_verdict_says_who_says_so(pack):
    source = register_state(overlaid(pack, [change()]), 16_000_000).criteria[0].source
    assert (source.document, source.clause, source.quote) == ("台政办发〔2026〕9号", "第二条", "调整为1500万元")


def test_before_its_day_the_old_source_stands(pack):
    day = date(2026, 5, 31)
    assert register_state(overlaid(pack, [change()]), 1, day).criteria[0].source == register_state(pack, 1, day).criteria[0].source


def test_the_overlaid_pack_has_a_hash_of_its_own(pack):
    assert overlaid(pack, [change()]).hash != pack.hash


def test_the_same_overlay_is_the_same_pack(pack):
    assert overlaid(pack, [change()]).hash == overlaid(pack, [change()]).hash


def test_nothing_published_is_the_pack_itself(pack):
    assert overlaid(pack, []) is pack


def test_the_number_of_a_criterion_can_be_published_too(pack):
    made = overlaid(pack, [change(RATIO, "2.5%")])
    tests = {leaf.id: leaf.source.document for leaf in made.program(ON).criteria}
    assert tests[RATIO] == "published.7"


def test_an_older_rule_with_the_same_name_keeps_its_words(pack):
    old = date(2025, 6, 1)
    before = {leaf.id: leaf.term for leaf in pack.program(old).criteria if leaf.item == "srdi.review"}
    after = {leaf.id: leaf.term for leaf in overlaid(pack, [change(RATIO, "2.5%")]).program(old).criteria if leaf.item == "srdi.review"}
    assert after == before


def test_what_the_pack_no_longer_has_is_left_alone_and_told(packs, pack):
    gone = change("gone.line")
    assert (overlaid(pack, [gone]) is pack, stranded(packs, [gone])) == (True, [gone])


def test_a_city_value_does_not_reach_the_province(packs):
    assert applied(packs, [change()])["zhejiang"] is packs["zhejiang"]


@settings(max_examples=12, deadline=None)
@given(line=st.integers(1, 5000).filter(lambda n: n != 2000), wan=st.integers(0, 6000))
def test_the_published_line_is_the_line(pack, line, wan):
    made = overlaid(pack, [change(value=f"{line}万元")])
    assert register_state(made, wan * 10_000).state == ("met" if wan >= line else "unmet")


def test_a_published_value_stands_until_revoked(session, pack):
    made = publishing(session, pack)
    before = [c.id for c in standing(session)]
    revoke(session, CITY, pack, made.id, reason="发错了", at=AT)
    assert (before, list(standing(session))) == ([made.id], [])


def test_publishing_and_revoking_change_the_mark(session, pack):
    marks = [mark(session)]
    made = publishing(session, pack)
    marks.append(mark(session))
    revoke(session, CITY, pack, made.id, reason="发错了", at=AT)
    assert len({*marks, mark(session)}) == 3


@pytest.mark.parametrize("left_out", ["document", "clause", "quote", "reason"])
def test_a_value_without_a_source_is_refused(session, pack, left_out):
    with pytest.raises(Invalid):
        publishing(session, pack, **{left_out: " "})


@pytest.mark.parametrize("value", ["1500", "3%", "许多", "2000万元", ""])
def test_another_unit_no_change_or_no_number_is_refused(session, pack, value):
    with pytest.raises(Invalid):
        publishing(session, pack, value=value)


def test_an_unknown_number_is_refused(session, pack):
    with pytest.raises(NotFound):
        publishing(session, pack, target="moon.line")


def test_a_county_does_not_publish_for_the_city(session, pack):
    with pytest.raises(NotFound):
        publishing(session, pack, access=COUNTY)


def test_an_officer_publishes_nothing(session, pack):
    with pytest.raises(Forbidden):
        publishing(session, pack, access=OFFICER)


def test_one_value_a_day(session, pack):
    publishing(session, pack)
    with pytest.raises(Conflict):
        publishing(session, pack, value="1600万元")


def test_taking_back_needs_a_reason(session, pack):
    made = publishing(session, pack)
    with pytest.raises(Invalid):
        revoke(session, CITY, pack, made.id, reason="", at=AT)
