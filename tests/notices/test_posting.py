"""Telling people: once for each event and user, in the transaction of the event, to the channels they chose."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.notices import operations
from crm.notices.models import Notice, NoticeChannel, NoticePreference, Outbox
from tests.notices.conftest import NIGHT, NOON


def channel(session, user, kind="email", mode="each"):
    session.add(NoticeChannel(user_id=user, kind=kind, mode=mode, address="sealed", hint="a•••@example.test", changed_at=NOON))
    session.flush()


def outbox(session):
    return [(row.channel, row.state) for row in session.scalars(select(Outbox).order_by(Outbox.channel))]


def test_each_user_is_told_once_in_the_bell(session, person, tell):
    first, second = person("a"), person("b")
    tell(first, second, first)
    assert sorted(session.scalars(select(Notice.user_id))) == sorted([first, second])


def test_the_same_key_for_the_same_user_does_nothing(session, person, tell):
    user = person("a")
    tell(user)
    channel(session, user)
    assert (tell(user, title="又一次"), session.scalars(select(Notice.title)).all(), outbox(session)) == (0, ["退库预警"], [])


def test_the_same_key_reaches_a_user_who_was_not_told_yet(session, person, tell):
    first, second = person("a"), person("b")
    tell(first)
    assert tell(first, second) == 1


def test_two_messages_with_one_key_in_one_call_are_one(session, person):
    user = person("a")
    messages = [operations.Message((user,), "alert", "same", title, "", "/", NOON) for title in ("先", "后")]
    assert (operations.post_many(session, messages), session.scalars(select(Notice.title)).all()) == (1, ["先"])


def test_nobody_who_was_switched_off_is_told(session, person, tell):
    assert tell(person("a", active=False), 999_999) == 0


def test_a_transaction_rolled_back_tells_nobody(clean_engine, session, person, tell):
    user = person("a")
    channel(session, user)
    session.commit()
    tell(user)
    session.rollback()
    with Session(clean_engine) as other:
        assert (other.scalars(select(Notice)).all(), other.scalars(select(Outbox)).all()) == ([], [])


@pytest.mark.parametrize(
    ("mode", "urgent", "expected"),
    [
        ("each", False, [("email", "queued")]), ("digest", False, [("email", "held")]), ("urgent", False, []),
        ("each", True, [("email", "queued")]), ("digest", True, [("email", "queued")]), ("urgent", True, [("email", "queued")]),
    ],
)
def test_the_mode_of_a_channel_decides_whether_a_message_leaves_waits_or_is_not_written(session, person, tell, mode, urgent, expected):
    user = person("a")
    channel(session, user, mode=mode)
    tell(user, urgent=urgent)
    assert outbox(session) == expected


def test_an_urgent_message_at_night_waits_for_the_end_of_the_quiet_hours(session, person, tell):
    user = person("a")
    channel(session, user)
    tell(user, at=NIGHT, urgent=True)
    assert session.scalar(select(Outbox.next_at)).isoformat() == "2026-07-01T23:30:00+00:00"


def test_an_urgent_message_leaves_at_night_where_its_reader_wants_it_so(session, person, tell):
    user = person("a")
    channel(session, user)
    session.add(NoticePreference(user_id=user, quiet_from="21:00", quiet_to="07:30", urgent_any_time=True, digest_times="08:30"))
    tell(user, at=NIGHT, urgent=True)
    assert session.scalar(select(Outbox.next_at)) == NIGHT


def test_two_channels_are_two_messages_with_two_keys(session, person, tell):
    user = person("a")
    channel(session, user)
    channel(session, user, "feishu")
    tell(user)
    assert len(set(session.scalars(select(Outbox.key)))) == 2


def test_a_key_longer_than_its_column_still_tells_events_apart(session, person, tell):
    user = person("a")
    assert [tell(user, key="x" * 300 + end) for end in ("1", "2", "1")] == [1, 1, 0]


def test_two_thousand_users_are_told_at_once(session, tell, person):
    users = [person(f"u{number}") for number in range(1200)]
    assert tell(*users) == 1200


def test_marking_read_leaves_other_peoples_entries_alone(session, person, tell):
    mine, other = person("a"), person("b")
    tell(mine, other)
    operations.mark_read(session, mine, None, NOON)
    assert session.scalars(select(Notice.user_id).where(Notice.read_at.is_(None))).all() == [other]


def test_an_entry_of_somebody_else_cannot_be_marked_by_its_number(session, person, tell):
    mine, other = person("a"), person("b")
    tell(other)
    assert operations.mark_read(session, mine, session.scalars(select(Notice.id)).all(), NOON) == 0
