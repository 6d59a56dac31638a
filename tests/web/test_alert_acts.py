"""What people do with alerts on their pages: many at once with a way back, putting aside, giving away, starting something."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.alerts.models import Alert, AlertEvent, AlertLink, AlertMute
from crm.core.clock import now, today
from crm.enterprises.models import EnterpriseEvent
from crm.visits.models import Visit
from tests.web.counting import statements
from tests.web.test_alerts import alert, me, state, taizhou  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

JSON = {"Accept": "application/json"}
LATER = (today() + timedelta(days=10)).isoformat()


def post(client: FlaskClient, path: str, **body: Any) -> Any:
    return client.post(path, json=body, headers=JSON)


@pytest.mark.parametrize(("path", "body", "after"), [
    ("/alerts/acknowledge", {}, "acknowledged"), ("/alerts/snooze", {"until": LATER, "reason": "等大单"}, "snoozed"),
])
def test_what_was_done_to_many_is_undone_with_one_press(session: Session, sign_in: SignIn, path: str, body: dict[str, str], after: str) -> None:
    ids = [alert(session, name).id for name in ("甲厂", "乙厂")]
    client = sign_in("officer", "331081")
    done = post(client, path, id=ids, **body)
    between = {state(session, session.get(Alert, i)) for i in ids}
    undone = post(client, "/alerts/undo", id=ids)
    assert (done.json["taken"], between, undone.json["taken"], {state(session, session.get(Alert, i)) for i in ids}) == (ids, {after}, ids, {"open"})


def test_many_are_given_to_one_officer_and_he_finds_them(session: Session, sign_in: SignIn) -> None:
    ids = [alert(session, name).id for name in ("甲厂", "乙厂")]
    officer = sign_in("officer", "331081")
    to = me(session).id
    answer = post(sign_in("manager", "331000"), "/alerts/assign", id=ids, to=str(to))
    assert (answer.json["taken"], "甲厂" in officer.get("/alerts/?whose=all&state=acknowledged").get_data(as_text=True)) == (ids, True)


def test_nobody_is_given_an_alert_he_cannot_see(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    sign_in("officer", "331003")
    elsewhere = me(session).id
    answer = post(sign_in("manager", "331000"), "/alerts/assign", id=[made.id], to=str(elsewhere))
    assert (answer.status_code, state(session, made)) == (422, "open")


@pytest.mark.parametrize("body", [{"until": "", "reason": "x"}, {"until": "2026-02-30", "reason": "x"}, {"until": today().isoformat(), "reason": "x"}, {"until": LATER, "reason": " "}, {"until": ["x"], "reason": {}}])
def test_putting_many_off_needs_a_day_and_a_reason(session: Session, sign_in: SignIn, body: dict[str, Any]) -> None:
    made = alert(session)
    answer = post(sign_in("officer", "331081"), "/alerts/snooze", id=[made.id], **body)
    assert (answer.status_code, state(session, made)) == (422, "open")


@pytest.mark.parametrize("path", ["/alerts/assign", "/alerts/{id}/assign", "/alerts/{id}/mute"])
def test_officers_neither_give_away_nor_mute(session: Session, sign_in: SignIn, path: str) -> None:
    made = alert(session)
    answer = sign_in("officer", "331081").post(path.format(id=made.id), data={"id": made.id, "to": "1", "until": LATER, "reason": "x"})
    assert (answer.status_code, state(session, made)) == (403, "open")


def test_a_page_that_shows_an_older_version_is_refused(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    first, second = sign_in("officer", "331081"), sign_in("manager", "331081")
    shown = made.version
    first.post(f"/alerts/{made.id}/acknowledge", data={"version": shown})
    owner = session.scalar(select(Alert.owner_id))
    answer = second.post(f"/alerts/{made.id}/resolve", data={"version": shown, "reason": "没事了"})
    session.expire_all()
    assert (answer.status_code, session.get(Alert, made.id).state, session.get(Alert, made.id).owner_id) == (409, "acknowledged", owner)


def test_a_muted_alert_leaves_the_list_and_is_found_under_its_state(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("manager", "331081")
    client.post(f"/alerts/{made.id}/mute", data={"until": LATER, "reason": "搬迁中，已知"})
    usual, muted = (client.get(path).get_data(as_text=True) for path in ("/alerts/", "/alerts/?state=muted"))
    assert ("台州砚江" in usual, "台州砚江" in muted, session.scalar(select(AlertMute.reason))) == (False, True, "搬迁中，已知")


def test_a_task_takes_an_alert_in_hand_and_is_ticked_off(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("officer", "331081")
    client.post(f"/alerts/{made.id}/task", data={"text": "上门核实订单", "due_on": LATER})
    link = session.scalars(select(AlertLink)).one()
    client.post(f"/alerts/{made.id}/links/{link.id}/finish")
    text = client.get(f"/alerts/{made.id}").get_data(as_text=True)
    assert (state(session, made), "上门核实订单" in text, "任务，已完成" in text) == ("in_hand", True, True)


def test_a_visit_since_the_alert_is_offered_and_attached(session: Session, sign_in: SignIn) -> None:
    made = alert(session, raised_on=date(2026, 1, 5))
    client = sign_in("officer", "331081")
    visit = Visit(uuid="7e1b6c1e-0000-4000-8000-000000000001", enterprise_id=made.enterprise_id, kind="onsite", started_at=now(), author_id=me(session).id, created_at=now(), policies=[], fields={}, summary="看了车间")
    session.add(visit)
    session.commit()
    offered = client.get(f"/alerts/{made.id}").get_data(as_text=True)
    client.post(f"/alerts/{made.id}/attach", data={"visit": visit.id})
    assert ("这次走访" in offered, state(session, made), "看了车间" in client.get(f"/alerts/{made.id}").get_data(as_text=True)) == (True, "in_hand", True)


@pytest.mark.parametrize("body", [{}, {"visit": "x"}, {"visit": "999999"}, {"case": "1", "visit": "1"}])
def test_attaching_nothing_sensible_is_refused_in_words(session: Session, sign_in: SignIn, body: dict[str, str]) -> None:
    made = alert(session)
    answer = sign_in("officer", "331081").post(f"/alerts/{made.id}/attach", data=body)
    assert (answer.status_code in (404, 422), state(session, made)) == (True, "open")


@pytest.mark.parametrize(("answer", "kind", "after"), [("yes", "title_updated.srdi", "resolved"), ("no", "title_not_updated.srdi", "open")])
def test_a_yearly_update_is_recorded_as_it_is_said(session: Session, sign_in: SignIn, answer: str, kind: str, after: str) -> None:
    made = alert(session, rule="title_expiring", subject="srdi.update", evidence={"title": "专精特新", "due_on": "2026-05-31", "reason": "x"}, headline="应更新")
    sign_in("officer", "331081").post(f"/alerts/{made.id}/yearly-update", data={"updated": answer})
    assert (session.scalar(select(EnterpriseEvent.kind)), state(session, made)) == (kind, after)


@pytest.mark.parametrize(("rule", "evidence", "shown"), [
    ("title_expiring", {"title": "高企", "valid_to": "2026-12-08", "granted_on": "2023-12-08"}, ("高企", "2026-12-08", "认定日期")),
    ("filing_missing", {"deadline": "2026-10-15", "first_month": 9, "ytd_month": 8, "missing": 1, "year": 2026}, ("2026-09", "2026-08", "2026-10-15")),
    ("figure_suspicious", {"measure": "revenue", "month": 9, "year": 2026, "now": 105_000, "last_month": 800_000}, ("营业收入", "10.5", "80")),
    ("re_entry_window", {"left_on": "2025-01-01", "line": 20_000_000, "projected": 21_000_000}, ("2025-01-01", "2,000", "年度审核")),
    ("visit_overdue", {"never": True}, ("没有记录",)), ("case_overdue", {"case": 1, "title": "贷款难", "due_on": "2026-10-09"}, ("贷款难", "还没有交办", "个工作日")),
])
def test_every_rule_says_on_its_page_what_it_rests_on(session: Session, sign_in: SignIn, rule: str, evidence: dict[str, Any], shown: tuple[str, ...]) -> None:
    made = alert(session, rule=rule, subject="x", evidence=evidence | {"as_of": "2026-10-20", "pack": "taizhou", "pack_hash": "abc", "basis_label": "系统默认，非政策", "rule_label": "规则"})
    text = sign_in("officer", "331081").get(f"/alerts/{made.id}").get_data(as_text=True)
    assert [part for part in (*shown, "系统默认，非政策") if part not in text] == []


def test_the_page_says_what_changed_since_the_night_before_and_since_it_was_raised(session: Session, sign_in: SignIn) -> None:
    before, first = {"as_of": "2026-10-19", "projected": 17_200_000, "data_to": "2026-08"}, {"as_of": "2026-09-01", "projected": 19_000_000, "data_to": "2026-07"}
    made = alert(session, evidence={"projected": 16_120_000, "data_to": "2026-09", "line": 20_000_000, "before": before, "first": first, "told": "x"})
    text = sign_in("officer", "331081").get(f"/alerts/{made.id}").get_data(as_text=True)
    assert [part for part in ("2026-10-19", "1,720 万元 变为 1,612 万元", "数据从 2026-08 更新到 2026-09", "2026-09-01", "1,900 万元 变为 1,612 万元") if part not in text] == []


def test_a_way_back_leads_over_pages(session: Session, sign_in: SignIn) -> None:
    for i in range(55):
        alert(session, f"第{i:02d}厂")
    client = sign_in("manager", "331000")
    first = client.get("/alerts/").get_data(as_text=True)

    def link(text: str, word: str) -> str:
        return next(part for part in text.split('class="pager"')[1].split("<a ") if word in part).split('href="')[1].split('"')[0].replace("&amp;", "&")

    second = client.get(link(first, "下一页")).get_data(as_text=True)
    again = client.get(link(second, "上一页")).get_data(as_text=True)

    def shown(text: str) -> list[int]:
        return [i for i in range(55) if f">第{i:02d}厂</a>" in text]

    assert (shown(again), len(shown(second)), "上一页" in again.split('class="pager"')[1]) == (shown(first), 5, False)


def test_the_list_of_a_manager_and_a_page_stay_within_their_budgets(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for i in range(30):
        made = alert(session, f"第{i}厂")
    client = sign_in("manager", "331000")
    for path in ("/alerts/?rule=exit_risk", f"/alerts/{made.id}"):
        client.get(path)
        with statements(clean_engine) as sent:
            client.get(path)
        assert len(sent) <= 12, "\n".join(sent)


def test_history_names_every_step(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("manager", "331081")
    client.post(f"/alerts/{made.id}/acknowledge")
    client.post(f"/alerts/{made.id}/undo")
    kinds = session.scalars(select(AlertEvent.kind).where(AlertEvent.alert_id == made.id).order_by(AlertEvent.id)).all()
    assert (kinds, "撤销上一步" in client.get(f"/alerts/{made.id}").get_data(as_text=True)) == (["raised", "acknowledged", "undone"], True)


def test_an_officer_finds_what_he_was_given_among_his_own(session: Session, sign_in: SignIn) -> None:
    officer = sign_in("officer", "331081")
    alert(session, "别人联系的厂", state="acknowledged", owner_id=me(session).id)
    assert "别人联系的厂" in officer.get("/alerts/").get_data(as_text=True)


def test_what_nobody_handled_in_time_is_a_list_of_its_own(session: Session, sign_in: SignIn) -> None:
    alert(session, "拖着的厂", escalation=1)
    alert(session, "刚提的厂")
    text = sign_in("manager", "331000").get("/alerts/?up=1").get_data(as_text=True)
    assert ("拖着的厂" in text, "已转县级管理者" in text, "刚提的厂" in text) == (True, True, False)
