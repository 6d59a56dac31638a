"""Papers beside the visit record: fixed when they are asked for, drawn by the worker, kept under their digest."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.core.errors import NotFound
from crm.reports.fonts import CharactersMissing, missing_characters
from crm.reports.models import Paper
from crm.reports.operations import keep
from crm.reports.view import text_of
from crm.visits.operations.signing import code_for_people, digest_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.reports.pool import RenderPool

JOB = "render_paper"
"""Name of the queued job; payload {"paper_id": int}, key `job_key(paper)`."""
KINDS = {"briefing": "走访前一页纸", "slip": "交办单", "bound": "走访记录合订"}

PRINTED = ("briefing", "slip")
"""Kinds that bear a check code."""


def ask(session: Session, kind: str, subject: str, title: str, content: dict[str, Any], *, by: int | None, at: datetime, unit: str = "") -> Paper:
    """The paper of this content: the one asked for before, or a new row. Whoever draws it reads nothing else."""
    digest = digest_of(content)
    found = session.scalar(select(Paper).where(Paper.kind == kind, Paper.subject == subject, Paper.content_digest == digest))
    if found is None:
        found = Paper(
            uuid=str(uuid.uuid4()), kind=kind, subject=subject, title=title[:160], unit=unit, content=content, content_digest=digest,
            check_code=digest[:16].upper(), asked_by=by, asked_at=at,
        )  # fmt: skip
        session.add(found)
        session.flush()
    return found


def job_key(paper: Paper) -> str:
    """One run per paper."""
    return f"paper:{paper.id}"


def get(session: Session, key: str) -> Paper:
    """The paper of an address; whether the asker may see it is its subject's business. Raises NotFound."""
    found = session.scalar(select(Paper).where(Paper.uuid == key))
    if found is None:
        raise NotFound("没有这份文书，请回到原页面重新生成。")
    return found


def by_check_code(session: Session, code: str) -> Paper | None:
    """The paper a check code belongs to: for the open verification page."""
    return session.scalar(select(Paper).where(Paper.check_code == code).order_by(Paper.id).limit(1))


def make(session: Session, paper_id: int, pool: RenderPool, data_dir: Path, verify_base: str, at: datetime) -> Paper:
    """Draw a paper and keep it; one that is there already is left as it is.

    Raises CharactersMissing and RenderFailed with what to do.
    """
    paper = session.get(Paper, paper_id)
    if paper is None:
        raise NotFound("没有这份文书。")
    if paper.path and (data_dir / paper.path).is_file():
        return paper
    data = sheet_of(paper, verify_base)
    if missing := missing_characters(pool.fonts, text_of(paper.content)):
        raise CharactersMissing(missing, data_dir / "fonts" / "custom")
    rendered = pool.render(data, {}, kind=paper.kind)
    paper.sha256, paper.path = keep(data_dir, rendered.pdf, "pdf")
    paper.size, paper.pages, paper.made_at = len(rendered.pdf), rendered.pages, at
    session.flush()
    return paper


def sheet_of(paper: Paper, verify_base: str) -> dict[str, Any]:
    """What the rendering process takes: the content with digest, check code, verification address and the instant of asking."""
    return {
        **paper.content, "digest": paper.content_digest, "check_code": code_for_people(paper.check_code),
        "verify_url": f"{verify_base}/v/{paper.check_code}", "asked_at": paper.asked_at.isoformat(), "unit": paper.unit, "paper_title": paper.title,
    }  # fmt: skip
