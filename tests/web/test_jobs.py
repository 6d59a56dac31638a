"""The jobs page: honest about a dead worker, readable by managers, operated by administrators."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crm.app import create_app
from crm.core.clock import now
from crm.jobs.models import JobPause, JobRun, WorkerBeat
from crm.notices.models import Outbox
from crm.notices.queries import Traffic, traffic
from crm.security.models import User
from crm.web.health import lines
from tests.web.counting import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from crm.config import Settings

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


def test_the_latest_night_is_told_step_by_step_with_n_of_m(session: Session, sign_in: SignIn) -> None:
    beat(session, 1)
    run(session, state="running", done=2, total=6, heartbeat_at=now(), result={"steps": {"evaluate": {"seconds": 4.25}, "alerts": {"seconds": 0.5}}})
    text = sign_in("manager", "331000").get("/jobs/").get_data(as_text=True)
    assert ("第 2 / 6 步完成" in text, "4.2 秒" in text, text.count("未做")) == (True, True, 4)


@pytest.fixture
def outbox(session: Session, sign_in: SignIn) -> FlaskClient:
    """An administrator, with messages of every kind on two channels."""
    client, at = sign_in("administrator", "331000"), now()
    user = session.scalars(select(User.id)).first()
    kinds = [
        ("webhook", "queued", timedelta(minutes=4), None), ("webhook", "queued", timedelta(minutes=6), None), ("webhook", "queued", -timedelta(hours=1), None),
        ("email", "held", -timedelta(hours=1), None), ("email", "dead", timedelta(days=3), None), ("email", "sent", -timedelta(minutes=5), at), ("email", "sent", timedelta(days=2), at - timedelta(days=2)),
    ]
    for number, (channel, state, ago, sent) in enumerate(kinds):
        session.add(Outbox(key=f"k{number}", user_id=user, channel=channel, payload={"kind": "alert"}, state=state, attempts=0, created_at=at, next_at=at - ago, sent_at=sent))
    session.commit()
    return client


def test_messages_are_counted_as_waiting_late_dead_and_delivered_today(session: Session, outbox: FlaskClient) -> None:
    """Late is what could have left more than five minutes ago."""
    assert traffic(session, now()) == {"webhook": Traffic(waiting=3, late=1), "email": Traffic(held=1, dead=1, delivered=1)}


def test_an_administrator_sees_the_counts_and_a_manager_does_not(outbox: FlaskClient, sign_in: SignIn) -> None:
    assert ["今天已送达" in client.get("/jobs/").get_data(as_text=True) for client in (outbox, sign_in("manager", "331000"))] == [True, False]


def test_metrics_do_not_exist_without_a_token(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize(("given", "status"), [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer gauge"}, 200)])
def test_metrics_want_their_token(clean_engine: Engine, settings: Settings, given: dict[str, str], status: int) -> None:
    app = create_app(replace(settings, metrics_token="gauge"), clean_engine, TESTING=True)
    assert app.test_client().get("/metrics", headers=given).status_code == status


def test_metrics_tell_of_the_worker_the_night_and_the_messages(session: Session, outbox: FlaskClient) -> None:
    beat(session, 30)
    run(session, done=6, total=6, finished_at=now())
    told = dict(line.rsplit(" ", 1) for line in lines(session, now()) if not line.startswith("#"))
    names = ("qijie_worker_alive", "qijie_night_ok", "qijie_night_steps_done", 'qijie_messages_late{channel="webhook"}', 'qijie_messages_delivered{channel="email"}')
    assert [told[name] for name in names] == ["1", "1", "6", "1", "1"]
