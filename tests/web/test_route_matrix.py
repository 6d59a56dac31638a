"""Every route, every method, as nobody and as each role, on another county's objects: refused, and nothing written."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.reports.conftest import faces  # noqa: F401  # a fixture
from tests.web.routes import EXPECTED, ROLES, SHARED, expectations, foreign_body
from tests.world import HOME, digest, make_world

COUNT: Counter[str] = Counter()
SIGNED_IN_DOORS = {"SignIn.login", "SignIn.logout", "AccountPage.password"}
"""Doors that write by design (a failure is counted, a sign-out recorded): their own tests watch them."""

OWN_ONLY = {"VisitsPage.edit"}
"""Open to whoever wrote the thing; the world's visits were written by somebody else."""


@pytest.fixture
def world(app, settings, monkeypatch, faces):  # noqa: F811
    (settings.data_dir / "fonts").symlink_to(faces.folder.parent)
    monkeypatch.setattr(app, "testing", False)  # a bug answers 500 here, as it would in use
    with app.app_context():
        home, away = make_world(app.extensions["crm_sessions"](), data_dir=settings.data_dir)
        app.extensions["crm_sessions"].remove()
    return home, away


def routes(app):
    """(endpoint, method, rule, who, kinds) of everything but what Flask answers itself and what nobody expects."""
    known = expectations()
    rules = [r for r in app.url_map.iter_rules() if r.endpoint in known]
    return [(r.endpoint, method, r, *known[r.endpoint]) for r in rules for method in sorted(r.methods - {"OPTIONS", "HEAD"})]


def address(rule, kinds, ids):
    """The rule with `ids` in its arguments, in the order the expectation names them."""
    text, waiting = rule.rule, list(kinds)
    for part in re.findall(r"<[^>]+>", text):
        name = part.strip("<>").rpartition(":")[2]
        kind = waiting.pop(0) if waiting else name
        text = text.replace(part, str(SHARED[kind] if kind in SHARED else ids[kind]), 1)
    return text


def call(client, method, url, body):
    if url.startswith(("/api/", "/board/")):
        numbers = {k: int(v) if k in {"enterprise_id", "version"} else v for k, v in body.items()}
        return client.open(url, method=method, json=numbers if method != "GET" else None, headers={"Accept": "application/json"})
    return client.open(url, method=method, data=body if method != "GET" else None)


def snapshot(app):
    with Session(app.extensions["crm_engine"]) as session:
        return digest(session)


@pytest.fixture
def writes(app):
    """Statements that write, with the address that sent them: a cheap watch between the two digests of all tables."""
    seen = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}:
            seen.append(statement[:80])

    event.listen(app.extensions["crm_engine"], "before_cursor_execute", note)
    yield seen
    event.remove(app.extensions["crm_engine"], "before_cursor_execute", note)


def written(before, after):
    return sorted(name for name in before if before[name] != after[name])


def test_every_route_is_expected_and_every_expectation_has_a_route(app):
    served = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert served == set(expectations()), f"say in tests/web/routes.py who may: {served ^ set(expectations())}"


def test_what_the_views_permit_is_what_is_expected(app):
    """The roles in the code against the table, endpoint by endpoint."""
    wrong = []
    for endpoint, (who, _) in expectations().items():
        if who in {"open", "*"}:
            continue
        view = next((v for v in app.appbuilder.baseviews if endpoint.startswith(type(v).__name__ + ".")), None)
        if view is None:
            continue  # the test above names it
        handler = getattr(view, endpoint.partition(".")[2], None)
        permission = getattr(handler, "_permission_name", None)
        given = {letter for letter, role in ROLES.items() if role in view.permits.get(permission, ())}
        if given != set(who):
            wrong.append((endpoint, permission, "".join(sorted(given)), who))
    assert not wrong, "\n".join(map(str, wrong))


