"""bench/kills.py in small: real workers, the leader killed at random moments of a few nights."""

from __future__ import annotations

from datetime import date

import pytest

from bench import kills
from tests.city import Databases
from tests.conftest import DATABASES


@pytest.fixture(scope="module", params=DATABASES)
def figures(request):
    databases = Databases(request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None)
    engine = databases.create("kills")
    url = engine.url.render_as_string(hide_password=False)
    engine.dispose()
    yield kills.run(kills=2, nights=3, given=url, first=date(2026, 3, 10))[0]
    databases.drop()


def test_no_night_is_lost_or_done_twice_and_they_come_in_order(figures):
    assert [figures[name] for name in ("nights", "ticks_lost", "ticks_doubled", "nights_out_of_order", "kills")] == [3, 0, 0, 0, 2]


def test_no_alert_is_doubled(figures):
    assert (figures["alerts"] > 0, figures["alerts_doubled"]) == (True, 0)


def test_every_message_reaches_the_receiver_under_one_key_and_says_one_thing(figures):
    assert (figures["messages"] > 0, *(figures[name] for name in ("messages_lost", "messages_dead", "keys_nobody_wrote", "keys_with_two_contents"))) == (True, 0, 0, 0, 0)


def test_the_standby_leads_after_a_kill(figures):
    assert figures["standby_leads_after_s"] is not None  # how soon is measured, see docs/benchmarks.md
