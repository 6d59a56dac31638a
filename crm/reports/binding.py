"""Many signed records as one file: a PDF to print, or a ZIP of the originals with a list of contents.

Each record is made, or found made, on its own: a run that is cut short goes on where it stopped.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from sqlalchemy.orm import joinedload

from crm.core.clock import local
from crm.core.errors import CrmError, NotFound
from crm.reports.models import Paper
from crm.reports.operations import keep, read_pdf, ready
from crm.reports.sheets import csv_rows
from crm.visits.models import KINDS, Visit
from crm.visits.queries import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.security.access import Access

MOST = {"pdf": 500, "zip": 2000}  # records a file
FORMS = {"pdf": "一个 PDF", "zip": "ZIP（逐份原件）"}
EARLIEST = (1980, 1, 1, 0, 0, 0)


def signed(session: Session, access: Access, uuids: Sequence[str]) -> list[Visit]:
    """Those of the visits that are signed and that the user may see now, oldest first."""
    found: list[Visit] = []
    for start in range(0, len(uuids), 500):
        query = visible(access).where(Visit.uuid.in_(uuids[start : start + 500]), Visit.signed_at.is_not(None)).options(joinedload(Visit.enterprise))
        found += session.scalars(query).all()
    return sorted(found, key=lambda v: (v.started_at, v.id))


def bound_paper(session: Session, paper_id: int) -> Paper:
    """The paper to make: content {visits [uuid], form, variant}."""
    paper = session.get(Paper, paper_id)
    if paper is None:
        raise NotFound("没有这份合订。")
    return paper


def assemble(session: Session, paper_id: int, access: Access, failed: Mapping[int, str], data_dir: Path, at: datetime) -> Paper:
    """Put the records that were made (and kept) into one file. `failed`: visit id -> why; they are listed, not lost."""
    paper = bound_paper(session, paper_id)
    visits = signed(session, access, paper.content["visits"])
    made = [(v, data) for v in visits if v.id not in failed and (data := _bytes_of(session, v, paper.content["variant"], data_dir))]
    if not made:
        raise CrmError(f"没有一份记录能生成。第一份的原因：{next(iter(failed.values()), '没有您能看到的已签发记录')}")
    missing = [(v, failed.get(v.id, "文件不在了，请重新生成")) for v in visits if v.id not in {m.id for m, _ in made}]
    is_zip = paper.content["form"] == "zip"
    data, pages = (_zip(made, missing), None) if is_zip else _joined(made)
    paper.media_type, paper.size, paper.pages, paper.made_at = "application/zip" if is_zip else "application/pdf", len(data), pages, at
    paper.sha256, paper.path = keep(data_dir, data, "zip" if is_zip else "pdf")
    session.flush()
    return paper


def _bytes_of(session: Session, visit: Visit, variant: str, data_dir: Path) -> bytes | None:
    record = ready(session, visit, variant)
    return read_pdf(record, data_dir) if record else None


def _joined(made: list[tuple[Visit, bytes]]) -> tuple[bytes, int]:
    """One file in the order of the visits, a bookmark for each; for printing: the originals alone are PDF/A and sealed."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for visit, data in made:
        record = PdfReader(io.BytesIO(data))
        for page in record.pages:  # a seal holds for its own file alone: in another it would read as broken
            page.pop("/Annots", None)
        record.root_object.pop("/AcroForm", None)
        writer.append(record, outline_item=_name(visit), import_outline=False)
    writer.add_metadata({"/Producer": "企阶", "/Title": f"走访记录合订（{len(made)} 份）"})
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue(), len(writer.pages)


def _zip(made: list[tuple[Visit, bytes]], missing: list[tuple[Visit, str]]) -> bytes:
    """The originals, stored as they are, with 目录.csv; entries bear no clock time, so the same records give the same file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("目录.csv", EARLIEST), _contents(made, missing))
        for visit, data in made:
            archive.writestr(zipfile.ZipInfo(f"{_name(visit)}.pdf", EARLIEST), data)
    return out.getvalue()


def _contents(made: list[tuple[Visit, bytes]], missing: list[tuple[Visit, str]]) -> bytes:
    listed = [*((v, f"{_name(v)}.pdf", "") for v, _ in made), *((v, "", why) for v, why in missing)]
    rows = [(v.number, v.enterprise.name, f"{local(v.started_at):%Y-%m-%d %H:%M}", KINDS[v.kind], file, reason) for v, file, reason in listed]
    return b"".join(csv_rows(("编号", "企业", "走访时间", "方式", "文件", "没有生成的原因"), rows))


def _name(visit: Visit) -> str:
    """A file name on every system."""
    return "".join("_" if c in '\\/:*?"<>|\r\n\t' else c for c in f"{visit.number} {visit.enterprise.name}")[:120]
