"""A what-if as a job: what its asker may see, in a file of its own; nothing else is written, and what cannot be read fails in words."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy.orm import sessionmaker

from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.indicators.operations import file_figures
from crm.jobs import operations
from crm.jobs.context import Context
from crm.jobs.errors import LostRun
from crm.jobs.models import JobRun
from crm.jobs.trying import JOB, kept, try_change
from tests.web.firms import LUQIAO, WENLING, city, firm

LOWER = {"register.industry.line": "1500万元"}


@pytest.fixture
def near(session):
    """Two firms with 1600 万元 last year, in two counties."""
    city(session)
    made = {}
    for name, region in (("近线厂", WENLING), ("别县厂", LUQIAO)):
        made[name] = firm(session, name, region).id
        figures = {"revenue_main": 16_000_000, "revenue": 16_000_000}
        file_figures(session, made[name], period=str(today().year - 1), form="period", source="firm", values=figures, by=None, at=now() - timedelta(days=1))
    session.commit()
    return made


@pytest.fixture
def asked(clean_engine, session, settings):
    """asked(values, regions): the claimed run's context, as a worker gives it to the handler."""
    sessions = sessionmaker(clean_engine, expire_on_commit=False)

    def go(values, regions=("331000",)):
        payload = {"pack": "taizhou", "values": values, "on": today().isoformat(), "regions": list(regions), "zones": []}
        operations.enqueue(session, JOB, now().isoformat(), payload)
        session.commit()
        with sessions.begin() as other:
            run = operations.claim(other, "w", now())
        return Context(run, settings, clean_engine, sessions)

    return go


def outcome(context):
    return orjson.loads(kept(context.settings.data_dir, context.run.id).read_bytes())


def entering(context):
    return {firm for firm, item, _, after in outcome(context)["moves"] if item == "register" and after == "met"}


def test_the_outcome_names_who_enters(near, asked):
    context = asked(LOWER)
    try_change(context)
    assert entering(context) == set(near.values())


def test_the_outcome_ends_at_the_jurisdiction_of_whoever_asked(near, asked):
    context = asked(LOWER, regions=(WENLING,))
    assert (try_change(context), entering(context)) == ({"firms": 1}, {near["近线厂"]})


def test_a_jurisdiction_without_firms_has_an_outcome_all_the_same(near, asked):
    context = asked(LOWER, regions=("330800",))
    assert (try_change(context), outcome(context)["items"]) == ({"firms": 0}, [])


def test_the_run_ends_with_its_progress_full(near, asked, session):
    context = asked(LOWER)
    try_change(context)
    run = session.get(JobRun, context.run.id, populate_existing=True)
    assert (run.done, run.total > 0) == (run.total, True)


def test_a_value_that_cannot_be_read_leaves_no_file(near, asked):
    context = asked({"register.industry.line": "很多"})
    with pytest.raises(Invalid):
        try_change(context)
    assert not kept(context.settings.data_dir, context.run.id).exists()


def test_a_run_that_was_taken_over_keeps_no_outcome(near, asked, session):
    context = asked(LOWER)
    operations.take_back(session, "next", now())
    session.commit()
    with pytest.raises(LostRun):
        try_change(context)
    assert not kept(context.settings.data_dir, context.run.id).exists()
