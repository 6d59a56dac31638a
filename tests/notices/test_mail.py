"""Mail against a real server: encrypted, signed in, refused for good or for now, silent, or untrusted."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace

import pytest
from aiosmtpd.smtp import AuthResult

from crm.core.outbound import Outbound
from crm.notices import carriers
from crm.notices.carriers import Carrier, NeverSent, NotSent
from crm.notices.letters import Item, Letter
from tests.notices.conftest import NOON
from tests.notices.servers import certificate, mail_server

LETTER = Letter("email-1-abc", "alert", (Item("题", "文", "http://crm.example.gov.cn/alerts/1", False, NOON),), False, "http://crm.example.gov.cn")


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def tls(pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture
def trusted(pem, monkeypatch):
    """The self-made certificate is the instance's root, as an own authority's would be."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))


@pytest.fixture
def send(settings):
    """send(port, **settings) carries one letter."""

    def go(port, to="a@example.gov.cn", **more):
        given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "smtp_from": "企阶 <crm@example.gov.cn>", **more}
        Carrier(replace(settings, **given), Outbound()).send("email", to, None, LETTER, NOON)

    return go


def _login(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"crm", b"pass-word"), handled=False)


def test_mail_leaves_over_starttls_after_signing_in(send, tls, trusted):
    with mail_server(tls_context=tls, require_starttls=True, authenticator=_login, auth_required=True) as (box, port):
        send(port, smtp_security="starttls", smtp_user="crm", smtp_password="pass-word")
    assert [mail["Message-ID"] for mail in box.mails] == ["<email-1-abc@example.gov.cn>"]


def test_mail_leaves_over_tls_from_the_first_byte(send, tls, trusted):
    with mail_server(ssl_context=tls) as (box, port):
        send(port, smtp_security="tls")
    assert len(box.mails) == 1


@pytest.mark.parametrize(("security", "server"), [("starttls", "tls_context"), ("tls", "ssl_context")])
def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_said(send, tls, security, server):
    with mail_server(**{server: tls}) as (box, port), pytest.raises(NotSent, match="证书不可信"):
        send(port, smtp_security=security)
    assert box.mails == []


def test_a_server_without_starttls_gets_no_mail_in_the_clear(send):
    with mail_server() as (box, port), pytest.raises(NotSent, match="CRM_SMTP_SECURITY"):
        send(port, smtp_security="starttls")
    assert box.mails == []


def test_a_wrong_password_says_which_settings_to_look_at_and_is_tried_again(send, tls, trusted):
    with mail_server(tls_context=tls, require_starttls=True, authenticator=_login, auth_required=True) as (_, port), pytest.raises(NotSent, match=r"CRM_SMTP_PASSWORD（535）") as refused:
        send(port, smtp_security="starttls", smtp_user="crm", smtp_password="wrong")
    assert not isinstance(refused.value, NeverSent)


def test_a_password_the_protocol_cannot_carry_says_so(send, tls, trusted):
    with mail_server(tls_context=tls, require_starttls=True, authenticator=_login, auth_required=True) as (_, port), pytest.raises(NotSent, match="只能用英文"):
        send(port, smtp_security="starttls", smtp_user="crm", smtp_password="密码")


@pytest.mark.parametrize(("said", "for_good"), [("451 try later", False), ("421 too busy", False), ("554 not wanted", True), ("552 too large", True)])
def test_an_answer_of_the_fives_is_for_good_and_of_the_fours_for_now(send, said, for_good):
    with mail_server() as (box, port):
        box.data_says = said
        with pytest.raises(NotSent, match=said) as refused:
            send(port)
    assert isinstance(refused.value, NeverSent) is for_good


@pytest.mark.parametrize(("to", "for_good"), [("nobody@example.gov.cn", True), ("full@example.gov.cn", False)])
def test_an_unknown_receiver_is_given_up_and_a_full_mailbox_is_not(send, to, for_good):
    with mail_server() as (_, port), pytest.raises(NotSent) as refused:
        send(port, to)
    assert isinstance(refused.value, NeverSent) is for_good


def test_a_taken_mail_counts_as_sent_however_the_server_says_goodbye(send):
    with mail_server() as (box, port):
        box.quit_says = "451 not so fast"
        send(port)
    assert len(box.mails) == 1


def test_a_server_that_never_answers_is_given_up_after_its_time(send, monkeypatch):
    monkeypatch.setattr(carriers, "SMTP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(NotSent, match="没有回应"):
        send(mute.getsockname()[1])


def test_a_server_that_is_not_there_is_tried_again(send):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotSent, match="连接中断") as refused:
        send(port)
    assert not isinstance(refused.value, NeverSent)
