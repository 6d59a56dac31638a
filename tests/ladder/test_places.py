"""Each firm stands on the ladder of its own pack: 瑞安's six rungs beside the five of the rest."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from crm.core.errors import Invalid
from crm.enterprises.operations import register_enterprise
from crm.ladder.evaluation import evaluate_population
from crm.ladder.models import Move, Standing
from crm.ladder.operations import grant, propose
from crm.ladder.places import joined, ladder_at, ladders_within
from crm.regions.models import Region
from crm.security.access import Access
from tests.city import shipped
from tests.web.firms import uscc

ON, AT = date(2026, 11, 22), datetime(2026, 11, 22, 2, tzinfo=UTC)
RUIAN, WENLING = "330381", "331081"
MANAGER = Access(None, "manager", frozenset({"manager"}), ("330000",))
RUNGS = ["small", "above_size", "hidden", "giant", "champ", "public"]


@pytest.fixture(scope="module")
def both():
    return shipped("taizhou", "ruian")


@pytest.fixture
def firm(session):
    for code, level, parent in (("330000", "province", None), (RUIAN, "county", "330000"), (WENLING, "county", "330000")):
        session.add(Region(code=code, name=code, level=level, parent_code=parent))
        session.flush()

    def make(region, *titles):
        made = register_enterprise(session, {"uscc": uscc(1), "name": f"{region}{titles}", "region_code": region}, by=None, at=AT)
        for title in titles:
            grant(session, MANAGER, made.id, title, granted_on=date(2025, 1, 1), at=AT)
        return made

    return make


def evaluated(session, both, made):
    evaluate_population(session, both, ON, at=AT)
    session.expire_all()
    return session.get(Standing, made.id)


def test_a_firm_of_ruian_stands_on_a_rung_of_ruian(session, both, firm):
    assert evaluated(session, both, firm(RUIAN, "little_giant")).place == "giant"


def test_the_day_of_a_rung_is_that_of_the_title_it_rests_on(session, both, firm):
    assert evaluated(session, both, firm(RUIAN, "little_giant")).place_since == date(2025, 1, 1)


def test_a_step_of_ruian_is_proposed_when_its_title_comes(session, both, firm):
    made = firm(RUIAN, "hidden_champion")
    evaluated(session, both, made)
    grant(session, MANAGER, made.id, "little_giant", granted_on=date(2026, 1, 1), at=AT)
    evaluated(session, both, made)
    assert session.scalars(select(Move.to_place).where(Move.enterprise_id == made.id)).all() == ["giant"]


def test_a_place_of_another_ladder_gives_way_to_the_tier(session, both, firm):
    made = firm(RUIAN, "little_giant")
    evaluated(session, both, made).place = "strong"
    assert evaluated(session, both, made).place == "giant"


def test_nobody_is_proposed_a_rung_their_ladder_does_not_have(session, both, firm):
    made = firm(RUIAN)
    evaluated(session, both, made)
    with pytest.raises(Invalid):
        propose(session, MANAGER, made.id, "strong", packs=both, on=ON, at=AT, reason="试试")


def test_the_ladder_of_a_county_is_that_of_its_pack(both):
    assert list(ladder_at(both, RUIAN).places) == RUNGS


def test_a_province_reads_all_ladders_once(both):
    assert list(joined(ladders_within(both, "330000")).places) == ["small", "above_size", "strong", "listed", "large", *RUNGS[2:]]


def test_places_of_one_name_are_told_apart_where_ladders_meet(both):
    places = joined(ladders_within(both, "330000")).places
    assert (places["listed"], places["public"]) == ("上市", "上市（瑞安市）")


def test_a_county_reads_its_own_ladder_alone(both):
    assert len(ladders_within(both, WENLING)) == 1
