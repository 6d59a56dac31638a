"""The jobs of the night. Imports and records register theirs in crm.jobs.importing and crm.jobs.rendering."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from crm.alerts.calibration import calibrate as learn_from_last_year
from crm.alerts.calibration import is_due
from crm.core.clock import local
from crm.jobs import importing, messages, rendering, tidying, trying  # noqa: F401 - they register their jobs
from crm.jobs.chain import Chain, current_packs, refresh_changed
from crm.jobs.operations import enqueue
from crm.jobs.registry import job
from crm.ladder.changes import clear, listen

if TYPE_CHECKING:
    from crm.jobs.context import Context

listen()  # what a job changes is marked for evaluation, as in the application
STEPS = {"evaluate": "评估与推算", "alerts": "预警", "cases": "诉求督办", "escalate": "逐级提醒", "digests": "消息摘要", "counts": "汇总计数"}


@job("nightly", "夜间评估", in_order=True)
def nightly(context: Context) -> dict[str, Any]:
    """The night: evaluate all firms as of the tick's day, forecast, alerts, cases, escalation, digests, counts. Each step commits with its mark.

    Digests come last of what tells people, so that whatever the night has to say stands in one digest.

    A retaken run goes through the evaluation again (it finds nothing to write) and skips steps that are marked.
    """
    on = date.fromisoformat(context.payload["as_of"]) if "as_of" in context.payload else local(context.scheduled_for).date()
    steps: dict[str, Any] = dict((context.run.result or {}).get("steps", {}))
    started, chain = context.now(), None
    for number, (step, label) in enumerate(STEPS.items()):
        context.check()
        if step in steps and step != "evaluate":
            continue
        context.progress(number, len(STEPS), label)
        begun = context.now()
        with context.transaction() as session:
            chain = chain.within(session) if chain else Chain(session, current_packs(session, context.settings), on, begun, run_id=context.run.id)
            figures = getattr(chain, step)()
            if step == "counts":
                clear(session, started)
            if step not in steps:
                steps[step] = {**figures, "seconds": round((context.now() - begun).total_seconds(), 2)}
            context.keep(session, {"as_of": on.isoformat(), "steps": steps})
    context.progress(len(STEPS), len(STEPS))
    with context.transaction() as session:
        enqueue(session, "tidy_files", f"tidy:{on}")
        if is_due(session, on):
            enqueue(session, "calibrate", f"calibrate:{on.year - 1}:{on:%Y-%m}", {"as_of": on.isoformat()})
    return {"as_of": on.isoformat(), "steps": steps}


@job("calibrate", "推算校准", in_order=True)
def calibrate(context: Context) -> dict[str, Any]:
    """The forecast's parameters from the completed year of this city's own firms."""
    on = date.fromisoformat(context.payload["as_of"]) if "as_of" in context.payload else local(context.scheduled_for).date()
    with context.transaction() as session:
        return learn_from_last_year(session, on, context.now(), context.run.id)


@job("evaluate", "评估变动企业", in_order=True)
def evaluate(context: Context) -> dict[str, Any]:
    """Firms changed since they were evaluated last: by an import, a filing, a title, a visit."""
    at = context.now()
    with context.transaction() as session:
        return refresh_changed(session, current_packs(session, context.settings), local(at).date(), at)
