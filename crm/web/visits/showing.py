"""One visit: what was recorded, sign-off, its PDF, supplements, attachments."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from flask import current_app, flash, jsonify, redirect, request, send_file, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.cases import queries as cases
from crm.cases.models import KINDS as CASE_KINDS
from crm.core.clock import local, now
from crm.core.errors import Invalid, NotFound
from crm.core.uploads import ENDINGS, download_name
from crm.jobs import operations as queue
from crm.jobs import queries as jobs
from crm.reports import fonts
from crm.reports import operations as records
from crm.reports.parts import VARIANTS
from crm.security import audit
from crm.visits import queries
from crm.visits.errors import NotSigned
from crm.visits.models import KINDS
from crm.visits.operations import read_bytes, sign_off, supplement
from crm.visits.operations.freezing import told_of
from crm.visits.operations.policies import explained
from crm.visits.operations.signing import code_for_people, record_of
from crm.visits.operations.standing import ladder_status
from crm.visits.schemas import Letterhead
from crm.web import address
from crm.web.headers import sandboxed
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page, access, db, wants_json
from crm.web.visits.editing import WRITERS
from crm.web.visits.words import names_of

if TYPE_CHECKING:
    import uuid
    from pathlib import Path

    from flask.typing import ResponseReturnValue

    from crm.visits.models import Attachment, Visit

INLINE = frozenset({"image/jpeg", "image/png"})  # encoded by us; anything else is only ever downloaded


@dataclass(frozen=True, slots=True)
class Paper:
    """Where the PDF is: `state` is unsigned | ready | waiting | no_worker | failed."""

    state: str
    text: str
    pages: int = 0
    size: int = 0


class VisitPage(Page):
    """One visit."""

    route_base = "/visits"
    permits = {"read": STAFF, "write": WRITERS}

    @expose("/<uuid:key>")
    @has_access
    @permission_name("read")
    def show_visit(self, key: uuid.UUID) -> str:
        """The visit as it stands, or as it was signed."""
        visit = queries.get_visible(db(), access(), str(key))
        who, added = access(), queries.supplements(db(), visit.id)
        ladder = (visit.frozen or {}).get("ladder") if visit.signed_at else None
        pack = pack_for(visit.enterprise.region_code)
        return self.show(
            "visits/visit.html", v=visit, kinds=KINDS, local=local, campaigns=queries.campaigns_of(db(), who, visit), cases=cases.of_visit(db(), visit.id), case_kinds=CASE_KINDS,
            photos=[a for a in visit.attachments if a.role == "photo"], files=[a for a in visit.attachments if a.role == "file"],
            inks=[a for a in visit.attachments if a.role.startswith("signature")], told=told_of(visit), added=added,
            people=names_of(db(), [visit.author_id, visit.signed_by, *(s.author_id for s in added)]), ladder=ladder,
            current=None if visit.signed_at else ladder_status(db(), visit.enterprise_id, pack), sheet=pack.visit,
            policies=(visit.frozen or {}).get("policies") if visit.signed_at else explained(pack, visit.policies or []), paper=paper_of(visit), variants=VARIANTS, asked=_asked_variant(visit), code=code_for_people(visit.check_code or ""),
            may_edit=who.has(*WRITERS) and visit.signed_at is None and (visit.author_id == who.user_id or who.has("manager")), may_write=who.has(*WRITERS),
        )  # fmt: skip

    @expose("/<uuid:key>/sign", methods=["POST"])
    @has_access
    @permission_name("write")
    def sign(self, key: uuid.UUID) -> ResponseReturnValue:
        """签发: number, freeze, ask the worker for the PDF."""
        visit = queries.get_visible(db(), access(), str(key))
        pack, data_dir = pack_for(visit.enterprise.region_code), _data_dir()
        problems = [
            {"kind": CASE_KINDS.get(c.kind, ""), "urgency": c.urgency, "title": c.title, "detail": c.detail, "lead_unit": c.lead_unit,
             "due_on": c.due_on.isoformat() if c.due_on else None}
            for c in cases.of_visit(db(), visit.id)
        ]  # fmt: skip
        ladder = ladder_status(db(), visit.enterprise_id, pack)
        version = request.form.get("version", "")
        signed = sign_off(
            db(), access(), visit.uuid, int(version) if version.isdecimal() and len(version) < 9 else 0, letterhead=letterhead(visit),
            ladder=ladder, problems=problems, policies=explained(pack, visit.policies or []), at=now(),
        )  # fmt: skip
        _check_characters(signed, data_dir)
        _ask(signed)
        db().commit()
        flash(f"已签发，编号 {signed.number}。PDF 正在生成。", "success")
        return redirect(url_for("VisitPage.show_visit", key=visit.uuid), 303)

    @expose("/<uuid:key>/supplements", methods=["POST"])
    @has_access
    @permission_name("write")
    def add_supplement(self, key: uuid.UUID) -> ResponseReturnValue:
        """Add a word to a signed record."""
        try:
            supplement(db(), access(), str(key), request.form.get("text", ""), now())
        except Invalid as error:
            if wants_json():
                raise
            db().rollback()
            flash(error.message, "danger")
            return redirect(url_for("VisitPage.show_visit", key=key, _anchor="supplements"), 303)
        db().commit()
        return redirect(url_for("VisitPage.show_visit", key=key, _anchor="supplements"), 303)

    @expose("/<uuid:key>/record")
    @has_access
    @permission_name("read")
    def record_state(self, key: uuid.UUID) -> ResponseReturnValue:
        """Whether the PDF is there: `{"state", "text", "url"}`."""
        variant = address.choice("variant", VARIANTS) or "full"
        paper = paper_of(queries.get_visible(db(), access(), str(key)), variant)
        there = url_for("VisitPage.record_file", key=key, variant=variant) if paper.state == "ready" else None
        return jsonify(state=paper.state, text=paper.text, url=there)

    @expose("/<uuid:key>/record", methods=["POST"])
    @has_access
    @permission_name("write")
    def make_record(self, key: uuid.UUID) -> ResponseReturnValue:
        """Ask for the PDF, or for a shorter variant of it; one that is there already is opened."""
        visit = queries.get_visible(db(), access(), str(key))
        variant = request.form.get("variant", "full")
        if visit.signed_at is None:
            raise NotSigned
        if variant not in VARIANTS:
            raise Invalid("请选择版式。")
        if variant != "full" and paper_of(visit, variant).state == "ready":
            return redirect(url_for("VisitPage.record_file", key=key, variant=variant), 303)
        _ask(visit, variant)
        db().commit()
        return redirect(url_for("VisitPage.show_visit", key=key, variant=None if variant == "full" else variant), 303)

    @expose("/<uuid:key>/record.pdf")
    @has_access
    @permission_name("read")
    def record_file(self, key: uuid.UUID) -> ResponseReturnValue:
        """The PDF; while it is not there yet, back to the visit, which says so."""
        visit = queries.get_visible(db(), access(), str(key))
        variant = address.choice("variant", VARIANTS) or "full"
        record = records.ready(db(), visit, variant)
        data = records.read_pdf(record, _data_dir()) if record else None
        if data is None:
            return redirect(url_for("VisitPage.show_visit", key=key))
        audit.record(db(), access(), "visit.print", "visit", visit.uuid, visit.enterprise.region_code, number=visit.number)
        db().commit()
        name = f"{visit.number}_{visit.enterprise.name}.pdf"
        return send_file(BytesIO(data), "application/pdf", as_attachment="download" in request.args, download_name=name, max_age=0)

    @expose("/files/<uuid:key>")
    @has_access
    @permission_name("read")
    def attachment(self, key: uuid.UUID) -> ResponseReturnValue:
        """A photo, signature or file by id. Pictures we encoded are shown, the rest is downloaded."""
        found = queries.get_attachment(db(), access(), str(key))
        return sandboxed(send_file(
            BytesIO(read_bytes(found, _data_dir())), found.media_type, as_attachment=not _may_show(found), download_name=_file_name(found), max_age=0,
        ))  # fmt: skip


def paper_of(visit: Visit, variant: str = "full") -> Paper:
    """Where the PDF of a visit is, in words."""
    if visit.signed_at is None:
        return Paper("unsigned", "签发后生成 PDF。")
    record = records.ready(db(), visit, variant)
    if record is not None and (_data_dir() / record.path).is_file():
        return Paper("ready", f"{record.pages} 页，{record.size / 1024:.0f} KB", record.pages, record.size)
    run = jobs.run_of(db(), records.JOB, records.job_key(visit, variant))
    if run is not None and run.state in ("failed", "cancelled"):
        last = (run.error or "").strip().splitlines()
        return Paper("failed", f"没有生成：{last[-1] if last else '任务被取消'}")
    if run is None or run.state == "done":
        return Paper("failed", "文件不在了，请重新生成。")
    worker = jobs.worker_state(db(), now())
    if not worker.alive:
        return Paper("no_worker", "后台没有运行，PDF 在排队。请管理员启动后台（run.py worker）。")
    return Paper("waiting", "正在生成 PDF，一般几秒钟。" if run.state == "running" else "PDF 在排队，一般几秒钟。")


def _asked_variant(visit: Visit) -> tuple[str, Paper] | None:
    """The shorter variant somebody has just asked for, and where it is."""
    variant = address.choice("variant", VARIANTS)
    return (variant, paper_of(visit, variant)) if visit.signed_at and variant and variant != "full" else None


def letterhead(visit: Visit) -> Letterhead:
    """Unit and series of the firm's place; the setting goes before the pack."""
    settings = current_app.extensions["crm_settings"]
    sheet = pack_for(visit.enterprise.region_code).visit
    fields = {f.id: (f.label, f.unit) for f in sheet.fields} if sheet else {}
    unit = settings.unit_name or (sheet.unit_name if sheet else "助企服务工作专班")
    layout = {"title": sheet.record_title, **sheet.record.model_dump(mode="json", exclude_defaults=True)} if sheet else {}
    notice = {"notice": layout["notice"]} if layout.get("notice") else {}
    return Letterhead(
        unit, sheet.series if sheet else "助企", fields={**fields, "kept": ("上次承诺已兑现", None)}, verify_base=settings.base_url, layout=layout, **notice
    )


def _data_dir() -> Path:
    return current_app.extensions["crm_settings"].data_dir  # type: ignore[no-any-return]


def _check_characters(visit: Visit, data_dir: Path) -> None:
    """Refuse while it can still be put right; where the faces were not made yet, the worker finds out."""
    known = fonts.existing(data_dir)
    if known is None:
        return
    missing = fonts.missing_characters(known, records.printable(record_of(visit, "")))
    if missing:
        db().rollback()
        raise fonts.CharactersMissing(missing)


def _ask(visit: Visit, variant: str = "full") -> None:
    payload = {"visit_id": visit.id, "variant": variant}
    queue.enqueue(db(), records.JOB, records.job_key(visit, variant), payload, access().user_id, at=now(), again=True)


def _may_show(found: Attachment) -> bool:
    return found.media_type in INLINE and "download" not in request.args


def _file_name(found: Attachment) -> str:
    """The original name with the ending of what it is now."""
    if found.media_type not in ENDINGS:
        raise NotFound("没有这个附件。")
    return download_name(found.name, found.media_type)
