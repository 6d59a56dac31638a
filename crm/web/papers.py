"""Papers to print: the card before a visit, the dispatch slip, records bound together. Asked for here, drawn by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from flask import current_app, jsonify, redirect, request, send_file, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts.models import RULES
from crm.alerts.queries import alerts_of
from crm.cases import queries as cases
from crm.core.clock import now, today
from crm.core.errors import Invalid, NotFound
from crm.criteria.explain import explain
from crm.criteria.store import verdict_of
from crm.enterprises import queries as enterprises
from crm.jobs import operations as queue
from crm.jobs import queries as jobs
from crm.jobs.rendering import BIND
from crm.reports import binding, papers
from crm.reports.before_visit import briefing_of
from crm.reports.operations import read_pdf
from crm.reports.parts import VARIANTS
from crm.security import audit
from crm.visits.operations.policies import worth_mentioning
from crm.visits.queries import uuids_of
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page, access, db
from crm.web.visits.filters import visit_filters

if TYPE_CHECKING:
    import uuid
    from pathlib import Path

    from flask.typing import ResponseReturnValue

    from crm.reports.models import Paper


@dataclass(frozen=True, slots=True)
class State:
    """How far a paper is: `state` is ready | waiting | no_worker | failed."""

    state: str
    text: str


class PapersPage(Page):
    """Ask, wait, open. A paper is seen by those who see what it is about."""

    route_base = "/papers"
    permits = {"read": STAFF}

    @expose("/briefing/<int:enterprise_id>", methods=["POST"])
    @has_access
    @permission_name("read")
    def briefing(self, enterprise_id: int) -> ResponseReturnValue:
        """走访前一页纸 of a firm as of today."""
        firm = enterprises.get_visible(db(), access(), enterprise_id)
        pack = pack_for(firm.region_code)
        warned = [
            {"level": a.level, "rule": RULES.get(a.rule, a.rule), "text": a.headline} for a in alerts_of(db(), access(), firm.id) if a.level != "green"
        ]
        verdict = verdict_of(db(), firm.id, pack)
        offers = worth_mentioning(explain(verdict.pack, verdict.row, verdict.as_of)) if verdict else []
        policies = [{"title": p.title, "why": p.why, "draft": p.draft} for p in offers]
        content = briefing_of(db(), access(), firm, pack, today(), alerts=warned, policies=policies)
        paper = papers.ask(
            db(), "briefing", f"enterprise:{firm.id}", f"走访前一页纸 {firm.name} {today()}", content, by=access().user_id, at=now(), unit=unit_of(pack)
        )
        return _queue(paper, firm.region_code)

    @expose("/slip/<uuid:key>", methods=["POST"])
    @has_access
    @permission_name("read")
    def slip(self, key: uuid.UUID) -> ResponseReturnValue:
        """交办单 of a case that has a unit."""
        case = cases.get_visible(db(), access(), str(key))
        if not case.lead_unit:
            raise Invalid("这条诉求还没有交办，先交办再打印。")
        pack = pack_for(case.enterprise.region_code)
        content = cases.dispatch_slip_of(db(), access(), case.uuid, pack.cases, today())
        paper = papers.ask(db(), "slip", f"case:{case.uuid}", f"交办单 {case.number}", content, by=access().user_id, at=now(), unit=unit_of(pack))
        return _queue(paper, case.enterprise.region_code)

    @expose("/visits", methods=["POST"])
    @has_access
    @permission_name("read")
    def bind(self) -> ResponseReturnValue:
        """Signed records of the list's filters as one PDF or a ZIP, made in the background."""
        form, variant = request.form.get("form", "pdf"), request.form.get("variant", "full")
        if form not in binding.FORMS or variant not in VARIANTS:
            raise Invalid("请选择文件形式和版式。")
        wanted, _, _, _ = visit_filters(signed=True)
        most = binding.MOST[form]
        found = uuids_of(db(), access(), wanted, most + 1)
        if not found:
            raise Invalid("这些条件下没有已签发的走访记录。请换一个时间段，或先签发。")
        if len(found) > most:
            raise Invalid(f"这些条件下的记录超过 {most:,} 份。请缩短时间段，或改选 ZIP（最多 {binding.MOST['zip']:,} 份）。")
        title = f"走访记录合订 {len(found)} 份 {today()}"
        paper = papers.ask(
            db(), "bound", f"visits:{access().user_id}", title, {"visits": found, "form": form, "variant": variant}, by=access().user_id, at=now()
        )
        return _queue(paper, None, BIND)

    @expose("/<uuid:key>")
    @has_access
    @permission_name("read")
    def show_paper(self, key: uuid.UUID) -> ResponseReturnValue:
        """Where it is; once it is there, the link."""
        paper = _visible(key)
        return self.show("papers/paper.html", p=paper, at=state_of(paper), kinds=papers.KINDS, back=_back(paper))

    @expose("/<uuid:key>/state")
    @has_access
    @permission_name("read")
    def state(self, key: uuid.UUID) -> ResponseReturnValue:
        """`{"state", "text"}` for the waiting page."""
        at = state_of(_visible(key))
        return jsonify(state=at.state, text=at.text)

    @expose("/<uuid:key>/again", methods=["POST"])
    @has_access
    @permission_name("read")
    def again(self, key: uuid.UUID) -> ResponseReturnValue:
        """Make it once more after a failure."""
        paper = _visible(key)
        return _queue(paper, None, _job(paper))

    @expose("/<uuid:key>/file")
    @has_access
    @permission_name("read")
    def file(self, key: uuid.UUID) -> ResponseReturnValue:
        """The file; while it is not there, back to the page that says so."""
        paper = _visible(key)
        data = read_pdf(paper, _data_dir()) if paper.path else None
        if data is None:
            return redirect(url_for("PapersPage.show_paper", key=key))
        audit.record(db(), access(), "paper.print", "paper", paper.uuid, kind=paper.kind, subject=paper.subject)
        db().commit()
        is_zip = paper.media_type == "application/zip"
        name = f"{paper.title}.{'zip' if is_zip else 'pdf'}"
        return send_file(BytesIO(data), paper.media_type, as_attachment=is_zip or "download" in request.args, download_name=name, max_age=0)


