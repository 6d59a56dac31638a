"""The back office: who may, on what, and nothing beyond."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from crm.enterprises.models import Contact, EnterpriseEvent
from crm.ladder.models import RegisterMembership, TitleGrant
from crm.regions.models import Zone
from crm.security import audit
from crm.security.models import User, UserProfile, UserRegion
from crm.web.packs import packs
from tests.conftest import PASSWORD, make_user
from tests.world import AWAY, HOME, digest, make_world

HOME_CODE = "91331081MA2AAAAA1X"
AWAY_CODE = "91331081MA2AAAAA2X"
PAGES = ("users", "regions", "zones", "industries", "titles", "register", "events", "contacts")
FOR_MANAGERS = {"titles", "register", "events", "contacts"}


@pytest.fixture
def world(app):
    with app.app_context():
        home, away = make_world(app.extensions["crm_sessions"]())
        app.extensions["crm_sessions"].remove()
    return home, away


def look(app, read):
    with app.app_context():
        found = read(app.extensions["crm_sessions"]())
        app.extensions["crm_sessions"].remove()
    return found


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["officer", "manager", "administrator", "auditor"])
def test_each_list_opens_to_its_roles_only(world, sign_in, role, page):
    allowed = (role == "administrator" and page != "contacts") or (role == "manager" and page in FOR_MANAGERS)
    assert sign_in(role, HOME).get(f"/admin/{page}/list/").status_code == (200 if allowed else 403)


@pytest.mark.parametrize("page", ["titles", "register", "events"])
def test_a_list_shows_the_jurisdiction_only(world, sign_in, page):
    html = sign_in("manager", HOME).get(f"/admin/{page}/list/").get_data(as_text=True)
    assert HOME_CODE in html
    assert AWAY_CODE not in html


@pytest.mark.parametrize(("page", "kind"), [("titles", "title"), ("register", "register"), ("contacts", "contact")])
def test_another_countys_row_cannot_be_opened_or_changed(app, world, sign_in, page, kind):
    client, before = sign_in("manager", HOME), look(app, digest)
    key = world[1].ids[kind]
    assert client.get(f"/admin/{page}/edit/{key}").status_code == 404
    assert client.post(f"/admin/{page}/edit/{key}", data={"name": "x", "on": "2026-09-01", "reason": "x"}).status_code == 404
    assert look(app, digest) == before


def test_another_countys_event_cannot_be_deleted(app, world, sign_in):
    client, before = sign_in("manager", HOME), look(app, digest)
    assert client.post(f"/admin/events/delete/{world[1].ids['event']}").status_code == 404
    assert look(app, digest) == before


@pytest.mark.parametrize(("page", "data"), [
    ("titles", {"title": "srdi", "kind": "first", "granted_on": "2026-09-01"}),
    ("register", {"on": "2026-09-01"}),
    ("events", {"kind": "suspended", "on": "2026-09-01"}),
    ("contacts", {"name": "李四"}),
])
def test_nothing_is_attached_to_another_countys_firm(app, world, sign_in, page, data):
    client, before = sign_in("manager", HOME), look(app, digest)
    answer = client.post(f"/admin/{page}/add", data={"uscc": AWAY_CODE, **data})
    assert answer.status_code == 422
    assert "不在您的辖区内" in answer.get_data(as_text=True)
    assert look(app, digest) == before


def test_a_title_is_granted_and_stands_in_the_trail(app, world, sign_in):
    client = sign_in("manager", HOME)
    client.post("/admin/titles/add", data={"uscc": HOME_CODE.lower(), "title": "little_giant", "kind": "first", "granted_on": "2026-09-01"})
    assert look(app, lambda s: s.scalars(select(TitleGrant.title).order_by(TitleGrant.id.desc())).first()) == "little_giant"
    assert look(app, lambda s: audit.entries(s, action="title_grant.insert")[0].actor.split()[0]) == "manager"


def test_a_refused_form_keeps_what_was_typed(world, sign_in):
    html = sign_in("manager", HOME).post("/admin/register/add", data={"uscc": HOME_CODE, "on": "2026-09-01", "document": "台统〔2026〕1号"}).get_data(as_text=True)
    assert "已在库" in html
    assert "台统〔2026〕1号" in html


def test_a_stay_is_ended_not_deleted(app, world, sign_in):
    client = sign_in("manager", HOME)
    client.post(f"/admin/register/edit/{world[0].ids['register']}", data={"on": "2026-09-01", "reason": "连续两年低于起点"})
    assert str(look(app, lambda s: s.get(RegisterMembership, world[0].ids["register"]).exited_on)) == "2026-09-01"
    assert client.post(f"/admin/register/delete/{world[0].ids['register']}").status_code == 404


def test_an_administrator_does_not_see_users_of_a_wider_jurisdiction(app, world, sign_in):
    look(app, lambda s: make_user(s, "manager", ("331000",), "city-manager"))
    client = sign_in("administrator", HOME)
    html = client.get("/admin/users/list/").get_data(as_text=True)
    assert f"author-{HOME}" in html
    assert "city-manager" not in html
    assert f"author-{AWAY}" not in html


@pytest.mark.parametrize("act", ["edit", "reset", "unlock"])
def test_an_administrator_cannot_touch_a_user_of_another_county(app, world, sign_in, act):
    client, before = sign_in("administrator", HOME), look(app, digest)
    assert client.post(f"/admin/users/{act}/{world[1].ids['user']}", data={"name": "x", "role": "officer"}).status_code == 404
    assert look(app, digest) == before


@pytest.mark.parametrize("codes", [AWAY, "331000", f"{HOME} 330000", f"{AWAY}-F01", "' or 1=1"])
def test_an_administrator_cannot_give_more_than_their_own_jurisdiction(app, world, sign_in, codes):
    client = sign_in("administrator", HOME)
    answer = client.post("/admin/users/add", data={"name": "新人", "username": "newbie", "role": "officer", "regions": codes, "password": PASSWORD})
    assert answer.status_code == 422
    assert look(app, lambda s: s.scalar(select(func.count()).select_from(User).where(User.username == "newbie"))) == 0


def test_a_new_user_gets_a_password_once_and_must_change_it(app, world, sign_in):
    client = sign_in("administrator", HOME)
    data = {"name": "新人", "username": "newbie", "role": "officer", "regions": f"{HOME}100 {HOME}-F01"}
    html = client.post("/admin/users/add", data=data, follow_redirects=True).get_data(as_text=True)
    assert "初始密码：" in html
    user = look(app, lambda s: s.scalars(select(User.id).where(User.username == "newbie")).one())
    assert look(app, lambda s: s.get(UserProfile, user).must_change_password)
    assert look(app, lambda s: sorted(s.scalars(select(UserRegion.code).where(UserRegion.user_id == user)))) == [f"{HOME}-F01", f"{HOME}100"]


def test_a_reset_ends_the_sessions_of_that_user(app, world, sign_in):
    victim, client = sign_in("officer", HOME), sign_in("administrator", HOME)
    user = look(app, lambda s: s.scalars(select(User.id).where(User.username == f"officer-{HOME}")).one())
    client.post(f"/admin/users/reset/{user}")
    assert victim.get("/account/").status_code == 302


def test_an_administrator_cannot_lock_themselves_out(app, world, sign_in):
    client = sign_in("administrator", HOME)
    me = look(app, lambda s: s.scalars(select(User.id).where(User.username == f"administrator-{HOME}")).one())
    answer = client.post(f"/admin/users/edit/{me}", data={"name": "我", "role": "officer", "regions": HOME})
    assert "不能停用自己" in answer.get_data(as_text=True)


def test_a_switched_off_user_is_out(app, world, sign_in):
    victim, client = sign_in("officer", HOME), sign_in("administrator", HOME)
    user = look(app, lambda s: s.scalars(select(User.id).where(User.username == f"officer-{HOME}")).one())
    client.post(f"/admin/users/edit/{user}", data={"name": "甲", "role": "officer", "regions": HOME})
    assert victim.get("/account/").status_code == 302


def test_role_and_regions_before_and_after_are_in_the_trail(app, world, sign_in):
    client = sign_in("administrator", HOME)
    user = look(app, lambda s: make_user(s, "officer", (HOME,), "lin").id)
    client.post(f"/admin/users/edit/{user}", data={"name": "林助", "role": "manager", "regions": f"{HOME}100", "active": "y"})
    detail = look(app, lambda s: audit.entries(s, action="ab_user.update")[0].detail)
    assert (detail["before"]["roles"], detail["after"]["roles"]) == (["officer"], ["manager"])
    assert look(app, lambda s: {e.action for e in audit.entries(s, subject_type="user_region")}) >= {"user_region.insert", "user_region.delete"}


def test_a_zone_cannot_be_put_into_another_county(app, world, sign_in):
    client = sign_in("administrator", HOME)
    answer = client.post(f"/admin/zones/edit/{HOME}-F01", data={"name": "开发区", "parent_code": AWAY})
    assert answer.status_code == 422
    assert look(app, lambda s: s.get(Zone, f"{HOME}-F01").parent_code) == HOME


def test_an_empty_zone_is_deleted_and_a_used_one_is_not(app, world, sign_in):
    client = sign_in("administrator", HOME)
    look(app, lambda s: make_user(s, "officer", (f"{HOME}-F01",), "zoned"))
    assert client.post(f"/admin/zones/delete/{HOME}-F01").status_code == 409
    client.post("/admin/zones/add", data={"code": "new-zone", "name": "新区", "parent_code": HOME})
    assert client.post("/admin/zones/delete/new-zone").status_code == 302


@pytest.mark.parametrize("pk", ["0", "-1", "99999999999999999999", "abc", "1'--", "%00", "{{7*7}}", "1 or 1=1"])
def test_odd_keys_are_404_never_500(world, sign_in, pk):
    client = sign_in("manager", HOME)
    assert client.get(f"/admin/titles/edit/{pk}").status_code == 404
    assert client.post(f"/admin/events/delete/{pk}").status_code == 404


@pytest.mark.parametrize("query", [
    "after=-1", "after=99999999999999999999", "after=x", "sort=password", "sort=granted_on&dir=sideways", "q=%00", "q=%25", "q='", "page_Titles=x",
    "psize_Titles=999999999", "_oc_Titles=enterprise_id;--&_od_Titles=asc", "_flt_9_title=x", "_flt_0_uscc=x", "q=" + "长" * 3000,
])
def test_odd_parameters_are_harmless(world, sign_in, query):
    html = sign_in("manager", HOME).get(f"/admin/titles/list/?{query}")
    assert html.status_code == 200
    assert AWAY_CODE not in html.get_data(as_text=True)


def test_a_phone_changed_here_is_masked_in_the_trail(app, world, sign_in):
    client = sign_in("manager", HOME)
    client.post(f"/admin/contacts/edit/{world[0].ids['contact']}", data={"name": "张三丰", "phone": "13900001111"})
    assert look(app, lambda s: s.get(Contact, world[0].ids["contact"]).phone) == "13900001111"
    assert look(app, lambda s: audit.entries(s, action="contact.update")[0].detail) == {"before": {"phone": "138****2341"}, "after": {"phone": "139****1111"}}


def test_a_list_of_two_hundred_is_paged_whole(app, world, sign_in):
    def fill(session):
        grant = session.get(TitleGrant, world[0].ids["title"])
        session.add_all(TitleGrant(enterprise_id=grant.enterprise_id, title=f"t{n}", granted_on=grant.granted_on, recorded_at=grant.recorded_at) for n in range(120))
        session.commit()

    look(app, fill)
    client, url, seen = sign_in("manager", HOME), "/admin/titles/list/?sort=granted_on", 0
    import html
    import re
    while url:
        page = client.get(url).get_data(as_text=True)
        seen += page.count("rowheader")
        following = re.search(r'href="([^"]*after=[^"]*)">下一页', page)
        url = html.unescape(following.group(1)) if following else None
    assert seen == 121


def test_a_list_costs_few_queries(app, world, sign_in):
    from sqlalchemy import event

    client, seen = sign_in("manager", HOME), []
    client.get("/admin/titles/list/")
    listen = lambda *args: seen.append(args[2])  # noqa: E731
    event.listen(app.extensions["crm_engine"], "before_cursor_execute", listen)
    client.get("/admin/titles/list/")
    event.remove(app.extensions["crm_engine"], "before_cursor_execute", listen)
    assert len(seen) <= 12, seen


def test_every_event_the_rules_ask_for_can_be_written_down(app, world, sign_in):
    page = sign_in("manager", HOME).get("/admin/events/add").get_data(as_text=True)
    with app.test_request_context():
        asked = {event.id for event in packs().for_region(HOME).book.events}
    assert (len(asked) > 10, {kind for kind in asked if f'value="{kind}"' not in page}) == (True, set())


def test_facts_and_their_answers_are_shown_in_words(app, world, sign_in):
    with app.app_context():
        session = app.extensions["crm_sessions"]()
        session.get(EnterpriseEvent, world[0].ids["event"]).kind, session.get(EnterpriseEvent, world[0].ids["event"]).note = "flag.own_brand", "yes"
        session.commit()
        app.extensions["crm_sessions"].remove()
    page = sign_in("manager", HOME).get("/admin/events/list/").get_data(as_text=True)
    assert ("拥有自主品牌" in page, "flag.own_brand" in page) == (True, False)


def test_a_stay_that_ended_offers_no_second_end(app, world, sign_in):
    with app.app_context():
        session = app.extensions["crm_sessions"]()
        session.get(RegisterMembership, world[0].ids["register"]).exited_on = date(2026, 9, 1)
        session.commit()
        app.extensions["crm_sessions"].remove()
    page = sign_in("manager", HOME).get("/admin/register/list/").get_data(as_text=True)
    assert f"/admin/register/edit/{world[0].ids['register']}" not in page
