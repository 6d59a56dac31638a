"""Verdicts in the database, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from sqlalchemy import func, select

from crm.core.bulk import insert_rows
from crm.criteria import masks
from crm.criteria.engine import evaluate, holds
from crm.criteria.explain import explain
from crm.criteria.masks import near_misses
from crm.criteria.models import PackVersion, Transition, VerdictRow
from crm.criteria.packing import bodies, heads
from crm.criteria.packs import Pack
from crm.criteria.store import rules_id, store, verdict_of
from crm.enterprises.models import Enterprise
from crm.regions.models import Region
from tests.criteria.conftest import DAY, population

AT = datetime(2026, 6, 1, 3, tzinfo=UTC)
SIZE = 40


@pytest.fixture
def firms(session):
    """Forty firms in the database; their ids."""
    session.add(Region(code="331081", name="温岭市", level="county"))
    session.flush()
    ids = list(range(1, SIZE + 1))
    insert_rows(session, Enterprise, {
        "id": ids, "uscc": [f"{i:018d}" for i in ids], "name": [f"企业{i}" for i in ids], "kind": ["corporate"] * SIZE, "region_code": ["331081"] * SIZE,
        "region_found": ["declared"] * SIZE, "status": ["active"] * SIZE, "name_key": [""] * SIZE, "initials": [""] * SIZE,
        "created_at": [AT] * SIZE, "updated_at": [AT] * SIZE, "version": [1] * SIZE,
    })
    return ids


@pytest.fixture
def facts(pack, firms):
    """Their facts on the day."""
    return population(pack.program(DAY), SIZE, 3).with_columns(enterprise_id=pl.Series(firms, dtype=pl.Int64))


def count(session, table) -> int:
    return session.scalar(select(func.count()).select_from(table))


def test_every_firm_gets_one_row_and_the_pack_is_kept(session, pack, facts):
    stored = store(session, evaluate(pack, facts, DAY), at=AT)
    assert (stored.written, count(session, VerdictRow), session.scalar(select(PackVersion.document))) == (SIZE, SIZE, pack.document)


def test_a_stored_row_expands_to_what_was_evaluated(session, pack, facts):
    evaluation = evaluate(pack, facts, DAY)
    store(session, evaluation, at=AT)
    states = [["unmet", "met", "unknown", "not_in_force", "not_applicable"][s] for s in evaluation.frame["s:srdi"]]
    found = [verdict_of(session, firm, pack) for firm in range(1, SIZE + 1)]
    assert [explain(seen.pack, seen.row, seen.as_of).items["srdi"].state for seen in found] == states


def test_evaluating_again_writes_nothing(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    before = count(session, Transition)
    again = store(session, evaluate(pack, facts, DAY), at=AT)
    assert (again.written, len(again.transitions), count(session, Transition)) == (0, 0, before)


def test_the_next_day_under_the_same_rules_writes_nothing(session, pack, facts):
    calm = facts.drop("event.accident")  # an accident may leave its window of three years overnight
    store(session, evaluate(pack, calm, DAY), at=AT)
    assert store(session, evaluate(pack, calm, date(2026, 6, 2)), at=AT).written == 0


def test_a_new_year_rewrites_every_row(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    assert store(session, evaluate(pack, facts, date(2027, 1, 2)), at=AT).written == SIZE


def test_a_changed_figure_writes_that_firm_and_its_transitions(session, pack, facts):
    poor = facts.with_columns(pl.lit(3441).cast(pl.String).alias("industry"), pl.lit(0, pl.Int64).alias("revenue_main.y-1"))
    store(session, evaluate(pack, poor, DAY), at=AT)
    richer = poor.with_columns(pl.when(pl.col("enterprise_id") == 7).then(20_000_000).otherwise(0).cast(pl.Int64).alias("revenue_main.y-1"))
    stored = store(session, evaluate(pack, richer, DAY), at=AT)
    moved = stored.transitions.filter(pl.col("item") == "register").rows()
    assert (stored.written, moved) == (1, [(7, "register", "unmet", "met")])


def test_only_the_firms_evaluated_are_touched(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    some = facts.filter(pl.col("enterprise_id").is_in([3, 9])).with_columns(pl.lit(None, pl.Int64).alias("revenue.y-1"))
    assert store(session, evaluate(pack, some, DAY), at=AT).written <= 2


def test_transitions_match_items_by_key_when_the_pack_changed(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    fewer = pack.book.model_copy(update={"pools": ()})
    other = Pack.from_document(fewer.canonical())
    stored = store(session, evaluate(other, facts, DAY), at=AT)
    assert (stored.written, len(stored.transitions)) == (SIZE, 0)


def test_a_firm_under_another_pack_is_rewritten_without_transitions(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    other = Pack.from_document(pack.book.model_copy(update={"id": "taizhou"}).canonical())
    stored = store(session, evaluate(other, facts.head(3), DAY), at=AT)
    assert (stored.written, len(stored.transitions), count(session, VerdictRow), verdict_of(session, 1, pack)) == (3, 0, SIZE, None)


def test_a_row_of_an_earlier_version_is_expanded_by_that_version(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    newer = Pack.from_document(pack.book.model_copy(update={"pools": ()}).canonical())
    found = verdict_of(session, 7, newer)
    assert (found.pack.hash, found.current) == (pack.hash, False)


def test_copied_rows_and_inserted_rows_are_the_same(session, pack, facts):
    evaluation = evaluate(pack, facts, DAY)
    store(session, evaluation, at=AT)
    assert session.execute(select(VerdictRow.enterprise_id, VerdictRow.body).order_by(VerdictRow.enterprise_id)).all() == list(zip(range(1, SIZE + 1), bodies(evaluation), strict=True))


def slow_near_misses(pack, evaluation, item: str) -> dict[int, list[int]]:
    """By criterion, from the explanation of each firm: not met, and surely met with that criterion turned."""
    leaves = [leaf.number for leaf in evaluation.program.by_key[item].tree.leaves]
    found: dict[int, list[int]] = {}
    for row in evaluation.frame.sort("enterprise_id").iter_rows(named=True):
        if row[f"i:{item}"] is True:
            continue
        for n in leaves:
            turned = pl.DataFrame([{f"c{m}": True if m == n else row[f"c{m}"] for m in leaves}], schema=dict.fromkeys((f"c{m}" for m in leaves), pl.Boolean))
            if row[f"c{n}"] is False and turned.select(holds(evaluation.program.by_key[item].tree)).item():
                found.setdefault(n, []).append(row["enterprise_id"])
    return found


@pytest.mark.parametrize("item", ["srdi", "innovative_sme", "step_up.revenue_band"])
def test_near_misses_are_what_a_slow_look_at_each_firm_finds(session, pack, facts, item):
    many = pl.concat([facts, facts.with_columns(pl.col("enterprise_id") + 5000), facts.with_columns(pl.col("enterprise_id") + 9000)]).fill_null(strategy="forward")
    evaluation = evaluate(pack, many, DAY)
    store(session, evaluation, at=AT, whole=True)
    assert {n.criterion: n.firms.tolist() for n in near_misses(session, pack, item, DAY) if len(n.firms)} == slow_near_misses(pack, evaluation, item)


@pytest.mark.parametrize("item", ["srdi", "innovative_sme"])
def test_a_doubtful_near_miss_is_known_to_fail_and_only_missing_figures_stay_open_with_its_criterion(session, pack, facts, item):
    evaluation = evaluate(pack, facts, DAY)
    store(session, evaluation, at=AT, whole=True)
    tree, rows = evaluation.program.by_key[item].tree, {row["enterprise_id"]: row for row in evaluation.frame.iter_rows(named=True)}
    leaves = [leaf.number for leaf in tree.leaves]

    def after(firm, turned):
        cells = {f"c{m}": True if m == turned else rows[firm][f"c{m}"] for m in leaves}
        return pl.DataFrame([cells], schema=dict.fromkeys(cells, pl.Boolean)).select(holds(tree)).item()

    slow = {n: [f for f in sorted(rows) if rows[f][f"i:{item}"] is False and rows[f][f"c{n}"] is False and after(f, n) is None] for n in leaves}
    fast = {n.criterion: n.doubtful.tolist() for n in near_misses(session, pack, item, DAY)}
    assert {n: f for n, f in fast.items() if f} == {n: f for n, f in slow.items() if f}


def test_near_misses_count_a_firm_evaluated_alone_by_its_new_verdict(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT, whole=True)
    again = evaluate(pack, facts.reverse().with_columns(pl.Series("enterprise_id", facts["enterprise_id"])), DAY)
    store(session, again, at=AT)
    assert {n.criterion: n.firms.tolist() for n in near_misses(session, pack, "srdi", DAY) if len(n.firms)} == slow_near_misses(pack, again, "srdi")


def test_masks_written_again_for_everybody_are_not_written(session, pack, facts):
    evaluation = evaluate(pack, facts, DAY)
    store(session, evaluation, at=AT, whole=True)
    assert masks.write(session, evaluation, heads(evaluation), rules_id(session, evaluation)) == 0
