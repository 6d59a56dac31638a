"""A jurisdiction as prefixes of region codes: everything below a region is included.

Codes nest by prefix: province 33, city 3310, county 331081, town 331081100. Range conditions on the indexed column
serve both databases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def prefix(code: str) -> str:
    """The significant part of a division code: '330000' -> '33', '331000' -> '3310', '331081' -> '331081'."""
    code = code[:9]
    if len(code) == 9:
        return code if code[6:] != "000" else prefix(code[:6])
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code.endswith("00") else code


def prefix_range(code: str) -> tuple[str, str]:
    """Half-open range [low, high) of codes at or below `code`; digits only, so the successor is the last digit + 1."""
    low = prefix(code)
    return low, low[:-1] + chr(ord(low[-1]) + 1)


def covers(codes: Iterable[str], region_code: str) -> bool:
    """Whether any of `codes` is `region_code` or lies above it."""
    return any(region_code.startswith(prefix(code)) for code in codes)
