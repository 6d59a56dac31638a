"""The phone: opens and works without signal, loses nothing when it is killed, sends each visit once and in order, says what it cannot send."""

from __future__ import annotations

import io
import os
import signal
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select, update

from crm.cases.models import Case
from crm.core.clock import now, today
from crm.enterprises.models import Contact, Enterprise
from crm.security.models import User, UserProfile
from crm.visits.models import Attachment, Visit
from tests.browser.chromium import executable
from tests.browser.conftest import FLAGS, PHONE, Live
from tests.conftest import PASSWORD, make_user
from tests.web.firms import LUQIAO, WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy.orm import Session

    OpenAs = Callable[..., Page]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def picture(shade: int = 90) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (800, 600), (shade, 120, 140)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def phone(session: Session, open_as: OpenAs) -> Callable[..., Page]:
    """phone(n) -> the shell of an officer with n firms, carried along and ready to go out of reach."""

    def _phone(firms: int = 2, **given: Any) -> Page:
        page = open_as("officer", WENLING, path="/healthz", phone=True, **given)
        me = session.scalars(select(User.id).order_by(User.id.desc())).first()
        for n in range(firms):
            firm(session, f"温岭第{n}泵业有限公司", officer=me)
        page.goto(page.url.replace("/healthz", "/m/"))
        page.locator("[data-synced]").wait_for(state="attached")
        page.evaluate("navigator.serviceWorker.ready")
        return page

    return _phone


def to(page: Page, where: str) -> None:
    """Another page of the shell."""
    page.evaluate(f"location.hash = '{where}'")
    page.locator(f"[data-shown='{where.lstrip('#')}']").wait_for(state="attached")


def fill(page: Page, firm_id: int, text: str, photos: int = 0) -> None:
    """The form, up to saving."""
    to(page, f"#/visit/{firm_id}")
    page.locator("#visit[data-ready]").wait_for()
    page.fill("#summary", text)
    for n in range(photos):
        page.set_input_files("[data-shoot]", {"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": picture(n)})
        expect(page.locator(".shot img")).to_have_count(n + 1)


def save(page: Page) -> None:
    """Until it stands in the queue."""
    page.click("[data-save]")
    page.locator("[data-shown='/queue']").wait_for(state="attached")


def ids(session: Session) -> list[int]:
    session.rollback()
    return list(session.scalars(select(Enterprise.id).order_by(Enterprise.id)))


def stored(session: Session) -> list[str]:
    session.rollback()
    return list(session.scalars(select(Visit.summary).order_by(Visit.id)))


def test_without_signal_it_opens_finds_a_firm_logs_and_later_sends_once_and_in_order(session: Session, phone: Any) -> None:
    page = phone(2)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("[data-offline]")).to_be_visible()
    page.get_by_role("link", name="记走访").last.tap()
    page.fill("#firm-q", "d1by")
    expect(page.locator(".wl a.wl__n")).to_have_count(1)
    first, second = ids(session)
    fill(page, second, "甲", photos=2)
    save(page)
    fill(page, first, "乙")
    save(page)
    expect(page.locator("[data-item][data-state=waiting]")).to_have_count(2)
    page.context.set_offline(False)
    expect(page.locator("[data-item][data-state=sent]")).to_have_count(2)
    photos = session.scalars(select(Attachment.name).order_by(Attachment.id)).all()
    assert (stored(session), photos) == (["甲", "乙"], ["0.jpg", "1.jpg"])


def test_a_page_of_the_site_asked_for_without_signal_leads_to_the_same_form_on_the_phone(session: Session, phone: Any) -> None:
    page = phone(1)
    page.context.set_offline(True)
    page.goto(page.url.split("/m/")[0] + f"/visits/new?enterprise={ids(session)[0]}")
    expect(page.get_by_role("heading", name="温岭第0泵业有限公司")).to_be_visible()
    assert page.url.endswith(f"/m/#/visit/{ids(session)[0]}")


def test_a_session_that_ended_keeps_the_queue_and_signing_in_sends_it(session: Session, phone: Any) -> None:
    page = phone(1)
    session.execute(update(UserProfile).values(session_version=UserProfile.session_version + 1))
    session.commit()
    fill(page, ids(session)[0], "登录过期时记的", photos=1)
    save(page)
    to(page, "#/")
    expect(page.get_by_text("登录已过期")).to_be_visible()
    before = stored(session)
    page.get_by_role("link", name="重新登录").click()
    page.fill("#username", session.scalars(select(User.username)).one())
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.locator("[data-synced]").wait_for(state="attached")
    assert (before, stored(session)) == ([], ["登录过期时记的"])


