"""Verdicts of another day: as known then, by the pack in use then; past decisions made again."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

import crm.ladder.commands as ladder_commands
from crm.alerts import evaluating
from crm.core.clock import end_of, local
from crm.criteria.commands import evaluate
from crm.criteria.models import PackVersion, Transition, VerdictRow
from crm.criteria.packs import Pack
from crm.criteria.store import pack_in_use, remember
from crm.criteria.terms import Column
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.indicators.operations import file_figures
from crm.jobs.chain import refresh
from crm.ladder.facts import facts_frame
from crm.ladder.models import RegisterMembership, Standing, TitleGrant
from crm.ladder.operations import leave, revoke
from crm.ladder.past import look_back, replay
from tests.ladder.conftest import AT, MANAGER, ON

NEXT = AT + timedelta(days=1)
YESTERDAY = local(AT).date()


def a_firm(session) -> int:
    """One with last year's revenue on file and a verdict."""
    return session.scalars(select(Standing.enterprise_id).where(Standing.revenue_last.is_not(None)).order_by(Standing.enterprise_id)).first()


@pytest.fixture
def corrected(city) -> int:
    """A firm whose revenue was put on file long ago and corrected the next day."""
    firm = a_firm(city)
    city.execute(update(Filing).where(Filing.enterprise_id == firm).values(recorded_at=AT - timedelta(days=30)))
    file_figures(city, firm, period=str(ON.year - 1), form="period", source="demo", values={"revenue": 123, "revenue_main": 123}, by=None, at=NEXT)
    return firm


def seen(session, packs, firm: int, known_on: date | None) -> int | None:
    return look_back(session, packs["taizhou"], firm, ON, known_on).evaluation.frame["revenue.y-1"][0]


def test_a_correction_changes_what_is_known_now(city, packs, corrected):
    assert seen(city, packs, corrected, None) == 123


def test_a_correction_does_not_change_what_was_known_the_day_before(city, packs, corrected):
    assert seen(city, packs, corrected, YESTERDAY) not in (None, 123)


def test_yesterdays_answer_is_given_again_after_a_correction(city, packs, corrected):
    before = city.get(VerdictRow, corrected).body
    refresh(city, packs, ON, NEXT, [corrected])
    again = look_back(city, packs["taizhou"], corrected, ON, YESTERDAY)
    assert (city.get(VerdictRow, corrected).body != before, again.evaluation.rows()["body"][0] == before) == (True, True)


def test_yesterdays_answer_is_given_by_the_pack_of_that_day(city, packs):
    firm, pack = a_firm(city), packs["taizhou"]
    newer = Pack.from_document(pack.book.model_copy(update={"name": "台州新"}).canonical())
    remember(city, newer, NEXT)
    city.flush()
    assert look_back(city, newer, firm, ON, YESTERDAY).evaluation.pack.hash == pack.hash


def test_before_any_version_was_used_the_answer_says_that_it_is_todays_pack(city, packs):
    found = look_back(city, packs["taizhou"], a_firm(city), ON, YESTERDAY - timedelta(days=900))
    assert (found.evaluation.pack.hash, found.is_versioned) == (packs["taizhou"].hash, False)


def test_a_version_used_again_is_the_one_in_use(city, packs):
    pack = packs["taizhou"]
    newer = Pack.from_document(pack.book.model_copy(update={"name": "台州新"}).canonical())
    remember(city, newer, NEXT)
    remember(city, pack, NEXT + timedelta(days=2))
    city.flush()
    assert pack_in_use(city, pack.id, NEXT + timedelta(days=3)).hash == pack.hash


def test_an_exit_put_on_file_later_was_not_known_the_day_before(city, packs):
    stay = city.scalars(select(RegisterMembership).where(RegisterMembership.exited_on.is_(None))).first()
    stay.recorded_at = AT - timedelta(days=30)
    leave(city, MANAGER, stay.enterprise_id, on=ON, at=NEXT, reason="停产")
    known = [facts_frame(city, [Column("register", "in")], ON, [stay.enterprise_id], known_at=at)["register.in"][0] for at in (AT, NEXT)]
    assert known == [True, False]


