"""条件与试算 and 改个数试试: trying stores nothing, publishing needs a source, verdicts and pages follow; nobody reads another's trial."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.core.clock import now, today
from crm.criteria.models import RuleChange
from crm.indicators.models import Filing
from crm.indicators.operations import file_figures
from crm.jobs.models import JobRun
from tests.web.counting import statements
from tests.web.firms import LUQIAO, WENLING, city, counted, firm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

TOLD = {"pack": "taizhou", "target": "register.industry.line", "value": "1500万元", "document": "台政办发〔2026〕9号", "clause": "二", "quote": "1500万元", "reason": "统一调整"}
TRY = "/rules/trial?target=register.industry.line&value=1500万元"


@pytest.fixture
def near(session: Session) -> dict[str, int]:
    """Two firms with 1600 万元 last year, in two counties, not evaluated."""
    city(session)
    made = {}
    for name, region in (("近线厂", WENLING), ("别县厂", LUQIAO)):
        made[name] = firm(session, name, region).id
        file_figures(session, made[name], period=str(today().year - 1), form="period", source="firm", values={"revenue_main": 16_000_000, "revenue": 16_000_000}, by=None, at=now() - timedelta(days=1))
    session.commit()
    counted(session)
    return made


def text(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def publish(client: FlaskClient, **more: str) -> Any:
    return client.post("/rules/publish", data={**TOLD, "from_on": today().isoformat(), **more})


def test_the_page_of_rules_shows_texts_numbers_and_contradictions(near: dict[str, int], sign_in: SignIn) -> None:
    page = text(sign_in("manager", "331000"), "/rules/")
    assert ("草案" in page, "规上" in page, "文件之间说法不一" in page) == (True, True, True)


def test_a_trial_names_who_enters(near: dict[str, int], sign_in: SignIn) -> None:
    page = text(sign_in("manager", "331000"), TRY)
    assert ("近线厂" in page, "别县厂" in page, "未达 → <b>符合</b>" in page) == (True, True, True)


def test_a_trial_ends_at_the_jurisdiction(near: dict[str, int], sign_in: SignIn) -> None:
    assert "别县厂" not in text(sign_in("manager", WENLING), TRY)


def test_a_trial_that_cannot_be_read_says_why(near: dict[str, int], sign_in: SignIn) -> None:
    assert "请带上单位写" in text(sign_in("manager", "331000"), "/rules/trial?target=register.industry.line&value=1500")


def test_a_trial_writes_nothing(near: dict[str, int], sign_in: SignIn, clean_engine: Engine) -> None:
    client = sign_in("manager", "331000")
    client.get("/rules/")
    with statements(clean_engine) as sent:
        client.get(TRY)
    assert [s for s in sent if s.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}] == []


def test_a_large_trial_is_queued_for_whoever_asked(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    answer = sign_in("manager", "331000").post("/rules/trial/start", data={"pack": "taizhou", "target": "register.industry.line", "value": "1500万元"})
    run = session.scalar(select(JobRun).where(JobRun.job == "trial"))
    assert (answer.status_code, run.payload["regions"], f"run={run.id}" in answer.location) == (302, ["331000"], True)


def test_nobody_reads_another_persons_trial(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    sign_in("manager", "331000").post("/rules/trial/start", data={"pack": "taizhou", "target": "register.industry.line", "value": "1500万元"})
    run = session.scalar(select(JobRun.id).where(JobRun.job == "trial"))
    other = sign_in("administrator", "331000")
    assert [other.get(path).status_code for path in (f"/rules/trial/{run}/live", f"/rules/trial?run={run}")] == [404, 404]


def test_a_manager_of_the_city_publishes_with_a_source(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    publish(sign_in("manager", "331000"))
    made = session.scalars(select(RuleChange)).one()
    assert (made.value, made.before, session.scalar(select(JobRun.job).where(JobRun.key.startswith("published:")))) == ("1500万元", "2000万元", "nightly")


def test_without_a_source_nothing_is_published(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    answer = publish(sign_in("manager", "331000"), quote="")
    assert (answer.status_code, session.scalars(select(RuleChange)).all()) == (422, [])


def test_a_county_manager_publishes_nothing(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    answer = publish(sign_in("manager", WENLING))
    assert (answer.status_code, session.scalars(select(RuleChange)).all()) == (404, [])


def test_pages_read_by_the_published_value_at_once(near: dict[str, int], sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    publish(client)
    assert "现 1500万元" in text(client, "/rules/trial")


def test_a_revoked_value_is_gone_at_once(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    client = sign_in("manager", "331000")
    publish(client)
    client.post(f"/rules/changes/{session.scalar(select(RuleChange.id))}/revoke", data={"reason": "发错了"})
    assert "现 2000万元" in text(client, "/rules/trial")


def test_odd_addresses_are_no_errors(near: dict[str, int], sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    odd = ("/rules/?pack=moon", "/rules/trial?target=moon&value=1", "/rules/trial?target=srdi.rd_ratio&value=%00", "/rules/trial?item=x")
    assert {path: client.get(path).status_code for path in odd} == dict.fromkeys(odd, 200)


def test_another_figure_shows_what_would_follow(near: dict[str, int], sign_in: SignIn) -> None:
    page = text(sign_in("officer", WENLING), f"/enterprises/{near['近线厂']}/try?column=revenue_main.y-1&value=2000万元")
    assert "<b>符合</b>" in page


def test_trying_a_figure_stores_nothing(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    before = len(session.scalars(select(Filing)).all())
    text(sign_in("officer", WENLING), f"/enterprises/{near['近线厂']}/try?column=revenue_main.y-1&value=9亿元")
    assert len(session.scalars(select(Filing)).all()) == before


def test_odd_figures_are_refused_in_words(near: dict[str, int], sign_in: SignIn) -> None:
    client = sign_in("officer", WENLING)
    odd = ("column=moon&value=1", "column=revenue_main.y-1&value=许多", "column=revenue_main.y-1&value=3%25", "set=:&set=a:b", "column=employees.y-1&value=" + "9" * 60)
    assert {q: client.get(f"/enterprises/{near['近线厂']}/try?{q}").status_code for q in odd} == dict.fromkeys(odd, 200)


BOTH = "/rules/trial?target=register.industry.line&value=1500万元&target=srdi.rd_ratio&value=2.5%25"


def test_several_numbers_are_tried_together(near: dict[str, int], sign_in: SignIn) -> None:
    page = text(sign_in("manager", "331000"), BOTH)
    assert ("2 个数一起改" in page, "近线厂" in page, page.count("<h2>发布：")) == (True, True, 2)


def test_the_background_tries_all_the_numbers_asked_for(near: dict[str, int], sign_in: SignIn, session: Session) -> None:
    body = {"pack": "taizhou", "target": ["register.industry.line", "srdi.rd_ratio"], "value": ["1500万元", "2.5%"]}
    sign_in("manager", "331000").post("/rules/trial/start", data=body)
    assert session.scalar(select(JobRun).where(JobRun.job == "trial")).payload["values"] == {"register.industry.line": "1500万元", "srdi.rd_ratio": "2.5%"}


def test_before_a_trial_something_is_offered_that_can_be_tried(near: dict[str, int], sign_in: SignIn) -> None:
    client = sign_in("manager", "331000")
    offered = re.findall(r'chip--wrap" href="([^"]+)"', text(client, "/rules/trial"))
    pages = [text(client, path.replace("&amp;", "&")) for path in offered]
    assert (len(pages), all("按 " + today().isoformat() in page for page in pages)) == (4, True)


def test_a_criterion_is_named_with_what_it_belongs_to(near: dict[str, int], sign_in: SignIn) -> None:
    assert "专精特新：近两年研发费用占比" in text(sign_in("manager", "331000"), BOTH)
