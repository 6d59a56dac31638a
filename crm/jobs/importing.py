"""The three steps of an import, done by the worker: check, apply, undo. A step done already is left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.core.clock import now
from crm.core.errors import CrmError
from crm.imports import operations
from crm.imports.mapping import Mapping
from crm.imports.queries import get_batch
from crm.jobs.chain import current_packs
from crm.jobs.registry import job
from crm.security import audit
from crm.security.access import Access, load_access
from crm.security.models import User

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from crm.criteria.schema import Cases
    from crm.imports.models import ImportBatch
    from crm.jobs.context import Context


@job("import_check", "导入检查", attempts=3)
def check(context: Context) -> dict[str, Any]:
    """Payload {"batch_id": int}. Checks every row against the database with the rights of who asked; writes none."""

    def act(session: Session, batch: ImportBatch, access: Access) -> None:
        data_dir = context.settings.data_dir
        mapping = Mapping.from_json(batch.mapping) if batch.mapping else operations.guess(session, batch, data_dir=data_dir)
        operations.dry_run(session, batch.id, mapping, at=now(), data_dir=data_dir, access=access, progress=_told(context, "检查"), rules=_rules(session, context))

    return _step(context, act, going="checking", done="checked", refused="failed")


@job("import_apply", "导入写入", attempts=3)
def apply(context: Context) -> dict[str, Any]:
    """Payload {"batch_id": int}. One transaction: killed half-way it leaves nothing."""

    def act(session: Session, batch: ImportBatch, access: Access) -> None:
        operations.apply(
            session, batch.id, by=access.user_id, at=now(), data_dir=context.settings.data_dir, access=access, progress=_told(context, "写入"),
            rules=_rules(session, context),
        )
        audit.record(session, access, "import.applied", "import_batch", batch.id, counts=batch.counts, file=batch.file_name)

    return _step(context, act, going="applying", done="applied", refused="checked")


@job("import_undo", "导入撤销", attempts=3)
def undo(context: Context) -> dict[str, Any]:
    """Payload {"batch_id": int}. One transaction, too."""

    def act(session: Session, batch: ImportBatch, access: Access) -> None:
        operations.undo(session, batch.id, by=access.user_id, at=now())
        audit.record(session, access, "import.undone", "import_batch", batch.id, counts=batch.counts, file=batch.file_name)

    return _step(context, act, going="undoing", done="undone", refused="applied")


def _step(
    context: Context, act: Callable[[Session, ImportBatch, Access], None], *, going: str, done: str, refused: str
) -> dict[str, Any]:
    """Do the step once. Refused by a rule, the batch goes back to `refused` and keeps the reason for its page."""
    batch_id = int(context.payload["batch_id"])
    try:
        with context.transaction() as session:
            batch = get_batch(session, batch_id)
            if batch.state != done:
                batch.error = None
                access = asking(session, context.asked_by)
                session.info["access"] = access
                act(session, batch, access)
            return {"batch": batch_id, **(get_batch(session, batch_id).counts or {})}
    except CrmError as error:
        with context.transaction() as session:
            batch = get_batch(session, batch_id)
            if batch.state == going:
                batch.state, batch.error = refused, error.message
        raise


def _rules(session: Session, context: Context) -> Callable[[str], Cases]:
    """The rules for cases of a division's pack, with what people published over it."""
    packs = current_packs(session, context.settings)
    return lambda code: packs.for_region(code).cases


def _told(context: Context, step: str) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        context.check()
        context.progress(done, total, step)

    return tell


def asking(session: Session, user_id: int | None) -> Access:
    """The rights of who asked, as they are now: taken away meanwhile, they are gone for the work as well."""
    user = session.get(User, user_id) if user_id is not None else None
    if user is None or not user.active:
        return Access(user_id, "", frozenset())
    return load_access(session, user.id, user.get_full_name().strip(), [role.name for role in user.roles])
