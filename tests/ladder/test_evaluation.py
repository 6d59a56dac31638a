"""Evaluating many firms says what evaluating one says, writes only differences, and proposes what newly holds."""

from __future__ import annotations

from datetime import timedelta

import orjson
import polars as pl
from polars.testing import assert_frame_equal
from sqlalchemy import delete, func, select

from crm.criteria.columns import required_columns
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain_all
from crm.criteria.models import FactsDirty, VerdictRow
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.indicators.operations import file_figures
from crm.jobs.chain import Chain, refresh, refresh_changed
from crm.ladder.changes import mark_changed
from crm.ladder.evaluation import OWN
from crm.ladder.facts import facts_frame
from crm.ladder.models import Move, Standing
from crm.ladder.operations import enter, reject
from crm.ladder.standing import standings, under_way
from tests.ladder.conftest import AT, MANAGER, ON


def test_standings_of_many_firms_agree_with_the_explanation_of_each(firms, packs):
    pack = packs["taizhou"]
    stories_and_some_more = facts_frame(firms, required_columns(pack, ON), ON).gather_every(2)
    evaluation = evaluate(pack, stories_and_some_more, ON)
    made = [
        {step: (s["state"], s["missing"], s["unknown"], s["per_mille"], s["proposes"]) for step, s in orjson.loads(row["steps"]).items()} | {"tier": row["tier"]}
        for row in standings(evaluation).iter_rows(named=True)
    ]
    started = evaluation.frame.with_columns(tier=pl.Series([row["tier"] for row in made])).select(under_way(evaluation)).to_series().to_list()
    wanted = []
    for seen, asked in zip(explain_all(evaluation), started, strict=True):
        found = {s.id: s.item.reach if s.item and (asked or s.id == "step_up") else None for s in seen.steps}
        parts = {step: (reach.missing, reach.unknown, reach.per_mille) if reach else (None,) * 3 for step, reach in found.items()}
        wanted.append({s.id: (s.state, *parts[s.id], s.proposes) for s in seen.steps} | {"tier": seen.tier})
    assert made == wanted


def test_facts_of_some_firms_are_those_of_everybody(firms, packs):
    columns = required_columns(packs["taizhou"], ON)
    everybody = facts_frame(firms, columns, ON)
    some = everybody["enterprise_id"].to_list()[5:25]
    assert_frame_equal(facts_frame(firms, columns, ON, some), everybody.filter(pl.col("enterprise_id").is_in(some)), check_column_order=False)


def test_a_figure_is_read_as_it_was_known_then(firms, packs):
    columns = required_columns(packs["taizhou"], ON)
    before = facts_frame(firms, columns, ON)
    firm = before["enterprise_id"][0]
    file_figures(firms, firm, period="2025", form="period", source="demo", values={"revenue": 1}, by=None, at=AT)
    assert facts_frame(firms, columns, ON, [firm], known_at=AT - timedelta(minutes=1))["revenue.y-1"].to_list() == before["revenue.y-1"].head(1).to_list()


def test_the_better_source_is_believed_measure_by_measure(firms, packs):
    columns = required_columns(packs["taizhou"], ON)
    firm = firms.scalars(select(Filing.enterprise_id).where(Filing.period == "2025")).first()
    file_figures(firms, firm, period="2025", form="period", source="audit", values={"revenue": 77_000_000}, by=None, at=AT)
    row = facts_frame(firms, columns, ON, [firm]).row(0, named=True)
    assert (row["revenue.y-1"], row["revenue_main.y-1"] is not None) == (77_000_000, True)


def test_a_second_evaluation_writes_nothing(city, packs):
    again = Chain(city, packs, ON, AT).evaluate()
    assert (again["verdicts"], again["transitions"], again["standings"], again["proposed"]) == (0, 0, 0, 0)


def test_every_live_firm_has_a_verdict_and_a_standing(city):
    counts = [city.scalar(select(func.count()).select_from(model)) for model in (Enterprise, VerdictRow, Standing)]
    assert len(set(counts)) == 1


def test_only_the_changed_firm_is_evaluated_again(city, packs):
    firm = city.scalars(select(Enterprise.id)).first()
    mark_changed(session=city, enterprise_ids=[firm], at=AT)
    assert refresh_changed(city, packs, ON, AT)["firms"] == 1


def test_a_refreshed_firm_is_no_longer_marked(city, packs):
    firm = city.scalars(select(Enterprise.id)).first()
    mark_changed(session=city, enterprise_ids=[firm], at=AT)
    refresh_changed(city, packs, ON, AT)
    assert city.scalars(select(FactsDirty)).all() == []


def test_a_change_after_the_run_began_keeps_its_mark(city, packs):
    firm = city.scalars(select(Enterprise.id)).first()
    mark_changed(session=city, enterprise_ids=[firm], at=AT + timedelta(seconds=1))
    refresh_changed(city, packs, ON, AT)
    assert city.scalars(select(FactsDirty.enterprise_id)).all() == [firm]


def test_a_firm_over_its_line_and_outside_the_register_is_proposed(city):
    firm = city.scalars(select(Standing).where(Standing.should_register)).first()
    assert city.scalars(select(Move.step).where(Move.enterprise_id == firm.enterprise_id, Move.state == "proposed")).all() == ["step_up"]


def test_a_refused_proposal_does_not_come_back_on_the_same_verdict(city, packs):
    move = city.scalars(select(Move).where(Move.state == "proposed")).first()
    reject(city, MANAGER, move.id, at=AT, reason="厂房未验收")
    city.get(Standing, move.enterprise_id).steps = {}
    refresh(city, packs, ON, AT, [move.enterprise_id])
    assert city.scalars(select(Move.state).where(Move.enterprise_id == move.enterprise_id)).all() == ["rejected"]


def test_a_refused_proposal_comes_back_when_the_figures_changed(city, packs):
    move = city.scalars(select(Move).where(Move.state == "proposed")).first()
    reject(city, MANAGER, move.id, at=AT, reason="厂房未验收")
    city.get(Standing, move.enterprise_id).steps = {}
    file_figures(city, move.enterprise_id, period="2025", form="period", source="audit", values={"revenue": 99_000_000, "revenue_main": 99_000_000}, by=None, at=AT)
    refresh(city, packs, ON, AT, [move.enterprise_id])
    assert city.scalars(select(Move.state).where(Move.enterprise_id == move.enterprise_id).order_by(Move.id)).all() == ["rejected", "proposed"]


def test_a_proposal_lapses_when_its_ground_is_gone(city, packs):
    move = city.scalars(select(Move).where(Move.state == "proposed", Move.step == "step_up")).first()
    enter(city, MANAGER, move.enterprise_id, on=ON, at=AT)
    refresh(city, packs, ON, AT, [move.enterprise_id])
    assert city.get(Move, move.id).state == "superseded"


def test_verdicts_and_standings_made_anew_are_those_on_file(city, packs):
    columns = [getattr(Standing, name) for name in OWN if name != "steps"]

    def on_file():
        verdicts = city.execute(select(VerdictRow.enterprise_id, VerdictRow.body).order_by(VerdictRow.enterprise_id)).all()
        return verdicts, city.execute(select(Standing.enterprise_id, Standing.place, *columns).order_by(Standing.enterprise_id)).all()

    before = on_file()
    for model in (VerdictRow, Standing):
        city.execute(delete(model))
    Chain(city, packs, ON, AT).evaluate()
    assert on_file() == before
