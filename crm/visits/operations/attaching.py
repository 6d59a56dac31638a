"""Photos, signatures and files of a visit: recognised by content, pictures encoded anew without EXIF, kept by digest."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from crm.core import prints
from crm.core.db import is_postgresql
from crm.core.uploads import Unreadable, clean_name, digest_of, is_pdf, open_picture, path_of, photo, read_kept, store
from crm.visits.errors import UuidTaken
from crm.visits.models import Attachment, Visit
from crm.visits.operations.logging import editable
from crm.visits.queries import get_visible

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.security.access import Access

ROLES = ("photo", "signature_us", "signature_firm", "file")
MAX_BYTES = {"photo": 20 << 20, "signature_us": 2 << 20, "signature_firm": 2 << 20, "file": 30 << 20}
MAX_COUNT = {"photo": 12, "signature_us": 1, "signature_firm": 1, "file": 10}
SIGNATURE_SIZE = (1200, 600)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came. `uuid` is the client's, so that a repeated upload changes nothing."""

    uuid: str
    role: str
    name: str
    data: bytes
    caption: str | None = None


def attach(session: Session, access: Access, visit_uuid: str, upload: Upload, data_dir: Path, at: datetime) -> Attachment:
    """Keep a file with an unsigned visit. A signature replaces the one before it.

    Raises Unreadable when the content is no JPEG, PNG, WebP (or PDF as a file), or too large; Frozen after sign-off.
    """
    known = _known(session, get_visible(session, access, visit_uuid), upload)
    if known is not None:
        return known  # also after sign-off: the answer to the first message was lost
    visit = editable(session, access, visit_uuid)
    kept, media_type = _accepted(upload)
    _make_room(session, visit, upload.role)
    digest = digest_of(kept)
    store(path_of(data_dir, digest), kept)
    _keep_print(upload.role, kept, digest, data_dir)
    row = {
        "uuid": upload.uuid, "visit_id": visit.id, "role": upload.role, "name": clean_name(upload.name), "caption": (upload.caption or "").strip()[:200] or None,
        "media_type": media_type, "size": len(kept), "sha256": digest, "created_at": at, "created_by": access.user_id,
    }  # fmt: skip
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    new = session.execute(insert(Attachment).values(row).on_conflict_do_nothing(index_elements=["uuid"]).returning(Attachment.id)).scalar()
    session.expire(visit, ["attachments"])
    if new is not None:
        return session.get_one(Attachment, new)
    known = _known(session, visit, upload)  # the same file arrived twice at once
    if known is None:
        raise UuidTaken
    return known


def _known(session: Session, visit: Visit, upload: Upload) -> Attachment | None:
    known = session.scalar(select(Attachment).where(Attachment.uuid == upload.uuid))
    if known is not None and known.visit_id != visit.id:
        raise UuidTaken
    return known


def detach(session: Session, access: Access, visit_uuid: str, attachment_uuid: str) -> None:
    """Take a file from an unsigned visit. The bytes stay on disk until clean-up: another visit may share them."""
    visit = editable(session, access, visit_uuid)
    for attachment in visit.attachments:
        if attachment.uuid == attachment_uuid:
            session.delete(attachment)
            session.flush()
            session.expire(visit, ["attachments"])
            return


def read_bytes(attachment: Attachment, data_dir: Path) -> bytes:
    """The kept bytes; Unreadable when the disk lost or changed them."""
    return read_kept(data_dir, attachment.sha256, attachment.name)


def _keep_print(role: str, kept: bytes, digest: str, data_dir: Path) -> None:
    """What paper takes of a photo or a signature, beside it. It can be made again at any time: nothing is lost with it."""
    make = prints.photo if role == "photo" else prints.ink if role.startswith("signature") else None
    path = _print_path(data_dir, digest, role)
    if make and not path.exists():
        store(path, prints.seal(make(kept)))


def read_print(attachment: Attachment, data_dir: Path) -> bytes | None:
    """The print of a photo or signature; None where there is none (it came before prints were kept) or it is damaged."""
    try:
        return prints.unseal(_print_path(data_dir, attachment.sha256, attachment.role).read_bytes())
    except FileNotFoundError:
        return None


def _print_path(data_dir: Path, digest: str, role: str) -> Path:
    original = path_of(data_dir, digest)
    return original.with_name(f"{digest}.{role.partition('_')[0]}-{prints.RECIPE}")


def _accepted(upload: Upload) -> tuple[bytes, str]:
    if upload.role not in ROLES:
        raise Unreadable("附件类型不对，请刷新页面后重试。", field="role")
    if not upload.data:
        raise Unreadable("文件是空的，请重新选择。", field="file")
    most = MAX_BYTES[upload.role]
    if len(upload.data) > most:
        raise Unreadable(f"文件有 {len(upload.data) / 1048576:.1f} MB，最大 {most >> 20} MB，请压缩后再传。", field="file")
    if upload.role == "file" and is_pdf(upload.data):
        return upload.data, "application/pdf"
    image = open_picture(upload.data)
    return (_signature(image), "image/png") if upload.role.startswith("signature") else (photo(image), "image/jpeg")


def _signature(image: Image.Image) -> bytes:
    """Ink on white paper, so that it reads on a dark page and in print alike."""
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L")
    image.thumbnail(SIGNATURE_SIZE)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _make_room(session: Session, visit: Visit, role: str) -> None:
    if role.startswith("signature"):
        for old in visit.attachments:
            if old.role == role:
                session.delete(old)
        return
    count = session.scalar(select(func.count()).where(Attachment.visit_id == visit.id, Attachment.role == role)) or 0
    if count >= MAX_COUNT[role]:
        raise Unreadable(f"{'照片' if role == 'photo' else '文件'}最多 {MAX_COUNT[role]} 个，请先删掉不用的。", field="file")
