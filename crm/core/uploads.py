"""Files people hand in: recognised by content, pictures encoded anew without EXIF, kept under their digest, named for reading only."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import unicodedata
import zipfile
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from crm.core.errors import Invalid

MAX_PIXELS = 60_000_000  # a 48-megapixel phone, no decompression bomb
PHOTO_EDGE, THUMB_EDGE = 1600, 320
HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc", b"ftypmsf1")
OFFICE = {
    "word/": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xl/": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "ppt/": ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
}
"""Folder inside an Office file -> ending and media type."""
OLD_OFFICE = {"WordDocument": ("doc", "application/msword"), "Workbook": ("xls", "application/vnd.ms-excel"), "PowerPoint Document": ("ppt", "application/vnd.ms-powerpoint")}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf", **{media: ending for ending, media in (*OFFICE.values(), *OLD_OFFICE.values())}}
"""Media type -> the ending a download gets, whatever the name said."""
MAX_MEMBERS, MAX_UNPACKED, MAX_RATIO = 5_000, 300 << 20, 200


class Unreadable(Invalid):
    """An upload that is not what it should be."""


# ── what it is ───────────────────────────────────────────────────────────


def open_picture(data: bytes, most: int = MAX_PIXELS, draft: tuple[int, int] | None = None) -> Image.Image:
    """A JPEG, PNG or WebP, decoded; Unreadable for anything else and for more than `most` pixels, before they are decoded.

    `draft`: a JPEG may be decoded at a half or a quarter, as long as it stays larger than this.
    """
    if data[4:12] in HEIC:
        raise Unreadable("这是 HEIC 照片，服务器读不了。请在手机“设置—相机—格式”选“兼容性最佳”，或用浏览器拍照上传。", field="file")
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        if image.width * image.height > most:
            raise Unreadable(f"照片有 {image.width} × {image.height} 点，太大了，请缩小后再传。", field="file")
        if draft:
            image.draft("RGB", draft)
        image.load()
    except Image.DecompressionBombError as error:
        raise Unreadable("照片的点数太多，请缩小后再传。", field="file") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Unreadable("打不开这个文件。照片请用 JPEG、PNG 或 WebP，其他材料请用 PDF。", field="file") from error
    return image


def photo(image: Image.Image, edge: int = PHOTO_EDGE) -> bytes:
    """Upright, at most `edge` px, JPEG, without place and camera."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "P"):
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=84, optimize=True, progressive=False, comment=b"")  # a comment of the file would be kept
    return out.getvalue()


def is_pdf(data: bytes) -> bool:
    """Whether the content begins like a PDF."""
    return data[:5] == b"%PDF-"


def document_type(data: bytes) -> str | None:
    """The media type of a PDF or Office file by its content; None for anything else.

    Raises Unreadable for an Office file with macros, and for an archive that unpacks to far more than it weighs.
    """
    if is_pdf(data):
        return "application/pdf"
    if data.startswith(OLE):
        return _old_office(data)
    return _office(data) if data.startswith(b"PK\x03\x04") else None


def _office(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    unpacked = sum(m.file_size for m in members)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(len(data), 1):
        raise Unreadable("这个文件解开后异常地大，不能收。请另存一份或改用 PDF。", field="file")
    names = {m.filename for m in members}
    if "[Content_Types].xml" not in names:
        return None
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Unreadable("文件里有宏，不能收。请另存为不带宏的格式或 PDF。", field="file")
    return next((media for folder, (_, media) in OFFICE.items() if any(name.startswith(folder) for name in names)), None)


def _old_office(data: bytes) -> str | None:
    if "_VBA_PROJECT".encode("utf-16-le") in data:
        raise Unreadable("文件里有宏，不能收。请另存为不带宏的格式或 PDF。", field="file")
    return next((media for stream, (_, media) in OLD_OFFICE.items() if stream.encode("utf-16-le") in data), None)


# ── what it is called ────────────────────────────────────────────────────


def clean_name(name: str) -> str:
    """The original file name for display: no folders, no control characters, at most 120 characters."""
    base = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    base = "".join(c for c in base if unicodedata.category(c)[0] != "C").strip(" .")
    stem, dot, ext = base.rpartition(".")
    if len(base) > 120:  # a readable line
        base = f"{(stem or ext)[:110]}{dot}{ext[:8]}" if stem else base[:120]
    return base or "未命名"


def download_name(name: str, media_type: str) -> str:
    """The name a download gets: its ending is that of the content, so that nothing poses as what it is not."""
    stem, dot, ending = name.rpartition(".")
    wanted = ENDINGS.get(media_type, "bin")
    same = {wanted, "jpeg"} if wanted == "jpg" else {wanted}
    return name if dot and ending.lower() in same else f"{stem or name}.{wanted}"


# ── where it lies ────────────────────────────────────────────────────────


def digest_of(data: bytes) -> str:
    """SHA-256, the name of the content."""
    return hashlib.sha256(data).hexdigest()


def path_of(data_dir: Path, digest: str) -> Path:
    """Where a digest lives. The name a user gave never becomes part of a path."""
    return data_dir / "attachments" / digest[:2] / digest


def store(path: Path, data: bytes) -> None:
    """Write aside, sync, rename: after a crash there is the whole file or none. What is there already counts as fresh again."""
    if path.exists():
        path.touch()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def read_kept(data_dir: Path, digest: str, name: str) -> bytes:
    """The kept bytes; Unreadable when the disk lost or changed them."""
    try:
        data = path_of(data_dir, digest).read_bytes()
    except FileNotFoundError:
        data = b""
    if digest_of(data) != digest:
        raise Unreadable(f"附件“{name}”在服务器上损坏或丢失，请管理员从备份恢复。")
    return data


def sweep(data_dir: Path, wanted: set[str], before: float) -> int:
    """Remove files no row names, with what was made of them, last touched before an instant (seconds since 1970); how many. `wanted`: digests."""
    removed = 0
    for path in (data_dir / "attachments").glob("??/*"):
        if path.name.partition(".")[0] not in wanted and path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
