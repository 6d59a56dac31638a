"""Moves: who may propose and decide, what needs a reason, and what an undo leaves."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.ladder.counts import counts
from crm.ladder.errors import AlreadyMember, MoveDecided, ReasonNeeded
from crm.ladder.models import Move, RegisterMembership, Standing
from crm.ladder.operations import confirm, enter, grant, leave, propose, reject, revoke, undo, withdraw
from tests.ladder.conftest import AT, ELSEWHERE, MANAGER, OFFICER, ON, any_standing


@pytest.fixture
def ready(city):
    """An open proposal of the evaluation, small -> above_size."""
    return city.scalars(select(Move).where(Move.state == "proposed", Move.step == "step_up").order_by(Move.id)).first()


def test_a_confirmed_move_changes_the_place(city, ready, packs):
    confirm(city, MANAGER, ready.id, packs=packs, on=ON, at=AT)
    assert city.get(Standing, ready.enterprise_id).place == "above_size"


def test_a_confirmed_move_is_counted_at_once(city, ready, packs):
    before = counts(city, MANAGER, "place")["above_size"]
    confirm(city, MANAGER, ready.id, packs=packs, on=ON, at=AT)
    assert counts(city, MANAGER, "place")["above_size"] == before + 1


def test_an_officer_cannot_confirm(city, ready, packs):
    with pytest.raises(Forbidden):
        confirm(city, OFFICER, ready.id, packs=packs, on=ON, at=AT)


def test_a_manager_of_another_city_finds_no_such_move(city, ready, packs):
    with pytest.raises(NotFound):
        confirm(city, ELSEWHERE, ready.id, packs=packs, on=ON, at=AT)


def test_a_move_is_decided_once(city, ready, packs):
    confirm(city, MANAGER, ready.id, packs=packs, on=ON, at=AT)
    with pytest.raises(MoveDecided):
        reject(city, MANAGER, ready.id, at=AT, reason="晚了")


def test_a_refusal_needs_a_reason(city, ready):
    with pytest.raises(ReasonNeeded):
        reject(city, MANAGER, ready.id, at=AT, reason=" ")


def test_an_undone_confirmation_puts_the_firm_back(city, ready, packs):
    confirm(city, MANAGER, ready.id, packs=packs, on=ON, at=AT)
    undo(city, MANAGER, ready.id, packs=packs, at=AT)
    assert (city.get(Standing, ready.enterprise_id).place, ready.state) == ("small", "withdrawn")


def test_an_undone_refusal_is_open_again(city, ready, packs):
    reject(city, MANAGER, ready.id, at=AT, reason="再看")
    undo(city, MANAGER, ready.id, packs=packs, at=AT)
    assert ready.state == "proposed"


def test_against_the_verdict_a_reason_is_asked(city, packs):
    firm = any_standing(city, place="small", register_state="unmet")
    with pytest.raises(ReasonNeeded):
        propose(city, OFFICER, firm.enterprise_id, "above_size", packs=packs, on=ON, at=AT)


def test_with_a_reason_it_is_marked_as_against_the_verdict(city, packs):
    firm = any_standing(city, place="small", register_state="unmet")
    assert propose(city, OFFICER, firm.enterprise_id, "above_size", packs=packs, on=ON, at=AT, reason="已联系统计局").against_verdict


def test_a_second_proposal_for_the_same_step_is_refused(city, ready, packs):
    with pytest.raises(Conflict):
        propose(city, OFFICER, ready.enterprise_id, "above_size", packs=packs, on=ON, at=AT, reason="再提")


def test_a_move_to_where_the_firm_stands_is_refused(city, packs):
    with pytest.raises(Invalid):
        propose(city, OFFICER, any_standing(city, place="small").enterprise_id, "small", packs=packs, on=ON, at=AT)


def test_the_proposer_may_withdraw(city, packs):
    firm = any_standing(city, place="small", register_state="unmet")
    move = propose(city, OFFICER, firm.enterprise_id, "above_size", packs=packs, on=ON, at=AT, reason="试试")
    assert withdraw(city, OFFICER, move.id, at=AT).state == "withdrawn"


def test_an_officer_cannot_withdraw_what_evaluation_proposed(city, ready):
    with pytest.raises(Forbidden):
        withdraw(city, OFFICER, ready.id, at=AT)


def test_an_officer_cannot_enter_a_firm_into_the_register(city, ready):
    with pytest.raises(Forbidden):
        enter(city, OFFICER, ready.enterprise_id, on=ON, at=AT)


def test_a_member_cannot_enter_twice(city):
    firm = any_standing(city, in_register=True)
    with pytest.raises(AlreadyMember):
        enter(city, MANAGER, firm.enterprise_id, on=ON, at=AT)


def test_coming_back_after_an_exit_is_a_re_entry(city):
    firm = any_standing(city, in_register=True)
    leave(city, MANAGER, firm.enterprise_id, on=ON, at=AT, reason="收入低于起点")
    assert enter(city, MANAGER, firm.enterprise_id, on=ON, at=AT).entry == "re_entry"


def test_leaving_ends_the_stay_and_keeps_it(city):
    firm = any_standing(city, in_register=True)
    leave(city, MANAGER, firm.enterprise_id, on=ON, at=AT, reason="停业")
    stays = city.scalars(select(RegisterMembership.exited_on).where(RegisterMembership.enterprise_id == firm.enterprise_id)).all()
    assert stays[-1] == ON


def test_a_title_is_revoked_once(city):
    given = grant(city, MANAGER, any_standing(city).enterprise_id, "gazelle", granted_on=ON, at=AT)
    revoke(city, MANAGER, given.id, on=ON, at=AT)
    with pytest.raises(Conflict):
        revoke(city, MANAGER, given.id, on=ON, at=AT)
