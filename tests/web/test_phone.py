"""What a phone carries along and sends: only one's own firms, only what is new, each message once."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from crm.alerts.models import Alert
from crm.cases.models import Case
from crm.core.clock import now, today
from crm.enterprises.models import Contact
from crm.security.models import AuditEntry, User, UserProfile
from crm.visits.models import Attachment, Visit, VisitPerson
from tests.conftest import PASSWORD, make_user
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, firm
from tests.web.test_visits import picture, sent

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


@pytest.fixture
def officer(session: Session, sign_in: Any) -> tuple[FlaskClient, int]:
    client = sign_in("officer", WENLING)
    return client, session.scalars(select(User.id)).one()


def bundle(client: FlaskClient, **headers: str) -> dict[str, Any]:
    answer = client.get("/m/bundle", headers={"Accept": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})
    assert answer.status_code == 200
    return json.loads(answer.data)


def names(carried: dict[str, Any]) -> list[str]:
    return [line["name"] for line in carried["firms"]]


def log(client: FlaskClient, firm_id: int, **given: Any) -> Any:
    return client.post("/visits/", data=sent(firm_id, **given), headers={"Accept": "application/json"})


def put(client: FlaskClient, visit: str, key: str, data: bytes | None = None, role: str = "photo") -> Any:
    return client.put(f"/visits/{visit}/files/{key}?role={role}&name=车间.jpg", data=data or picture(), headers={"Accept": "application/json"})


def count(session: Session, table: Any) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(table)) or 0


# ── the shell ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/m/", "/sw.js", "/manifest.webmanifest"])
def test_the_shell_opens_without_signing_in_and_is_looked_up_again_each_time(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_the_shell_names_nobody(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, officer=me)
    text = client.get("/m/").get_data(as_text=True)
    assert "砚江" not in text
    assert "officer" not in text


def test_the_worker_keeps_every_file_the_shell_asks_for(client: FlaskClient) -> None:
    shell, worker = (client.get(path).get_data(as_text=True) for path in ("/m/", "/sw.js"))
    asked = {part.split('"')[0] for part in shell.split('"/assets/')[1:]}
    assert {f"/assets/{name}" for name in asked} <= set(json.loads(worker.split("const KEPT = ")[1].split(";")[0]))


def test_everything_in_the_manifest_is_there(client: FlaskClient) -> None:
    icons = json.loads(client.get("/manifest.webmanifest").data)["icons"]
    assert {client.get(icon["src"]).status_code for icon in icons} == {200}


# ── the bundle ─────────────────────────────────────────────────────────


def test_only_my_firms_inside_my_place_travel(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, "我的厂", officer=me)
    firm(session, "同事的厂")
    firm(session, "迁走的厂", LUQIAO, officer=me)
    assert names(bundle(client)) == ["我的厂"]


def test_a_line_says_what_was_promised_what_is_open_and_whom_to_call(session: Session, officer: Any) -> None:
    client, me = officer
    made = firm(session, officer=me, alert_level="red")
    visit = Visit(uuid=str(uuid.uuid4()), enterprise_id=made.id, kind="onsite", started_at=now(), author_id=me, created_at=now(), next_step="带银行上门", next_on=today(), policies=[], fields={})
    session.add(visit)
    session.flush()
    session.add_all([
        VisitPerson(visit_id=visit.id, position=0, side="firm", name="王厂长"), Contact(enterprise_id=made.id, name="王厂长", phone="13857612345", is_primary=True),
        Case(uuid=str(uuid.uuid4()), enterprise_id=made.id, title="变压器增容", opened_at=now(), state="open"),
        Alert(enterprise_id=made.id, rule="exit_risk", subject="register", level="red", state="open", headline="全年预计低于起点", evidence={}, raised_on=today(), seen_on=today()),
    ])
    session.commit()
    line = bundle(client)["firms"][0]
    assert (line["last"]["next"], line["last"]["people"][0][1], line["cases"][0]["title"], line["alerts"][0]["text"], line["contacts"][0][2], line["level"]) == (
        "带银行上门", "王厂长", "变压器增容", "全年预计低于起点", "13857612345", "red",
    )


def test_a_closed_case_stays_behind(session: Session, officer: Any) -> None:
    client, me = officer
    session.add(Case(uuid=str(uuid.uuid4()), enterprise_id=firm(session, officer=me).id, title="已办的", opened_at=now(), state="closed", closed_at=now()))
    session.commit()
    assert "cases" not in bundle(client)["firms"][0]


def test_nothing_new_is_answered_with_nothing(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, officer=me)
    tag = bundle(client)["etag"]
    answer = client.get("/m/bundle", headers={"If-None-Match": f'"{tag}"'})
    assert (answer.status_code, answer.data) == (304, b"")


def test_only_lines_that_changed_travel_again(session: Session, officer: Any) -> None:
    client, me = officer
    changed = firm(session, "甲厂", officer=me)
    firm(session, "乙厂", officer=me)
    before = bundle(client)
    session.add(Case(uuid=str(uuid.uuid4()), enterprise_id=changed.id, title="缺工", opened_at=now(), state="open"))
    session.commit()
    have = ",".join([*(f"{line['id']}.{line['d']}" for line in before["firms"]), *before["forms"]])
    after = bundle(client, X_Have=have)
    assert (names(after), len(after["order"]), after["forms"]) == (["甲厂"], 2, {})


def test_the_form_that_travels_is_empty_and_carries_no_token(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, officer=me)
    (form,) = bundle(client)["forms"].values()
    assert ("csrf_token" in form, "砚江" in form, 'name="kind"' in form, "data-phrase" in form) == (False, False, True, True)


@pytest.mark.parametrize("have", ["x" * 20_000, "1.%00,,,", "\N{PILE OF POO}".encode().decode("latin-1")])
def test_odd_claims_of_what_a_phone_has_count_as_nothing(session: Session, officer: Any, have: str) -> None:
    client, me = officer
    firm(session, officer=me)
    assert len(bundle(client, X_Have=have)["firms"]) == 1


def test_the_bundle_takes_as_many_queries_for_ten_firms_as_for_one(session: Session, officer: Any, clean_engine: Engine) -> None:
    client, me = officer
    sizes = []
    for many in (1, 9):
        for n in range(many):
            firm(session, f"第{many}{n}厂", officer=me)
        bundle(client)
        with statements(clean_engine) as seen:
            bundle(client)
        sizes.append(len(seen))
    assert sizes[0] == sizes[1] <= 23


# ── the session ────────────────────────────────────────────────────────


def test_each_person_has_a_key_of_their_own_and_keeps_it(officer: Any, sign_in: Any) -> None:
    client, _ = officer
    mine, again = (json.loads(client.get("/m/session").data)["key"] for _ in range(2))
    other = json.loads(sign_in("officer", WENLING, username="second").get("/m/session").data)["key"]
    assert (mine == again, mine == other, len(mine)) == (True, False, 44)


@pytest.mark.parametrize("path", ["/m/session", "/m/bundle"])
def test_nobody_signed_in_is_told_so_in_json(client: FlaskClient, app: Any, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.is_json) == (401, True)


# ── messages ───────────────────────────────────────────────────────────


def test_the_same_visit_sent_again_changes_nothing(session: Session, officer: Any) -> None:
    client, me = officer
    data = sent(firm(session, officer=me).id, summary="甲")
    answers = [client.post("/visits/", data=data, headers={"Accept": "application/json"}).json for _ in range(2)]
    assert (answers[0] == answers[1], count(session, Visit)) == (True, 1)


def test_the_same_number_with_other_contents_is_shown_not_swallowed(session: Session, officer: Any) -> None:
    client, me = officer
    data = sent(firm(session, officer=me).id, summary="甲")
    client.post("/visits/", data=data)
    answer = client.post("/visits/", data={**data, "summary": "乙"}, headers={"Accept": "application/json"})
    session.rollback()
    assert (answer.status_code, answer.json["code"], answer.json["theirs"], session.scalars(select(Visit.summary)).one()) == (409, "Differs", {"记录": "甲"}, "甲")


def test_a_replacement_sent_again_changes_nothing(session: Session, officer: Any) -> None:
    client, me = officer
    data = sent(firm(session, officer=me).id, summary="甲")
    client.post("/visits/", data=data)
    change = {**data, "summary": "乙", "version": "1"}
    answers = [client.post(f"/visits/{data['uuid']}/edit", data=change, headers={"Accept": "application/json"}) for _ in range(2)]
    assert [(a.status_code, a.json["version"]) for a in answers] == [(200, 2), (200, 2)]


def test_a_photo_sent_again_is_kept_once(session: Session, officer: Any) -> None:
    client, me = officer
    key, photo = log(client, firm(session, officer=me).id).json["uuid"], str(uuid.uuid4())
    answers = [put(client, key, photo) for _ in range(3)]
    assert ({a.status_code for a in answers}, count(session, Attachment)) == ({200}, 1)


def test_photos_keep_the_order_they_were_sent_in(session: Session, officer: Any) -> None:
    client, me = officer
    key, photos = log(client, firm(session, officer=me).id).json["uuid"], [str(uuid.uuid4()) for _ in range(3)]
    for photo in photos:
        put(client, key, photo)
    session.rollback()
    assert list(session.scalars(select(Attachment.uuid).order_by(Attachment.id))) == photos


@pytest.mark.parametrize(("known", "status"), [(True, 200), (False, 409)])
def test_after_sign_off_a_repeated_photo_is_acknowledged_and_a_new_one_refused(session: Session, officer: Any, known: bool, status: int) -> None:
    client, me = officer
    key, photo = log(client, firm(session, officer=me).id).json["uuid"], str(uuid.uuid4())
    put(client, key, photo)
    client.post(f"/visits/{key}/sign", data={"version": "1"})
    answer = put(client, key, photo if known else str(uuid.uuid4()))
    assert (answer.status_code, count(session, Attachment)) == (status, 1)


def test_a_photo_of_a_visit_the_server_does_not_know_is_refused(session: Session, officer: Any) -> None:
    assert put(officer[0], str(uuid.uuid4()), str(uuid.uuid4())).status_code == 404


def test_a_photo_leaves_its_place_behind(session: Session, officer: Any, settings: Any) -> None:
    client, me = officer
    image, out = Image.new("RGB", (64, 64), "teal"), io.BytesIO()
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (28.0, 22.0, 0.0)}
    image.save(out, "JPEG", exif=exif)
    key, photo = log(client, firm(session, officer=me).id).json["uuid"], str(uuid.uuid4())
    put(client, key, photo, out.getvalue())
    assert not Image.open(io.BytesIO(client.get(f"/visits/files/{photo}").data)).getexif()


def test_a_firm_given_to_somebody_else_meanwhile_is_kept_and_said(session: Session, officer: Any) -> None:
    client, _ = officer
    other = firm(session)
    other.officer_id = session.scalars(select(User.id)).one()
    session.commit()
    mine = log(client, other.id).json["mine"]
    other.officer_id = None
    session.commit()
    assert (mine, log(client, other.id).json["mine"]) == (True, True)


def test_a_firm_outside_my_place_is_refused_with_a_code_the_phone_knows(session: Session, officer: Any) -> None:
    client, me = officer
    answer = log(client, firm(session, "迁走的厂", LUQIAO, officer=me).id)
    assert (answer.status_code, answer.json["code"], count(session, Visit)) == (404, "NotFound", 0)


def test_policies_ticked_are_kept_and_printed(session: Session, officer: Any) -> None:
    client, me = officer
    key = log(client, firm(session, officer=me).id, policies=["award.first_entry", "title.srdi", "award.first_entry", "<b>", "award." + "x" * 99]).json["uuid"]
    client.post(f"/visits/{key}/sign", data={"version": "1"})
    session.rollback()
    visit = session.scalars(select(Visit)).one()
    assert (visit.policies, next((p["title"], p["draft"]) for p in visit.frozen["policies"])) == (["award.first_entry", "title.srdi"], ("首次上规奖励", True))


def test_a_place_is_written_under_a_photo_only_where_somebody_wanted_it(session: Session, officer: Any) -> None:
    client, me = officer
    key = log(client, firm(session, officer=me).id).json["uuid"]
    for caption in ("", "&caption=拍摄位置 28.37000, 121.38000 ±18 米"):
        client.put(f"/visits/{key}/files/{uuid.uuid4()}?role=photo&name=a.jpg{caption}", data=picture())
    session.rollback()
    assert session.scalars(select(Attachment.caption).order_by(Attachment.id)).all() == [None, "拍摄位置 28.37000, 121.38000 ±18 米"]


def test_a_firm_without_coordinates_lies_where_it_was_visited_last(session: Session, officer: Any) -> None:
    client, me = officer
    made = firm(session, officer=me)
    for accuracy, latitude in (("18", "28.37"), ("5000", "29.9")):
        log(client, made.id, latitude=latitude, longitude="121.38", accuracy_m=accuracy)
    line = bundle(client)["firms"][0]
    assert (line["lat"], line["lon"], line["seen"]) == (28.37, 121.38, True)


def test_taking_the_list_along_for_the_first_time_is_in_the_trail_and_refreshing_is_not(session: Session, officer: Any) -> None:
    client, me = officer
    firm(session, officer=me)
    have = bundle(client)["firms"][0]
    bundle(client, X_Have=f"{have['id']}.{have['d']}")
    session.rollback()
    assert session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "phone.carry")).all() == [{"firms": 1}]


@pytest.mark.parametrize(("accepts", "encoding"), [("gzip", "gzip"), ("identity", None)])
def test_files_travel_compressed_for_who_can_read_that(client: FlaskClient, accepts: str, encoding: str | None) -> None:
    plain = client.get("/assets/css/app.css", headers={"Accept-Encoding": "identity"}).data
    answer = client.get("/assets/css/app.css", headers={"Accept-Encoding": accepts})
    read = gzip.decompress(answer.data) if encoding else answer.data
    assert (answer.headers.get("Content-Encoding"), read == plain, "Accept-Encoding" in answer.headers["Vary"]) == (encoding, True, True)


def test_pages_are_not_compressed(officer: Any) -> None:
    assert "Content-Encoding" not in officer[0].get("/today/", headers={"Accept-Encoding": "gzip"}).headers


def test_a_first_password_has_to_be_changed_before_the_phone_opens(session: Session, app: Any, client: FlaskClient) -> None:
    user = make_user(session, "officer", (WENLING,), "fresh")
    session.get_one(UserProfile, user.id).must_change_password = True
    session.commit()
    answer = client.post("/login/?next=/m/", data={"username": "fresh", "password": PASSWORD})
    carried = client.get("/m/bundle", headers={"Accept": "application/json"})
    assert (answer.headers["Location"], carried.status_code) == ("/account/password", 403)
