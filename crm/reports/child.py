"""The rendering process: reads records from its input, answers with PDFs, holds nothing but fonts.

Started by crm/reports/pool.py as `python -m crm.reports.child CPU_SECONDS MEMORY_MB` with a bare environment.
Messages both ways: 8 bytes length of the head, the head as JSON, then the blobs whose sizes the head names.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import struct
import sys
from typing import BinaryIO

from crm.core.errors import CrmError

Blobs = dict[str, bytes]

COLLECT_EVERY = 4  # records: some 20 MB of garbage


def send(out: BinaryIO, head: dict[str, object], blobs: Blobs) -> None:
    """Write one message."""
    body = json.dumps({**head, "blobs": [[name, len(data)] for name, data in blobs.items()]}).encode()
    out.write(struct.pack(">Q", len(body)) + body)
    out.writelines(blobs.values())
    out.flush()


def receive(source: BinaryIO) -> tuple[dict[str, object], Blobs] | None:
    """Read one message; None at the end of the input or when the other side broke off."""
    size = source.read(8)
    if len(size) < 8:
        return None
    head = json.loads(source.read(struct.unpack(">Q", size)[0]))
    blobs = {name: source.read(length) for name, length in head.pop("blobs")}
    return head, blobs


def limit(cpu_seconds: int, memory_mb: int) -> None:
    """This much more CPU from now on (the kernel ends the process beyond it), and a ceiling on memory."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime) + 1
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_seconds, hard))
    if sys.platform != "darwin":  # macOS does not enforce it and refuses the call
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))


def main() -> None:
    """Serve until the input closes."""
    cpu_seconds, memory_mb = int(sys.argv[1]), int(sys.argv[2])
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the protocol
    limit(cpu_seconds, memory_mb)
    gc.disable()
    served = 0
    while message := receive(source):
        limit(cpu_seconds, memory_mb)
        send(out, *_answer(*message))
        served += 1
        tidy(served)


def tidy(served: int) -> None:
    """Collect garbage between records instead of within them.

    Layout makes a million objects and drops them together at its end; looking through them meanwhile took a fifth of
    a record's time. Libraries, fonts and styles of the first record stay for good and are looked through no more.
    """
    if served == 1:
        gc.collect()
        gc.freeze()
    elif served % COLLECT_EVERY == 0:
        gc.collect()


def _answer(head: dict[str, object], images: Blobs) -> tuple[dict[str, object], Blobs]:
    from crm.reports.render import render

    try:
        done = render(str(head["kind"]), head["data"], images)  # type: ignore[arg-type]  # JSON object
    except CrmError as error:
        return {"ok": False, "message": error.message, "details": error.details, "status": error.status}, {}
    except RecursionError:
        return {"ok": False, "message": "内容层层嵌套太深，排不了版。请检查数据来源。", "details": {}, "status": 422}, {}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        return {"ok": False, "message": f"这份文书的数据不完整或格式不对（{type(error).__name__}），没有生成。请回到原页面重新提交；仍不行请告诉管理员。", "details": {}, "status": 422}, {}
    except MemoryError:
        return {"ok": False, "message": "这份记录太大，排版用尽了内存。请减少照片或缩短文字。", "details": {}, "status": 422}, {}
    return {"ok": True, "pages": done.pages}, {"pdf": done.pdf}


if __name__ == "__main__":
    main()