def test_a_revocation_put_on_file_later_was_not_known_the_day_before(city, packs):
    given = city.scalars(select(TitleGrant).where(TitleGrant.revoked_on.is_(None), TitleGrant.granted_on < ON, TitleGrant.valid_to > ON)).first()
    given.recorded_at = AT - timedelta(days=30)
    revoke(city, MANAGER, given.id, on=ON, at=NEXT)
    known = [facts_frame(city, [Column("title", given.title)], ON, [given.enterprise_id], known_at=at)[f"title.{given.title}"][0] for at in (AT, NEXT)]
    assert known == [True, False]


def test_a_title_put_on_file_later_was_not_known_the_day_before(city, packs):
    given = city.scalars(select(TitleGrant).where(TitleGrant.revoked_on.is_(None), TitleGrant.granted_on < ON, TitleGrant.valid_to > ON)).first()
    given.recorded_at = NEXT
    city.flush()
    known = [facts_frame(city, [Column("title", given.title)], ON, [given.enterprise_id], known_at=at)[f"title.{given.title}"][0] for at in (AT, NEXT)]
    assert known == [False, True]


def test_every_decision_is_made_again_with_the_same_result(city, packs, corrected):
    refresh(city, packs, ON, NEXT, [corrected])
    made = replay(city, corrected)
    kinds = {d.kind for d in made}
    assert (kinds >= {"verdict", "transition"}, [d for d in made if not d.is_same]) == (True, [])


def test_a_decision_altered_afterwards_is_found_out(city, packs, corrected):
    refresh(city, packs, ON, NEXT, [corrected])
    one = city.scalars(select(Transition).where(Transition.enterprise_id == corrected)).first()
    one.after = {"met": "unmet"}.get(one.after, "met")
    city.flush()
    assert [d.what for d in replay(city, corrected) if not d.is_same] == [one.item]


def test_a_decision_without_its_pack_says_why_it_cannot_be_made_again(city, packs, corrected):
    refresh(city, packs, ON, NEXT, [corrected])
    city.query(PackVersion).delete()
    assert {(d.again, d.why) for d in replay(city, corrected)} == {(None, "当时的规则包版本没有保存")}


def test_a_day_ends_with_its_last_instant_in_shanghai():
    assert end_of(date(2026, 6, 1)).isoformat() == "2026-06-01T15:59:59.999999+00:00"


def test_rebuilding_facts_and_verdicts_from_filings_gives_what_is_stored(city, packs):
    bodies = dict(city.execute(select(VerdictRow.enterprise_id, VerdictRow.body)).tuples().all())
    pack = packs["taizhou"]
    made = {firm: look_back(city, pack, firm, ON).evaluation.rows()["body"][0] for firm in list(bodies)[::12]}
    assert {firm: bodies[firm] for firm in made} == made




def test_replay_as_typed_checks_every_decision_of_a_firm(city, monkeypatch):
    monkeypatch.setattr(ladder_commands, "_session", lambda: nullcontext(city))
    uscc = city.get(Enterprise, a_firm(city)).uscc
    said = CliRunner().invoke(ladder_commands.replay, [uscc, "--json"])
    decisions = json.loads(said.stdout)["decisions"]
    assert (said.exit_code, {d["same"] for d in decisions}) == (0, {True})


def test_replay_of_an_unknown_firm_is_refused(city, monkeypatch):
    monkeypatch.setattr(ladder_commands, "_session", lambda: nullcontext(city))
    said = CliRunner().invoke(ladder_commands.replay, ["91330000000000000X"])
    assert (said.exit_code, "没有统一社会信用代码" in said.stderr) == (1, True)


def test_evaluate_as_typed_takes_a_firm_as_known_on_a_day(city, corrected, monkeypatch):
    monkeypatch.setattr(evaluating, "transaction", lambda _: nullcontext(city))
    uscc = city.get(Enterprise, corrected).uscc
    asked = ["--pack", "taizhou", "--as-of", ON.isoformat(), "--enterprise", uscc, "--json"]
    answers = [json.loads(CliRunner().invoke(evaluate, [*asked, *more]).stdout)["results"] for more in ([], ["--known-on", YESTERDAY.isoformat()])]
    assert answers[0] != answers[1]


def test_known_on_needs_a_firm_of_the_database():
    assert CliRunner().invoke(evaluate, ["--pack", "taizhou", "--as-of", "2026-06-01", "--facts", __file__, "--known-on", "2026-06-01"]).exit_code == 2
