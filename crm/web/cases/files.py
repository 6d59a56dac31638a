"""Files of cases on their way in and out. Photos we encoded are shown, everything else is only ever downloaded."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from flask import current_app, request, send_file
from itsdangerous import BadSignature, URLSafeTimedSerializer

from crm.cases.operations import FIRM_FILES, STAFF_FILES, Handed, Upload
from crm.cases.operations.files import PHOTO
from crm.core.errors import NotFound
from crm.core.uploads import download_name, path_of, read_kept
from crm.web.headers import sandboxed

if TYPE_CHECKING:
    from pathlib import Path

    from flask.typing import ResponseReturnValue

    from crm.cases.models import CaseFile
    from crm.cases.operations.files import Limits

ACCEPT = ".jpg,.jpeg,.png,.webp,.pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx"
ACCEPT_PHOTOS = ".jpg,.jpeg,.png,.webp"
LINK_SECONDS = 1800
"""How long an address of a file on the firm's page is good for."""


def data_dir() -> Path:
    """Where files lie."""
    return current_app.extensions["crm_settings"].data_dir  # type: ignore[no-any-return]


def handed(limits: Limits = STAFF_FILES) -> Handed | None:
    """The files of the request, at most one more than allowed (the rest is not read); None without any."""
    chosen = [f for f in request.files.getlist("files") if f.filename][: limits.count + 1]
    uploads = [Upload(file.filename or "", file.stream.read(limits.size + 1)) for file in chosen]
    return Handed(uploads, data_dir(), limits) if uploads else None


def handed_by_firm() -> Handed | None:
    """Photos sent through the open form."""
    return handed(FIRM_FILES)


def send(file: CaseFile) -> ResponseReturnValue:
    """The bytes, under a name whose ending is true; `?thumb=1` gives a photo's small picture."""
    if "thumb" in request.args and file.thumb and path_of(data_dir(), file.thumb).is_file():
        data = read_kept(data_dir(), file.thumb, file.name)
    else:
        data = read_kept(data_dir(), file.sha256, file.name)
    inline = file.media_type == PHOTO and "download" not in request.args
    return sandboxed(send_file(BytesIO(data), file.media_type, as_attachment=not inline, download_name=download_name(file.name, file.media_type), max_age=0))


def sign(token: str, file: CaseFile) -> str:
    """An address part that opens one file through one door for a while."""
    return str(_signer().dumps([token, file.uuid]))


def signed(token: str, text: str) -> str:
    """The file's uuid of such a part; NotFound for a forged or old one."""
    try:
        door, uuid = _signer().loads(text, max_age=LINK_SECONDS)
    except (BadSignature, ValueError, TypeError):
        raise NotFound("这个附件的地址已过期，请重新查询进度。") from None
    if door != token:
        raise NotFound("这个附件的地址已过期，请重新查询进度。")
    return str(uuid)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="case-file")
