"""Messages leave: at least once, under one key, to receivers that may be slow, gone or unwilling."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from crm.core.errors import Conflict, CrmError, Invalid, NotFound
from crm.core.outbound import Outbound, Refused
from crm.notices import delivery, wishes
from crm.notices.carriers import Carrier, NotSent, robot
from crm.notices.letters import Item, Letter
from crm.notices.models import NoticeChannel, Outbox
from crm.security.models import User
from crm.security.vault import Vault
from tests.notices.conftest import NIGHT, NOON
from tests.notices.servers import mail_server, taker

SITE, SECRET = "http://crm.example.gov.cn", "0123456789abcdef"
MORNING = NOON + timedelta(hours=20, minutes=30)
"""08:30 of the next day in Shanghai: the default digest time."""


@pytest.fixture
def receiver():
    with taker() as server:
        yield server


@pytest.fixture(scope="module")
def post_office():
    with mail_server() as made:
        yield made


@pytest.fixture
def doors():
    return wishes.Doors(Vault("k"), Outbound(("127.0.0.1",)))


@pytest.fixture
def carrier(settings, post_office):
    return Carrier(replace(settings, smtp_host="127.0.0.1", smtp_port=post_office[1], smtp_security="none", smtp_from="企阶 <crm@example.gov.cn>"), Outbound(("127.0.0.1",)))


@pytest.fixture
def hook(session, person, doors, receiver):
    """A user with a webhook at the receiver, one by one."""
    user = person("a")
    wishes.set_channel(session, user, "webhook", mode="each", at=NOON, doors=doors, address=receiver.url + "/hook", secret=SECRET, is_administrator=True)
    return user


@pytest.fixture
def deliver(session, carrier):
    """deliver(at) -> states after one round of claiming and sending."""

    def go(at=NOON, may_see=lambda _user, firms: firms):
        states = []
        parcels, _ = delivery.claim(session, at, 50, Vault("k"), SITE, may_see)
        for parcel in parcels:
            error = None
            try:
                carrier.send(parcel.channel, parcel.address, parcel.secret, parcel.letter, at)
            except CrmError as caught:
                error = caught
            states.append(delivery.settle(session, parcel, error, at))
        return states

    return go


def row(session):
    return session.scalars(select(Outbox).order_by(Outbox.id).execution_options(populate_existing=True)).first()


def test_a_webhook_is_signed_over_time_key_and_body(session, hook, tell, deliver, receiver):
    tell(hook)
    deliver()
    (_, headers, body), = receiver.taken
    signed = f"{headers['X-Qijie-Timestamp']}.{headers['Idempotency-Key']}.".encode() + body
    assert headers["X-Qijie-Signature"] == "sha256=" + hmac.digest(SECRET.encode(), signed, "sha256").hex()


def test_a_webhook_says_what_the_bell_says(hook, tell, deliver, receiver):
    tell(hook)
    deliver()
    item, = json.loads(receiver.taken[0][2])["items"]
    assert (item["title"], item["link"], item["at"]) == ("退库预警", SITE + "/alerts/1", NOON.isoformat())


def test_a_message_that_was_taken_is_not_sent_again(hook, tell, deliver, receiver):
    tell(hook)
    assert (deliver(), deliver(NOON + timedelta(days=1)), len(receiver.taken)) == (["sent"], [], 1)


def test_a_message_that_was_not_taken_is_sent_again_under_the_same_key_after_a_wait(hook, tell, deliver, receiver):
    receiver.say = [(503, {}), (200, {})]
    tell(hook)
    states = [deliver(), deliver(NOON + timedelta(seconds=40)), deliver(NOON + timedelta(seconds=80))]
    assert (states, len(receiver.keys), len(set(receiver.keys))) == ([["queued"], [], ["sent"]], 2, 1)


def test_a_further_attempt_respects_the_quiet_hours_too(session, hook, tell, deliver, receiver):
    receiver.say = [(503, {}), (200, {})]
    evening = NIGHT - timedelta(hours=1, minutes=1)  # 20:59 in Shanghai
    tell(hook, at=evening)
    states = [deliver(evening), deliver(evening + timedelta(minutes=3)), deliver(MORNING)]
    assert (states, len(receiver.keys)) == ([["queued"], [], ["sent"]], 2)


def test_a_worker_killed_between_sending_and_settling_sends_again_under_the_same_key(session, hook, tell, deliver, receiver, carrier):
    tell(hook)
    (parcel,), _ = delivery.claim(session, NOON, 1, Vault("k"), SITE, lambda _user, firms: firms)
    carrier.send(parcel.channel, parcel.address, parcel.secret, parcel.letter, NOON)
    deliver(NOON + timedelta(minutes=1))
    deliver(NOON + delivery.LEASE)
    assert (len(receiver.keys), len(set(receiver.keys)), row(session).state) == (2, 1, "sent")


def test_a_claim_that_was_taken_over_settles_nothing(session, hook, tell, deliver):
    tell(hook)
    (late,), _ = delivery.claim(session, NOON, 1, Vault("k"), SITE, lambda _user, firms: firms)
    deliver(NOON + delivery.LEASE)
    assert (delivery.settle(session, late, NotSent("x"), NOON), row(session).state) == ("lost", "sent")


def test_two_workers_never_claim_the_same_message(clean_engine, session, hook, tell):
    if clean_engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    for number in range(6):
        tell(hook, key=f"k{number}")
    session.commit()
    sessions = sessionmaker(clean_engine)
    with sessions() as first, sessions() as second:
        claimed = [delivery.claim(s, NOON, 3, Vault("k"), SITE, lambda _user, firms: firms)[0] for s in (first, second)]
        assert len({parcel.outbox_id for parcels in claimed for parcel in parcels}) == 6


def test_after_ten_attempts_a_message_is_dead_and_can_be_sent_again_under_its_key(session, hook, tell, deliver, receiver):
    receiver.say = [(500, {})]
    wishes.set_preference(session, hook, quiet=None, urgent_any_time=False, digest_times=["08:30"], at=NOON)
    tell(hook)
    at = NOON
    for _ in range(12):
        deliver(at)
        at += timedelta(hours=3)
    dead = row(session).state
    receiver.say = [(200, {})]
    delivery.resend(session, [row(session).id], at)
    deliver(at)
    assert (dead, len(receiver.keys), len(set(receiver.keys)), row(session).state) == ("dead", 11, 1, "sent")


def test_only_a_dead_message_is_sent_again(session, hook, tell, deliver):
    tell(hook)
    deliver()
    with pytest.raises(NotFound):
        delivery.resend(session, [row(session).id], NOON)


@pytest.mark.parametrize("attempt", range(1, 12))
def test_the_wait_grows_to_two_hours_and_differs_between_messages(attempt):
    waits = {delivery.wait(f"k{number}", attempt) for number in range(20)}
    middle = min(timedelta(minutes=2 ** (attempt - 1)), timedelta(hours=2))
    assert len(waits) == 20
    assert all(0.75 * middle <= wait <= 1.25 * middle for wait in waits)


def test_a_digest_holds_what_came_since_the_last_one_in_one_message(session, person, doors, tell, deliver, post_office):
    user = person("a")
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=doors, address="a@example.gov.cn")
    post_office[0].mails.clear()
    for number in range(3):
        tell(user, key=f"k{number}", title=f"预警{number}")
    delivery.bundle(session, MORNING, MORNING)
    deliver(MORNING)
    mail, = post_office[0].mails
    assert mail["Subject"] == "企阶摘要：3 条消息"


def test_a_digest_made_in_the_night_takes_up_what_comes_before_it_leaves(session, person, doors, tell, deliver, post_office):
    user = person("a")
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=doors, address="a@example.gov.cn")
    post_office[0].mails.clear()
    tell(user, key="k1")
    delivery.bundle(session, NIGHT + timedelta(days=1), NIGHT)
    tell(user, key="k2", at=NIGHT + timedelta(minutes=1))
    delivery.bundle(session, MORNING, MORNING)
    deliver(MORNING)
    assert [mail["Subject"] for mail in post_office[0].mails] == ["企阶摘要：2 条消息"]


def test_bundling_twice_makes_one_digest(session, person, doors, tell):
    user = person("a")
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=doors, address="a@example.gov.cn")
    tell(user)
    made = [delivery.bundle(session, MORNING, MORNING)["digests"] for _ in range(2)]
    assert made == [1, 0]


def test_digest_times_missed_while_no_worker_ran_give_one_digest(session, person, doors, tell):
    user = person("a")
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=doors, address="a@example.gov.cn")
    for day in range(3):
        tell(user, key=f"k{day}", at=NOON + timedelta(days=day))
    late = MORNING + timedelta(days=5)
    assert delivery.bundle(session, late, late) == {"digests": 1, "messages": 3}


def test_a_mail_has_a_text_part_and_an_html_part_with_the_same_words(session, person, doors, tell, deliver, post_office):
    user = person("a")
    wishes.set_channel(session, user, "email", mode="each", at=NOON, doors=doors, address="a@example.gov.cn")
    post_office[0].mails.clear()
    tell(user, text="<b>甲公司</b>：退库概率 82%")
    deliver()
    mail, = post_office[0].mails
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert ("<b>甲公司</b>：退库概率 82%" in plain, "&lt;b&gt;甲公司&lt;/b&gt;：退库概率 82%" in html, "<b>甲" in html) == (True, True, False)


def test_a_repeated_mail_has_the_same_message_id(carrier, post_office):
    post_office[0].mails.clear()
    letter = Letter("email-1-abc", "alert", (Item("题", "文", SITE, False, NOON),), False, SITE)
    for at in (NOON, NOON + timedelta(hours=1)):
        carrier.send("email", "a@example.gov.cn", None, letter, at)
    assert [mail["Message-ID"] for mail in post_office[0].mails] == ["<email-1-abc@example.gov.cn>"] * 2


def test_a_line_break_in_a_title_adds_no_header(carrier, post_office):
    post_office[0].mails.clear()
    carrier.send("email", "a@example.gov.cn", None, Letter("k", "alert", (Item("题\r\nBcc: x@example.com", "文", SITE, False, NOON),), False, SITE), NOON)
    assert post_office[0].mails[0]["Bcc"] is None


@pytest.mark.parametrize(("receiver_name", "message"), [("nobody@example.gov.cn", "550"), ("full@example.gov.cn", "452")])
def test_a_refused_receiver_says_the_servers_code(carrier, receiver_name, message):
    with pytest.raises(NotSent, match=message):
        carrier.send("email", receiver_name, None, Letter("k", "alert", (Item("题", "文", SITE, False, NOON),), False, SITE), NOON)


def test_without_a_mail_server_the_message_says_what_to_configure(settings):
    with pytest.raises(NotSent, match="CRM_SMTP_HOST"):
        Carrier(settings, Outbound()).send("email", "a@example.gov.cn", None, Letter("k", "alert", (), False, SITE), NOON)


LETTER = Letter("k", "alert", (Item("红[x](http://evil)", "退库 *82%*", SITE + "/alerts/1", True, NOON),), False, SITE)


def test_dingtalk_is_signed_in_the_address():
    url, _ = robot("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=t", "SECx", LETTER, NOON)
    query = parse_qs(urlsplit(url).query)
    stamp = query["timestamp"][0]
    assert query["sign"] == [base64.b64encode(hmac.digest(b"SECx", f"{stamp}\nSECx".encode(), "sha256")).decode()]


def test_feishu_is_signed_in_the_body():
    _, body = robot("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/t", "s", LETTER, NOON)
    assert body["sign"] == base64.b64encode(hmac.digest(f"{body['timestamp']}\ns".encode(), b"", "sha256")).decode()


@pytest.mark.parametrize("channel", ["dingtalk", "wecom", "feishu"])
def test_a_name_from_a_spreadsheet_makes_no_link_in_a_robots_message(channel):
    _, body = robot(channel, "https://x/", None, LETTER, NOON)
    assert "](http://evil)" not in json.dumps(body, ensure_ascii=False)


def test_wecom_never_gets_more_than_it_takes():
    items = tuple(Item(f"预警{number}", "文" * 100, SITE, False, NOON) for number in range(200))
    _, body = robot("wecom", "https://x/", None, Letter("k", "digest", items, True, SITE), NOON)
    content = body["markdown"]["content"]
    assert (len(content.encode()) <= 4096, "还有" in content) == (True, True)


@pytest.mark.parametrize("channel", ["dingtalk", "wecom", "feishu"])
def test_a_robot_that_answers_with_an_error_code_has_not_taken_the_message(session, person, doors, tell, deliver, receiver, channel):
    user = person("a")
    wishes.set_channel(session, user, channel, mode="each", at=NOON, doors=doors, address=receiver.url + "/robot")
    receiver.say = [(200, {"errcode": 310000, "errmsg": "sign not match", "code": 19021}), (200, {"errcode": 0, "code": 0})]
    tell(user)
    assert (deliver(), deliver(NOON + timedelta(minutes=2))) == (["queued"], ["sent"])


def test_a_robot_hears_at_most_fifteen_messages_a_minute(session, person, doors, tell, deliver, receiver):
    user = person("a")
    wishes.set_channel(session, user, "wecom", mode="each", at=NOON, doors=doors, address=receiver.url + "/robot")
    for number in range(20):
        tell(user, key=f"k{number}")
    assert [len(deliver()), len(deliver(NOON + timedelta(seconds=30))), len(deliver(NOON + timedelta(seconds=61)))] == [15, 0, 5]


def test_a_firm_that_left_the_receivers_jurisdiction_is_not_named_any_more(session, hook, tell, deliver, receiver):
    tell(hook, enterprise_id=7)
    deliver(may_see=lambda _user, _firms: set())
    assert (receiver.taken, row(session).state) == ([], "dead")


def test_a_user_switched_off_is_sent_nothing(session, hook, tell, deliver, receiver):
    tell(hook)
    session.get(User, hook).active = False
    deliver()
    assert (receiver.taken, row(session).state) == ([], "dead")


def test_a_removed_channel_is_sent_nothing(session, hook, tell, deliver, receiver):
    tell(hook)
    wishes.remove_channel(session, hook, "webhook")
    deliver()
    assert (receiver.taken, row(session).last_error) == ([], "接收人已取消这个通道。")


def test_addresses_and_secrets_are_sealed_in_the_database(session, hook, receiver):
    stored = session.scalars(select(NoticeChannel)).one()
    assert not {part for part in (receiver.url, SECRET, "/hook") if part in f"{stored.address}{stored.secret}{stored.hint}"}


def test_an_address_sealed_under_another_key_says_so(hook, doors):
    with pytest.raises(Conflict, match="CRM_SECRET_KEY"):
        Vault("other").open(doors.vault.seal("x"))


@pytest.mark.parametrize("address", ["https://127.0.0.1/x", "https://hooks.example.com/robot", "https://oapi.dingtalk.com.evil.example/robot", "http://oapi.dingtalk.com@10.0.0.1/"])
def test_a_robot_lives_at_its_vendor_only(session, person, address):
    with pytest.raises(Invalid):
        wishes.set_channel(session, person("a"), "dingtalk", mode="each", at=NOON, doors=wishes.Doors(Vault("k"), Outbound()), address=address)


def test_a_webhook_into_our_own_network_is_refused(session, person):
    with pytest.raises(Invalid, match="内部网络"):
        wishes.set_channel(session, person("a"), "webhook", mode="each", at=NOON, doors=wishes.Doors(Vault("k"), Outbound()), address="https://169.254.169.254/latest", secret=SECRET, is_administrator=True)


def test_an_address_that_was_outside_when_saved_is_checked_again_when_sent_to(session, hook, tell, settings):
    tell(hook)
    (parcel,), _ = delivery.claim(session, NOON, 1, Vault("k"), SITE, lambda _user, firms: firms)
    with pytest.raises(Refused):
        Carrier(settings, Outbound()).send(parcel.channel, parcel.address, parcel.secret, parcel.letter, NOON)


def test_only_an_administrator_sets_a_webhook(session, person, doors, receiver):
    with pytest.raises(Invalid, match="管理员"):
        wishes.set_channel(session, person("a"), "webhook", mode="each", at=NOON, doors=doors, address=receiver.url, secret=SECRET)


def test_an_empty_address_keeps_the_stored_one(session, hook, doors, receiver, tell, deliver):
    wishes.set_channel(session, hook, "webhook", mode="urgent", at=NOON, doors=doors, is_administrator=True)
    tell(hook, urgent=True)
    deliver()
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("times", [[], ["25:00"], ["x"], ["08:30"] * 1 + [f"{h:02d}:00" for h in range(8)]])
def test_digest_times_that_are_none_are_refused(session, person, times):
    with pytest.raises(Invalid):
        wishes.set_preference(session, person("a"), quiet=None, urgent_any_time=False, digest_times=times, at=NOON)


def test_held_messages_move_to_the_new_digest_time(session, person, doors, tell):
    user = person("a")
    wishes.set_channel(session, user, "email", mode="digest", at=NOON, doors=doors, address="a@example.gov.cn")
    tell(user)
    wishes.set_preference(session, user, quiet=None, urgent_any_time=False, digest_times=["14:00"], at=NOON)
    assert row(session).next_at == NOON + timedelta(hours=2)


def test_a_test_message_leaves_in_quiet_hours_and_is_not_in_the_bell_as_unread(session, hook, deliver, receiver):
    wishes.try_channel(session, hook, "webhook", NIGHT)
    assert (deliver(NIGHT), len(receiver.taken)) == (["sent"], 1)