def test_a_firm_that_left_my_place_is_shown_with_what_to_do_and_moved_to_another(session: Session, phone: Any) -> None:
    page = phone(2)
    page.context.set_offline(True)
    first, second = ids(session)
    fill(page, first, "迁走了的")
    save(page)
    session.execute(update(Enterprise).where(Enterprise.id == first).values(region_code=LUQIAO))
    session.commit()
    page.context.set_offline(False)
    expect(page.locator("[data-item][data-state=stuck]")).to_contain_text("已不在您的辖区")
    page.get_by_role("button", name="改记到别家").click()
    page.get_by_role("button", name="改记", exact=True).click()
    expect(page.locator("[data-item][data-state=sent]")).to_have_count(1)
    session.rollback()
    assert session.scalars(select(Visit.enterprise_id)).all() == [second]


def test_what_the_server_refuses_goes_back_into_the_form_with_its_photos(session: Session, phone: Any) -> None:
    page = phone(1)
    fill(page, ids(session)[0], "数写错了", photos=1)
    page.locator("summary", has_text="经营情况").click()
    page.fill("#told_sales", "很多")
    save(page)
    page.get_by_role("button", name="打开修改").click()
    expect(page.locator("#told_sales-sent")).to_contain_text("请填数字")
    expect(page.locator(".shot img")).to_have_count(1)
    page.fill("#told_sales", "1180")
    save(page)
    expect(page.locator("[data-item][data-state=sent]")).to_have_count(1)
    session.rollback()
    assert (session.scalars(select(Visit.fields)).one()["told"], len(session.scalars(select(Attachment)).all())) == ({"sales": 11_800_000}, 1)


def test_signing_out_with_unsent_visits_asks_and_keeps_them_unreadable(session: Session, phone: Any) -> None:
    page = phone(1)
    fill(page, ids(session)[0], "没传的")
    session.execute(update(Enterprise).values(region_code=LUQIAO))
    session.commit()
    save(page)
    expect(page.locator("[data-item][data-state=stuck]")).to_have_count(1)
    to(page, "#/me")
    page.get_by_role("button", name="退出登录").click()
    page.get_by_role("button", name="留在本机").click()
    page.wait_for_url("**/login/**")
    kept = page.evaluate("""async () => { const db = await new Promise(done => { const r = indexedDB.open("qijie"); r.onsuccess = () => done(r.result); });
      const all = name => new Promise(done => { const r = db.transaction(name).objectStore(name).getAll(); r.onsuccess = () => done(r.result); });
      const items = await all("outbox"), meta = await all("meta");
      return [items.length, "plain" in items[0].body, meta.some(m => m.k === "bundle"), meta.find(m => m.k === "who").key]; }""")
    assert kept == [1, False, False, None]


def sign_in_again(page: Page, session: Session) -> None:
    page.fill("#username", session.scalars(select(User.username)).one())
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.mark.parametrize(("choice", "kept"), [("clear", False), ("encrypt", True)])
def test_after_signing_out_the_list_is_gone_or_locked_by_setting(session: Session, phone: Any, live_server: Live, settings: Any, choice: str, kept: bool) -> None:
    live_server.app.extensions["crm_settings"] = replace(settings, phone_sign_out=choice)
    page = phone(1)
    to(page, "#/me")
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url("**/login/**")
    shell = page.url.split("/login")[0] + "/m/"
    page.goto(shell)
    expect(page.get_by_role("heading", name="请先登录")).to_be_visible()
    page.goto(shell.replace("/m/", "/login/?next=/healthz"))
    sign_in_again(page, session)
    page.goto(shell.replace("/m/", "/account/"))  # signed in, the key is back, the list not fetched again
    there = page.evaluate("qijie.outbox.session().then(() => qijie.store.get('meta', 'bundle')).then(b => b ? qijie.store.unseal(b.sealed).then(v => v.firms.length) : 0)")
    assert there == int(kept)


def test_a_phone_passed_on_shows_the_others_firms_and_keeps_what_the_first_did_not_send(session: Session, phone: Any, live_server: Live) -> None:
    page = phone(1)
    first = session.scalars(select(User.username)).one()
    with live_server.app.app_context():
        other = make_user(live_server.app.extensions["crm_sessions"](), "officer", (WENLING,), "second")
        live_server.app.extensions["crm_sessions"].remove()
    firm(session, "第二人的厂", officer=other.id)
    session.execute(update(UserProfile).values(session_version=UserProfile.session_version + 1))
    session.commit()
    fill(page, ids(session)[0], "第一人记的")
    save(page)
    for name in ("second", first):
        page.goto(live_server.url + "/login/?next=/m/")
        page.fill("#username", name)
        page.fill("#password", PASSWORD)
        page.get_by_role("button", name="登录").click()
        page.locator("[data-synced]").wait_for(state="attached")
        if name == "second":
            seen = page.evaluate("qijie.carried.all().map(f => f.name)"), page.evaluate("Boolean(qijie.carried.form('taizhou'))"), stored(session)
            to(page, "#/me")
            page.get_by_role("button", name="退出登录").click()
            page.wait_for_url(live_server.url + "/login/")
    assert (seen, stored(session)) == ((["第二人的厂"], True, []), ["第一人记的"])


