"""A what-if over many firms, in the background. The outcome is kept in a file only its asker is shown; the run's row holds its name alone."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from crm.jobs.chain import current_packs
from crm.jobs.registry import job
from crm.ladder.places import others_inside
from crm.ladder.trial import trial
from crm.security.access import Access

if TYPE_CHECKING:
    from pathlib import Path

    from crm.jobs.context import Context

JOB = "trial"


def kept(data_dir: Path, run_id: int) -> Path:
    """Where the outcome of a run lies."""
    return data_dir / "trials" / f"{run_id}.json"


@job(JOB, "条件试算", attempts=2)
def try_change(context: Context) -> dict[str, Any]:
    """Payload {"pack", "values", "on", "regions", "zones"}: the jurisdiction is that of whoever asked, when it was asked."""
    asked = context.payload
    access = Access(context.asked_by, "trial", frozenset({"manager"}), tuple(asked["regions"]), tuple(asked["zones"]))
    context.progress(0, 1, "读数据")
    with context.transaction() as session:
        packs = current_packs(session, context.settings)
        pack = packs[asked["pack"]]
        found = trial(session, access, pack, asked["values"], date.fromisoformat(asked["on"]), others=others_inside(packs, pack), progress=context.progress)
    path = kept(context.settings.data_dir, context.run.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_bytes(orjson.dumps({**found, "asked_by": context.asked_by}))
    draft.replace(path)
    return {"firms": found["firms"]}
