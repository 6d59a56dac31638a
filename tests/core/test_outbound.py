"""The way out: what an address typed in by a person may reach, and what may come back."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.core.outbound import LARGEST_ANSWER, Outbound, Refused, Unreachable, is_public


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers as its path says and remembers what came."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/secret")
            self.end_headers()
        elif self.path == "/long":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (LARGEST_ANSWER + 10))
        elif self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"taken")

    def log_message(self, *_):
        return


@pytest.fixture(scope="module")
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.handle_error = lambda *_: None
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@contextmanager
def names(monkeypatch, **table):
    """The name server says what the test says, one answer list after the other; literal addresses are themselves."""
    asked, real = [], socket.getaddrinfo

    def answer(host, port, *args, **kwargs):
        if host not in table:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        answers = table[host]
        given = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in given]

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", answer)
        yield asked


INSIDE = [
    "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "255.255.255.255",
    "224.0.0.1", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::1", "fec0::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_the_open_internet_is_no_public_one(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "203.119.25.1", "2400:3200::1", "::ffff:1.1.1.1"])
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_a_literal_inner_address_is_refused(address):
    with pytest.raises(Refused):
        Outbound().check(f"https://[{address}]/" if ":" in address else f"https://{address}/")


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_to_an_inner_address_is_refused(monkeypatch, address):
    with names(monkeypatch, **{"hook.example.com": [[address]]}), pytest.raises(Refused):
        Outbound().check("https://hook.example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://017700000001/", "https://1.2.3.4.5/",
        "https://good.example.com@127.0.0.1/", "https://127.0.0.1@good.example.com/", "https://user:pass@1.1.1.1/", "https://1.1.1.1\\@127.0.0.1/",
        "https://1.1.1.1 @127.0.0.1/", "https://ⓛocalhost/", "https://127。0。0。1/", "https://[::1%25lo]/", "https://[::ffff:7f00:1]/", "https:///x", "https://",
        "ftp://1.1.1.1/", "file:///etc/passwd", "gopher://1.1.1.1/", "//1.1.1.1/", "javascript:alert(1)", "", "http://1.1.1.1/", "https://1.1.1.1:22/", "https://1.1.1.1:99999/",
        "https://1.1.1.1:x/", "https://a..b/", "https://1.1.1.1/\r\nX: y", "https://localhost./", "https://" + "a" * 3000 + "/", "https://[1.1.1.1]/", "https://0/", "https://*.example.com/",
    ],
)
def test_a_trick_in_the_address_is_refused(url):
    with pytest.raises(Refused):
        Outbound().check(url)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_an_address_in_ipv6_disguise_is_judged_as_what_it_is(address):
    assert is_public(ipaddress.IPv6Address(f"::ffff:{address}")) == is_public(address)


def test_one_inner_address_among_several_refuses_the_name(monkeypatch):
    with names(monkeypatch, **{"hook.example.com": [["1.1.1.1", "10.0.0.1"]]}), pytest.raises(Refused):
        Outbound().check("https://hook.example.com/")


def test_a_name_is_resolved_once_so_a_second_answer_is_never_used(monkeypatch, receiver):
    """Rebinding: outside when checked, inside when connected."""
    tried = []
    with names(monkeypatch, **{"rebind.example.com": [["1.1.1.1"], ["127.0.0.1"]]}) as asked:
        monkeypatch.setattr(socket, "create_connection", lambda address, **_: tried.append(address) or (_ for _ in ()).throw(OSError("no")))
        with pytest.raises(Unreachable):
            Outbound().post("https://rebind.example.com/", b"", {})
    assert (asked, tried) == (["rebind.example.com"], [("1.1.1.1", 443)])


def test_a_listed_name_may_lead_inside_on_any_port_and_without_tls(receiver):
    answer = Outbound(("127.0.0.1",)).post(f"http://127.0.0.1:{receiver.server_port}/ok", b"body", {"X-A": "1"})
    assert (answer.ok, answer.body, receiver.seen[-1][2]) == (True, b"taken", b"body")


def test_a_listed_range_allows_the_addresses_in_it(receiver):
    assert Outbound(("127.0.0.0/8",)).post(f"http://127.0.0.1:{receiver.server_port}/ok", b"", {}).ok


def test_a_listed_range_allows_no_address_beside_it():
    with pytest.raises(Refused):
        Outbound(("10.0.0.0/8",)).check("https://192.168.1.1/")


def test_a_redirect_is_an_answer_and_is_not_followed(receiver):
    receiver.seen.clear()
    answer = Outbound(("127.0.0.1",)).post(f"http://127.0.0.1:{receiver.server_port}/moved", b"", {})
    assert (answer.status, [path for path, *_ in receiver.seen]) == (302, ["/moved"])


def test_an_answer_without_end_is_cut(receiver):
    with pytest.raises(Unreachable, match="太长"):
        Outbound(("127.0.0.1",)).post(f"http://127.0.0.1:{receiver.server_port}/long", b"", {})


def test_an_answer_that_drips_is_cut_at_the_deadline(receiver):
    began = time.monotonic()
    with pytest.raises(Unreachable):
        Outbound(("127.0.0.1",), deadline_seconds=0.3).post(f"http://127.0.0.1:{receiver.server_port}/slow", b"", {})
    assert time.monotonic() - began < 5  # of the ten it would drip


def test_a_proxy_of_the_environment_is_not_used(receiver, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert Outbound(("127.0.0.1",)).post(f"http://127.0.0.1:{receiver.server_port}/ok", b"", {}).ok


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """(port, certificate file) of a server whose certificate is its own and says hook.example.com."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example.com")])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(begins).not_valid_after(begins + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.handle_error = lambda *_: None
    server.seen = []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port, certificate
    server.shutdown()
    server.server_close()


def trusting(certificate) -> Outbound:
    return Outbound(("127.0.0.0/8",), tls=ssl.create_default_context(cafile=str(certificate)))


def test_a_certificate_nobody_vouches_for_ends_the_connection(encrypted, monkeypatch):
    with names(monkeypatch, **{"hook.example.com": [["127.0.0.1"]]}), pytest.raises(Unreachable, match="self-signed"):
        Outbound(("127.0.0.0/8",)).post(f"https://hook.example.com:{encrypted[0]}/ok", b"", {})


def test_a_certificate_of_another_name_ends_the_connection(encrypted, monkeypatch):
    with names(monkeypatch, **{"other.example.com": [["127.0.0.1"]]}), pytest.raises(Unreachable, match="Hostname mismatch"):
        trusting(encrypted[1]).post(f"https://other.example.com:{encrypted[0]}/ok", b"", {})


def test_the_name_is_what_the_certificate_is_held_against_though_the_address_is_connected_to(encrypted, monkeypatch):
    with names(monkeypatch, **{"hook.example.com": [["127.0.0.1"]]}):
        assert trusting(encrypted[1]).post(f"https://hook.example.com:{encrypted[0]}/ok", b"", {}).ok


def test_certificates_and_names_are_verified_by_default():
    tls = Outbound().tls
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
