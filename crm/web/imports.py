"""Imports: upload, confirm the mapping, look at the dry run, apply, undo. The work itself is done by the worker's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, flash, jsonify, redirect, request, send_file, url_for
from flask_appbuilder import expose, has_access, permission_name
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from wtforms import RadioField

from crm.core.clock import now
from crm.core.errors import Conflict, CrmError, NotFound
from crm.imports import operations, queries
from crm.imports.errors import MissingColumn
from crm.imports.fields import lacking
from crm.imports.mapping import Mapping
from crm.imports.models import KINDS, STATES, ImportBatch
from crm.imports.reasons import REASONS, SEVERITIES
from crm.jobs import operations as queue
from crm.jobs import queries as jobs
from crm.regions.models import Region
from crm.security import audit
from crm.web import address
from crm.web.import_steps import GOING, READY, gave_up, progress, run_for
from crm.web.import_words import CASE_SOURCES, ORDER, UNITS, column_letter, field_names, file_facts, targets
from crm.web.page import Page, access, db
from crm.web.people import people

if TYPE_CHECKING:
    from pathlib import Path

    from flask.typing import ResponseReturnValue

PAGE_SIZE = 20
FINDINGS_PAGE = 50


class UploadForm(FlaskForm):
    """A file and, if known, what it holds."""

    file = FileField("文件", validators=[FileRequired("请先选一个文件。")])
    kind = RadioField("内容", choices=[("", "自动判断"), *KINDS.items()], default="")


def data_dir() -> Path:
    """Where uploaded files lie."""
    return current_app.extensions["crm_settings"].data_dir  # type: ignore[no-any-return]


def visible(batch_id: int) -> ImportBatch:
    """A batch of mine, or of somebody whose jurisdiction lies within mine when I administer. Raises NotFound."""
    batch = db().scalars(select(ImportBatch).where(ImportBatch.id == batch_id, queries.seen_by(db(), access()))).first()
    if batch is None:
        raise NotFound("没有这次导入，或不是您能看的。")
    return batch


class ImportsPage(Page):
    """From a spreadsheet to written rows, each step shown and reversible."""

    route_base = "/imports"
    permits = {"read": ("manager", "administrator"), "edit": ("manager", "administrator")}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> ResponseReturnValue:
        """Upload, and what was imported before."""
        return self._index(UploadForm(formdata=None, data={"kind": address.choice("kind", KINDS) or ""}))

    def _index(self, form: UploadForm, status: int = 200) -> ResponseReturnValue:
        before = address.whole("before")
        found = queries.batches(db(), seen=queries.seen_by(db(), access()), before=before, limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        following = address.here(before=shown[-1].id) if len(found) > PAGE_SIZE else None
        page = self._show(
            "imports/index.html", form=form, batches=shown, following=following, first=address.here() if before else None,
            people=people(b.created_by for b in shown), max_mb=current_app.config["MAX_CONTENT_LENGTH"] // 2**20,
        )
        return page, status

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def upload(self) -> ResponseReturnValue:
        """Keep the file, read its layout, go on to the columns; a file that cannot be read says why under the field."""
        form = UploadForm()
        if not form.validate():
            return self._index(form, 422)
        given = form.file.data
        try:
            batch = operations.stage(
                db(), given.stream, given.filename or "未命名", by=access().user_id, at=now(), data_dir=data_dir(), kind=form.kind.data or None
            )
        except CrmError as error:
            db().rollback()
            form.file.errors = [*form.file.errors, error.message]
            return self._index(form, error.status)
        audit.record(db(), access(), "import.upload", "import_batch", batch.id, file=batch.file_name, digest=batch.sha256)
        db().commit()
        return redirect(url_for("ImportsPage.mapping", batch_id=batch.id))

    @expose("/<int:batch_id>/mapping")
    @has_access
    @permission_name("edit")
    def mapping(self, batch_id: int) -> ResponseReturnValue:
        """Which column is what: the guess with samples and how sure it is."""
        batch = _open(batch_id)
        db().expunge(batch)  # a kind that is only looked at is not kept
        _turn_into(batch, address.choice("kind", KINDS))
        return self._mapping(batch, _mapping_of(batch))

    def _mapping(self, batch: ImportBatch, mapping: Mapping, error: CrmError | None = None) -> ResponseReturnValue:
        page = self._show(
            "imports/mapping.html", batch=batch, mapping=mapping, columns=mapping.columns, targets=targets(batch.kind), units=UNITS,
            lacks=lacking(batch.kind, mapping.fields), needs_period=batch.kind in ("annual", "monthly"), regions=_regions(), case_sources=CASE_SOURCES if batch.kind == "cases" else {}, people=people([batch.created_by]), error=error,
        )
        return page, error.status if error else 200

    @expose("/<int:batch_id>/mapping", methods=["POST"])
    @has_access
    @permission_name("edit")
    def confirm(self, batch_id: int) -> ResponseReturnValue:
        """Lay what was chosen over the guess and ask the worker to check the whole file."""
        batch = _open(batch_id)
        shown, kind = request.form.get("shown_kind"), request.form.get("kind")
        if kind in KINDS and kind != shown:
            return redirect(url_for("ImportsPage.mapping", batch_id=batch.id, kind=kind))
        _turn_into(batch, kind)
        mapping = _mapping_of(batch)
        try:
            mapping = mapping.merge(_said(mapping))
        except CrmError as error:
            return self._mapping(batch, mapping, error)
        if lacks := lacking(batch.kind, mapping.fields):
            return self._mapping(batch, mapping, MissingColumn(f"还没有选哪一列是{'、'.join(lacks)}。"))
        batch.mapping = mapping.to_json()
        return self._ask(batch, "import_check")

    @expose("/<int:batch_id>")
    @has_access
    @permission_name("read")
    def show_batch(self, batch_id: int) -> ResponseReturnValue:
        """The report of the dry run, the progress of a step, or what became of the batch."""
        batch = visible(batch_id)
        if batch.state == "uploaded":
            return redirect(url_for("ImportsPage.mapping", batch_id=batch.id))
        worker = jobs.worker_state(db(), now())
        waiting, failed = progress(batch, run_for(batch), worker)
        mapping = Mapping.from_json(batch.mapping) if batch.mapping else None
        counts = {**dict.fromkeys(("rows", "new", "changed", "same", "duplicate", "rejected"), 0), **(batch.counts or {})}
        return self._show(
            "imports/batch.html", batch=batch, step=_step(batch), waiting=waiting, failed=failed, worker=worker, counts=counts,
            writes=counts["new"] + counts["changed"], mapping=mapping, columns=mapping.columns if mapping else (),
            field_names=field_names(batch.kind), people=people([batch.created_by]), **_findings(batch),
        )

    @expose("/<int:batch_id>/live")
    @has_access
    @permission_name("read")
    def live(self, batch_id: int) -> ResponseReturnValue:
        """What the page asks while a step is under way; `waiting` null: read the page again."""
        batch = visible(batch_id)
        waiting, _ = progress(batch, run_for(batch), jobs.worker_state(db(), now()))
        return jsonify(waiting=waiting and {"state": waiting.state, "done": waiting.done, "total": waiting.total})

    @expose("/<int:batch_id>/apply", methods=["POST"])
    @has_access
    @permission_name("edit")
    def apply(self, batch_id: int) -> ResponseReturnValue:
        """Ask the worker to write a checked batch."""
        return self._ask(visible(batch_id), "import_apply")

    @expose("/<int:batch_id>/undo", methods=["POST"])
    @has_access
    @permission_name("edit")
    def undo(self, batch_id: int) -> ResponseReturnValue:
        """Ask the worker to take an applied batch back."""
        return self._ask(visible(batch_id), "import_undo")

    @expose("/<int:batch_id>/retry", methods=["POST"])
    @has_access
    @permission_name("edit")
    def retry(self, batch_id: int) -> ResponseReturnValue:
        """Ask again for a step that gave up."""
        batch = visible(batch_id)
        failed = progress(batch, run_for(batch), jobs.worker_state(db(), now()))[1]
        if failed is None:
            raise Conflict("这一步还在做，或已经做完，不用重来。请刷新看进度。")
        return self._ask(batch, failed.job)

    @expose("/<int:batch_id>/discard", methods=["POST"])
    @has_access
    @permission_name("edit")
    def discard(self, batch_id: int) -> ResponseReturnValue:
        """Give up a batch that was not applied."""
        batch = visible(batch_id)
        operations.discard(db(), batch.id, data_dir=data_dir())
        audit.record(db(), access(), "import.discard", "import_batch", batch.id)
        db().commit()
        flash(f"已放弃：{batch.file_name}。没有写入任何数据。", "success")
        return redirect(url_for("ImportsPage.index"))

    @expose("/<int:batch_id>/rejected")
    @has_access
    @permission_name("read")
    def rejected(self, batch_id: int) -> ResponseReturnValue:
        """The rejected rows in the shape they came in, to be mended and sent again."""
        batch = visible(batch_id)
        path = queries.rejected_file(db(), batch.id, data_dir())
        if path is None:
            raise NotFound("这一批没有退回的行，或文件已经清理。")
        audit.record(db(), access(), "import.rejected_file", "import_batch", batch.id)
        db().commit()
        stem = batch.file_name.rsplit(".", 1)[0]
        return send_file(path, as_attachment=True, download_name=f"{stem}_退回行{path.suffix}")

    def _ask(self, batch: ImportBatch, job: str) -> ResponseReturnValue:
        """Move the batch on and queue the step, in one transaction."""
        if batch.state not in READY[job] and not gave_up(batch, job):
            raise Conflict(f"这一批现在是“{STATES[batch.state]}”，不能做这一步。请刷新后再看。")
        batch.state, batch.error = GOING[job], None
        queue.enqueue(db(), job, str(batch.id), {"batch_id": batch.id}, by=access().user_id, again=True)
        if job != "import_check":
            audit.record(db(), access(), job.replace("import_", "import."), "import_batch", batch.id, counts=batch.counts)
        db().commit()
        return redirect(url_for("ImportsPage.show_batch", batch_id=batch.id))

    def _show(self, template: str, **context: Any) -> str:
        context.setdefault("worker", jobs.worker_state(db(), now()))
        return self.show(
            template, kinds=KINDS, states=STATES, severities=SEVERITIES, reasons=REASONS, letter=column_letter, facts=file_facts,
            here=address.here, **context,
        )


def _open(batch_id: int) -> ImportBatch:
    """A batch whose columns may still be mapped."""
    batch = visible(batch_id)
    if batch.state not in READY["import_check"] and not gave_up(batch, "import_check"):
        raise Conflict(f"这一批{STATES[batch.state]}，不能再改列的对应。")
    return batch


def _turn_into(batch: ImportBatch, kind: str | None) -> None:
    """The file holds something else than was thought: its columns are guessed anew."""
    if kind in KINDS and kind != batch.kind:
        batch.kind, batch.mapping = kind, None


def _mapping_of(batch: ImportBatch) -> Mapping:
    """What was confirmed before; until then the guess, or what was confirmed for the same heads another time."""
    if batch.state != "uploaded" and batch.mapping:
        return Mapping.from_json(batch.mapping)
    return operations.guess(db(), batch, data_dir=data_dir())


def _said(mapping: Mapping) -> dict[str, Any]:
    """The form's answers in the shape `merge` takes; a column left as guessed is not said again."""
    columns: dict[str, Any] = {}
    for column in mapping.columns:
        field, unit = request.form.get(f"field-{column.index}"), request.form.get(f"unit-{column.index}")
        if field is None:
            continue
        chosen = {"field": field or None, "unit": unit or None}
        if chosen != {"field": column.field, "unit": column.unit}:
            columns[str(column.index)] = chosen
    settings = {name: request.form[name].strip() for name in ("period", "form", "unit", "region", "source") if request.form.get(name, "").strip()}
    return {"columns": columns, **settings}


