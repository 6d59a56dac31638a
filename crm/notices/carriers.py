"""How a message leaves on each channel: SMTP, three robots, a signed webhook. Every HTTP request goes through crm.core.outbound.

Robots: DingTalk signs timestamp and secret into the address, Feishu into the body, WeCom's address is its secret.
Webhook: HMAC-SHA256 over "timestamp.key.body"; `Idempotency-Key` stays the same on every further attempt.
"""

from __future__ import annotations

import base64
import hmac
import json
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

from crm.core.errors import CrmError
from crm.core.outbound import Outbound, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from crm.config import Settings
    from crm.notices.letters import Letter

ROBOT_HOSTS = {"dingtalk": ("oapi.dingtalk.com",), "wecom": ("qyapi.weixin.qq.com",), "feishu": ("open.feishu.cn", "open.larksuite.com")}
"""Where the vendors' robots listen; one of the own network is named in CRM_OUTBOUND_ALLOW."""
LARGEST = {"dingtalk": 18_000, "wecom": 4_000, "feishu": 18_000}
SMTP_SECONDS = 20
_PERMANENT = range(500, 600)


class NotSent(CrmError):
    """The other side did not take the message; tried again later."""

    status = 502


class NeverSent(NotSent):
    """The other side will not take the message, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Sends letters. One for each process; it keeps nothing between messages."""

    settings: Settings
    outbound: Outbound

    def send(self, channel: str, address: str, secret: str | None, letter: Letter, at: datetime) -> None:
        """Deliver once. Returns when the other side has taken it; raises CrmError (NotSent, Refused, Unreachable) when not."""
        if channel == "email":
            self._mail(address, letter, at)
        elif channel == "webhook":
            self._webhook(address, secret or "", letter, at)
        else:
            self._robot(channel, address, secret, letter, at)

    def _mail(self, address: str, letter: Letter, at: datetime) -> None:
        if not self.settings.smtp_host or not self.settings.smtp_from:
            raise NotSent("还没有配置邮件服务器（CRM_SMTP_HOST 与 CRM_SMTP_FROM），请联系管理员。")
        message = mail(self.settings.smtp_from, address, letter, at)
        try:
            server = _smtp(self.settings)
            try:
                server.send_message(message)
            except BaseException:
                server.close()
                raise
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            kind = NeverSent if codes and all(code in _PERMANENT for code in codes) else NotSent
            raise kind(f"邮件服务器不收这个地址（{', '.join(map(str, codes))}）。") from error
        except UnicodeError as error:
            raise NotSent("邮件没有发出：CRM_SMTP_USER、CRM_SMTP_PASSWORD 与收件地址只能用英文字母、数字和符号，请管理员核对。") from error
        except (OSError, smtplib.SMTPException) as error:
            kind = NeverSent if isinstance(error, smtplib.SMTPDataError) and error.smtp_code in _PERMANENT else NotSent
            raise kind(f"邮件没有发出：{_trouble(error)}") from error
        with suppress(OSError, smtplib.SMTPException):
            server.quit()  # taken is taken, however the server says goodbye

    def _robot(self, channel: str, address: str, secret: str | None, letter: Letter, at: datetime) -> None:
        check_robot(channel, address, self.outbound)
        url, body = robot(channel, address, secret, letter, at)
        answer = self.outbound.post(url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json; charset=utf-8"})
        try:
            said = json.loads(answer.body) if answer.ok else {}
        except ValueError:
            said = {}
        code = said.get("errcode", said.get("code", said.get("StatusCode"))) if isinstance(said, dict) else None
        if not answer.ok or code != 0:
            raise NotSent(f"机器人没有接收（{answer.status}，代码 {code}）：{str(said)[:200]}")

    def _webhook(self, address: str, secret: str, letter: Letter, at: datetime) -> None:
        body = json.dumps(letter.data(), ensure_ascii=False, sort_keys=True).encode()
        answer = self.outbound.post(address, body, signed(secret, letter.key, body, at))
        if not answer.ok:
            raise NotSent(f"对方回答 {answer.status}。")


def check_robot(channel: str, address: str, outbound: Outbound) -> None:
    """Raise Refused unless the address is the vendor's, or the allow-list names its host."""
    host = (urlsplit(address).hostname or "").lower()
    if host not in ROBOT_HOSTS[channel] and not outbound.names(host):
        raise Refused(f"这不是机器人的地址，应当以 https://{ROBOT_HOSTS[channel][0]}/ 开头。", "address")


def mail(sender: str, to: str, letter: Letter, at: datetime) -> EmailMessage:
    """Text and HTML. The Message-ID is made of the key, so a repeated mail is recognised as the same."""
    name, plain = parseaddr(sender)
    domain = plain.rpartition("@")[2] or "localhost"
    message = EmailMessage()
    message["Subject"] = " ".join(letter.subject.split())
    message["From"] = Address(name or "企阶", addr_spec=plain)
    message["To"] = to
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{letter.key}@{domain}>"
    message["X-Idempotency-Key"] = letter.key
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.plain(), cte="base64")
    message.add_alternative(letter.html(), subtype="html", cte="base64")
    return message


