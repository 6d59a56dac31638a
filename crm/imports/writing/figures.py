"""Write a plan of figures: new filings, corrections that supersede."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crm.core.signals import enterprise_changed
from crm.indicators.batches import write_filings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Plan
    from crm.imports.mapping import Mapping
    from crm.imports.writing.journal import Journal


def write_figures(session: Session, plan: Plan, _mapping: Mapping, journal: Journal) -> list[int]:
    """Insert filings and supersede the ones they correct; returns ids of the firms touched."""
    compared = plan.data["filings"]
    written = write_filings(session, compared, plan.data["measures"], plan.data["source"], by=journal.by, at=journal.at, batch_id=journal.batch_id)
    corrected = written.filter(pl.col("superseded_id").is_not_null())
    journal.add(corrected["row"].to_list(), "filing", corrected["superseded_id"].to_list(), "supersede")
    journal.add(written["row"].to_list(), "filing", written["filing_id"].to_list(), "insert")
    touched = sorted(compared.filter(pl.col("state") != "same")["enterprise_id"].unique().to_list())
    if touched:
        enterprise_changed.send(None, session=session, enterprise_ids=touched)
    return touched
