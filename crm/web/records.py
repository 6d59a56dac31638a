"""Verification: the open page a record's QR code leads to. It tells number, day, unit and whether the content is intact."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import current_app, redirect, request, url_for
from flask_appbuilder import expose

from crm.core.clock import local, now
from crm.reports import papers
from crm.reports.operations import sealed_by
from crm.visits.operations.signing import code_for_people, digest_of
from crm.visits.queries import by_check_code
from crm.web.page import Page, db

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

CODE = re.compile(r"[0-9A-F]{16}")
RATE = "30 per minute"


class RecordsPage(Page):
    """Open to everybody, slow to guess: a code is 64 bits and an address may ask thirty times a minute."""

    route_base = "/v"
    permits = {}

    @expose("/")
    @expose("/<code>")
    def verify(self, code: str = "") -> ResponseReturnValue:
        """Check a code. Says three facts of a signed record and nothing of the firm or the visit."""
        typed = code or request.args.get("code", "")
        bare = re.sub(r"[^0-9A-F]", "", typed.upper()[:64])
        if not code and CODE.fullmatch(bare):
            return redirect(url_for("RecordsPage.verify", code=bare))
        if not typed:
            return self.show("records/verify.html", state="ask", code="")
        with current_app.appbuilder.sm.limiter.limit(RATE):  # type: ignore[attr-defined]
            visit = by_check_code(db(), bare) if CODE.fullmatch(bare) else None
            paper = papers.by_check_code(db(), bare) if visit is None and CODE.fullmatch(bare) else None
        if paper is not None and paper.kind in papers.PRINTED:
            return self.show(
                "records/verify.html", state="intact" if digest_of(paper.content) == paper.content_digest else "changed", code=code_for_people(bare),
                number=papers.KINDS[paper.kind], day=local(paper.asked_at).date(), unit=paper.unit, checked=local(now()),
            )  # fmt: skip
        if visit is None or visit.frozen is None or visit.signed_at is None:
            return self.show("records/verify.html", state="none", code=typed[:24]), 404
        intact = digest_of(visit.frozen) == visit.digest
        return self.show(
            "records/verify.html", state="intact" if intact else "changed", code=code_for_people(bare), number=visit.number,
            day=local(visit.signed_at).date(), unit=visit.frozen["unit"], checked=local(now()), sealed=sealed_by(db(), visit),
        )  # fmt: skip


views = [RecordsPage]
