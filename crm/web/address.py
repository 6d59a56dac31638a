"""The page's own address: filters live in it, links change one part of it, odd values count as absent."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import request

if TYPE_CHECKING:
    from collections.abc import Container

LARGEST = 2**63 - 1
LONGEST_KEY = 20  # digits; LARGEST has 19
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def choice(name: str, allowed: Container[str]) -> str | None:
    """The parameter, when it is one of `allowed`."""
    value = request.args.get(name, "")
    return value if value and value in allowed else None


def choices(name: str, allowed: Container[str]) -> tuple[str, ...]:
    """A parameter of several values, comma-separated or repeated; unknown ones are dropped."""
    given = [part for text in request.args.getlist(name) for part in text.split(",")]
    return tuple(dict.fromkeys(part for part in given if part and part in allowed))


def words(name: str, longest: int = 64) -> str | None:
    """Free text, trimmed and cut; a NUL cannot be compared on PostgreSQL and is taken out."""
    return request.args.get(name, "").replace("\x00", "").strip()[:longest] or None


def whole(name: str) -> int | None:
    """A key: a positive whole number the database can hold."""
    return key(request.args.get(name, ""))


def key(text: str) -> int | None:
    """The key a text names, wherever it came from: a positive whole number the database can hold."""
    return int(text) if len(text) < LONGEST_KEY and text.isascii() and text.isdigit() and 0 < int(text) <= LARGEST else None


def a_day(name: str) -> date | None:
    """A day written 2026-10-20, of the time this product can know about."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def here(**changes: object) -> str:
    """This page with some parameters changed; None takes one away. The position in the list is dropped unless given."""
    kept = {k: v for k, v in request.args.items(multi=False) if k not in {"after", "before"}}
    kept.update({k: "" if v is None else str(v) for k, v in changes.items()})
    query = urlencode({k: v for k, v in kept.items() if v})
    return f"{request.path}?{query}" if query else request.path
