"""The alert centre: who sees what, why it is red, what people do about it, and the way back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.alerts.models import Alert, AlertEvent
from crm.core.clock import now, today
from crm.enterprises.models import Enterprise, EnterpriseSearch
from crm.regions.models import Region
from crm.security.models import User
from crm.web.alerts.words import Interval, figures, rough
from tests.web.counting import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

EVIDENCE = {
    "line": 20_000_000, "ytd": 11_800_000, "ytd_prior": 19_400_000, "last_year": 26_500_000, "projected": 16_120_000, "projected_low": 15_800_000,
    "projected_high": 17_400_000, "data_to": "2026-09", "months": 9, "method": "own_season", "method_label": "按本企业上年季节推算", "share_of_year": 0.732,
    "needed_per_month": 2_733_334, "ytd_change": -0.3918, "probability": 0.97, "as_of": "2026-10-20", "pack": "taizhou", "pack_hash": "sha256:abc123def456",
    "reason": "全年推算低于起点", "basis_label": "系统默认，非政策", "rule_label": "退库预警",
}


@pytest.fixture(autouse=True)
def taizhou(session: Session) -> None:
    for code, name, level, parent in [
        ("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), ("331081", "温岭市", "county", "331000"), ("331003", "黄岩区", "county", "331000"),
    ]:
        session.add(Region(code=code, name=name, level=level, parent_code=parent))
        session.flush()
    session.commit()


def alert(session: Session, name: str = "台州砚江机械有限公司", region: str = "331081", officer: int | None = None, **values: Any) -> Alert:
    number = len(session.scalars(select(Enterprise.id)).all())
    firm = Enterprise(
        uscc=f"9133108100000{number:05d}", name=name, name_key=name, region_code=region, officer_id=officer, created_at=now(), updated_at=now(), initials="",
    )
    session.add(firm)
    session.flush()
    defaults = {
        "rule": "exit_risk", "subject": "register", "level": "red", "state": "open", "headline": "全年预计 1,612 万元，低于起点 388 万元",
        "evidence": EVIDENCE, "raised_on": date(2026, 10, 20), "seen_on": date(2026, 10, 20),
    }
    session.add(EnterpriseSearch(enterprise_id=firm.id, text=name))
    made = Alert(enterprise_id=firm.id, **{**defaults, **values})
    session.add(made)
    session.flush()
    session.add(AlertEvent(alert_id=made.id, kind="raised", at=now(), by=None, level=made.level))
    session.commit()
    return made


def me(session: Session) -> User:
    return session.scalars(select(User).order_by(User.id.desc())).first()


def state(session: Session, made: Alert) -> str:
    session.expire_all()
    return session.get(Alert, made.id).state


def test_the_list_shows_firm_projection_and_reason(session: Session, sign_in: SignIn) -> None:
    alert(session)
    text = sign_in("manager", "331000").get("/alerts/").get_data(as_text=True)
    assert all(part in text for part in ("台州砚江机械有限公司", "1,612", "1,580–1,740", "低于起点 388 万元"))


def test_levels_are_called_default_and_not_policy(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    text = sign_in("manager", "331000").get(f"/alerts/{made.id}").get_data(as_text=True)
    assert "级别依据：系统默认，非政策。" in text


def test_the_page_names_method_months_and_version(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    text = sign_in("manager", "331000").get(f"/alerts/{made.id}").get_data(as_text=True)
    assert all(part in text for part in ("按本企业上年季节推算", "用到 9 个月的累计数", "数据截至 2026-09", "abc123def456", "273.33"))


def test_a_firm_without_figures_shows_no_zero(session: Session, sign_in: SignIn) -> None:
    alert(session, level="grey", evidence={"reason": "缺本期数据", "as_of": "2026-10-20"}, headline="本年没有数据，无法判断")
    text = sign_in("manager", "331000").get("/alerts/").get_data(as_text=True)
    assert "无本期数据" in text
    assert "0 万元" not in text


def test_another_countys_alert_is_not_listed_nor_found(session: Session, sign_in: SignIn) -> None:
    made = alert(session, region="331003")
    client = sign_in("manager", "331081")
    assert "台州砚江" not in client.get("/alerts/").get_data(as_text=True)
    assert client.get(f"/alerts/{made.id}").status_code == 404


@pytest.mark.parametrize("step", ["acknowledge", "release", "reopen", "snooze", "resolve", "note"])
def test_another_countys_alert_cannot_be_touched(session: Session, sign_in: SignIn, step: str) -> None:
    made = alert(session, region="331003")
    data = {"until": (today() + timedelta(days=3)).isoformat(), "reason": "x", "text": "x"}
    answer = sign_in("manager", "331081").post(f"/alerts/{made.id}/{step}", data=data)
    assert (answer.status_code, state(session, made), len(session.scalars(select(AlertEvent)).all())) == (404, "open", 1)


def test_one_foreign_alert_refuses_the_whole_bulk(session: Session, sign_in: SignIn) -> None:
    mine, foreign = alert(session, "甲厂"), alert(session, "乙厂", region="331003")
    answer = sign_in("manager", "331081").post("/alerts/acknowledge", data={"id": [mine.id, foreign.id]})
    assert (answer.status_code, state(session, mine), state(session, foreign)) == (404, "open", "open")


def test_an_officer_begins_with_firms_he_looks_after(session: Session, sign_in: SignIn) -> None:
    client = sign_in("officer", "331081")
    alert(session, "我联系的厂", officer=me(session).id)
    alert(session, "别人联系的厂")
    text = client.get("/alerts/").get_data(as_text=True)
    assert ("我联系的厂" in text, "别人联系的厂" in text) == (True, False)


def test_an_officer_may_look_at_the_whole_jurisdiction(session: Session, sign_in: SignIn) -> None:
    client = sign_in("officer", "331081")
    alert(session, "别人联系的厂")
    assert "别人联系的厂" in client.get("/alerts/?whose=all").get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "shown"),
    [("level=red", True), ("level=orange,yellow", False), ("rule=near_threshold", False), ("state=open", True), ("state=resolved", False),
     ("region=331081", True), ("region=331003", False), ("q=砚江", True), ("q=不存在的", False), ("owner=999", False)],
)
def test_filters_live_in_the_address(session: Session, sign_in: SignIn, query: str, *, shown: bool) -> None:
    alert(session)
    assert ("全年预计 1,612 万元" in sign_in("manager", "331000").get(f"/alerts/?{query}").get_data(as_text=True)) is shown


def test_an_empty_list_names_the_filter_that_did_it(session: Session, sign_in: SignIn) -> None:
    alert(session)
    text = sign_in("manager", "331000").get("/alerts/?level=yellow").get_data(as_text=True)
    assert "去掉“黄”" in text


def test_acknowledging_makes_me_the_owner(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("officer", "331081")
    client.post(f"/alerts/{made.id}/acknowledge")
    assert (state(session, made), session.get(Alert, made.id).owner_id) == ("acknowledged", me(session).id)


def test_acknowledging_by_script_answers_with_what_to_show(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    answer = sign_in("officer", "331081").post(f"/alerts/{made.id}/acknowledge", json={}, headers={"Accept": "application/json"})
    assert (answer.json["state"], answer.json["handled"].endswith("已认领")) == ("acknowledged", True)


def test_the_undo_of_acknowledging_leaves_it_open_to_all(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("officer", "331081")
    client.post(f"/alerts/{made.id}/acknowledge")
    client.post(f"/alerts/{made.id}/release")
    assert (state(session, made), session.get(Alert, made.id).owner_id) == ("open", None)


def test_snoozing_needs_a_reason_and_keeps_what_was_typed(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    until = (today() + timedelta(days=20)).isoformat()
    answer = sign_in("officer", "331081").post(f"/alerts/{made.id}/snooze", data={"until": until, "reason": ""})
    text = answer.get_data(as_text=True)
    assert (answer.status_code, until in text, "请写明暂缓的理由" in text, state(session, made)) == (422, True, True, "open")


@pytest.mark.parametrize(("days", "ok"), [(0, False), (1, True), (92, True), (93, False)])
def test_an_alert_is_snoozed_from_tomorrow_to_a_season(session: Session, sign_in: SignIn, days: int, *, ok: bool) -> None:
    made = alert(session)
    until = (today() + timedelta(days=days)).isoformat()
    sign_in("officer", "331081").post(f"/alerts/{made.id}/snooze", data={"until": until, "reason": "等大单"})
    assert (state(session, made) == "snoozed") is ok


def test_a_resolved_alert_is_reopened_and_both_are_told(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("manager", "331081")
    client.post(f"/alerts/{made.id}/resolve", data={"reason": "十月已恢复生产"})
    client.post(f"/alerts/{made.id}/reopen")
    text = client.get(f"/alerts/{made.id}").get_data(as_text=True)
    assert state(session, made) in ("open", "acknowledged")
    assert "十月已恢复生产" in text
    assert "重新打开" in text


def test_a_note_stands_in_the_history(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    client = sign_in("officer", "331081")
    client.post(f"/alerts/{made.id}/note", data={"text": "<b>已电话联系</b>"})
    assert "&lt;b&gt;已电话联系&lt;/b&gt;" in client.get(f"/alerts/{made.id}").get_data(as_text=True)


def test_bulk_passes_over_what_somebody_took_meanwhile(session: Session, sign_in: SignIn) -> None:
    one, two = alert(session, "甲厂"), alert(session, "乙厂")
    first = sign_in("officer", "331081")
    first.post(f"/alerts/{one.id}/acknowledge")
    owner = me(session).id
    answer = sign_in("manager", "331000").post("/alerts/acknowledge", json={"id": [one.id, two.id]}, headers={"Accept": "application/json"})
    session.expire_all()
    assert (answer.json["taken"], session.get(Alert, one.id).owner_id) == ([two.id], owner)


@pytest.mark.parametrize("body", [{"id": []}, {}, {"id": ["x", "-1", None]}, {"id": list(range(1, 300))}])
def test_a_bulk_without_sense_is_refused(session: Session, sign_in: SignIn, body: dict) -> None:
    assert sign_in("manager", "331000").post("/alerts/acknowledge", json=body, headers={"Accept": "application/json"}).status_code == 422


def test_the_way_back_never_leaves_the_page(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    answer = sign_in("manager", "331000").post(f"/alerts/{made.id}/acknowledge", data={"back": "//evil.example/"})
    assert answer.location == f"/alerts/{made.id}"


def test_auditors_do_not_handle_alerts(session: Session, sign_in: SignIn) -> None:
    made = alert(session)
    assert sign_in("auditor", "331000").post(f"/alerts/{made.id}/acknowledge").status_code in (302, 403)
    assert state(session, made) == "open"


@pytest.mark.parametrize("query", ["after=%00", "after=xx", "level=puce", "region=abc", "region=33'", "owner=-1", "enterprise=9" * 9, "q=%25_%00", "rule=x&state=y"])
def test_odd_parameters_are_answered(session: Session, sign_in: SignIn, query: str) -> None:
    alert(session)
    assert sign_in("manager", "331000").get(f"/alerts/?{query}").status_code in (200, 422)


def test_a_page_goes_on_where_the_last_ended(session: Session, sign_in: SignIn) -> None:
    for i in range(55):
        alert(session, f"第{i:02d}厂", level=("red", "orange")[i % 2])
    client = sign_in("manager", "331000")
    first = client.get("/alerts/").get_data(as_text=True)
    address = first.split('class="pager"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(address).get_data(as_text=True)
    shown = sorted(i for i in range(55) for page in (first, second) if f">第{i:02d}厂</a>" in page)
    assert shown == list(range(55))


TITLES = {
    "titles": [{"title": "srdi", "label": "专精特新", "criterion": "srdi.rd", "short": "研发费用占比 差0.24个百分点", "per_mille": 920, "when": "next", "when_label": "今年已定，等下一年度的数", "why": "看 2025 年的数"}],
    "titles_more": 2, "as_of": "2026-10-20", "pack": "taizhou", "reason": "离称号只差一条", "rule_label": "临近阈值", "basis_label": "系统默认，非政策",
}


def test_an_alert_about_titles_says_which_how_much_and_when_it_can_turn(session: Session, sign_in: SignIn) -> None:
    made = alert(session, rule="near_threshold", subject="titles", level="yellow", evidence=TITLES)
    text = sign_in("manager", "331000").get(f"/alerts/{made.id}").get_data(as_text=True)
    assert all(part in text for part in (f"/enterprises/{made.enterprise_id}/distance?item=srdi", "研发费用占比 差0.24个百分点，今年已定，等下一年度的数：看 2025 年的数。", "还有 2 个称号"))


def test_a_revenue_line_is_told_in_words_and_not_by_its_code(session: Session, sign_in: SignIn) -> None:
    alert(session, rule="near_threshold", subject="revenue.100000000", level="orange", headline="有望越过 1 亿元")
    assert "revenue." not in sign_in("manager", "331000").get("/alerts/?rule=near_threshold").get_data(as_text=True)


def test_pages_stay_within_twelve_queries(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for i in range(30):
        made = alert(session, f"第{i}厂")
    client = sign_in("manager", "331000")
    for path in ("/alerts/?level=red&region=331081", f"/alerts/{made.id}"):
        client.get(path)
        with statements(clean_engine) as sent:
            client.get(path)
        assert len(sent) <= 12, "\n".join(sent)


def test_the_interval_is_drawn_forty_per_cent_around_the_threshold() -> None:
    drawn = Interval(low=12_000_000, mid=20_000_000, high=40_000_000, threshold=20_000_000)
    assert (drawn.x_low, drawn.width, drawn.x_mid, drawn.x_threshold) == (0.0, 136.0, 68.0, 68.0)


@pytest.mark.parametrize(("chance", "months", "shown"), [(1.0, 10, "99 以上"), (0.0, 10, "不到 1"), (1.0, 12, "100"), (0.97, 9, "97")])
def test_a_projection_is_never_sure_before_the_year_is_over(chance: float, months: int, shown: str) -> None:
    assert [line.value for line in figures({"probability": chance, "months": months})] == [shown]


@pytest.mark.parametrize(("yuan", "shown"), [(16_123_456, "1,612 万元"), (999_999, "100 万元"), (412_345, "41.23 万元"), (99_990_000, "9,999 万元"), (412_345_678, "4.12 亿元")])
def test_estimates_are_not_written_to_the_yuan(yuan: int, shown: str) -> None:
    assert rough(yuan) == shown


def test_missing_figures_make_no_lines() -> None:
    assert [line.label for line in figures({"months_missing": 2})] == ["连续未报"]
