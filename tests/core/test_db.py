"""The database base: aware instants, one class a table."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from crm.jobs.models import WorkerBeat


def test_an_instant_comes_back_aware_and_equal(session: Session) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    session.add(WorkerBeat(worker="w", at=at, is_leader=True, started_at=at))
    session.commit()
    assert session.scalars(select(WorkerBeat.at)).one() == at


def test_a_naive_instant_is_refused(session: Session) -> None:
    session.add(WorkerBeat(worker="w", at=datetime(2026, 1, 2), is_leader=True, started_at=datetime(2026, 1, 2)))
    with pytest.raises(StatementError, match="naive"):
        session.flush()


def test_what_a_savepoint_kept_goes_with_the_transaction_it_stands_in(session: Session) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    with session.begin_nested():
        session.add(WorkerBeat(worker="w", at=at, is_leader=True, started_at=at))
    session.rollback()
    assert session.scalars(select(WorkerBeat)).all() == []
