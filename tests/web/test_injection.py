"""Text that would be code: through every page that shows it. And bodies, sizes, hosts that are out of order."""

from __future__ import annotations

import html
import re

import pytest

from tests.web.routes import expectations, foreign_body
from tests.web.test_route_matrix import address, call, routes
from tests.world import ATTACK, HOME, make_world

RAW = ("<script>alert(1)", "<img src=x", "onerror=alert(2)>")


@pytest.fixture
def hostile(app, settings, monkeypatch):
    """Every text field of the home county holds the attack."""
    monkeypatch.setattr(app, "testing", False)
    with app.app_context():
        home, _ = make_world(app.extensions["crm_sessions"](), ATTACK, settings.data_dir)
        app.extensions["crm_sessions"].remove()
    return home


def dangerous(page):
    """Raw payload outside of escaped text; data in JSON answers is not markup."""
    return [raw for raw in RAW if raw in page]


@pytest.mark.parametrize("role", ["officer", "manager", "administrator", "auditor"])
@pytest.mark.one_database
def test_no_page_lets_a_name_become_markup(app, hostile, sign_in, role):
    client, wrong, shown = sign_in(role, HOME), [], 0
    for _endpoint, method, rule, who, kinds in routes(app):
        if method != "GET" or role[0].upper().replace("A", "U" if role == "auditor" else "A") not in who.replace("*", "OMAU"):
            continue
        answer = call(client, method, address(rule, kinds, hostile.ids), {})
        if "text/html" in answer.headers.get("Content-Type", ""):
            page = answer.get_data(as_text=True)
            shown += html.escape("<script>alert(1)", quote=False) in page
            if found := dangerous(page):
                wrong.append((rule.rule, found))
            if "49" in re.findall(r"&gt;(\d+)\b", page):
                wrong.append((rule.rule, "template evaluated"))
    assert not wrong, "\n".join(map(str, wrong))
    assert shown > 0 or role in {"auditor", "administrator"}


@pytest.mark.parametrize("role", ["officer", "manager"])
@pytest.mark.one_database
def test_no_page_carries_inline_script_style_or_handlers(app, hostile, sign_in, role):
    client, wrong = sign_in(role, HOME), []
    for _endpoint, method, rule, who, kinds in routes(app):
        if method != "GET" or role[0].upper() not in who.replace("*", "OMAU"):
            continue
        answer = call(client, method, address(rule, kinds, hostile.ids), {})
        if "text/html" not in answer.headers.get("Content-Type", ""):
            continue
        page = re.sub(r'"[^"]*"', '""', answer.get_data(as_text=True))  # what stands in quotes is no attribute
        bad = re.findall(r"<script(?![^>]*\ssrc=)(?![^>]*\stype=)[^>]*>|<style|<[a-z][^<>]*\s(?:on[a-z]+|style)=", page)
        if bad:
            wrong.append((rule.rule, bad[:2]))
    assert not wrong, "\n".join(map(str, wrong))


ODD = ["'", '"', "%00", "%", "{{7*7}}", "<script>", "-1", "9" * 30, "1e9", "../../etc/passwd", "null", "[]", "(a:!(b))", "2026-13-45", "长" * 600, "%ff%fe", " ", "\\"]
NAMES = ["q", "page", "after", "before", "sort", "order", "dir", "limit", "region", "place", "level", "state", "rule", "owner", "officer", "since", "until",
         "actor", "action", "kind", "step", "title", "pool", "size", "near", "industry", "zone", "month", "year", "back", "next", "format", "group", "lang", "tz"]


