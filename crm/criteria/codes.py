"""Codes against prefixes and ranges: GB/T 4754 industries, divisions, kinds. A code too short to tell is unknown."""

from __future__ import annotations


def matches(code: str | None, specs: tuple[str, ...], unless: tuple[str, ...] = ()) -> bool | None:
    """Whether a code lies in one of the specs ('51', '7020', '06-46') and in none of `unless`.

    '70' against '7020' is unknown: the firm's code does not say enough. None is unknown.
    """
    if code is None:
        return None
    inside = _any(code, specs)
    outside = _any(code, unless) if unless else False
    if inside is False or outside is True:
        return False
    return None if inside is None or outside is None else True


def first(code: str | None, rows: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> int | None:
    """Index of the first (specs, unless) row that holds the code; a row without specs holds every code.

    -1: none does. None: unknown (no code, or one too short to tell).
    """
    for i, (specs, unless) in enumerate(rows):
        found = matches(code, specs, unless) if specs else (None if code is None else True)
        if found is None:
            return None
        if found:
            return i
    return -1


def _any(code: str, specs: tuple[str, ...]) -> bool | None:
    found = [_one(code, spec) for spec in specs]
    return True if True in found else None if None in found else False


def _one(code: str, spec: str) -> bool | None:
    low, _, high = spec.partition("-")
    if not high:
        return True if code.startswith(low) else None if low.startswith(code) else False
    if len(code) >= len(low):
        return low <= code[: len(low)] <= high
    return None if low[: len(code)] <= code <= high[: len(code)] else False
