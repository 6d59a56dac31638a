"""The way in: what is said, what is kept, where it leads, and when it ends."""

from __future__ import annotations

import dataclasses
import re

import pytest
from sqlalchemy import select, update

from crm.security import audit
from crm.security.models import Unit, UnitMember, User, UserProfile
from crm.security.users import add_user
from tests.conftest import PASSWORD, make_user

NEW = "Green-hill-2026"


def post(client, username, password, target="/login/"):
    return client.post(target, data={"username": username, "password": password})


@pytest.fixture
def lin(app):
    """An officer whose name is lin."""
    with app.app_context():
        session = app.extensions["crm_sessions"]()
        yield make_user(session, "officer", ("331081",), "lin")


def in_session(app, read):
    with app.app_context():
        return read(app.extensions["crm_sessions"]())


def test_nobody_signed_in_is_led_to_the_sign_in_page_and_back(client, lin):
    assert client.get("/account/?x=1").headers["Location"] == "/login/?next=/account/?x%3D1"
    assert post(client, "lin", PASSWORD, "/login/?next=/account/?x%3D1").headers["Location"] == "/account/?x=1"


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test/", "/\\evil.test", "/\tevil", "javascript:alert(1)", "\\\\evil", "http:evil"])
def test_sign_in_never_leads_off_the_site(client, lin, target):
    answer = client.post("/login/", query_string={"next": target}, data={"username": "lin", "password": PASSWORD})
    assert answer.headers["Location"] == "/today/"


def test_a_script_that_is_not_signed_in_gets_401_in_chinese(client):
    answer = client.get("/account/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["message"]) == (401, "请先登录。")


def test_a_wrong_password_says_how_many_tries_are_left_and_keeps_the_name(client, lin):
    page = post(client, "lin", "wrong").get_data(as_text=True)
    assert "还可以试 4 次" in page
    assert 'value="lin"' in page


def test_a_locked_name_says_when_it_opens(client, lin):
    for _ in range(5):
        post(client, "lin", "wrong")
    assert "已锁定到" in post(client, "lin", PASSWORD).get_data(as_text=True)


def test_the_page_for_an_unknown_name_is_the_page_for_a_known_one(app, client, lin):
    pages = []
    for name in ("lin", "zzq-nobody"):
        page = post(app.test_client(), name, "wrong").get_data(as_text=True)
        pages.append(page.replace(f'value="{name}"', "NAME"))
    assert pages[0] == pages[1]


def test_an_empty_form_is_refused_under_the_field(client):
    answer = post(client, "", "")
    assert (answer.status_code, "请填用户名。" in answer.get_data(as_text=True)) == (422, True)


def test_sign_out_is_by_post_only_and_ends_the_session(sign_in):
    client = sign_in("officer", "331081")
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get("/account/").status_code == 302


def test_a_copied_cookie_is_worth_nothing_after_signing_out(app, sign_in):
    client = sign_in("officer", "331081", username="lin")
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    client.post("/logout/")
    thief = app.test_client()
    thief.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie)
    assert thief.get("/account/").status_code == 302


def test_the_button_says_that_signing_out_is_everywhere(sign_in):
    assert "退出登录（所有设备）" in sign_in("officer", "331081").get("/account/").get_data(as_text=True)


def test_who_only_audits_is_shown_no_search_and_no_bell(sign_in):
    page = sign_in("auditor", "331000").get("/audit/").get_data(as_text=True)
    assert ("find-q" in page, 'href="/alerts/"' in page, 'class="brandmark" href="/audit/"' in page) == (False, False, True)


def test_a_password_change_ends_every_other_session(app, sign_in):
    here = sign_in("officer", "331081", username="lin")
    there = app.test_client()
    post(there, "lin", PASSWORD)
    here.post("/account/password", data={"current": PASSWORD, "password": NEW, "again": NEW})
    assert (here.get("/account/").status_code, there.get("/account/").status_code) == (200, 302)


def test_a_stolen_old_session_cannot_be_used_after_the_change(app, sign_in):
    client = sign_in("officer", "331081", username="lin")
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    client.post("/account/password", data={"current": PASSWORD, "password": NEW, "again": NEW})
    thief = app.test_client()
    thief.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie)
    assert thief.get("/account/").status_code == 302


