"""A spreadsheet on its way in: stage → guess → (a person confirms the mapping) → dry_run → apply → undo.

    batch   = stage(session, file, name, by=user_id, at=now(), data_dir=settings.data_dir, kind="annual")
    mapping = guess(session, batch, data_dir=…)                       # remembered, or guessed with confidence and samples
    mapping = mapping.merge({"columns": {"营收": "revenue"}, "period": "2024"})
    batch   = dry_run(session, batch.id, mapping, at=now(), data_dir=…, progress=callback)   # 'checked': counts, findings
    batch   = apply(session, batch.id, by=…, at=now(), data_dir=…, progress=callback)        # 'applied'
    batch   = undo(session, batch.id, by=…, at=now())                                        # 'undone'

All take an open session and never commit; the edge commits after each. `apply` and `undo` are one transaction: killed
half-way they leave nothing. `progress(done, total)` counts rows; it is called before the first write only, so a callback
may write to the same SQLite database through another connection.

`rules` (division code -> Cases of its pack) are needed for kind 'cases': words and deadlines.

`access` limits what a user may touch: rows of firms outside the jurisdiction are rejected with the reason `outside`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from crm.core.bulk import insert_rows
from crm.core.clock import local
from crm.core.errors import Invalid
from crm.core.signals import enterprise_changed
from crm.imports.checking import CHECKS
from crm.imports.checking.plan import Check
from crm.imports.errors import ChangedSince, NoEnterpriseColumn, NotReady
from crm.imports.fields import FIRM_KEYS
from crm.imports.guess import guess_kind, guess_mapping
from crm.imports.mapping import Mapping
from crm.imports.models import KINDS, ImportBatch, ImportFinding, MappingMemory
from crm.imports.queries import get_batch
from crm.imports.reading.grids import read_grids
from crm.imports.reading.layout import best_table
from crm.imports.reading.rejected import write_rejected
from crm.imports.writing import WRITERS
from crm.imports.writing.journal import Journal
from crm.imports.writing.registrations import refresh_search
from crm.imports.writing.undo import undo_changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.criteria.schema import Cases
    from crm.imports.checking.plan import Plan
    from crm.imports.reading.layout import Table
    from crm.security.access import Access

    Progress = Callable[[int, int], None] | None
    RulesOf = Callable[[str], Cases] | None


def stage(
    session: Session, file: bytes | BinaryIO | Path, name: str, *, by: int | None, at: datetime, data_dir: Path, kind: str | None = None
) -> ImportBatch:
    """Keep the file under data_dir/imports and read its layout. `kind` None: guessed from the heads.

    Raises UnreadableFile when it is no table, NoEnterpriseColumn when nothing in it says which firm a row is about.
    """
    return _stage(session, file, name, by=by, at=at, data_dir=data_dir, kind=kind)[0]


def _stage(
    session: Session, file: bytes | BinaryIO | Path, name: str, *, by: int | None, at: datetime, data_dir: Path, kind: str | None, given: dict[str, object] | None = None,
) -> tuple[ImportBatch, Table, Mapping]:
    if kind is not None and kind not in KINDS:
        raise Invalid(f"没有“{kind}”这种导入，可选：{'、'.join(KINDS)}。", field="kind")
    data = file if isinstance(file, bytes) else file.read_bytes() if isinstance(file, Path) else file.read()
    table = best_table(read_grids(data))
    kind = kind or guess_kind(table)
    mapping = _remembered(session, guess_mapping(table, kind, name)).merge(given or {})
    if not mapping.fields & set(FIRM_KEYS):
        raise NoEnterpriseColumn([head.text for head in table.heads])
    digest = hashlib.sha256(data).hexdigest()
    path = Path("imports") / f"{digest[:32]}{Path(name).suffix.lower()[:6]}"
    (data_dir / path).parent.mkdir(parents=True, exist_ok=True)
    (data_dir / path).write_bytes(data)
    batch = ImportBatch(
        kind=kind, file_name=Path(name).name[-200:], sha256=digest, path=str(path), state="uploaded", layout=table.summary(), mapping=mapping.to_json(),
        total=table.body.height, created_at=at, created_by=by,
    )
    session.add(batch)
    session.flush()
    return batch, table, mapping


def guess(session: Session, batch: ImportBatch, *, data_dir: Path) -> Mapping:
    """The mapping to show: the one last confirmed for these heads and this kind, else guessed from heads, units and values."""
    return _remembered(session, guess_mapping(_table(batch, data_dir), batch.kind, batch.file_name))


def _remembered(session: Session, fresh: Mapping) -> Mapping:
    remembered = session.get(MappingMemory, (fresh.kind, _heads(fresh)))
    if remembered is None:
        return fresh
    said = {c["head"]: {k: c[k] for k in ("field", "unit", "period", "form")} for c in remembered.mapping["columns"]}
    known = fresh.merge({"columns": {h: v for h, v in said.items() if h}, "aliases": remembered.mapping["aliases"], "region": remembered.mapping["region"],
                         "source": remembered.mapping["source"], "unit": fresh.unit or remembered.mapping["unit"], "form": remembered.mapping["form"]})
    return Mapping(known.kind, tuple(c.__class__(c.index, c.head, c.field, c.unit, c.period, c.form, 100, "上次这样对应", c.samples) for c in known.columns),
                   fresh.period, known.form, _source(fresh, known), known.unit, known.region, known.aliases)


def _source(fresh: Mapping, known: Mapping) -> str:
    """Hotlines share their heads: what the file itself is called goes before what was said of the last one."""
    return fresh.source if fresh.kind == "cases" and fresh.source != "other" else known.source


def dry_run(
    session: Session, batch_id: int, mapping: Mapping, *, at: datetime, data_dir: Path, access: Access | None = None, progress: Progress = None,
    rules: RulesOf = None,
) -> ImportBatch:
    """Check every row; writes counts, reasons, findings and the rejected-rows file; state 'checked'. May be repeated."""
    batch = get_batch(session, batch_id)
    if batch.state not in {"uploaded", "checking", "checked", "failed"}:
        raise NotReady("这次导入已经写入或放弃，不能再检查；请重新上传文件。")
    table = _table(batch, data_dir)
    plan = CHECKS[batch.kind](session, Check(table, mapping, local(at).date(), access, progress, rules))
    _keep_report(session, batch, table, plan, mapping, data_dir)
    batch.state, batch.error = "checked", None
    session.flush()
    return batch


def apply(
    session: Session, batch_id: int, *, by: int | None, at: datetime, data_dir: Path, access: Access | None = None, progress: Progress = None,
    rules: RulesOf = None,
) -> ImportBatch:
    """Write a checked batch. Raises ChangedSince when the database changed so that the counts are no longer those shown."""
    batch = get_batch(session, batch_id)
    if batch.state not in {"checked", "applying"} or batch.mapping is None:
        raise NotReady("请先检查文件，看过结果再写入。" if batch.state in {"uploaded", "failed"} else "这次导入已经写入或放弃。")
    mapping = Mapping.from_json(batch.mapping)
    plan = CHECKS[batch.kind](session, Check(_table(batch, data_dir), mapping, local(at).date(), access, progress, rules))
    if plan.counts != batch.counts:
        raise ChangedSince("检查之后库中数据有变化，结果与您看到的不一致；请重新检查后再写入。", shown=batch.counts, now=plan.counts)
    return _write(session, batch, plan, mapping, by=by, at=at)


def import_file(
    session: Session, file: Path, *, kind: str | None, given: dict[str, object], by: int | None, at: datetime, data_dir: Path, write: bool,
    progress: Progress = None, rules: RulesOf = None,
) -> ImportBatch:
    """Stage, check and (with `write`) apply in one go, reading the file once: what the command line does."""
    batch, table, mapping = _stage(session, file, file.name, by=by, at=at, data_dir=data_dir, kind=kind, given=given)
    plan = CHECKS[batch.kind](session, Check(table, mapping, local(at).date(), None, progress, rules))
    _keep_report(session, batch, table, plan, mapping, data_dir)
    batch.state = "checked"
    session.flush()
    return _write(session, batch, plan, mapping, by=by, at=at) if write else batch


def undo(session: Session, batch_id: int, *, by: int | None, at: datetime) -> ImportBatch:  # noqa: ARG001  # the audit trail has who
    """Put back exactly what stood before. Raises ChangedSince naming the rows that were changed or used since."""
    batch = get_batch(session, batch_id)
    if batch.state not in {"applied", "undoing"}:
        raise NotReady("只有已写入的导入才能撤销。")
    touched = undo_changes(session, batch.id)
    refresh_search(session, set(touched))
    session.expire_all()
    batch.state, batch.undone_at = "undone", at
    session.flush()
    if touched:
        enterprise_changed.send(None, session=session, enterprise_ids=touched)
    return batch


def discard(session: Session, batch_id: int, *, data_dir: Path) -> None:
    """Give up a batch that was not applied; its files are removed."""
    batch = get_batch(session, batch_id)
    if batch.state in {"applying", "applied", "undoing", "undone"}:
        raise NotReady("已写入的导入不能放弃；需要时请撤销。")
    others = session.scalar(select(func.count()).select_from(ImportBatch).where(ImportBatch.path == batch.path, ImportBatch.id != batch.id, ImportBatch.state != "discarded"))
    for path in (None if others else batch.path, batch.rejected_path):
        if path:
            (data_dir / path).unlink(missing_ok=True)
    session.execute(delete(ImportFinding).where(ImportFinding.batch_id == batch.id))
    batch.state, batch.rejected_path = "discarded", None
    session.flush()


def _table(batch: ImportBatch, data_dir: Path) -> Table:
    data = (data_dir / batch.path).read_bytes()
    return best_table(read_grids(data), (batch.layout or {}).get("sheet") or None)


def _heads(mapping: Mapping) -> str:
    return hashlib.sha256("\n".join(c.head for c in mapping.columns).encode()).hexdigest()


def _keep_report(session: Session, batch: ImportBatch, table: Table, plan: Plan, mapping: Mapping, data_dir: Path) -> None:
    session.execute(delete(ImportFinding).where(ImportFinding.batch_id == batch.id))
    columns = plan.findings.columns()
    insert_rows(session, ImportFinding, {"batch_id": [batch.id] * len(columns["row"]), **columns})
    batch.mapping, batch.counts, batch.reasons = mapping.to_json(), plan.counts, plan.findings.reasons()
    batch.total = batch.done = plan.counts["rows"]
    batch.rejected_path = write_rejected(table, plan, data_dir, f"imports/{batch.id}-退回行{Path(batch.file_name).suffix.lower()}")
    session.flush()


def _write(session: Session, batch: ImportBatch, plan: Plan, mapping: Mapping, *, by: int | None, at: datetime) -> ImportBatch:
    """The only part that writes: takes the batch first, so that two workers cannot both apply it."""
    taken = session.execute(
        update(ImportBatch).where(ImportBatch.id == batch.id, ImportBatch.state.in_(["checked", "applying"])).values(state="applied", applied_at=at)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult
        raise NotReady("这次导入正由别人写入。")
    journal = Journal(batch.id, by, at)
    try:
        WRITERS[batch.kind](session, plan, mapping, journal)
        journal.store(session)
    except IntegrityError as error:
        raise ChangedSince("写入时发现别人刚登记了相同的企业或数据，本次没有写入任何内容；请重新检查后再写入。") from error
    _remember(session, mapping, at)
    session.flush()
    session.expire_all()
    return batch


def _remember(session: Session, mapping: Mapping, at: datetime) -> None:
    """Keep a mapping that was good enough to apply; samples are the file's data and are not kept."""
    kept = mapping.to_json()
    for column in kept["columns"]:
        column["samples"] = []
    session.merge(MappingMemory(kind=mapping.kind, heads=_heads(mapping), mapping=kept, used_at=at))
