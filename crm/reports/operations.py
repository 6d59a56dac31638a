"""Make the PDF of a signed visit and keep it under its digest. The same record made again gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from crm.core.errors import NotFound
from crm.reports.fonts import CharactersMissing, missing_characters
from crm.reports.models import RenderedRecord
from crm.reports.pictures import READY
from crm.reports.view import text_of
from crm.visits.models import Visit
from crm.visits.operations import read_bytes
from crm.visits.operations.attaching import read_print
from crm.visits.operations.signing import record_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.reports.models import Paper
    from crm.reports.pool import RenderPool
    from crm.reports.render import Rendered
    from crm.reports.seal import Seal
    from crm.visits.models import Attachment

JOB = "render_record"
"""Name of the queued job; payload {"visit_id": int}, key `job_key(visit)`."""


def job_key(visit: Visit, variant: str = "full") -> str:
    """One run per frozen content and variant."""
    return f"visit:{visit.id}:{(visit.digest or '')[:16]}" + ("" if variant == "full" else f":{variant}")


def ready(session: Session, visit: Visit, variant: str = "full") -> RenderedRecord | None:
    """The finished PDF of this content, if there is one."""
    query = select(RenderedRecord).where(
        RenderedRecord.visit_id == visit.id, RenderedRecord.content_digest == visit.digest, RenderedRecord.variant == variant
    )
    return session.scalar(query.order_by(RenderedRecord.id.desc()).limit(1))


def sealed_by(session: Session, visit: Visit) -> str | None:
    """Whose seal the newest PDF of this content bears; '' where it bears none, None where there is no PDF yet."""
    query = select(RenderedRecord.sealed_by).where(RenderedRecord.visit_id == visit.id, RenderedRecord.content_digest == visit.digest)
    found = session.execute(query.order_by(RenderedRecord.made_at.desc(), RenderedRecord.id.desc()).limit(1)).first()
    return None if found is None else found[0] or ""


def make_record(
    session: Session, visit_id: int, pool: RenderPool, data_dir: Path, verify_base: str, at: datetime, variant: str = "full", seal: Seal | None = None
) -> RenderedRecord:
    """Render a signed visit and keep the file; a content that was rendered before is not rendered again.

    Raises NotSigned for an unsigned visit, CharactersMissing and RenderFailed with what to do.
    """
    visit = session.scalar(select(Visit).where(Visit.id == visit_id).options(selectinload(Visit.attachments)))
    if visit is None:
        raise NotFound("没有这次走访。")
    done = ready(session, visit, variant)
    if done is not None and (data_dir / done.path).is_file():
        return done
    rendered = draw(visit, pool, data_dir, verify_base, variant, seal)
    digest, path = keep(data_dir, rendered.pdf, "pdf")
    if done is None:
        done = RenderedRecord(visit_id=visit.id, content_digest=visit.digest, variant=variant)
        session.add(done)
    done.sealed_by = f"{seal.holder}（{seal.issuer} 颁发）"[:200] if seal and _bears(seal, visit) else None
    done.sha256, done.size, done.pages, done.path, done.made_at = digest, len(rendered.pdf), rendered.pages, path, at
    session.flush()
    return done


def draw(visit: Visit, pool: RenderPool, data_dir: Path, verify_base: str, variant: str = "full", seal: Seal | None = None) -> Rendered:
    """The PDF of a signed visit whose attachments are loaded, not kept anywhere; sealed where the certificate was valid at sign-off."""
    record = record_of(visit, verify_base) | ({} if variant == "full" else {"variant": variant})
    if missing := missing_characters(pool.fonts, printable(record)):
        raise CharactersMissing(missing, data_dir / "fonts" / "custom")
    shown = {a.uuid: a for a in visit.attachments}
    photos = record["photos"] if variant == "full" else []
    wanted = [p["id"] for p in (*photos, *record["signatures"])]
    pictures = dict(_picture(shown[key], data_dir) for key in wanted if key in shown)
    if seal is None or not _bears(seal, visit):
        return pool.render(record, pictures)
    gap = seal.gap(f"{record['digest']} {variant}", datetime.fromisoformat(record["signed_at"]))
    rendered = pool.render({**record, "seal": gap}, pictures)
    return replace(rendered, pdf=seal.fill(rendered.pdf, gap["mark"]))


def _bears(seal: Seal, visit: Visit) -> bool:
    return visit.signed_at is not None and seal.covers(visit.signed_at)


def _picture(attachment: Attachment, data_dir: Path) -> tuple[str, bytes]:
    """The print where it was made when the picture came, else the picture; Unreadable when that was lost or changed."""
    original = read_bytes(attachment, data_dir)
    ready_made = read_print(attachment, data_dir)
    return (attachment.uuid, original) if ready_made is None else (READY + attachment.uuid, ready_made)


def printable(record: dict[str, Any]) -> str:
    """The characters a record prints."""
    return text_of({k: v for k, v in record.items() if k not in ("digest", "verify_url", "verify_base", "uuid")})


def read_pdf(record: RenderedRecord | Paper, data_dir: Path) -> bytes | None:
    """The kept bytes; None when the file is gone or not what was made: it is then made again."""
    try:
        data = (data_dir / (record.path or "")).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None
    return data if hashlib.sha256(data).hexdigest() == record.sha256 else None


def keep(data_dir: Path, data: bytes, suffix: str) -> tuple[str, str]:
    """Store bytes under their digest, durably; returns the digest and the path relative to `data_dir`."""
    digest = hashlib.sha256(data).hexdigest()
    path = Path("records") / digest[:2] / f"{digest}.{suffix}"
    _store(data_dir / path, data)
    return digest, path.as_posix()


def _store(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    Path(draft).replace(path)