def test_nobody_signed_in_is_refused_everywhere_and_writes_nothing(app, world):
    before, wrong = snapshot(app), []
    for _endpoint, method, rule, who, kinds in routes(app):
        if who == "open":
            continue
        COUNT["anonymous"] += 1
        answer = call(app.test_client(), method, address(rule, kinds, world[0].ids), foreign_body(world[0].ids, rule.rule))
        led_away = answer.status_code == 302 and answer.headers["Location"].startswith("/login/")
        if not (led_away or answer.status_code in {401, 405}):
            wrong.append((method, rule.rule, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert written(before, snapshot(app)) == []


@pytest.mark.parametrize("letter", ROLES)
def test_a_role_is_refused_what_it_may_not_and_writes_nothing(app, world, sign_in, letter):
    client = sign_in(ROLES[letter], HOME)
    before, wrong = snapshot(app), []
    for _endpoint, method, rule, who, kinds in routes(app):
        if who in {"open", "*"} or letter in who:
            continue
        COUNT[f"role {ROLES[letter]}"] += 1
        answer = call(client, method, address(rule, kinds, world[0].ids), foreign_body(world[0].ids, rule.rule))
        if answer.status_code != 403:
            wrong.append((method, rule.rule, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert written(before, snapshot(app)) == []


@pytest.mark.parametrize("letter", ROLES)
def test_another_countys_objects_do_not_exist_for_any_role(app, world, sign_in, writes, letter):
    client = sign_in(ROLES[letter], HOME)
    before, wrong = snapshot(app), []
    for _endpoint, method, rule, who, kinds in routes(app):
        if letter not in who or not [kind for kind in kinds if not kind.startswith("+")]:
            continue
        COUNT[f"away {ROLES[letter]}"] += 1
        writes.clear()
        answer = call(client, method, address(rule, kinds, world[1].ids), foreign_body(world[1].ids, rule.rule))
        if answer.status_code != 404 or writes:
            wrong.append((method, rule.rule, answer.status_code, writes[:3]))
    assert not wrong, "\n".join(map(str, wrong))
    assert written(before, snapshot(app)) == []


@pytest.mark.parametrize("letter", ROLES)
def test_a_body_cannot_name_another_countys_objects(app, world, sign_in, writes, letter):
    """Routes without an object in the address that take one in the body: bulk acts, new rows, attachments to a firm."""
    client = sign_in(ROLES[letter], HOME)
    before, wrong = snapshot(app), []
    for endpoint, method, rule, who, kinds in routes(app):
        if method == "GET" or letter not in who or kinds or endpoint in SIGNED_IN_DOORS | {"AuditPage.check"}:
            continue
        COUNT[f"body {ROLES[letter]}"] += 1
        writes.clear()  # some of these write and roll back: a verb first, the check of where it led after it
        answer = call(client, method, address(rule, kinds, world[1].ids), foreign_body(world[1].ids, rule.rule))
        if answer.status_code >= 500 or answer.status_code == 200:
            wrong.append((method, rule.rule, answer.status_code, writes[:3]))
    assert not wrong, "\n".join(map(str, wrong))
    assert written(before, snapshot(app)) == []


def test_an_own_firm_with_another_countys_part_in_the_address_is_refused(app, world, sign_in):
    """/enterprises/<mine>/contacts/<theirs>/end: the second key must belong to the first."""
    client, before, wrong = sign_in("manager", HOME), snapshot(app), []
    mixed = {**world[1].ids, "enterprise": world[0].ids["enterprise"]}
    for _endpoint, method, rule, who, kinds in routes(app):
        if len(kinds) < 2 or "M" not in who:
            continue
        COUNT["mixed manager"] += 1
        answer = call(client, method, address(rule, kinds, mixed), foreign_body(world[1].ids, rule.rule))
        if answer.status_code != 404:
            wrong.append((method, rule.rule, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert written(before, snapshot(app)) == []


@pytest.mark.parametrize("letter", ROLES)
def test_no_route_falls_over_for_whoever_may_open_it(app, world, sign_in, letter):
    client, wrong = sign_in(ROLES[letter], HOME), []
    for endpoint, method, rule, who, kinds in routes(app):
        if method != "GET" or letter not in who:
            continue
        COUNT[f"opened {ROLES[letter]}"] += 1
        answer = call(client, method, address(rule, kinds, world[0].ids), {})
        refused = answer.status_code in {401, 403} and endpoint not in OWN_ONLY
        if refused or answer.status_code >= 500:
            wrong.append((rule.rule, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_the_matrix_says_how_much_it_walked(app, capsys):
    refusals = sum(n for key, n in COUNT.items() if not key.startswith("opened"))
    with capsys.disabled():
        print(f"\nroute matrix so far: {len(expectations())} endpoints, {len(routes(app))} routes, {len(ROLES) + 1} roles, {refusals} refusals, database unchanged")
    assert EXPECTED
