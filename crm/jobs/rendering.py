"""The jobs that turn visits, cards and slips into files. Layout runs in the pool's child process, never in the worker itself."""

from __future__ import annotations

import atexit
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crm.core.clock import now
from crm.core.errors import CrmError
from crm.jobs.importing import asking
from crm.jobs.registry import job
from crm.reports import binding, papers, seal
from crm.reports.operations import JOB, make_record
from crm.reports.pool import RenderPool

if TYPE_CHECKING:
    from pathlib import Path

    from crm.jobs.context import Context


BIND = "bind_records"


@lru_cache(maxsize=1)
def pool(data_dir: Path) -> RenderPool:
    """The worker's pool: its child stays warm between records."""
    made = RenderPool(data_dir)
    atexit.register(made.close)
    return made


@job(JOB, "生成走访记录", attempts=2)
def render_record(context: Context) -> dict[str, Any]:
    """Payload {"visit_id": int}. A record that is there already is left as it is."""
    settings = context.settings
    with context.transaction() as session:
        variant = str(context.payload.get("variant", "full"))
        done = make_record(session, int(context.payload["visit_id"]), pool(settings.data_dir), settings.data_dir, settings.base_url, now(), variant, seal.of(settings))
        return {"pages": done.pages, "size": done.size, "sha256": done.sha256}


@job(papers.JOB, "生成文书", attempts=2)
def render_paper(context: Context) -> dict[str, Any]:
    """Payload {"paper_id": int}: a briefing card or a dispatch slip."""
    settings = context.settings
    with context.transaction() as session:
        done = papers.make(session, int(context.payload["paper_id"]), pool(settings.data_dir), settings.data_dir, settings.base_url, now())
        return {"pages": done.pages, "size": done.size, "sha256": done.sha256}


@job(BIND, "合订走访记录", attempts=3)
def bind_records(context: Context) -> dict[str, Any]:
    """Payload {"paper_id": int}: as the one who asked, with the rights that person has now."""
    settings, paper_id = context.settings, int(context.payload["paper_id"])
    with context.transaction() as session:
        who = asking(session, context.asked_by)
        paper = binding.bound_paper(session, paper_id)
        variant, ids = paper.content["variant"], [v.id for v in binding.signed(session, who, paper.content["visits"])]
    failed: dict[int, str] = {}
    for number, visit_id in enumerate(ids):
        context.check()
        context.progress(number, len(ids), "逐份生成")
        try:
            with context.transaction() as session:  # kept one by one: a run cut short goes on from here
                make_record(session, visit_id, pool(settings.data_dir), settings.data_dir, settings.base_url, now(), variant, seal.of(settings))
        except CrmError as error:
            failed[visit_id] = error.message
    context.progress(len(ids), len(ids), "合订")
    with context.transaction() as session:
        done = binding.assemble(session, paper_id, who, failed, settings.data_dir, now())
        return {"records": len(ids) - len(failed), "failed": len(failed), "pages": done.pages, "size": done.size}
