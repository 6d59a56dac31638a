"""The one way out: an HTTP POST to an address a person typed in, without becoming their way into our network.

The name is resolved once, every address it has is checked, and the socket is opened by us to a checked address, so a
second answer of the name server is never asked for. No redirect is followed, no proxy of the environment is used, the
certificate is verified against the name, and the whole exchange has one deadline and a largest answer.
`http.client` is enough for that: see docs/decisions.md.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crm.core.errors import CrmError, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PORTS = frozenset({80, 443, 8080, 8443})
"""Where the public web listens; other ports need the allow-list."""
LARGEST_ANSWER = 64 * 1024
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",  # carrier NAT, a cloud's metadata, relays, benches
        "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16", "fec0::/10",  # IPv6 that carries an IPv4 address inside, and site-local
    )
)


class Refused(Invalid):
    """The address may not be called: nothing was sent."""


class Unreachable(CrmError):
    """The other side did not answer, or not in time, or too much."""

    status = 502


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: the URL in parts, and the addresses that may be connected to."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Outbound:
    """The client. `allow`: host names, addresses or ranges (CIDR) of our own network that may be called, also by http and on any port."""

    allow: tuple[str, ...] = ()
    connect_seconds: float = 5.0
    deadline_seconds: float = 15.0
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once. Raises Refused before anything is sent, Unreachable when no whole answer came."""
        target = self.check(url)
        sock = self._connect(target)
        watch = threading.Timer(self.deadline_seconds, _cut, [sock])
        watch.daemon = True
        watch.start()
        try:
            return self._exchange(target, sock, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"对方没有正常回应（{type(error).__name__}）。") from error
        finally:
            watch.cancel()
            sock.close()

    def check(self, url: str) -> Target:
        """The URL taken apart, resolved and checked. Raises Refused (what is wrong) or Unreachable (no such name)."""
        scheme, host, port, path = _parts(url)
        named = host in self._names()
        addresses = _resolve(host, port)
        inside = named or all(self._is_allowed(address) for address in addresses)
        if not inside:
            if scheme != "https":
                raise Refused("地址要以 https:// 开头。")
            if port not in PORTS:
                raise Refused(f"端口 {port} 不能使用，只能用 {'、'.join(map(str, sorted(PORTS)))}。")
            if any(not is_public(address) and not self._is_allowed(address) for address in addresses):
                raise Refused("这个地址指向内部网络，不能使用。确实需要时，请管理员在 CRM_OUTBOUND_ALLOW 中放行。")
        return Target(scheme, host, port, path, addresses)

    def names(self, host: str) -> bool:
        """Whether the allow-list names this host."""
        return host.lower() in self._names()

    def _names(self) -> frozenset[str]:
        return frozenset(entry.lower() for entry in self.allow)

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in _networks(self.allow) if network.version == address.version)

    def _connect(self, target: Target) -> socket.socket:
        failed: OSError | None = None
        for address in target.addresses:
            try:
                plain = socket.create_connection((str(address), target.port), timeout=self.connect_seconds)
            except OSError as error:
                failed = error
                continue
            if target.scheme == "http":
                return plain
            try:
                return self.tls.wrap_socket(plain, server_hostname=target.host)
            except OSError as error:  # ssl.SSLError is one
                plain.close()
                raise Unreachable(f"安全连接没有建立：{getattr(error, 'verify_message', '') or type(error).__name__}。") from error
        raise Unreachable("连接不上对方。") from failed

    def _exchange(self, target: Target, sock: socket.socket, body: bytes, headers: Mapping[str, str]) -> Answer:
        shown = f"[{target.host}]" if ":" in target.host else target.host
        usual = 443 if target.scheme == "https" else 80
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = sock
        host = shown if target.port == usual else f"{shown}:{target.port}"
        sent = {"Host": host, "User-Agent": "qijie", "Connection": "close", **headers}
        sock.settimeout(self.deadline_seconds)
        connection.request("POST", target.path, body, sent)
        response = connection.getresponse()
        read = response.read(LARGEST_ANSWER + 1)
        if len(read) > LARGEST_ANSWER:
            raise Unreachable("对方的回答太长。")
        if response.length:  # cut off before the announced end
            raise Unreachable("对方的回答不完整。")
        return Answer(response.status, read)


def is_public(address: Address) -> bool:
    """Whether an address lies on the open internet: not private, loopback, link-local, multicast, reserved, or IPv4 in disguise."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_public(mapped)
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _parts(url: str) -> tuple[str, str, int, str]:
    if not url or len(url) > 2000 or any(ord(char) <= 32 or ord(char) >= 127 or char == "\\" for char in url):
        raise Refused("地址里有空格、中文或不能用的字符，请重新复制。")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("地址写法不对，请重新复制。") from None
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("地址要以 https:// 开头。")
    if "@" in parts.netloc:
        raise Refused("地址里不能带用户名和密码。")
    _check_host(host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port if port is not None else (443 if parts.scheme == "https" else 80), path


def _check_host(host: str) -> None:
    """A plain address or a name; numbers in other spellings (0x7f.1, 2130706433, 0177.0.0.1) are refused, not interpreted."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if "%" in host:
            raise Refused("地址写法不对，请重新复制。")
        return
    if _NUMBER.fullmatch(host.rsplit(".", 1)[-1]) or not _HOST.fullmatch(host) or ".." in host:
        raise Refused("主机名写法不对。数字地址请写成 1.2.3.4 的形式。")


def _resolve(host: str, port: int) -> tuple[Address, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("找不到这个主机名。") from None
    return tuple(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def _networks(entries: Iterable[str]) -> list[Network]:
    networks: list[Network] = []
    for entry in entries:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue  # a host name
    return networks


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # over already
        return
