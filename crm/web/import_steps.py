"""The three steps the worker does for an import, and how each stands: queued, running, given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.jobs import queries as jobs
from crm.web.jobs import first_line, state_text
from crm.web.page import db

if TYPE_CHECKING:
    from crm.imports.models import ImportBatch
    from crm.jobs.models import JobRun

JOB_OF = {"checking": "import_check", "applying": "import_apply", "undoing": "import_undo"}
"""What the queue is asked to do in a state of the batch."""
TITLES = {"import_check": "正在检查整个文件", "import_apply": "正在写入", "import_undo": "正在撤销"}
NOTES = {
    "import_check": "只检查，不写入。可以离开这一页，做完会留在批次列表里。",
    "import_apply": "一次写完；中途断开则一行也不写，会自动重来。可以离开这一页。",
    "import_undo": "恢复到写入前；中途断开则保持已写入的样子，会自动重来。",
}
FAILED = {"import_check": "检查没有做完。", "import_apply": "没有写入，库里的数据没有变。", "import_undo": "没有撤销，数据还是写入后的样子。"}
AGAIN = {"import_check": ("import_check", "再检查一次"), "import_apply": ("import_check", "重新检查"), "import_undo": ("import_undo", "再撤销一次")}
"""After a step that gave up: what to ask for, and what the button says. Before writing again the database is looked at again."""
GOING = {job: state for state, job in JOB_OF.items()}
READY = {"import_check": ("uploaded", "checked", "failed"), "import_apply": ("checked",), "import_undo": ("applied",)}
"""States in which a step may be asked for."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that is queued or running, as the page shows it."""

    title: str
    state: str
    note: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A step that gave up."""

    title: str
    reason: str
    job: str
    again: str


def refused(batch: ImportBatch) -> Failed | None:
    """A step that a rule refused: the batch is back where it was and keeps the reason."""
    job = {"failed": "import_check", "checked": "import_apply", "applied": "import_undo"}.get(batch.state)
    return Failed(FAILED[job], batch.error, *AGAIN[job]) if job and batch.error else None


def run_for(batch: ImportBatch) -> JobRun | None:
    """The queue's row for the step the batch is in."""
    job = JOB_OF.get(batch.state)
    return jobs.run_of(db(), job, str(batch.id)) if job else None


def progress(batch: ImportBatch, run: JobRun | None, worker: jobs.WorkerState) -> tuple[Waiting | None, Failed | None]:
    """Where the step stands: waiting, given up, or neither."""
    job = JOB_OF.get(batch.state)
    if job is None:
        return None, refused(batch)
    if run is None or run.state in ("failed", "cancelled"):
        reason = first_line(run.error) if run and run.error else "后台没有这一步的记录。"
        return None, Failed(FAILED[job], reason, *AGAIN[job])
    return Waiting(TITLES[job], state_text(run, worker), NOTES[job], run.done, run.total or batch.total), None


def gave_up(batch: ImportBatch, job: str) -> bool:
    """Whether the batch hangs in a step that gave up, and `job` is the way on from there."""
    failed = progress(batch, run_for(batch), jobs.WorkerState(alive=False, last_seen=None, worker=None, started_at=None))[1]
    return failed is not None and failed.job == job
