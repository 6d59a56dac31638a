"""The night's comparison with the alerts that stand, and what people may do to one."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from sqlalchemy import func, select

from crm.alerts.models import Alert, AlertEvent
from crm.alerts.nightly import Night
from crm.alerts.operations import acknowledge, release, reopen, resolve, snooze
from crm.core.errors import Forbidden, Invalid, NotFound
from crm.jobs.chain import Chain
from crm.security.access import Access
from tests.city import AT, ON

OFFICER = Access(None, "officer", frozenset({"officer"}), ("331000",))
AUDITOR = Access(None, "auditor", frozenset({"auditor"}), ("331000",))
HOLD = 3  # days the pack waits before a better level is believed
ELSEWHERE = Access(None, "officer", frozenset({"officer"}), ("330800",))


@pytest.fixture
def alert(city):
    """A yellow alert that stands."""
    return city.scalars(select(Alert).where(Alert.rule == "exit_risk", Alert.level == "yellow").order_by(Alert.id)).first()


@pytest.fixture(scope="session")
def found(city_engines, packs):
    """What the rules say of every firm on the day."""
    from sqlalchemy.orm import Session

    with Session(city_engines[1]) as session:
        chain = Chain(session, packs, ON, AT)
        chain.evaluate()
        session.rollback()
        return chain._seen["taizhou"][0].found


def night(city, packs, found, alert, level, on=ON):
    """One comparison for the alert's firm, at another level; None: nothing is found any more."""
    mine = found.filter((pl.col("enterprise_id") == alert.enterprise_id) & (pl.col("rule") == alert.rule))
    rows = mine.clear() if level is None else mine.with_columns(level=pl.lit(level), stay_level=pl.lit(level))
    return Night(city, packs["taizhou"], on, AT + (on - ON)).compare(rows, [alert.enterprise_id])


def test_a_night_that_finds_the_same_changes_nothing(city, packs, found, alert):
    assert night(city, packs, found, alert, "yellow").as_dict() == {"raised": 0, "worsened": 0, "eased": 0, "reopened": 0, "resolved": 0, "expired": 0, "same": 1}


def test_an_alert_taken_on_opens_again_when_it_worsens(city, packs, found, alert):
    acknowledge(city, OFFICER, alert.id, at=AT)
    night(city, packs, found, alert, "red")
    assert (alert.state, alert.level) == ("open", "red")


def test_a_snoozed_alert_opens_again_when_it_worsens(city, packs, found, alert):
    snooze(city, OFFICER, alert.id, until=ON + timedelta(days=9), at=AT, reason="等10月数据")
    night(city, packs, found, alert, "orange")
    assert (alert.state, alert.snoozed_until) == ("open", None)


def test_a_snoozed_alert_that_eases_stays_snoozed(city, packs, found, alert):
    snooze(city, OFFICER, alert.id, until=ON + timedelta(days=9), at=AT, reason="等10月数据")
    alert.level = "red"
    for days in (0, HOLD):
        night(city, packs, found, alert, "yellow", ON + timedelta(days=days))
    assert (alert.state, alert.level) == ("snoozed", "yellow")


@pytest.mark.parametrize(("days", "state"), [(8, "snoozed"), (9, "open")])
def test_a_snooze_ends_on_its_day(city, packs, found, alert, days, state):
    snooze(city, OFFICER, alert.id, until=ON + timedelta(days=9), at=AT, reason="等10月数据")
    night(city, packs, found, alert, "yellow", ON + timedelta(days=days))
    assert alert.state == state


@pytest.mark.parametrize(("nights", "state"), [((0, HOLD - 1), "open"), ((0, HOLD), "resolved"), ((0, HOLD + 9), "resolved")])
def test_an_alert_whose_ground_is_gone_is_settled_once_that_has_held(city, packs, found, alert, nights, state):
    for days in nights:
        night(city, packs, found, alert, None, ON + timedelta(days=days))
    assert alert.state == state


def test_a_ground_that_comes_back_meanwhile_starts_the_wait_anew(city, packs, found, alert):
    for days, level in ((0, None), (HOLD - 1, "yellow"), (HOLD, None), (2 * HOLD - 1, None)):
        night(city, packs, found, alert, level, ON + timedelta(days=days))
    assert (alert.state, alert.easing_since) == ("open", ON + timedelta(days=HOLD))


