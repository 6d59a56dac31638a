"""The job that turns a signed visit into its PDF. Layout runs in the pool's child process, never in the worker itself."""

from __future__ import annotations

import atexit
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crm.core.clock import now
from crm.jobs.registry import job
from crm.reports.operations import JOB, make_record
from crm.reports.pool import RenderPool

if TYPE_CHECKING:
    from pathlib import Path

    from crm.jobs.context import Context


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
        done = make_record(session, int(context.payload["visit_id"]), pool(settings.data_dir), settings.data_dir, settings.base_url, now())
        return {"pages": done.pages, "size": done.size, "sha256": done.sha256}