def _step(batch: ImportBatch) -> int:
    return {"checking": 3, "checked": 3, "failed": 3, "discarded": 3}.get(batch.state, 4)


def _regions() -> list[tuple[str, str]]:
    """Divisions of the jurisdiction down to counties, for files whose firms all lie in one."""
    query = select(Region.code, Region.name).where(Region.level.in_(("city", "county")), access().within(Region.code), Region.valid_to.is_(None))
    return [(code, name) for code, name in db().execute(query.order_by(Region.code).limit(200))]


def _findings(batch: ImportBatch) -> dict[str, Any]:
    """One page of findings with the counts per severity and reason."""
    counts = queries.finding_counts(db(), batch.id)
    groups = {s: counts[s] for s in (*ORDER, *counts) if s in counts}
    severity = address.choice("severity", groups) or next(iter(groups), None)
    reason = address.choice("reason", groups.get(severity or "", {}))
    after = address.whole("after") or 0
    found = queries.findings(db(), batch.id, severity, after, FINDINGS_PAGE + 1, reason) if severity else []
    shown = found[:FINDINGS_PAGE]
    return {
        "groups": groups, "severity": severity, "reason": reason, "findings": shown, "has_rejected": bool(groups.get("rejected")),
        "following": address.here(after=shown[-1].id) + "#findings" if len(found) > FINDINGS_PAGE else None,
        "first": address.here() + "#findings" if after else None,
        "shown_count": groups[severity][reason] if severity and reason else sum(groups.get(severity or "", {}).values()),
        "suspicious": sum(groups.get("suspicious", {}).values()),
        "severity_href": lambda name: address.here(severity=name, reason=None) + "#findings",
    }


views = [ImportsPage]
