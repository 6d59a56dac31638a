"""Which jobs there are. A handler takes a Context and returns what the run's row should keep (small, JSON)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm.jobs.context import Context

    Handler = Callable[[Context], "dict[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A job that can be asked for. `in_order`: never two at a time, and an earlier one first."""

    name: str
    label: str
    handler: Handler
    attempts: int
    in_order: bool


KINDS: dict[str, Kind] = {}


def job(name: str, label: str, *, attempts: int = 5, in_order: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler under the name that `job_run.job` stores."""

    def register(handler: Handler) -> Handler:
        KINDS[name] = Kind(name, label, handler, attempts, in_order)
        return handler

    return register


def load() -> dict[str, Kind]:
    """Every job, its module imported."""
    import crm.jobs.handlers  # noqa: F401  # registers itself; imports most of the program

    return KINDS