def test_a_level_that_flickers_is_shown_at_its_worst(city, packs, found, alert):
    for days, level in enumerate(("orange", "yellow", "orange", "yellow", "orange")):
        night(city, packs, found, alert, level, ON + timedelta(days=days))
    kinds = city.scalars(select(AlertEvent.kind).where(AlertEvent.alert_id == alert.id).order_by(AlertEvent.id)).all()
    assert (alert.level, kinds) == ("orange", ["raised", "worsened"])


def test_a_forecast_of_a_year_that_is_over_runs_out_instead_of_being_settled(city, packs, found, alert):
    night(city, packs, found, alert, "yellow")
    alert.expires_on = ON
    night(city, packs, found, alert, None, ON + timedelta(days=1))
    assert (alert.state, alert.resolution) == ("expired", "期限已过")


def test_an_alert_settled_by_a_person_stays_settled_while_nothing_changes(city, packs, found, alert):
    resolve(city, OFFICER, alert.id, at=AT, reason="订单已签")
    night(city, packs, found, alert, "yellow")
    assert alert.state == "resolved"


def test_an_alert_settled_by_a_person_opens_again_when_it_worsens(city, packs, found, alert):
    resolve(city, OFFICER, alert.id, at=AT, reason="订单已签")
    night(city, packs, found, alert, "red")
    assert (alert.state, alert.is_watched) == ("open", False)


def test_an_alert_settled_by_a_person_is_no_longer_watched_once_its_ground_is_gone(city, packs, found, alert):
    resolve(city, OFFICER, alert.id, at=AT, reason="订单已签")
    night(city, packs, found, alert, None)
    assert not alert.is_watched


def test_every_change_of_the_night_leaves_an_event(city, packs, found, alert):
    night(city, packs, found, alert, "red")
    assert city.scalars(select(AlertEvent.kind).where(AlertEvent.alert_id == alert.id).order_by(AlertEvent.id)).all() == ["raised", "worsened"]


@pytest.mark.parametrize(("access", "refusal"), [(AUDITOR, Forbidden), (ELSEWHERE, NotFound)])
@pytest.mark.parametrize("verb", [
    lambda *of: acknowledge(*of, at=AT), lambda *of: snooze(*of, until=ON + timedelta(days=3), at=AT, reason="r"), lambda *of: resolve(*of, at=AT, reason="r"),
    lambda *of: release(*of, at=AT), lambda *of: reopen(*of, at=AT),
], ids=["acknowledge", "snooze", "resolve", "release", "reopen"])
def test_who_may_not_touch_an_alert_leaves_it_as_it_was(city, alert, verb, access, refusal):
    events = city.scalar(select(func.count()).select_from(AlertEvent))
    with pytest.raises(refusal):
        verb(city, access, alert.id)
    assert (alert.state, city.scalar(select(func.count()).select_from(AlertEvent))) == ("open", events)


@pytest.mark.parametrize("days", [0, 93])
def test_an_alert_is_put_off_until_tomorrow_at_the_earliest_and_92_days_at_most(city, alert, days):
    with pytest.raises(Invalid):
        snooze(city, OFFICER, alert.id, until=ON + timedelta(days=days), at=AT, reason="r")


def test_reopening_undoes_a_settlement(city, alert):
    resolve(city, OFFICER, alert.id, at=AT, reason="订单已签")
    reopen(city, OFFICER, alert.id, at=AT)
    assert (alert.state, alert.resolution, alert.is_watched) == ("open", None, False)


def test_titles_one_criterion_short_are_one_alert_a_firm_that_names_them(city):
    found = city.scalars(select(Alert).where(Alert.rule == "near_threshold", Alert.subject == "titles")).all()
    assert ("srdi" in {told["title"] for alert in found for told in alert.evidence["titles"]}, len({alert.enterprise_id for alert in found})) == (True, len(found))


def test_a_level_given_by_electricity_says_so(city):
    told = city.scalars(select(Alert.headline).where(Alert.evidence["reason"].as_string() == "用电量同比降30%以上")).all()
    assert told
    assert all(headline.startswith("用电同比 −") for headline in told)
