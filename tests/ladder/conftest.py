"""A small demo city evaluated by the taizhou pack, and people of several roles."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crm.config import ROOT
from crm.criteria.loading import load_packs
from crm.ladder.models import Standing
from crm.ladder.queries import Filters
from crm.security.access import Access
from seeds.demo import create_demo, load_spec
from tests.regions.some import load_some

ON = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MANAGER = Access(901, "manager", frozenset({"manager"}), ("331000",))
OFFICER = Access(902, "officer", frozenset({"officer"}), ("331000",))
ELSEWHERE = Access(903, "manager", frozenset({"manager"}), ("330800",))


@pytest.fixture(scope="session")
def packs():
    """The shipped packs."""
    return load_packs(Path(ROOT / "plugins"), ["taizhou"])


@pytest.fixture
def firms(session, monkeypatch):
    """120 demo firms, the stories among them, not evaluated yet."""
    spec = load_spec()
    spec["scales"]["small"] = {"firms": 120, "lift": 0.6}
    monkeypatch.setattr("seeds.demo.load_spec", lambda: spec)
    load_some(session)
    create_demo(session, "small", ON)
    session.flush()
    return session


@pytest.fixture
def city(firms, packs):
    """The same firms, evaluated with forecast, alerts and counts."""
    from crm.jobs.chain import Chain

    chain = Chain(firms, packs, ON, AT)
    chain.evaluate()
    chain.alerts()
    chain.counts()
    return firms


def any_standing(session, **wanted) -> Standing:
    """The first standing with these values."""
    return session.query(Standing).filter_by(**wanted).order_by(Standing.enterprise_id).first()


__all__ = ["Filters"]
