"""The jobs page: honest about a dead worker, readable by managers, operated by administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.core.clock import now
from crm.jobs.models import JobPause, JobRun, WorkerBeat
from tests.web.counting import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]


def run(session: Session, job: str = "nightly", state: str = "done", **values: Any) -> JobRun:
    at = values.pop("at", now() - timedelta(hours=1))
    defaults = {"key": at.isoformat() + state, "scheduled_for": at, "attempts": 1, "done": 0, "total": 0, "started_at": at, "heartbeat_at": at}
    made = JobRun(job=job, state=state, **{**defaults, **values})
    session.add(made)
    session.commit()
    return made


def beat(session: Session, seconds_ago: int) -> None:
    at = now() - timedelta(seconds=seconds_ago)
    session.add(WorkerBeat(worker="desk:1", at=at, is_leader=True, started_at=at - timedelta(hours=1)))
    session.commit()


def test_the_page_says_when_no_worker_was_seen_for_a_minute(session: Session, sign_in: SignIn) -> None:
    beat(session, 61)
    assert "后台任务没有在运行" in sign_in("administrator", "331000").get("/jobs/").get_data(as_text=True)


def test_the_page_keeps_still_about_a_worker_seen_a_moment_ago(session: Session, sign_in: SignIn) -> None:
    beat(session, 5)
    assert "后台任务没有在运行" not in sign_in("administrator", "331000").get("/jobs/").get_data(as_text=True)


def test_a_running_row_of_a_dead_worker_is_not_called_in_progress(session: Session, sign_in: SignIn) -> None:
    beat(session, 300)
    run(session, state="running", done=3, total=10)
    text = sign_in("administrator", "331000").get("/jobs/").get_data(as_text=True)
    assert "停住了，没有回应" in text
    assert "进行中</span>" not in text


def test_progress_is_shown_as_n_of_m(session: Session, sign_in: SignIn) -> None:
    beat(session, 1)
    run(session, state="running", done=11_200, total=30_024, heartbeat_at=now())
    answer = sign_in("manager", "331000").get("/jobs/live", headers={"Accept": "application/json"})
    assert [(r["done"], r["total"]) for r in answer.json["runs"]] == [(11_200, 30_024)]


def test_the_history_pages_by_key_without_gap_or_repeat(session: Session, sign_in: SignIn) -> None:
    for i in range(25):
        run(session, key=f"k{i}")
    client = sign_in("administrator", "331000")
    ids = sorted(session.scalars(select(JobRun.id)))
    first = client.get("/jobs/").get_data(as_text=True)
    second = client.get(f"/jobs/?before={ids[5]}").get_data(as_text=True)
    shown = [i for i in ids for page in (first, second) if f"　#{i}<" in page]
    assert shown == ids


def test_a_failed_run_shows_its_error_to_the_administrator(session: Session, sign_in: SignIn) -> None:
    failed = run(session, state="failed", error="Traceback (most recent call last):\n  x\nOperationalError: disk full")
    assert "OperationalError: disk full" in sign_in("administrator", "331000").get(f"/jobs/{failed.id}").get_data(as_text=True)


def test_run_now_queues_the_nightly_chain(session: Session, sign_in: SignIn) -> None:
    answer = sign_in("administrator", "331000").post("/jobs/nightly/run")
    assert answer.status_code == 302
    assert [(r.job, r.state) for r in session.scalars(select(JobRun))] == [("nightly", "queued")]


def test_run_now_of_a_paused_job_says_that_it_waits(sign_in: SignIn) -> None:
    client = sign_in("administrator", "331000")
    client.post("/jobs/nightly/pause")
    assert "恢复之后才会开始" in client.post("/jobs/nightly/run", follow_redirects=True).get_data(as_text=True)


def test_a_job_that_needs_a_payload_cannot_be_started_by_hand(session: Session, sign_in: SignIn) -> None:
    assert sign_in("administrator", "331000").post("/jobs/import_apply/run").status_code == 422
    assert session.scalars(select(JobRun)).all() == []


def test_pause_and_resume_leave_nothing_behind(session: Session, sign_in: SignIn) -> None:
    client = sign_in("administrator", "331000")
    client.post("/jobs/nightly/pause")
    paused = session.scalars(select(JobPause.job)).all()
    client.post("/jobs/nightly/resume")
    session.expire_all()
    assert (paused, session.scalars(select(JobPause.job)).all()) == (["nightly"], [])


def test_a_failed_run_is_put_back_into_the_queue_by_the_administrator(session: Session, sign_in: SignIn) -> None:
    failed = run(session, job="import_apply", state="failed", error="x")
    sign_in("administrator", "331000").post(f"/jobs/{failed.id}/again")
    session.expire_all()
    assert session.get(JobRun, failed.id).state == "queued"


@pytest.mark.parametrize(("role", "path"), [("manager", "/jobs/nightly/run"), ("manager", "/jobs/nightly/pause"), ("officer", "/jobs/nightly/run")])
def test_only_administrators_operate_jobs(session: Session, sign_in: SignIn, role: str, path: str) -> None:
    answer = sign_in(role, "331000").post(path)
    assert answer.status_code in (302, 403)
    assert (session.scalars(select(JobRun)).all(), session.scalars(select(JobPause)).all()) == ([], [])


def test_officers_do_not_see_the_queue(sign_in: SignIn) -> None:
    assert "后台任务</h1>" not in sign_in("officer", "331000").get("/jobs/").get_data(as_text=True)


@pytest.mark.parametrize("query", ["before=x", "before=99999999999999999999", "job=%27%3B--", "state=%00", "before=-1&job=nightly&job=x"])
def test_odd_parameters_are_ignored(sign_in: SignIn, query: str) -> None:
    assert sign_in("administrator", "331000").get(f"/jobs/?{query}").status_code == 200


def test_an_unknown_run_or_job_is_not_found(sign_in: SignIn) -> None:
    client = sign_in("administrator", "331000")
    assert [client.get("/jobs/77").status_code, client.post("/jobs/nothing/run").status_code] == [404, 404]


def test_the_page_stays_within_twelve_queries(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for i in range(30):
        run(session, key=f"k{i}", asked_by=None)
    run(session, state="running")
    client = sign_in("administrator", "331000")
    client.get("/jobs/")
    with statements(clean_engine) as sent:
        client.get("/jobs/")
    assert len(sent) <= 12, "\n".join(sent)


def test_the_mark_from_which_nights_are_counted_is_not_shown_as_a_run(session: Session, sign_in: SignIn) -> None:
    run(session, started_at=None)
    text = sign_in("administrator", "331000").get("/jobs/").get_data(as_text=True)
    assert ("还没有做过夜间评估" in text, 'class="runrow' in text or "完成</span>" in text) == (True, False)