def robot(channel: str, address: str, secret: str | None, letter: Letter, at: datetime) -> tuple[str, dict[str, Any]]:
    """Address and body of a robot's message, signed where it signs."""
    text = letter.markdown(LARGEST[channel])
    if channel == "wecom":
        return address, {"msgtype": "markdown", "markdown": {"content": text}}
    if channel == "dingtalk":
        body: dict[str, Any] = {"msgtype": "markdown", "markdown": {"title": letter.heading, "text": text}}
        if not secret:
            return address, body
        stamp = str(int(at.timestamp() * 1000))
        sign = _base64_hmac(secret, f"{stamp}\n{secret}")
        return f"{address}{'&' if '?' in address else '?'}timestamp={stamp}&sign={quote_plus(sign)}", body
    body = {"msg_type": "interactive", "card": {"header": {"title": {"tag": "plain_text", "content": letter.heading}}, "elements": [{"tag": "markdown", "content": text}]}}
    if secret:
        stamp = str(int(at.timestamp()))
        body |= {"timestamp": stamp, "sign": _base64_hmac(f"{stamp}\n{secret}", "")}
    return address, body


def signed(secret: str, key: str, body: bytes, at: datetime) -> dict[str, str]:
    """Headers of a webhook request."""
    stamp = str(int(at.timestamp()))
    mark = hmac.digest(secret.encode(), f"{stamp}.{key}.".encode() + body, "sha256").hex()
    return {
        "Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key, "X-Qijie-Timestamp": stamp, "X-Qijie-Signature": f"sha256={mark}",
    }


def _base64_hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


def _trouble(error: Exception) -> str:
    """What went wrong, and whose turn it is, for the delivery log."""
    if isinstance(error.__context__, TimeoutError):  # smtplib says "disconnected" of a server that keeps silent
        error = error.__context__
    match error:
        case ssl.SSLCertVerificationError():
            return f"邮件服务器的证书不可信（{error.verify_message}），请管理员换正式证书，或用 SSL_CERT_FILE 指定本单位的根证书。"
        case smtplib.SMTPAuthenticationError():
            return f"邮件服务器不认 CRM_SMTP_USER 与 CRM_SMTP_PASSWORD（{error.smtp_code}），请管理员核对。"
        case smtplib.SMTPNotSupportedError():
            return "邮件服务器不支持 CRM_SMTP_SECURITY 要求的加密或登录，请管理员核对。"
        case TimeoutError():
            return f"邮件服务器 {SMTP_SECONDS} 秒没有回应，稍后再试。"
        case smtplib.SMTPResponseException():
            said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else str(error.smtp_error)
            return f"邮件服务器回答 {error.smtp_code} {said[:160]}"
        case _:
            return f"连接中断（{type(error).__name__}：{str(error)[:160]}），稍后再试。"


def _smtp(settings: Settings) -> smtplib.SMTP:
    """A greeted, encrypted and signed-in connection to the configured server."""
    tls = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=SMTP_SECONDS, context=tls)
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SMTP_SECONDS)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=tls)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
    except BaseException:
        server.close()
        raise
    return server
