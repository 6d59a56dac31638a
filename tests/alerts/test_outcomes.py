"""What came of a year's warnings: fell, kept, not yet known; and who fell unwarned."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crm.alerts.models import Alert, AlertEvent, AlertOutcome
from crm.alerts.outcomes import close_year, effects, year_to_close
from crm.enterprises.models import Enterprise
from crm.ladder.models import RegisterMembership
from crm.security.access import Access
from tests.alerts.test_states import instant
from tests.world import make_regions

YEAR, AT = 2025, instant(date(2026, 2, 1))
CITY = Access(None, "manager", frozenset({"manager"}), ("331000",))
AWAY = Access(None, "manager", frozenset({"manager"}), ("330800",))
LINE = 20_000_000


@pytest.fixture(autouse=True)
def regions(session):
    make_regions(session)


def firm(session, number, *, figure=None, entered=date(2020, 1, 1), left=None, warned=None, level="red", rule="exit_risk"):
    """One firm with a stay and perhaps a warning; gives its row of the night."""
    made = Enterprise(uscc=f"91331081MA2AAAA{number:03d}", name=f"第{number}厂", name_key="厂", region_code="331081100", created_at=AT, updated_at=AT)
    session.add(made)
    session.flush()
    if entered:
        session.add(RegisterMembership(enterprise_id=made.id, entered_on=entered, exited_on=left, entry="first", recorded_at=AT))
    if warned:
        alert = Alert(enterprise_id=made.id, rule=rule, subject="register", level=level, headline="h", evidence={}, raised_on=warned, seen_on=warned, state="expired", resolved_at=AT)
        session.add(alert)
        session.flush()
        session.add(AlertEvent(alert_id=alert.id, kind="raised", at=AT, level=level, state="open"))
    session.flush()
    return {"enterprise_id": made.id, "line": LINE, "last_year": figure}


def closed(session, *rows):
    close_year(session, pl.DataFrame(list(rows), schema={"enterprise_id": pl.Int64, "line": pl.Int64, "last_year": pl.Int64}), YEAR, AT)
    session.expire_all()


def outcome(session, **values):
    row = firm(session, 1, **values)
    closed(session, row)
    found = session.get(AlertOutcome, (row["enterprise_id"], values.get("rule", "exit_risk"), YEAR))
    return None if found is None else (found.happened, found.how, found.warned_on is not None)


JULY = date(2025, 7, 10)


@pytest.mark.parametrize(("values", "is_so"), [
    ({"warned": JULY, "figure": LINE - 1}, (True, "below", True)), ({"warned": JULY, "figure": LINE}, (False, "kept", True)), ({"warned": JULY}, (None, None, True)),
    ({"warned": JULY, "left": date(2025, 11, 20), "figure": LINE}, (True, "left", True)), ({"warned": JULY, "left": date(2026, 1, 5)}, (True, "left", True)),
    ({"left": date(2025, 11, 20)}, (True, "left", False)), ({"figure": LINE - 1}, (True, "below", False)), ({"figure": LINE}, None), ({}, None),
    ({"entered": None, "rule": "near_threshold", "warned": JULY, "figure": LINE}, (True, "reached", True)), ({"entered": None, "rule": "near_threshold", "warned": JULY, "figure": LINE - 1}, (False, "stayed", True)),
    ({"entered": date(2026, 1, 1), "rule": "near_threshold", "warned": JULY}, (True, "entered", True)),
])
def test_a_year_says_what_came_of_a_warning_or_that_nobody_knows_yet(session, values, is_so):
    assert outcome(session, **values) == is_so


def test_a_figure_that_comes_later_settles_what_was_unknown(session):
    row = firm(session, 1, warned=JULY)
    closed(session, row)
    closed(session, row | {"last_year": LINE - 1})
    assert session.get(AlertOutcome, (row["enterprise_id"], "exit_risk", YEAR)).happened is True


@pytest.mark.parametrize(("day", "year"), [("2026-01-01", 2025), ("2026-06-30", 2025), ("2026-07-01", None), ("2026-12-31", None)])
def test_last_year_is_settled_in_the_first_half_of_the_next(day, year):
    assert year_to_close(date.fromisoformat(day)) == year


def a_year(session):
    rows = [firm(session, 1, warned=JULY, figure=1), firm(session, 2, warned=JULY, figure=LINE), firm(session, 3, warned=JULY, level="yellow"), firm(session, 4, figure=1),
            firm(session, 5, warned=JULY, left=JULY + timedelta(days=100))]
    closed(session, *rows)


def test_precision_and_recall_count_the_known_ones_and_say_how_many_are_not(session):
    a_year(session)
    found = next(effect for effect in effects(session, CITY) if effect.rule == "exit_risk")
    assert (found.warned, found.hit, found.false, found.unknown, found.missed, found.lead_days) == (4, 2, 1, 1, 1, 100)
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_levels_are_told_apart(session):
    a_year(session)
    found = next(effect for effect in effects(session, CITY) if effect.rule == "exit_risk")
    assert found.levels == {"red": (3, 2, 1, 0), "yellow": (1, 0, 0, 1)}


def test_another_citys_outcomes_are_not_seen(session):
    a_year(session)
    assert effects(session, AWAY) == []


def test_a_rule_nothing_is_known_of_has_neither_precision_nor_recall(session):
    closed(session, firm(session, 1, warned=JULY))
    assert [(effect.precision, effect.recall) for effect in effects(session, CITY)] == [(None, None)]


def test_a_night_in_january_settles_the_year_before(city, packs):
    """The whole chain over the demo city, two months on: its warnings of 2026 have an outcome, known or not."""
    from sqlalchemy import select

    from crm.jobs.chain import Chain

    chain = Chain(city, packs, date(2027, 1, 20), instant(date(2027, 1, 20)))
    chain.evaluate()
    done = chain.alerts()
    warned = set(city.scalars(select(Alert.enterprise_id).where(Alert.rule == "exit_risk", Alert.raised_on < date(2027, 1, 1))))
    told = set(city.scalars(select(AlertOutcome.enterprise_id).where(AlertOutcome.rule == "exit_risk", AlertOutcome.warned_on.is_not(None))))
    assert (done["outcomes"] > 0, warned - told) == (True, set())
