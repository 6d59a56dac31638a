"""Claims of the firms on file, and what people do about them: decide, pay, take back; never beyond the text, never elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.enterprises.operations import register_enterprise
from crm.indicators.operations import file_figures
from crm.ladder.operations import enter, grant
from crm.programmes.operations import decide, pay, record_other, revoke, rule, unpay, unrule
from crm.programmes.queries import Sums, lines
from crm.security.access import Access
from tests.city import shipped
from tests.web.firms import LUQIAO, WENLING, city, uscc

ON, AT = date(2026, 6, 1), datetime(2026, 6, 1, 2, tzinfo=UTC)
MANAGER = Access(None, "m", frozenset({"manager"}), ("331000",))
COUNTY = Access(None, "c", frozenset({"manager"}), (WENLING,))
OFFICER = Access(None, "o", frozenset({"officer"}), ("331000",))
YI = 10**8


@pytest.fixture(scope="module")
def pack():
    return shipped("taizhou")["taizhou"]


@pytest.fixture
def firms(session):
    """A firm first entered in 2025, a little giant of 2026 in another county, and one that crossed two lines in 2025."""
    city(session)
    made = [register_enterprise(session, {"uscc": uscc(n), "name": f"第{n}厂", "region_code": code, "industry_code": "3441"}, by=None, at=AT).id
            for n, code in enumerate((WENLING, LUQIAO, WENLING), 1)]
    enter(session, MANAGER, made[0], on=date(2025, 3, 1), at=AT)
    grant(session, MANAGER, made[1], "little_giant", granted_on=date(2026, 2, 1), at=AT)
    for year, yuan in (("2024", 9 * YI), ("2025", 60 * YI)):
        file_figures(session, made[2], period=year, form="period", source="firm", values={"revenue_local": yuan}, by=None, at=AT)
    return made


def listed(session, pack, year=2025, access=MANAGER, **more):
    return {(line.enterprise_id, line.claim.award.id): line for line in lines(session, access, [pack], year, ON, **more)}


def first(session, pack, firms, **more):
    given = {"state": "granted", "amount": None, "reason": "专题会议纪要", **more}
    return decide(session, given.pop("access", MANAGER), pack, firms[0], "first_entry", 2025, **given, on=ON, at=AT)


def test_the_list_of_a_year_holds_the_firms_with_an_event_in_it(session, pack, firms):
    assert set(listed(session, pack)) == {(firms[0], "first_entry"), (firms[2], "revenue_line.10yi"), (firms[2], "revenue_line.50yi")}


def test_a_title_of_this_year_stands_in_this_years_list(session, pack, firms):
    assert listed(session, pack, 2026)[firms[1], "title.little_giant"].claim.state == "undecided"


def test_the_list_ends_at_the_jurisdiction(session, pack, firms):
    assert listed(session, pack, 2026, COUNTY) == {}


def test_figures_kept_to_statistics_give_no_claim(session, pack, firms):
    file_figures(session, firms[0], period="2025", form="period", source="statistics", values={"revenue_local": 90 * YI}, by=None, at=AT)
    assert (firms[0], "revenue_line.50yi") not in listed(session, pack)


def test_a_granted_claim_carries_the_sum_of_the_text(session, pack, firms):
    assert first(session, pack, firms).amount == 60_000


def test_nobody_grants_more_than_the_text_says(session, pack, firms):
    with pytest.raises(Invalid, match="60,000"):
        first(session, pack, firms, amount=60_001)


def test_a_decision_needs_a_reason(session, pack, firms):
    with pytest.raises(Invalid):
        first(session, pack, firms, reason=" ")


def test_an_officer_decides_nothing(session, pack, firms):
    with pytest.raises(Forbidden):
        first(session, pack, firms, access=OFFICER)


def test_another_county_finds_no_such_firm(session, pack, firms):
    with pytest.raises(NotFound):
        decide(session, COUNTY, pack, firms[1], "title.little_giant", 2026, state="granted", amount=None, reason="x", on=ON, at=AT)


def test_what_waits_for_next_year_cannot_be_granted(session, pack, firms):
    with pytest.raises(Conflict, match="2026 年仍在库"):
        decide(session, MANAGER, pack, firms[0], "first_entry", 2025, state="granted", amount=None, reason="x", on=date(2025, 9, 1), at=AT)


def test_a_claim_is_decided_once(session, pack, firms):
    first(session, pack, firms)
    with pytest.raises(Conflict):
        first(session, pack, firms, state="refused")


def test_a_revoked_decision_may_be_made_anew(session, pack, firms):
    revoke(session, MANAGER, first(session, pack, firms).id, at=AT)
    assert first(session, pack, firms, state="refused").amount == 0


def test_money_out_is_never_more_than_granted(session, pack, firms):
    made = first(session, pack, firms)
    pay(session, MANAGER, made.id, amount=50_000, paid_on=ON, on=ON, at=AT)
    with pytest.raises(Invalid, match="10,000"):
        pay(session, MANAGER, made.id, amount=10_001, paid_on=ON, on=ON, at=AT)


def test_a_decision_with_money_out_is_not_revoked(session, pack, firms):
    made = first(session, pack, firms)
    pay(session, MANAGER, made.id, amount=1, paid_on=ON, on=ON, at=AT)
    with pytest.raises(Conflict):
        revoke(session, MANAGER, made.id, at=AT)


def test_a_payout_taken_back_leaves_the_grant_open(session, pack, firms):
    made = first(session, pack, firms)
    unpay(session, MANAGER, pay(session, MANAGER, made.id, amount=60_000, paid_on=ON, on=ON, at=AT).id, at=AT)
    assert listed(session, pack)[firms[0], "first_entry"].stage == "granted"


def test_money_cannot_be_paid_tomorrow(session, pack, firms):
    with pytest.raises(Invalid):
        pay(session, MANAGER, first(session, pack, firms).id, amount=1, paid_on=date(2026, 6, 2), on=ON, at=AT)


def test_paid_and_granted_and_undecided_money_add_up(session, pack, firms):
    pay(session, MANAGER, first(session, pack, firms).id, amount=20_000, paid_on=ON, on=ON, at=AT)
    sums = Sums()
    for line in listed(session, pack).values():
        sums.add(line)
    assert dict(sums.yuan) == {"paid": 20_000, "granted": 40_000, "undecided": 300_000 + 1_000_000}


def test_money_of_another_policy_is_seen_by_the_rules(session, pack, firms):
    record_other(session, MANAGER, pack, firms[0], "first_entry", document="台政办发〔2023〕12号", amount=30_000, paid_on=ON, on=ON, at=AT)
    assert listed(session, pack)[firms[0], "first_entry"].claim.excluded_by == "台政办发〔2023〕12号"


def test_a_ruling_chooses_one_of_the_readings_offered(session, pack, firms):
    with pytest.raises(Invalid):
        rule(session, MANAGER, pack, "award.several_lines", option="都给", reason="x", at=AT)


def test_a_county_does_not_rule_for_the_city(session, pack, firms):
    with pytest.raises(NotFound):
        rule(session, COUNTY, pack, "award.several_lines", option="只按最高一档兑现", reason="x", at=AT)


def test_a_question_is_ruled_once_until_the_ruling_is_taken_back(session, pack, firms):
    made = rule(session, MANAGER, pack, "award.several_lines", option="只按最高一档兑现", reason="纪要", at=AT)
    with pytest.raises(Conflict):
        rule(session, MANAGER, pack, "award.several_lines", option="逐档兑现", reason="纪要", at=AT)
    unrule(session, MANAGER, pack, made.id, at=AT)
    assert rule(session, MANAGER, pack, "award.several_lines", option="逐档兑现", reason="纪要", at=AT).option == "逐档兑现"
