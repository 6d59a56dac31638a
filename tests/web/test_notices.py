"""Messages on pages: one's own bell, one's own settings, the administrators' log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm.core.clock import now
from crm.notices import operations
from crm.notices.models import Notice, NoticeChannel, NoticePreference, Outbox
from crm.security.models import AuditEntry, User
from tests.web.counting import statements
from tests.world import AWAY, HOME, make_world


@pytest.fixture
def me(session, sign_in):
    """(client, user id) of an officer."""
    client = sign_in("officer", HOME)
    return client, session.scalars(select(User.id)).one()


def told(session, user, number=1, **more):
    given = {"kind": "alert", "title": f"预警{number}", "text": "退库概率 82%", "link": "/alerts/", **more}
    operations.post(session, to=[user], key=f"k{number}", at=now() - timedelta(minutes=number), **given)
    session.commit()
    return session.scalars(select(Notice.id).order_by(Notice.id.desc())).first()


def page(client, path="/notices/"):
    return client.get(path).get_data(as_text=True)


def test_unread_messages_come_before_read_ones(session, me):
    client, user = me
    first = told(session, user, 1)
    operations.mark_read(session, user, [first], now())
    told(session, user, 2)
    session.commit()
    text = page(client)
    assert text.index("预警2") < text.index("已读</h2>") < text.index("预警1")


def test_opening_a_message_marks_it_read_and_leads_where_it_belongs(session, me):
    client, user = me
    key = told(session, user)
    answer = client.post(f"/notices/{key}/open", data={"go": "1"})
    session.expire_all()
    assert (answer.headers["Location"], session.get(Notice, key).read_at is not None) == ("/alerts/", True)


def test_a_link_out_of_the_site_is_not_followed(session, me):
    client, user = me
    key = told(session, user, link="//evil.example/")
    assert client.post(f"/notices/{key}/open", data={"go": "1"}).headers["Location"] == "/today/"


def test_marking_all_read_leaves_none(session, me):
    client, user = me
    for number in range(3):
        told(session, user, number)
    client.post("/notices/read")
    session.expire_all()
    assert session.scalars(select(Notice.id).where(Notice.read_at.is_(None))).all() == []


def test_the_bell_counts_unread_messages(session, me):
    client, user = me
    told(session, user, 1)
    told(session, user, 2)
    assert 'aria-label="消息，2 条未读"' in page(client)


def test_a_message_about_a_firm_that_left_the_jurisdiction_is_not_shown(session, me):
    client, user = me
    _, away = make_world(session)
    told(session, user, title="临海某厂", enterprise_id=away.ids["enterprise"])
    text = page(client)
    assert ("临海某厂" in text, 'aria-label="消息，0 条未读"' in text) == (False, True)


def test_todays_page_shows_what_is_unread(session, me):
    client, user = me
    told(session, user, title="请看这一条")
    assert "请看这一条" in page(client, "/today/")


@pytest.mark.parametrize("query", ["before=x", "before=99999999999999999999", "show=%00", "show=unread&before=1"])
def test_odd_parameters_are_ignored(me, query):
    assert me[0].get(f"/notices/?{query}").status_code == 200


def test_the_page_pages_through_read_messages_without_gap_or_repeat(session, me):
    client, user = me
    for number in range(35):
        told(session, user, number)
    operations.mark_read(session, user, None, now())
    session.commit()
    ids = session.scalars(select(Notice.id).order_by(Notice.id.desc())).all()
    first, second = page(client), page(client, f"/notices/?before={ids[29]}")
    assert [text.count('name="go" value="1"') for text in (first, second)] == [30, 5]


def test_the_pages_stay_within_twelve_queries(session, me, clean_engine):
    client, user = me
    for number in range(40):
        told(session, user, number)
    counts = {}
    for path in ("/notices/", "/notices/settings"):
        page(client, path)
        with statements(clean_engine) as sent:
            page(client, path)
        counts[path] = len(sent)
    assert all(count <= 12 for count in counts.values()), counts


def robot(client, **more):
    return client.post("/notices/settings/dingtalk", data={"dingtalk-address": "https://oapi.dingtalk.com/robot/send?access_token=abcdef", "dingtalk-secret": "SECxyz", "dingtalk-mode": "each", **more})


def test_a_channel_is_kept_sealed_and_never_shown_again(session, me):
    client, _ = me
    robot(client)
    stored = session.scalars(select(NoticeChannel)).one()
    text = page(client, "/notices/settings")
    assert [word in text + stored.address + (stored.secret or "") for word in ("abcdef", "SECxyz", "access_token")] == [False, False, False]


def test_a_channels_secret_does_not_reach_the_audit_trail(session, me):
    robot(me[0])
    trail = " ".join(str(detail) for detail in session.scalars(select(AuditEntry.detail)))
    stored = session.scalars(select(NoticeChannel)).one()
    assert not {word for word in ("abcdef", "SECxyz", stored.address) if word in trail}


@pytest.mark.parametrize("address", ["https://127.0.0.1/robot", "http://169.254.169.254/", "https://oapi.dingtalk.com@10.0.0.1/", "https://2130706433/"])
def test_an_inner_address_is_refused_with_a_reason_and_nothing_is_kept(session, me, address):
    answer = robot(me[0], **{"dingtalk-address": address})
    assert (answer.status_code, 'class="err"' in answer.get_data(as_text=True), session.scalars(select(NoticeChannel)).all()) == (422, True, [])


def test_an_officer_sets_no_webhook(session, me):
    answer = me[0].post("/notices/settings/webhook", data={"webhook-address": "https://hooks.example.com/", "webhook-secret": "0" * 20, "webhook-mode": "each"})
    assert (answer.status_code, session.scalars(select(NoticeChannel)).all()) == (422, [])


def test_quiet_hours_and_digest_times_are_kept(session, me):
    me[0].post("/notices/settings/times", data={"quiet": "y", "quiet_from": "22:00", "quiet_to": "06:00", "digest_times": "14:00，08:30"})
    kept = session.scalars(select(NoticePreference)).one()
    assert (kept.quiet_from, kept.quiet_to, kept.digest_times, kept.urgent_any_time) == ("22:00", "06:00", "08:30,14:00", False)


@pytest.mark.parametrize("data", [{"digest_times": ""}, {"digest_times": "99:99"}, {"quiet": "y", "quiet_from": "x", "quiet_to": "06:00", "digest_times": "08:30"}, {"digest_times": "08:30", "quiet": "y", "quiet_from": "06:00", "quiet_to": "06:00"}])
def test_times_that_are_none_are_answered_at_their_field(session, me, data):
    answer = me[0].post("/notices/settings/times", data=data)
    assert (answer.status_code, 'class="err"' in answer.get_data(as_text=True), session.scalars(select(NoticePreference)).all()) == (422, True, [])


def test_a_test_message_is_queued_for_oneself(session, me):
    client, user = me
    robot(client)
    client.post("/notices/settings/dingtalk/try")
    assert session.execute(select(Outbox.user_id, Outbox.channel, Outbox.state)).all() == [(user, "dingtalk", "queued")]


def test_removing_a_channel_removes_ones_own_only(session, me, sign_in):
    robot(me[0])
    other = sign_in("officer", AWAY)
    robot(other)
    other.post("/notices/settings/dingtalk/remove")
    session.expire_all()
    assert session.scalars(select(NoticeChannel.user_id)).all() == [me[1]]


def dead(session, user):
    key = told(session, user, title="甲公司红色预警")
    row = Outbox(key="email-x", user_id=user, channel="email", notice_id=key, payload={"kind": "alert", "title": "甲公司红色预警"}, state="dead", attempts=10, next_at=now(), created_at=now(), last_error="邮件服务器不收这个地址（550）。")
    session.add(row)
    session.commit()
    return row.id


def test_the_log_says_how_it_went_and_not_what_was_said(session, me, sign_in):
    dead(session, me[1])
    text = page(sign_in("administrator", "331000"), "/deliveries/")
    assert ("邮件服务器不收这个地址" in text, "甲公司" in text) == (True, False)


@pytest.mark.parametrize("path", ["/deliveries/{}/resend", "/deliveries/resend"])
def test_an_administrator_sends_a_dead_message_again(session, me, sign_in, path):
    key = dead(session, me[1])
    sign_in("administrator", "331000").post(path.format(key), data={"what": "all"})
    session.expire_all()
    assert (session.get(Outbox, key).state, session.get(Outbox, key).attempts) == ("queued", 0)


def test_an_officer_does_not_see_the_log(me):
    assert me[0].get("/deliveries/").status_code == 403 or "消息投递</h1>" not in page(me[0], "/deliveries/")
