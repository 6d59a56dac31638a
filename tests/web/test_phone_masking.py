"""A phone number behind every door: whole for managers and the firm's own officer, masked or absent for everybody else."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest

from crm.enterprises.models import Enterprise
from tests.web.test_route_matrix import address, call, routes
from tests.world import HOME, make_world

WHOLE = "13857612341"


@pytest.fixture
def home(app, settings, monkeypatch):
    monkeypatch.setattr(app, "testing", False)
    with app.app_context():
        county, _ = make_world(app.extensions["crm_sessions"](), data_dir=settings.data_dir)
        app.extensions["crm_sessions"].remove()
    return county


def opened(answer: bytes) -> bytes:
    """The answer itself, or what the parts of a ZIP or workbook hold."""
    if not answer.startswith(b"PK"):
        return answer
    with ZipFile(BytesIO(answer)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def leaks(app, client, home, letter):
    """Addresses whose answer holds the whole number."""
    found = []
    for _endpoint, method, rule, who, kinds in routes(app):
        if method == "GET" and (letter in who or who in {"*", "open"}):
            answer = call(client, method, address(rule, kinds, home.ids), {})
            if WHOLE.encode() in opened(answer.get_data()):
                found.append(rule.rule)
    return found


@pytest.mark.parametrize(("role", "letter"), [("officer", "O"), ("administrator", "A"), ("auditor", "U")])
def test_no_address_gives_the_whole_number_to_those_who_may_not_see_it(app, home, sign_in, role, letter):
    assert leaks(app, sign_in(role, HOME), home, letter) == []


def test_the_firms_own_officer_sees_it_on_the_firms_page(app, home, sign_in):
    client = sign_in("officer", HOME)
    with app.app_context():
        from sqlalchemy import select

        from crm.security.models import User

        session = app.extensions["crm_sessions"]()
        session.get(Enterprise, home.ids["enterprise"]).officer_id = session.scalars(select(User.id).where(User.username == f"officer-{HOME}")).one()
        session.commit()
        app.extensions["crm_sessions"].remove()
    assert "/enterprises/<int:enterprise_id>" in leaks(app, client, home, "O")


def test_no_error_page_and_no_trail_holds_the_number(app, home, sign_in):
    manager = sign_in("manager", HOME)
    manager.post(f"/admin/contacts/edit/{home.ids['contact']}", data={"name": "李四", "phone": WHOLE})
    auditor = sign_in("auditor", HOME)
    assert WHOLE not in auditor.get("/audit/").get_data(as_text=True)
    assert WHOLE not in auditor.get("/audit/export.csv").get_data(as_text=True)
