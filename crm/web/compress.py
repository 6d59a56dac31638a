"""Static files travel compressed: a phone on a slow network waits for bytes. Pages do not, so that no secret shares a stream with what a client sent."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import request

from crm.web.frame import STATIC

if TYPE_CHECKING:
    from flask import Flask, Response

WORTH = 1024  # bytes
TEXT = ("text/", "image/svg+xml", "application/json")


def install(app: Flask) -> None:
    """Compress answers of the static route for who accepts it; each file once a process."""

    @app.after_request
    def _compress(response: Response) -> Response:
        if request.endpoint != "static" or response.status_code != 200 or not response.mimetype.startswith(TEXT):
            return response
        response.vary.add("Accept-Encoding")
        path = STATIC / (request.view_args or {}).get("filename", "")
        if "gzip" not in request.accept_encodings or "Range" in request.headers or path.stat().st_size < WORTH:
            return response
        data = _small(str(path), path.stat().st_mtime_ns)
        response.direct_passthrough = False
        response.set_data(data)
        response.headers["Content-Encoding"] = "gzip"
        if etag := response.get_etag()[0]:
            response.set_etag(etag, weak=True)
        return response


@lru_cache(maxsize=256)
def _small(path: str, _changed: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 9, mtime=0)
