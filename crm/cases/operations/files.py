"""Files that come with a step of a case: photos, PDF and Office papers. Judged before anything is written, kept with the step."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from crm.cases.models import CaseFile
from crm.core.uploads import MAX_PIXELS, THUMB_EDGE, Unreadable, clean_name, digest_of, document_type, open_picture, path_of, photo, store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.cases.models import Case, CaseEvent

MAX_OF_CASE = 60
PHOTO = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come with one step."""

    count: int
    size: int
    pixels: int = MAX_PIXELS
    photos_only: bool = False


STAFF_FILES = Limits(6, 20 << 20)
FIRM_FILES = Limits(4, 10 << 20, 40 << 20, photos_only=True)
"""Through the open form: nobody knows who sends."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed in with a step, by what limits, and where it is kept."""

    uploads: Sequence[Upload]
    data_dir: Path
    limits: Limits = STAFF_FILES


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file that will be kept: a photo encoded anew with a small picture of it, or a paper as it came."""

    name: str
    media_type: str
    data: bytes
    thumb: bytes | None = None


def accept(handed: Handed | None) -> list[Accepted]:
    """Judge every file; Unreadable names the one that cannot be taken. Nothing is written yet."""
    if handed is None or not handed.uploads:
        return []
    if len(handed.uploads) > handed.limits.count:
        raise Unreadable(f"一次最多 {handed.limits.count} 个附件，您选了 {len(handed.uploads)} 个，请少选几个。", field="files")
    return [_accepted(upload, handed.limits) for upload in handed.uploads]


def _accepted(upload: Upload, limits: Limits) -> Accepted:
    name = clean_name(upload.name)
    try:
        return _judged(name, upload.data, limits)
    except Unreadable as error:
        kinds = "请用 JPEG、PNG 或 WebP 照片。" if limits.photos_only else "可以附照片（JPEG、PNG、WebP）、PDF 和 Office 文件。"
        message = f"打不开这个文件。{kinds}" if error.message.startswith("打不开") else error.message
        raise Unreadable(f"“{name}”：{message}", field="files") from None


def _judged(name: str, data: bytes, limits: Limits) -> Accepted:
    if not data:
        raise Unreadable("文件是空的，请重新选择。")
    if len(data) > limits.size:
        raise Unreadable(f"文件超过 {limits.size >> 20} MB，请压缩后再传。")
    media_type = None if limits.photos_only else document_type(data)
    if media_type is not None:
        return Accepted(name, media_type, data)
    image = open_picture(data, limits.pixels)
    return Accepted(name, PHOTO, photo(image), photo(image, THUMB_EDGE))


def keep_files(session: Session, case: Case, event: CaseEvent, accepted: Sequence[Accepted], by: int | None, at: datetime, data_dir: Path) -> None:
    """Write down the files of a step, then their bytes; the caller commits. Bytes no row came to name are swept later."""
    if not accepted:
        return
    have = session.scalar(select(func.count()).where(CaseFile.case_id == case.id)) or 0
    if have + len(accepted) > MAX_OF_CASE:
        raise Unreadable(f"一条诉求最多 {MAX_OF_CASE} 个附件，已有 {have} 个。", field="files")
    for file in accepted:
        session.add(CaseFile(
            uuid=str(uuid.uuid4()), case_id=case.id, event_id=event.id, name=file.name, media_type=file.media_type, size=len(file.data),
            sha256=digest_of(file.data), thumb=digest_of(file.thumb) if file.thumb else None, created_at=at, created_by=by,
        ))  # fmt: skip
    session.flush()
    for file in accepted:
        for data in (file.data, file.thumb):
            if data is not None:
                store(path_of(data_dir, digest_of(data)), data)