def test_a_photo_that_no_longer_fits_is_said_and_the_rest_stays(session: Session, phone: Any) -> None:
    page = phone(1)
    fill(page, ids(session)[0], "空间不够", photos=1)
    page.evaluate("""() => { const put = IDBObjectStore.prototype.put; IDBObjectStore.prototype.put = function (v) { if (this.name === "files") throw new DOMException("full", "QuotaExceededError"); return put.apply(this, arguments); }; }""")
    page.set_input_files("[data-shoot]", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    expect(page.locator("[data-shots-error]")).to_contain_text("手机空间不够")
    assert (page.locator(".shot img").count(), page.input_value("#summary")) == (1, "空间不够")


def end(profile: Path) -> None:
    """kill -9 the browser of a profile, all of its processes."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                if f"--user-data-dir={profile}" in command:
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:  # it went by itself
                continue


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds the browser's processes under /proc")
def test_killed_while_writing_and_while_sending_nothing_is_lost_or_doubled(session: Session, chromium: Any, live_server: Live, tmp_path: Path) -> None:
    with live_server.app.app_context():
        user = make_user(live_server.app.extensions["crm_sessions"](), "officer", (WENLING,), "walker")
        live_server.app.extensions["crm_sessions"].remove()
    made = [firm(session, f"温岭第{n}泵业有限公司", officer=user.id).id for n in range(2)]
    profile = tmp_path / "profile"

    def start(*, sign_in: bool = False) -> Page:
        context = chromium.browser_type.launch_persistent_context(str(profile), executable_path=executable(), args=FLAGS, viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
        page = context.pages[0]
        if sign_in:
            page.goto(live_server.url + "/login/?next=/m/")
            page.fill("#username", "walker")
            page.fill("#password", PASSWORD)
            page.click("button[type=submit]")
        else:
            context.set_offline(True)
            page.goto(live_server.url + "/m/")
        page.locator("[data-synced]").wait_for(state="attached")
        return page

    page = start(sign_in=True)
    page.evaluate("navigator.serviceWorker.ready")
    page.context.set_offline(True)
    fill(page, made[0], "甲", photos=2)
    save(page)
    fill(page, made[1], "乙", photos=1)
    expect(page.locator("[data-saved]")).to_contain_text("草稿已存")
    end(profile)  # in the middle of the second
    page = start()
    to(page, f"#/visit/{made[1]}")
    expect(page.locator(".shot img")).to_have_count(1)
    restored = page.input_value("#summary")
    save(page)
    end(profile)
    page = start(sign_in=True)
    page.goto(live_server.url + "/m/#/queue")
    expect(page.locator("[data-item][data-state=sent]")).to_have_count(2)
    page.context.close()
    session.rollback()
    assert (restored, stored(session), len(session.scalars(select(Attachment)).all())) == ("乙", ["甲", "乙"], 3)


PAGES = ("#/", "#/firms", "#/firm/{}", "#/visit", "#/visit/{}", "#/queue", "#/me")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.one_database
def test_every_page_of_the_phone_is_accessible_and_does_not_scroll_sideways(session: Session, phone: Any, dark: bool) -> None:
    page = phone(2, dark=dark)
    first = ids(session)[0]
    session.add_all([
        Case(uuid=str(uuid.uuid4()), enterprise_id=first, title="变压器增容", opened_at=now(), state="open", due_on=today(), lead_unit="供电所"),
        Contact(enterprise_id=first, name="王厂长", phone="13857612345"),
    ])
    session.commit()
    page.evaluate("qijie.carried.refresh()")
    fill(page, first, "没有信号时记的", photos=1)
    page.context.set_offline(True)
    save(page)
    found = {}
    for size in ({"width": 390, "height": 844}, {"width": 1440, "height": 900}):
        page.set_viewport_size(size)
        for path in PAGES:
            to(page, path.format(first))
            page.wait_for_timeout(50)
            wide = page.evaluate("document.documentElement.scrollWidth - screen.width")
            found[(size["width"], path)] = ([(v["id"], v["nodes"][0]["html"][:90]) for v in Axe().run(page).response["violations"]], wide)
    assert {k: v for k, v in found.items() if v != ([], 0)} == {}