@pytest.mark.parametrize(("role", "letters"), [("manager", "M"), ("administrator", "A")])
def test_no_parameter_brings_a_page_down(app, hostile, sign_in, role, letters):
    """Each route six times, every parameter another odd value each time; the administrator only where the manager may not go."""
    client, wrong = sign_in(role, HOME), []
    for _endpoint, method, rule, who, kinds in routes(app):
        if method != "GET" or letters not in who or (letters == "A" and "M" in who):
            continue
        url = address(rule, kinds, hostile.ids)
        for turn in range(6):
            query = "&".join(f"{name}={ODD[(place * 5 + turn * 7) % len(ODD)]}" for place, name in enumerate(NAMES))
            answer = client.get(f"{url}?{query}")
            if answer.status_code >= 500:
                wrong.append((rule.rule, query, answer.status_code))
                break
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("value", ["0", "-1", "9" * 25, "abc", "1'--", "%00", "..%2f..%2fetc%2fpasswd", "{{7*7}}", "00000000-0000-4000-8000-000000000000"])
def test_no_key_in_an_address_brings_a_page_down(app, hostile, sign_in, value):
    client, wrong = sign_in("manager", HOME), []
    for _endpoint, method, rule, _who, kinds in routes(app):
        if "<" not in rule.rule:
            continue
        url = re.sub(r"<[^>]+>", value, rule.rule)
        answer = client.open(url, method=method, json={} if url.startswith("/api/") and method != "GET" else None)
        if answer.status_code >= 500:
            wrong.append((method, url, answer.status_code, kinds))
    assert not wrong, "\n".join(map(str, wrong))


def test_no_odd_body_brings_a_write_down(app, hostile, sign_in):
    client, wrong = sign_in("manager", HOME), []
    bodies = [
        {"data": b"\xff\xfe\x00{", "content_type": "application/json"}, {"data": b"[" * 3000, "content_type": "application/json"},
        {"data": b"a=%00&a=%ff&" * 200, "content_type": "application/x-www-form-urlencoded"},
        {"data": b"--x\r\nbroken", "content_type": "multipart/form-data; boundary=x"}, {"data": b"<a/>", "content_type": "text/xml"}, {"data": b"", "content_type": ""},
    ]
    for endpoint, method, rule, _who, kinds in routes(app):
        if method == "GET" or endpoint == "SignIn.logout":
            continue
        for body in bodies:
            answer = client.open(address(rule, kinds, hostile.ids), method=method, **body)
            if answer.status_code >= 500:
                wrong.append((method, rule.rule, body["content_type"], answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


ODD_FIELDS = ["9" * 19, "²\x00", "0001-01-01"]
ID_FIELDS = ("to", "officer_id", "officer", "ids", "id", "year", "version", "amount", "owner", "unit", "case", "visit", "alert")


def test_no_odd_value_in_a_form_brings_a_write_down(app, hostile, sign_in):
    """Every form with every field odd, and once in good order but for keys no database can hold."""
    client, wrong = sign_in("manager", HOME), []
    for endpoint, method, rule, _who, kinds in routes(app):
        if method != "POST" or endpoint in {"SignIn.logout", "SignIn.login", "AccountPage.password"} or rule.rule.startswith("/api/"):
            continue
        url = address(rule, kinds, hostile.ids)
        good = foreign_body(hostile.ids, url)
        for body in [dict.fromkeys((*good, *ID_FIELDS), value) for value in ODD_FIELDS] + [good | dict.fromkeys(ID_FIELDS, "9" * 19)]:
            answer = client.post(url, data=body)
            if answer.status_code >= 500:
                wrong.append((rule.rule, str(body.get("id"))[:20], answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


EMPTY_SHELL = {"/m/", "/sw.js", "/manifest.webmanifest"}
"""The phone's program: open to everybody, holds nothing of anybody, asked for anew each time and kept for days without signal."""


@pytest.mark.one_database
def test_headers_are_on_every_answer(app, hostile, sign_in):
    client, wrong = sign_in("manager", HOME), []
    needed = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
    for _endpoint, method, rule, _who, kinds in routes(app):
        if method != "GET":
            continue
        headers = client.get(address(rule, kinds, hostile.ids)).headers
        policy = headers.get("Content-Security-Policy", "")
        missing = [name for name, value in needed.items() if headers.get(name) != value]
        if missing or "default-src 'self'" not in policy or "'unsafe-inline'" in policy or "'unsafe-eval'" in policy:
            wrong.append((rule.rule, missing, policy[:80]))
        kept = "no-cache" if rule.rule in EMPTY_SHELL else "no-store"
        if not rule.rule.startswith(("/assets/", "/static/")) and kept not in headers.get("Cache-Control", ""):
            wrong.append((rule.rule, headers.get("Cache-Control")))
    assert not wrong, "\n".join(map(str, wrong))


def test_the_table_of_routes_is_not_empty():
    assert len(expectations()) > 100
