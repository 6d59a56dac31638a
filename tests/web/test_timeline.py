"""A firm's timeline: every kind of thing in one order, by kind and period, page by page without gap or repeat."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from crm.alerts.models import Alert, AlertEvent
from crm.cases.models import Case, CaseEvent
from crm.core.clock import now, today
from crm.indicators.models import Filing
from crm.ladder.models import Move, RegisterMembership, TitleGrant
from crm.reports.models import Paper
from crm.security.models import User
from crm.visits.models import Attachment, Visit
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from crm.enterprises.models import Enterprise

    SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def lines(client: FlaskClient, made: Enterprise, query: str = "") -> list[str]:
    """The lines of the page, in order."""
    answer = client.get(f"/enterprises/{made.id}/history{query}")
    assert answer.status_code == 200
    return [re.sub(r"<[^>]+>", "", found) for found in re.findall(r'<p class="tl__t">(.*?)</p>', answer.get_data(as_text=True))]


def lived(session: Session, **of: Any) -> Enterprise:
    """A firm with one thing of every kind, each ten days before the one after it."""
    made = firm(session, **of)
    author = session.query(User).first()
    assert author is not None
    ago = lambda days: now() - timedelta(days=days)  # noqa: E731
    visit = Visit(uuid=str(uuid4()), enterprise_id=made.id, kind="onsite", started_at=ago(10), summary="订单下降", author_id=author.id, created_at=ago(10), fields={}, policies=[])
    case = Case(uuid=str(uuid4()), enterprise_id=made.id, kind="labour", title="招工难", opened_at=ago(20))
    alert = Alert(enterprise_id=made.id, rule="exit_risk", level="red", headline="可能退库", evidence={}, raised_on=today(), seen_on=today())
    session.add_all([visit, case, alert])
    session.flush()
    session.add_all([
        Attachment(uuid=str(uuid4()), visit_id=visit.id, role="photo", name="车间.jpg", media_type="image/jpeg", size=1, sha256="0" * 64, created_at=ago(5)),
        CaseEvent(case_id=case.id, kind="opened", at=ago(20)), CaseEvent(case_id=case.id, kind="noted", at=ago(19), note="打过电话"),
        AlertEvent(alert_id=alert.id, kind="raised", at=ago(30), level="red"),
        Move(enterprise_id=made.id, step="step_up", from_place="small", to_place="above_size", reason="达标", state="proposed", proposed_on=today() - timedelta(days=40), created_at=ago(40)),
        Filing(enterprise_id=made.id, period_kind="year", period="2025", form="period", source="tax", recorded_at=ago(50)),
        RegisterMembership(enterprise_id=made.id, entry="first", entered_on=today() - timedelta(days=60), recorded_at=ago(60)),
        TitleGrant(enterprise_id=made.id, title="srdi", kind="first", granted_on=today() - timedelta(days=70), recorded_at=ago(70)),
        Paper(
            uuid=str(uuid4()), kind="briefing", subject=f"enterprise:{made.id}", title="走访前一页纸", content={}, content_digest="0" * 64, check_code="A", asked_at=ago(80), made_at=ago(80),
        ),
    ])
    session.commit()
    return made


def test_everything_stands_in_one_order(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", WENLING)
    seen = lines(client, lived(session))
    marks = ["车间.jpg", "实地走访", "招工难", "可能退库", "→", "2025", "首次入库", "认定", "走访前一页纸"]
    assert [mark in line for mark, line in zip(marks, seen, strict=True)] == [True] * len(marks)


@pytest.mark.parametrize(("query", "mark"), [("?kind=visit", "实地走访"), ("?kind=case", "招工难"), ("?kind=alert", "可能退库"), ("?kind=filing", "2025"), ("?kind=move", "→")])
def test_a_kind_shows_alone(session: Session, sign_in: SignIn, query: str, mark: str) -> None:
    client = sign_in("officer", WENLING)
    assert [mark in line for line in lines(client, lived(session), query)] == [True]


def test_a_period_holds_its_first_day_and_not_the_day_before(session: Session, sign_in: SignIn) -> None:
    client, made = sign_in("manager", WENLING), firm(session)
    edge = today() - timedelta(days=90)
    session.add_all(TitleGrant(enterprise_id=made.id, title=title, kind="first", granted_on=on, recorded_at=now()) for title, on in (("srdi", edge), ("giant", edge - timedelta(days=1))))
    session.commit()
    assert len(lines(client, made, "?period=90")) == 1


def test_pages_follow_without_gap_or_repeat(session: Session, sign_in: SignIn) -> None:
    client, made = sign_in("manager", WENLING), firm(session)
    session.add_all(
        Filing(enterprise_id=made.id, period_kind="month", period=f"{2018 + n // 12}-{n % 12 + 1:02}", form="period", source="firm", recorded_at=now() - timedelta(days=n // 7)) for n in range(95)
    )
    session.commit()
    seen, at = [], f"/enterprises/{made.id}/history?kind=filing"
    while at:
        text = client.get(at).get_data(as_text=True)
        seen += re.findall(r"报送 (\S+) 数据", text)
        following = re.search(r'href="([^"]*after=[^"]*)"', text)
        at = following[1].replace("&amp;", "&") if following else ""
    assert (len(seen), len(set(seen))) == (95, 95)


@pytest.mark.parametrize("query", ["?after=x", "?after=2026-01-01.visit.99999999999999999999", "?after=2026-01-01.nothing.1", "?kind=drop&period=-1", "?from=2026-13-01&to=%00"])
def test_an_odd_address_counts_as_none(session: Session, sign_in: SignIn, query: str) -> None:
    client = sign_in("manager", WENLING)
    assert len(lines(client, lived(session), query)) == 9


def test_official_facts_are_filled_and_our_work_is_a_ring(session: Session, sign_in: SignIn) -> None:
    client = sign_in("manager", WENLING)
    text = client.get(f"/enterprises/{lived(session).id}/history").get_data(as_text=True)
    filled = re.findall(r'<li class="is-key"><p class="tl__t">(.*?)</p>', text)
    assert [line[:2] for line in filled] == ["报送", "首次", "认定"]


def test_another_countys_firm_is_not_found(session: Session, sign_in: SignIn) -> None:
    client = sign_in("officer", WENLING)
    assert client.get(f"/enterprises/{lived(session, region=LUQIAO).id}/history?kind=visit").status_code == 404


def test_a_department_sees_no_timeline(session: Session, sign_in: SignIn) -> None:
    client = sign_in("department", WENLING)
    assert client.get(f"/enterprises/{lived(session).id}/history").status_code == 403


def test_the_page_needs_few_queries(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    client, made = sign_in("manager", WENLING), lived(session)
    lines(client, made)
    with statements(clean_engine) as sent:
        lines(client, made)
    assert len(sent) <= 8
