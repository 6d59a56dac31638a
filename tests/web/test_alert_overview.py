"""What managers see of all alerts: numbers by place, weeks, how the rules did, and the bulletin."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from crm.alerts.models import AlertOutcome, AlertWeek
from crm.alerts.weeks import count_week, monday, trend
from crm.core.clock import now, today
from crm.reports.stacked import stacked
from crm.security.access import Access
from crm.security.models import AuditEntry
from tests.reports.conftest import faces  # noqa: F401  # a fixture
from tests.web.counting import statements
from tests.web.test_alerts import alert, taizhou  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from crm.config import Settings
    from crm.reports.fonts import FontSet

    SignIn = Callable[..., FlaskClient]

CITY = Access(None, "manager", frozenset({"manager"}), ("331000",))
COUNTY = Access(None, "manager", frozenset({"manager"}), ("331003",))
PATHS = ("/alerts/overview/", "/alerts/overview/effect", "/alerts/overview/bulletin")


@pytest.mark.parametrize("path", [*PATHS, "/alerts/overview/bulletin.pdf", "/alerts/overview/bulletin.xlsx"])
@pytest.mark.parametrize("role", ["officer", "auditor"])
def test_only_managers_and_administrators_see_all_of_them(sign_in: SignIn, role: str, path: str) -> None:
    assert sign_in(role, "331000").get(path).status_code == 403


def test_places_are_counted_by_level_and_another_county_is_not_among_them(session: Session, sign_in: SignIn) -> None:
    for number, (region, level) in enumerate((("331081", "red"), ("331081", "yellow"), ("331003", "red"))):
        alert(session, f"第{number}厂", region=region, level=level, raised_on=today())
    text = sign_in("manager", "331000").get("/alerts/overview/").get_data(as_text=True)
    own = sign_in("manager", "331081").get("/alerts/overview/").get_data(as_text=True)
    assert ("温岭市" in text, "黄岩区" in text, "黄岩区" in own) == (True, True, False)


def test_coverage_and_the_median_speak_of_those_raised_lately(session: Session, sign_in: SignIn) -> None:
    for number, (state, minutes) in enumerate((("open", None), ("acknowledged", 60), ("in_hand", 180), ("resolved", 6000))):
        alert(session, f"第{number}厂", state=state, raised_on=today(), minutes_to_acknowledge=minutes, acknowledged_at=now() if minutes else None)
    text = sign_in("manager", "331000").get("/alerts/overview/").get_data(as_text=True)
    assert ("75%" in text, "3 小时" in text) == (True, True)


def test_a_week_is_counted_once_and_again_gives_the_same(session: Session) -> None:
    alert(session)
    alert(session, "乙厂", state="muted")
    for _ in range(2):
        count_week(session, today())
    assert session.execute(select(AlertWeek.standing, AlertWeek.waiting)).all() == [(1, 1)]


def test_a_week_nobody_counted_is_unknown_and_not_zero(session: Session) -> None:
    alert(session)
    count_week(session, today())
    series = trend(session, CITY, today(), weeks=2)
    assert [numbers["red"] for _, numbers in series] == [None, 1]


def test_the_trend_keeps_to_the_jurisdiction(session: Session) -> None:
    alert(session)
    count_week(session, today())
    assert trend(session, COUNTY, today(), weeks=1)[0][1]["red"] == 0


def test_columns_stand_on_each_other_and_a_gap_has_none() -> None:
    series = [(date(2026, 10, 5), {"red": 1, "orange": 3}), (date(2026, 10, 12), {"red": None, "orange": None}), (date(2026, 10, 19), {"red": 2, "orange": 0})]
    drawn = stacked(series, ("red", "orange"))
    tops = [(part, round(y + h, 1)) for part, _, y, _, h in drawn.boxes]
    assert [part for part, _ in tops] == ["red", "orange", "red"]
    assert tops[0][1] == tops[2][1]
    assert tops[1][1] == round(drawn.boxes[0][2], 1)


def test_nothing_counted_draws_nothing() -> None:
    assert stacked([(date(2026, 10, 5), {"red": None})], ("red",)) is None


def test_effects_say_what_is_not_known_yet(session: Session, sign_in: SignIn) -> None:
    for number, happened in enumerate((True, True, False, None)):
        made = alert(session, f"第{number}厂")
        session.add(AlertOutcome(enterprise_id=made.enterprise_id, rule="exit_risk", year=2025, warned_on=date(2025, 7, 1), level="red", happened=happened, how=None, recorded_at=now()))
    session.commit()
    text = sign_in("manager", "331000").get("/alerts/overview/effect").get_data(as_text=True)
    assert [part for part in ("2025 年 退库预警", "67%", "已知结果的 3 家里，2 家", "还不知道") if part not in text] == []


def test_pages_stay_within_twelve_queries(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for number in range(12):
        alert(session, f"第{number}厂", raised_on=today())
    client = sign_in("manager", "331000")
    for path in (*PATHS, "/alerts/year/?sort=chance&region=331081"):
        client.get(path)
        with statements(clean_engine) as sent:
            client.get(path)
        assert len(sent) <= 12, path + "\n" + "\n".join(sent)


@pytest.mark.parametrize("week", ["", "x", "2099-01-01", "1900-01-01", "%00"])
def test_an_odd_week_is_answered_with_a_whole_one(sign_in: SignIn, week: str) -> None:
    assert sign_in("manager", "331000").get(f"/alerts/overview/bulletin?week={week}").status_code == 200


def test_the_bulletin_names_the_red_firms_and_why(session: Session, sign_in: SignIn) -> None:
    alert(session)
    text = sign_in("manager", "331000").get(f"/alerts/overview/bulletin?week={today()}").get_data(as_text=True)
    assert all(part in text for part in ("台州砚江机械有限公司", "低于起点 388 万元", "1,580–1,740"))


def test_a_week_that_is_over_is_told_as_it_ended(session: Session, sign_in: SignIn) -> None:
    last = monday(today()) - timedelta(days=7)
    session.add(AlertWeek(week=last, region_code="331081", zone_code="", rule="exit_risk", level="red", standing=41, waiting=7))
    session.commit()
    text = sign_in("manager", "331000").get(f"/alerts/overview/bulletin?week={last}").get_data(as_text=True)
    assert ">41<" in text


def test_the_workbook_holds_places_rules_and_red_firms_with_formulas_defused(session: Session, sign_in: SignIn) -> None:
    alert(session, "=HYPERLINK(1)")
    answer = sign_in("manager", "331000").get(f"/alerts/overview/bulletin.xlsx?week={today()}")
    book = CalamineWorkbook.from_filelike(BytesIO(answer.data))
    assert (book.sheet_names, book.get_sheet_by_name("红色退库预警").to_python()[1][0]) == (["各地", "各类", "红色退库预警"], "'=HYPERLINK(1)")


def test_the_pdf_is_laid_out_and_the_export_recorded(session: Session, sign_in: SignIn, settings: Settings, faces: FontSet) -> None:  # noqa: F811
    from pypdf import PdfReader

    (settings.data_dir / "fonts").symlink_to(faces.folder.parent)
    alert(session)
    answer = sign_in("manager", "331000").get(f"/alerts/overview/bulletin.pdf?week={today()}")
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)
    assert ("台州砚江机械有限公司" in text, session.scalar(select(AuditEntry.subject_type).where(AuditEntry.action == "export"))) == (True, "alert_bulletin")
