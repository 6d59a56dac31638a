"""Structured logs on standard error: one line an event, request id on each, no phone, no secret, no local variables."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

from crm.security.privacy import scrub

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm.config import Settings


def configure(settings: Settings) -> None:
    """Send structlog and the standard library through the same scrubbed formatter. Safe to repeat."""
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,  # plain: a traceback with locals would print what the scrubber never sees
        scrub,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter], logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger, cache_logger_on_first_use=False,
    )
    last = structlog.processors.JSONRenderer(ensure_ascii=False) if settings.log_json else structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, scrub, last]))
    handler.set_name("qijie")
    root = logging.getLogger()
    root.handlers = [handler, *(h for h in root.handlers if h.get_name() != "qijie")]
    root.setLevel(settings.log_level.upper())
    for noisy in ("flask_appbuilder", "fontTools", "weasyprint", "apscheduler"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
