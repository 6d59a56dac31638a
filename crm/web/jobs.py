"""Jobs: what runs, what ran, whether anything works the queue; an administrator runs, pauses and resumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app, flash, jsonify, redirect, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now
from crm.core.errors import Invalid, NotFound
from crm.jobs import operations as queue
from crm.jobs import queries
from crm.jobs.handlers import STEPS
from crm.jobs.models import STATES, JobRun
from crm.notices.queries import traffic
from crm.security import audit
from crm.web import address
from crm.web.page import Page, access, db
from crm.web.people import people

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class Described:
    """How a job is named to people. `runnable`: needs no payload, so it can be started by hand."""

    name: str
    label: str
    what: str
    schedule: str
    runnable: bool = False


def described() -> tuple[Described, ...]:
    """Every job of the product, in the order people care."""
    nightly_at = current_app.extensions["crm_settings"].nightly_at
    return (
        Described("nightly", "夜间评估", "评估全部企业，推算全年，更新预警与统计", f"每天 {nightly_at}", runnable=True),
        Described("deliver", "发送消息", "把到时间的消息发到各人选定的通道，没发成的稍后再试", "每分钟，有待发消息时"),
        Described("digests", "汇总消息摘要", "把等着的消息并成一封摘要", "各人的摘要时间"),
        Described("evaluate", "评估变动企业", "导入、走访、改资料之后重评有变动的企业", "有变动时"),
        Described("import_check", "导入检查", "试运行整个文件，不写入", "上传后"),
        Described("import_apply", "导入写入", "一次写完，中断则不写", "确认后"),
        Described("import_undo", "导入撤销", "恢复到写入前", "要求撤销时"),
        Described("render_record", "生成走访记录", "把签发的记录排成 PDF", "签发后"),
        Described("render_paper", "生成文书", "走访前一页纸、交办单排成 PDF", "有人要时"),
        Described("bind_records", "合订走访记录", "把一段时间的记录合成一个 PDF 或 ZIP", "有人要时"),
    )


def _known(job: str) -> Described:
    for known in described():
        if known.name == job:
            return known
    raise NotFound("没有这个任务。")


def label(job: str) -> str:
    """The Chinese name of a job, or its own."""
    return {d.name: d.label for d in described()}.get(job, job)


def duration(run: JobRun) -> str | None:
    """How long it ran, or has been running; None before it starts."""
    if run.started_at is None:
        return None
    seconds = ((run.finished_at or now()) - run.started_at).total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} 秒"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} 分 {rest:02d} 秒" if minutes else f"{rest} 秒"


def state_text(run: JobRun, worker: queries.WorkerState) -> str:
    """The state in words; a run nobody works on is never called 'in progress'."""
    if run.state == "running":
        silent = run.heartbeat_at is None or now() - run.heartbeat_at > queries.SILENT_AFTER
        return "停住了，没有回应" if silent and not worker.alive else STATES["running"]
    if run.state == "queued":
        if not worker.alive:
            return "排队，等后台进程启动"
        return "等待重试" if run.attempts else STATES["queued"]
    return STATES[run.state]


@dataclass(frozen=True, slots=True)
class Night:
    """The latest night: its run, and each step with the seconds it took (None: not done)."""

    run: JobRun
    steps: tuple[tuple[str, float | None], ...]

    @property
    def done(self) -> int:
        """Steps that are done."""
        return sum(seconds is not None for _, seconds in self.steps)


def night(run: JobRun | None) -> Night | None:
    """n of m and durations, from what the night marks as it goes."""
    if run is None:
        return None
    marks = (run.result or {}).get("steps", {})
    return Night(run, tuple((words, marks[step].get("seconds", 0.0) if step in marks else None) for step, words in STEPS.items()))


def first_line(text: str) -> str:
    """The last line of a traceback says what happened; a plain message is its own."""
    lines = text.strip().splitlines() or [""]
    return (lines[-1] if lines[0].startswith("Traceback") else lines[0])[:200]


def _noted(action: str, run: JobRun) -> None:
    """Runs are untracked by the trail, what a person does to them is not."""
    audit.record(db(), access(), action, "job_run", run.id, job=run.job)


class JobsPage(Page):
    """The queue and the clock, seen."""

    route_base = "/jobs"
    permits = {"read": ("manager", "administrator"), "run": ("administrator",)}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """What runs now, each job with its last run, and the history (filters and position in the address)."""
        names = {d.name for d in described()}
        job, state, before = address.choice("job", names), address.choice("state", STATES), address.whole("before")
        runs = queries.runs(db(), job, state, before, PAGE_SIZE + 1)
        following = address.here(before=runs[PAGE_SIZE - 1].id) if len(runs) > PAGE_SIZE else None
        shown = runs[:PAGE_SIZE]
        paused, latest = queries.paused(db()), queries.latest(db())
        return self._show(
            "jobs/index.html", jobs=described(), choices=[(d.name, d.label) for d in described()], states=STATES,
            chosen_job=job, chosen_state=state, before=before, runs=shown, following=following, here=address.here,
            unfinished=queries.unfinished(db()), latest=latest, paused=paused,
            night=night(latest.get("nightly")), traffic=traffic(db(), now()) if access().has("administrator") else None,
            people=people([r.asked_by for r in shown] + [p.by for p in paused.values()]),
        )

    @expose("/<int:run_id>")
    @has_access
    @permission_name("read")
    def show_run(self, run_id: int) -> ResponseReturnValue:
        """One run: times, progress, result, error."""
        run = db().get(JobRun, run_id)
        if run is None:
            raise NotFound("没有这次运行。")
        return self._show("jobs/run.html", run=run, result=_flat(run.result or {}), people=people([run.asked_by]))

    @expose("/live")
    @has_access
    @permission_name("read")
    def live(self) -> ResponseReturnValue:
        """What the page asks every two seconds while something is unfinished."""
        worker = queries.worker_state(db(), now())
        return jsonify(
            alive=worker.alive,
            runs=[
                {"id": r.id, "state": state_text(r, worker), "step": r.step or "", "done": r.done, "total": r.total}
                for r in queries.unfinished(db())
            ],
        )

    @expose("/<job>/run", methods=["POST"])
    @has_access
    @permission_name("run")
    def run_now(self, job: str) -> ResponseReturnValue:
        """Queue a job that needs no payload."""
        wanted = _known(job)
        if not wanted.runnable:
            raise Invalid(f"“{wanted.label}”要从对应的页面发起，不能在这里直接运行。")
        run = queue.enqueue(db(), job, f"asked:{now().isoformat(timespec='seconds')}", None, by=access().user_id)
        _noted("job.run", run)
        db().commit()
        waits = "这个任务已暂停，恢复之后才会开始。" if job in queries.paused(db()) else ""
        flash(f"已排队：{wanted.label}。{waits}", "warning" if waits else "success")
        return redirect(url_for("JobsPage.show_run", run_id=run.id))

    @expose("/<int:run_id>/again", methods=["POST"])
    @has_access
    @permission_name("run")
    def run_again(self, run_id: int) -> ResponseReturnValue:
        """Put a run that failed or was cancelled back into the queue."""
        run = queue.run_again(db(), run_id, by=access().user_id, at=now())
        _noted("job.run", run)
        db().commit()
        flash(f"已重新排队：{label(run.job)}。", "success")
        return redirect(url_for("JobsPage.show_run", run_id=run.id))

    @expose("/<int:run_id>/cancel", methods=["POST"])
    @has_access
    @permission_name("run")
    def cancel(self, run_id: int) -> ResponseReturnValue:
        """Take a waiting run out of the queue."""
        run = queue.cancel(db(), run_id, at=now())
        _noted("job.cancel", run)
        db().commit()
        flash(f"已取消：{label(run.job)}。需要时可以再运行。", "success")
        return redirect(url_for("JobsPage.show_run", run_id=run.id))

    @expose("/<job>/pause", methods=["POST"])
    @has_access
    @permission_name("run")
    def pause(self, job: str) -> ResponseReturnValue:
        """Nothing of this job starts until it is resumed; what runs goes on."""
        wanted = _known(job)
        queue.pause(db(), job, by=access().user_id, at=now())
        db().commit()
        flash(f"已暂停：{wanted.label}。正在做的会做完，新的不再开始。", "success")
        return redirect(url_for("JobsPage.index"))

    @expose("/<job>/resume", methods=["POST"])
    @has_access
    @permission_name("run")
    def resume(self, job: str) -> ResponseReturnValue:
        """Start it again; what waited is done now."""
        wanted = _known(job)
        queue.resume(db(), job)
        db().commit()
        flash(f"已恢复：{wanted.label}。", "success")
        return redirect(url_for("JobsPage.index"))

    def _show(self, template: str, **context: Any) -> str:
        worker = queries.worker_state(db(), now())
        return self.show(
            template, worker=worker, label=label, duration=duration, first_line=first_line,
            state_text=lambda run: state_text(run, worker), may_run=access().has("administrator"), **context,
        )


RESULT_WORDS = {
    "as_of": "评估日", "steps": "", "evaluate": "评估", "alerts": "预警", "counts": "统计", "seconds": "用时（秒）", "firms": "企业", "batch": "批次",
    "rows": "行", "new": "新增", "changed": "变更", "same": "相同", "duplicate": "重复", "rejected": "退回", "raised": "新提出", "worsened": "变严重",
    "eased": "缓和", "reopened": "重新打开", "resolved": "解除", "transitions": "条件变化", "moves": "拟升降", "verdicts": "结论有变", "standings": "位置有变",
    "proposed": "新拟升降", "lapsed": "失效升降", "pages": "页", "size": "字节", "sha256": "SHA-256",
    "cases": "诉求督办", "digests": "消息摘要", "messages": "并入的消息", "escalate": "逐级提醒", "told": "已通知", "sent": "已送达", "queued": "稍后再试", "dead": "未能送达",
}
"""Keys of results as people read them; others are shown as stored."""


def _flat(result: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """A result as (name, text) lines; what is nested is named by its path."""
    lines: list[tuple[str, str]] = []
    for key, value in result.items():
        name = " · ".join(part for part in (above, RESULT_WORDS.get(key, key)) if part)
        if isinstance(value, dict):
            lines += _flat(value, name)
        else:
            lines.append((name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)))
    return lines


views = [JobsPage]