def test_the_present_password_is_asked_and_counted(app, sign_in):
    client = sign_in("officer", "331081", username="lin")
    for _ in range(5):
        page = client.post("/account/password", data={"current": "wrong", "password": NEW, "again": NEW}).get_data(as_text=True)
    assert "已锁定到" in page


def test_a_session_left_alone_ends(app, sign_in, settings):
    client = sign_in("officer", "331081")
    app.extensions["crm_settings"] = dataclasses.replace(settings, session_idle_minutes=-1)
    assert client.get("/account/").headers["Location"].startswith("/login/")


def test_a_user_switched_off_is_out_at_once(app, sign_in):
    client = sign_in("officer", "331081", username="lin")

    def switch_off(session):
        session.scalars(select(User).where(User.username == "lin")).one().active = False
        session.commit()

    in_session(app, switch_off)
    assert client.get("/account/").status_code == 302


def test_a_first_password_must_be_changed_before_anything_else(app, client):
    def make(session):
        add_user(session, "new-one", "新人", PASSWORD, role="officer", must_change=True)
        session.commit()

    in_session(app, make)
    post(client, "new-one", PASSWORD)
    assert client.get("/today/").headers["Location"] == "/account/password"
    client.post("/account/password", data={"current": PASSWORD, "password": NEW, "again": NEW})
    assert client.get("/today/").status_code == 200


def test_the_session_is_new_after_sign_in(app, client, lin):
    with client.session_transaction() as planted:
        planted["planted"] = "by somebody"
    post(client, "lin", PASSWORD)
    with client.session_transaction() as held:
        assert "planted" not in held


def test_a_write_by_cookie_without_a_token_is_refused(app, sign_in):
    client = sign_in("officer", "331081")
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        assert client.post("/logout/").status_code == 400
        assert client.post("/account/password", data={"current": PASSWORD, "password": NEW, "again": NEW}).status_code == 400
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


def test_sign_in_sign_out_and_password_change_are_in_the_trail(app, sign_in):
    client = sign_in("officer", "331081", username="lin")
    client.post("/account/password", data={"current": PASSWORD, "password": NEW, "again": NEW})
    client.post("/logout/")
    actions = in_session(app, lambda s: [e.action for e in audit.entries(s) if e.actor_id])
    assert {"sign_in", "sign_out", "password_changed"} <= set(actions)
    assert in_session(app, audit.verify) is None


def test_the_account_page_names_role_and_place(sign_in):
    page = sign_in("auditor", "331081").get("/account/").get_data(as_text=True)
    assert "审计员" in page


def test_headers_forbid_framing_sniffing_and_inline_script(client):
    headers = client.get("/login/").headers
    policy = headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "'unsafe-inline'" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client, lin):
    cookie = post(client, "lin", PASSWORD).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_page_costs_three_queries_for_rights(app, sign_in):
    from sqlalchemy import event

    client = sign_in("officer", "331081")
    client.get("/account/password")
    seen = []
    listen = lambda *args: seen.append(args[2])  # noqa: E731
    event.listen(app.extensions["crm_engine"], "before_cursor_execute", listen)
    client.get("/account/password")
    event.remove(app.extensions["crm_engine"], "before_cursor_execute", listen)
    assert len([s for s in seen if re.search(r"FROM (ab_|user_)", s)]) <= 3, seen


def test_profile_of_every_user_exists(app, sign_in):
    sign_in("officer", "331081", username="lin")
    assert in_session(app, lambda s: s.scalars(select(UserProfile)).one().session_version) == 1


def test_a_department_reads_its_unit_not_that_a_jurisdiction_is_missing(session, sign_in):
    client = sign_in("department")
    user = session.scalar(select(User).order_by(User.id.desc()))
    unit = Unit(name="人社局", region_code="331081")
    session.add(unit)
    session.flush()
    session.add(UnitMember(unit_id=unit.id, user_id=user.id))
    session.commit()
    page = client.get("/account/").get_data(as_text=True)
    assert ("人社局" in page, "还没有辖区" in page) == (True, False)


def test_a_request_under_way_with_a_session_that_ended_leaves_the_cookie_to_the_form_just_opened(app, sign_in):
    client = sign_in("officer", "331081")
    in_session(app, lambda s: (s.execute(update(UserProfile).values(session_version=9)), s.commit()))
    answer = client.get("/m/session", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (401, [])
