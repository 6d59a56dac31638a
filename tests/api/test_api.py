"""The JSON resources: in by token, within the scope, refused in Chinese."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from crm.enterprises.models import Enterprise
from crm.ladder.models import Move, TitleGrant
from crm.security import audit
from crm.security.models import User
from crm.security.passwords import set_password
from tests.conftest import PASSWORD, make_user
from tests.world import AWAY, HOME, digest, make_world


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


@pytest.fixture
def bearer(app):
    """bearer("manager", HOME) -> headers of a new user's token."""

    def _bearer(role, *regions):
        name = look(app, lambda s: make_user(s, role, regions).username)
        answer = app.test_client().post("/api/v1/tokens/", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.json
        return {"Authorization": f"Bearer {answer.json['access_token']}"}

    return _bearer


LISTS = ("enterprises", "filings", "titles", "register", "moves", "visits", "alerts")


@pytest.mark.parametrize("resource", LISTS)
def test_a_list_holds_the_jurisdiction_and_nothing_else(client, world, bearer, resource):
    rows = client.get(f"/api/v1/{resource}/", headers=bearer("officer", HOME)).json["result"]
    assert [row.get("enterprise_id", row["id"]) for row in rows] == [world[0].ids["enterprise"]]


@pytest.mark.parametrize(("resource", "kind"), [("enterprises", "enterprise"), ("filings", "filing"), ("visits", "visit")])
def test_another_countys_object_does_not_exist(client, world, bearer, resource, kind):
    headers = bearer("manager", HOME)
    assert client.get(f"/api/v1/{resource}/{world[0].ids[kind]}", headers=headers).status_code == 200
    assert client.get(f"/api/v1/{resource}/{world[1].ids[kind]}", headers=headers).status_code == 404


def test_a_user_without_regions_sees_nothing(client, world, bearer):
    assert client.get("/api/v1/enterprises/", headers=bearer("manager")).json["result"] == []


@pytest.mark.parametrize("resource", LISTS)
def test_without_a_token_the_answer_is_401_in_json(client, world, resource):
    answer = client.get(f"/api/v1/{resource}/")
    assert (answer.status_code, answer.json["message"]) == (401, "请先登录。")


@pytest.mark.parametrize("token", ["", "x", "Bearer", "Bearer x.y.z", "Basic bGluOmxpbg==", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."])
def test_a_false_token_is_401(client, world, token):
    assert client.get("/api/v1/enterprises/", headers={"Authorization": token}).status_code == 401


@pytest.mark.parametrize("role", ["officer", "manager", "administrator"])
def test_who_sees_whole_phone_numbers(client, world, bearer, role):
    answer = client.get(f"/api/v1/enterprises/{world[0].ids['enterprise']}", headers=bearer(role, HOME))
    shown = answer.json["result"]["contacts"][0]["phone"]
    assert shown == ("13857612341" if role == "manager" else "138****2341")


def test_the_firms_own_officer_sees_the_whole_number(app, client, world, bearer):
    headers = bearer("officer", HOME)

    def assign(session):
        session.get(Enterprise, world[0].ids["enterprise"]).officer_id = session.scalars(select(User.id).where(User.username == f"officer-{HOME}")).one()
        session.commit()

    look(app, assign)
    answer = client.get(f"/api/v1/enterprises/{world[0].ids['enterprise']}", headers=headers)
    assert answer.json["result"]["contacts"][0]["phone"] == "13857612341"


@pytest.mark.parametrize("query", [
    "order=password", "order=id;drop table ab_user", "order=-uscc&after=-1", "limit=0", "limit=abc", "limit=99999999999999999999999", "after=1.5",
    "nope=1", "filter=(a:1)", "region=' or 1=1 --", "q=%00%00", "q=%25_%25\\", "q=" + "长" * 5000, "after=9223372036854775808", "region=33%", "region=",
    "industry=%25", "place=%27", "q=(columns:!(password))", "order=", "order=--id",
])
def test_odd_parameters_are_refused_or_harmless_never_a_500(client, world, bearer, query):
    answer = client.get(f"/api/v1/enterprises/?{query}", headers=bearer("officer", HOME))
    assert answer.status_code in {200, 400, 422}
    assert all(row["id"] == world[0].ids["enterprise"] for row in answer.json.get("result", []))


@pytest.mark.parametrize("pk", ["0", "-1", "999999999999999999999", "1e3", "1%00", "abc", "1;--"])
def test_odd_keys_are_404(client, world, bearer, pk):
    assert client.get(f"/api/v1/enterprises/{pk}", headers=bearer("officer", HOME)).status_code == 404


@pytest.mark.parametrize("body", [
    None, [], "x", {"title": "srdi"}, {"enterprise_id": "1"}, {"enterprise_id": True, "title": "x", "granted_on": "2026-01-01"},
    {"enterprise_id": 2**70, "title": "x", "granted_on": "2026-01-01"}, {"enterprise_id": 1, "title": ["x"], "granted_on": "2026-01-01"},
    {"enterprise_id": 1, "title": "x" * 500, "granted_on": "2026-01-01"}, {"enterprise_id": 1, "title": "srdi", "granted_on": "2026-13-01"},
    {"enterprise_id": 1, "title": "srdi", "granted_on": "2099-01-01"}, {"enterprise_id": 1, "id": 5}, {"enterprise_id": 1, "title": "\0", "granted_on": "2026-01-01"},
])
def test_an_odd_body_is_a_clear_4xx_and_writes_nothing(app, client, world, bearer, body):
    headers = bearer("manager", HOME)
    before = look(app, digest)
    answer = client.post("/api/v1/titles/", headers=headers, json=body)
    assert answer.status_code in {400, 422}
    assert answer.json["message"]
    assert look(app, digest) == before


def test_pages_follow_one_another_without_gap_or_double(app, client, world, bearer):
    def fill(session):
        firm = session.get(Enterprise, world[0].ids["enterprise"])
        session.add_all(TitleGrant(enterprise_id=firm.id, title=f"t{n}", granted_on=firm.created_at.date(), recorded_at=firm.created_at) for n in range(45))
        session.commit()

    look(app, fill)
    headers, seen, after = bearer("officer", HOME), [], ""
    while after is not None:
        page = client.get(f"/api/v1/titles/?order=granted_on&limit=10{after and f'&after={after}'}", headers=headers).json
        seen += [row["id"] for row in page["result"]]
        after = page["after"]
    assert (len(seen), len(set(seen))) == (46, 46)


def test_a_page_holds_at_most_200_rows(client, world, bearer):
    assert client.get("/api/v1/enterprises/?limit=100000", headers=bearer("officer", HOME)).status_code == 200


def test_a_manager_grants_a_title_and_the_trail_names_them(app, client, world, bearer):
    body = {"enterprise_id": world[0].ids["enterprise"], "title": "little_giant", "granted_on": "2026-09-01"}
    answer = client.post("/api/v1/titles/", headers=bearer("manager", HOME), json=body)
    assert (answer.status_code, answer.json["result"]["title"]) == (201, "little_giant")
    entry = look(app, lambda s: audit.entries(s, action="title_grant.insert")[0])
    assert (entry.actor.split()[0], entry.subject_id) == ("manager", str(answer.json["result"]["id"]))


def test_nothing_can_be_attached_to_another_countys_firm(app, client, world, bearer):
    headers, before = bearer("manager", HOME), None
    before = look(app, digest)
    foreign = world[1].ids["enterprise"]
    answers = [
        client.post("/api/v1/titles/", headers=headers, json={"enterprise_id": foreign, "title": "srdi", "granted_on": "2026-09-01"}),
        client.post("/api/v1/register/leave", headers=headers, json={"enterprise_id": foreign, "on": "2026-09-01", "reason": "x"}),
        client.post("/api/v1/moves/", headers=headers, json={"enterprise_id": foreign, "to_place": "strong", "reason": "x"}),
        client.post(f"/api/v1/moves/{world[1].ids['move']}/confirm", headers=headers, json={}),
        client.patch(f"/api/v1/enterprises/{foreign}", headers=headers, json={"version": 1, "name": "改名"}),
    ]
    assert [a.status_code for a in answers] == [404] * 5
    assert look(app, digest) == before


@pytest.mark.parametrize("change", [{"region_code": AWAY}, {"region_code": "331000"}, {"zone_code": f"{AWAY}-F01"}])
def test_a_firm_cannot_be_moved_out_of_the_jurisdiction(app, client, world, bearer, change):
    headers = bearer("manager", HOME)
    before = look(app, digest)
    answer = client.patch(f"/api/v1/enterprises/{world[0].ids['enterprise']}", headers=headers, json={"version": 1, **change})
    assert answer.status_code == 422
    assert look(app, digest) == before


def test_a_stale_version_is_a_conflict(client, world, bearer):
    headers, url = bearer("manager", HOME), f"/api/v1/enterprises/{world[0].ids['enterprise']}"
    assert client.patch(url, headers=headers, json={"version": 1, "address": "新地址"}).status_code == 200
    assert client.patch(url, headers=headers, json={"version": 1, "address": "旧地址"}).status_code == 409


def test_a_firm_is_entered_within_the_jurisdiction_only(client, world, bearer):
    headers = bearer("manager", HOME)
    body = {"uscc": "91330000142927460P", "name": "新川机械"}
    assert client.post("/api/v1/enterprises/", headers=headers, json={**body, "region_code": AWAY}).status_code == 422
    answer = client.post("/api/v1/enterprises/", headers=headers, json={**body, "region_code": HOME})
    assert answer.status_code in {201, 422}
    assert answer.status_code == 201 or answer.json["field"] == "uscc"


def test_a_cookie_write_needs_the_csrf_token_and_a_bearer_write_does_not(app, client, world, bearer, sign_in):
    cookie, headers = sign_in("manager", HOME, username="cookie"), bearer("manager", HOME)
    body = {"enterprise_id": world[0].ids["enterprise"], "title": "hnte", "granted_on": "2026-09-01"}
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        assert cookie.post("/api/v1/titles/", json=body).status_code == 400
        assert look(app, lambda s: s.scalar(select(func.count()).select_from(TitleGrant).where(TitleGrant.title == "hnte"))) == 0
        assert client.post("/api/v1/titles/", headers=headers, json=body).status_code == 201
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


def test_a_header_that_is_no_token_does_not_fall_back_on_the_cookie(world, sign_in):
    cookie = sign_in("manager", HOME, username="cookie")
    assert cookie.get("/api/v1/enterprises/", headers={"Authorization": "x"}).status_code == 401


def test_the_web_lock_holds_for_tokens_too(app, client, world):
    look(app, lambda s: make_user(s, "officer", (HOME,), "lin"))
    for _ in range(5):
        client.post("/login/", data={"username": "lin", "password": "wrong"})
    answer = client.post("/api/v1/tokens/", json={"username": "lin", "password": PASSWORD})
    assert (answer.status_code, "已锁定到" in answer.json["message"]) == (401, True)


def test_a_token_ends_with_the_password(app, client, world, bearer):
    headers = bearer("officer", HOME)

    def change(session):
        from crm.core.clock import now

        set_password(session, session.scalars(select(User).where(User.username == f"officer-{HOME}")).one(), "Green-hill-2026", now())
        session.commit()

    look(app, change)
    assert client.get("/api/v1/enterprises/", headers=headers).status_code == 401


def test_a_refresh_token_gives_a_new_access_token_and_opens_nothing_itself(app, client, world):
    look(app, lambda s: make_user(s, "officer", (HOME,), "lin"))
    given = client.post("/api/v1/tokens/", json={"username": "lin", "password": PASSWORD}).json
    refresh = {"Authorization": f"Bearer {given['refresh_token']}"}
    assert client.get("/api/v1/enterprises/", headers=refresh).status_code == 401
    fresh = client.post("/api/v1/tokens/refresh", headers=refresh).json["access_token"]
    assert client.get("/api/v1/enterprises/", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200


def test_an_officer_may_not_decide_a_move(app, client, world, bearer):
    answer = client.post(f"/api/v1/moves/{world[0].ids['move']}/confirm", headers=bearer("officer", HOME), json={})
    assert answer.status_code == 403
    assert look(app, lambda s: s.get(Move, world[0].ids["move"]).state) == "proposed"


def test_a_manager_confirms_a_move_once(client, world, bearer):
    headers, url = bearer("manager", HOME), f"/api/v1/moves/{world[0].ids['move']}/confirm"
    assert [client.post(url, headers=headers, json={}).status_code for _ in range(2)] == [200, 409]


def test_the_openapi_document_names_every_resource(client, world, bearer):
    answer = client.get("/api/v1/_openapi", headers=bearer("officer", HOME))
    assert {f"/api/v1/{name}/" for name in LISTS} <= set(answer.json["paths"])
    assert client.get("/api/v1/_openapi").status_code == 401
