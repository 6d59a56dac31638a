"""The page 目标: goals with source, no data said, a figure entered by form; the query budget."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.core.clock import today
from crm.targets.models import TargetActual, TaskEntry
from tests.web.counting import statements
from tests.web.firms import WENLING, city

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def divisions(session: Session) -> None:
    city(session)


def test_goals_stand_with_their_text_and_what_is_not_known_is_said(sign_in: SignIn) -> None:
    page = sign_in("manager", "331000").get("/targets/").get_data(as_text=True)
    assert ("3500家" in page, "4000家" in page, "文件说法不一" in page, "无数据" in page, "草案" in page) == (True,) * 5


def test_the_page_stays_within_its_query_budget(sign_in: SignIn, clean_engine: Engine) -> None:
    client = sign_in("manager", "331000")
    client.get("/targets/")
    with statements(clean_engine) as sent:
        client.get("/targets/")
    assert len(sent) <= 20


def test_a_figure_is_entered_by_form(sign_in: SignIn, session: Session) -> None:
    body = {"pack": "taizhou", "target": "matrix.backbone.total", "year": "2029", "region": "331000", "value": "6200家", "as_of": today().isoformat(), "source": "年报"}
    sign_in("manager", "331000").post("/targets/actuals", data=body)
    assert session.scalars(select(TargetActual.value)).all() == ["6200家"]


def test_a_county_manager_enters_nothing_for_the_city(sign_in: SignIn, session: Session) -> None:
    body = {"pack": "taizhou", "target": "matrix.backbone.total", "year": "2029", "region": "331000", "value": "1家", "as_of": today().isoformat(), "source": "x"}
    answer = sign_in("manager", WENLING).post("/targets/actuals", data=body)
    assert (answer.status_code, session.scalars(select(TargetActual)).all()) == (404, [])


def test_odd_forms_and_addresses_are_refused_in_words(sign_in: SignIn, session: Session) -> None:
    client = sign_in("manager", "331000")
    codes = [client.post("/targets/actuals", data={"year": "MMXX"}).status_code, client.post("/targets/tasks", data={"task": "moon"}).status_code]
    assert ([c // 100 for c in codes], client.get("/targets/?year=%00&target=x&region='").status_code, session.scalars(select(TaskEntry)).all()) == ([4, 4], 200, [])


def test_goals_are_narrowed_to_those_the_texts_contradict(sign_in: SignIn) -> None:
    page = sign_in("manager", "331000").get("/targets/?state=differing").get_data(as_text=True)
    assert ("国家高新技术企业" in page, "市企业技术（研发）中心" in page) == (True, False)


def test_the_same_number_in_two_texts_is_no_contradiction(sign_in: SignIn) -> None:
    assert ">科技型中小企业<" not in sign_in("manager", "331000").get("/targets/?state=differing").get_data(as_text=True)


def test_tasks_stand_apart_and_an_ended_plan_is_folded(sign_in: SignIn) -> None:
    page = sign_in("manager", "331000").get("/targets/?show=tasks").get_data(as_text=True)
    folds = [(" open>" in head, "已到期" in head) for head in re.findall(r'<details class="panel fold.*?</summary>', page, re.DOTALL)]
    assert folds == [(True, False), (True, False), (False, True)]


def test_a_progress_said_of_a_task_brings_back_to_the_tasks(sign_in: SignIn, session: Session) -> None:
    client = sign_in("manager", "331000")
    task = re.search(r'name="task" value="([^"]+)"', client.get("/targets/?show=tasks").get_data(as_text=True))
    answer = client.post("/targets/tasks?show=tasks", data={"pack": "taizhou", "task": task[1], "state": "done", "note": ""})
    assert ("show=tasks" in answer.location, session.scalars(select(TaskEntry.state)).all()) == (True, ["done"])