def _visible(key: uuid.UUID) -> Paper:
    """A paper about something the user sees; one of bound records is its maker's alone."""
    paper = papers.get(db(), str(key))
    about, _, what = paper.subject.partition(":")
    if about == "enterprise":
        enterprises.get_visible(db(), access(), int(what))
    elif about == "case":
        cases.get_visible(db(), access(), what)
    elif about != "visits" or paper.asked_by != access().user_id:
        raise NotFound("没有这份文书，或者它不归您看。")
    return paper


def _queue(paper: Paper, region_code: str | None, job: str = papers.JOB) -> ResponseReturnValue:
    """Have it made unless it is there, and show how far it is."""
    if not (paper.path and (_data_dir() / paper.path).is_file()):
        queue.enqueue(db(), job, papers.job_key(paper), {"paper_id": paper.id}, access().user_id, at=now(), again=True)
        audit.record(db(), access(), "paper.ask", "paper", paper.uuid, region_code, kind=paper.kind, subject=paper.subject)
    db().commit()
    return redirect(url_for("PapersPage.show_paper", key=paper.uuid), 303)


def state_of(paper: Paper) -> State:
    """How far a paper is, in words."""
    if paper.path and (_data_dir() / paper.path).is_file():
        pages = f"{paper.pages} 页，" if paper.pages else ""
        return State("ready", f"{pages}{(paper.size or 0) / 1024:,.0f} KB")
    run = jobs.run_of(db(), _job(paper), papers.job_key(paper))
    if run is not None and run.state in ("failed", "cancelled"):
        last = (run.error or "").strip().splitlines()
        return State("failed", f"没有生成：{last[-1] if last else '任务被取消'}")
    if run is None or run.state == "done":
        return State("failed", "文件不在了，请重新生成。")
    if not jobs.worker_state(db(), now()).alive:
        return State("no_worker", "后台没有运行，文件在排队。请管理员启动后台（run.py worker）。")
    if run.state == "running" and run.total:
        return State("waiting", f"正在生成：第 {min(run.done + 1, run.total)} 份，共 {run.total} 份。")
    return State("waiting", "正在生成，一般几秒钟。" if run.state == "running" else "在排队，一般几秒钟。")


def unit_of(pack: Any) -> str:
    """The unit whose name heads a paper; the setting goes before the pack."""
    settings = current_app.extensions["crm_settings"]
    return str(settings.unit_name or (pack.visit.unit_name if pack.visit else "助企服务工作专班"))


def _job(paper: Paper) -> str:
    return BIND if paper.kind == "bound" else papers.JOB


def _back(paper: Paper) -> str:
    about, _, what = paper.subject.partition(":")
    if about == "enterprise":
        return url_for("EnterprisePage.show_firm", enterprise_id=int(what))
    return url_for("CasesPage.show_case", key=what) if about == "case" else url_for("VisitsPage.index")


def _data_dir() -> Path:
    return current_app.extensions["crm_settings"].data_dir  # type: ignore[no-any-return]


views = [PapersPage]
