"""Write a plan of cases: each waits to be accepted, with the day counted from when it was received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.cases.models import Case
from crm.cases.operations import Incoming, open_many

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Plan
    from crm.imports.mapping import Mapping
    from crm.imports.writing.journal import Journal


def write_cases(session: Session, plan: Plan, _mapping: Mapping, journal: Journal) -> list[int]:
    """Open the new ones; returns ids of their firms."""
    rows, rules = plan.data["rows"], plan.data["rules"]
    incoming = [
        Incoming(
            enterprise_id=r["enterprise_id"], source=r["source"], external_no=r["external_no"], title=r["subject"], detail=r["detail"], kind=r["kind"],
            urgency=r["urgency_code"], contact_name=r["contact"], contact_phone=r["phone"], at=r["at"],
        )
        for r in rows
    ]  # fmt: skip
    ids = open_many(session, incoming, rules, journal.by, f"导入批次 {journal.batch_id}")
    journal.add([r["row"] for r in rows], Case.__tablename__, ids, "insert", [{"after": {"version": 1}}] * len(rows))
    session.expire_all()
    return sorted({r["enterprise_id"] for r in rows})
