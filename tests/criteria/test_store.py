"""Verdicts in the database, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import polars as pl
import pytest
from sqlalchemy import func, select

from crm.core.bulk import insert_rows
from crm.criteria.engine import evaluate
from crm.criteria.explain import explain
from crm.criteria.models import PackVersion, Transition, VerdictRow
from crm.criteria.packs import Pack
from crm.criteria.store import forget_other_packs, store
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
    rows = session.scalars(select(VerdictRow).order_by(VerdictRow.enterprise_id))
    assert [explain(pack, row, row.as_of).items["srdi"].state for row in rows] == states


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


def test_rows_under_another_pack_are_dropped(session, pack, facts):
    store(session, evaluate(pack, facts, DAY), at=AT)
    forget_other_packs(session, SimpleNamespace(id="taizhou"), [1, 2, 3])
    assert count(session, VerdictRow) == SIZE - 3
