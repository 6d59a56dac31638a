"""The clock of messages: ticks recorded before the work, one a minute, and a worker killed half-way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from crm.core.outbound import Outbound
from crm.jobs import operations
from crm.jobs.context import Context
from crm.jobs.errors import LostRun
from crm.jobs.messages import ask_for_messages, deliver, digests, may_see
from crm.jobs.models import JobRun
from crm.notices import operations as notices
from crm.notices import wishes
from crm.notices.carriers import Carrier
from crm.notices.models import Outbox
from crm.security.bootstrap import write_permissions
from crm.security.vault import Vault
from tests.notices.conftest import NOON, person, tell
from tests.notices.servers import taker
from tests.notices.test_delivery import MORNING, SECRET
from tests.world import make_world

__all__ = ["person", "tell"]


@pytest.fixture
def receiver():
    with taker() as server:
        yield server


@pytest.fixture
def here(settings):
    return replace(settings, outbound_allow=("127.0.0.1",))


@pytest.fixture
def hook(session, person, receiver, here):
    user = person("a")
    doors = wishes.Doors(Vault(here.key()), Outbound(here.outbound_allow))
    wishes.set_channel(session, user, "webhook", mode="each", at=NOON, doors=doors, address=receiver.url, secret=SECRET, is_administrator=True)
    return user


@pytest.fixture
def work(clean_engine, session, here):
    """work(handler, job, at): claims the recorded run and works it at that time."""
    sessions = sessionmaker(clean_engine, expire_on_commit=False)

    def go(handler, at, name="w"):
        session.commit()
        with sessions.begin() as other:
            run = operations.claim(other, name, at)
        return handler(Context(run, here, clean_engine, sessions, clock=lambda: at))

    return go


def test_nothing_is_recorded_when_nothing_is_due(session):
    assert ask_for_messages(session, NOON) == []


def test_a_delivery_is_recorded_under_its_minute_once(session, hook, tell):
    tell(hook)
    asked = [ask_for_messages(session, NOON + timedelta(seconds=s)) for s in (7, 30)]
    assert (asked, session.scalars(select(JobRun.key)).all()) == ([["deliver"], []], [NOON.isoformat()])


def test_the_next_minute_records_none_while_one_still_waits(session, hook, tell):
    tell(hook)
    ask_for_messages(session, NOON)
    assert ask_for_messages(session, NOON + timedelta(minutes=1)) == []


def test_a_delivery_sends_what_is_due(session, hook, tell, receiver, work):
    tell(hook)
    ask_for_messages(session, NOON)
    assert (work(deliver, NOON)["sent"], len(receiver.taken)) == (1, 1)


def test_a_digest_is_asked_for_at_its_time_and_not_before(session, person, tell, here):
    user = person("b")
    doors = wishes.Doors(Vault(here.key()), Outbound())
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=doors, address="b@example.gov.cn")
    tell(user)
    assert [ask_for_messages(session, at) for at in (MORNING - timedelta(seconds=1), MORNING)] == [[], ["digests"]]


def test_a_digest_run_bundles_what_is_held(session, person, tell, here, work):
    user = person("b")
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=wishes.Doors(Vault(here.key()), Outbound()), address="b@example.gov.cn")
    tell(user)
    ask_for_messages(session, MORNING)
    assert work(digests, MORNING) == {"digests": 1, "messages": 1}


@pytest.mark.parametrize("after_sending", [False, True])
def test_a_worker_killed_around_sending_loses_nothing_and_the_receiver_counts_one_key(session, hook, tell, receiver, work, monkeypatch, after_sending):
    tell(hook)
    ask_for_messages(session, NOON)
    send = Carrier.send

    def killed(*given):
        if after_sending:
            send(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Carrier, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        work(deliver, NOON)
    monkeypatch.setattr(Carrier, "send", send)
    operations.take_back(session, "next", NOON)
    later = NOON + timedelta(minutes=6)
    work(deliver, later, "next")
    assert (len(receiver.keys), len(set(receiver.keys)), session.scalar(select(Outbox.state))) == (2 if after_sending else 1, 1, "sent")


def test_a_run_that_was_taken_over_settles_nothing(session, hook, tell, receiver, work, monkeypatch):
    tell(hook)
    ask_for_messages(session, NOON)

    def taken_over(self, *_):
        with sessionmaker(session.get_bind()).begin() as other:
            operations.take_back(other, "next", NOON)

    monkeypatch.setattr(Carrier, "send", taken_over)
    with pytest.raises(LostRun):
        work(deliver, NOON)
    assert session.scalar(select(Outbox.state)) == "queued"


def test_one_message_that_cannot_even_be_built_does_not_hold_up_the_next(session, hook, tell, receiver, work, monkeypatch):
    tell(hook, key="odd", title="odd")
    tell(hook, key="good")
    ask_for_messages(session, NOON)
    send = Carrier.send

    def odd(self, channel, address, secret, letter, at):
        if letter.items[0].title == "odd":
            raise RuntimeError("x")
        send(self, channel, address, secret, letter, at)

    monkeypatch.setattr(Carrier, "send", odd)
    assert work(deliver, NOON) == {"sent": 1, "queued": 1, "dead": 0}


def test_a_message_names_firms_of_the_receivers_jurisdiction_only(app, session):
    write_permissions(session, app.appbuilder.baseviews)
    home, away = make_world(session)
    user = home.ids["user"]
    assert may_see(session)(user, {home.ids["enterprise"], away.ids["enterprise"]}) == {home.ids["enterprise"]}


def test_a_notice_and_its_message_are_one_transaction_with_the_alert(session, hook):
    notices.post(session, to=[hook], kind="alert", key="k", title="t", text="", link="/", at=NOON)
    session.rollback()
    assert session.scalars(select(Outbox)).all() == []
