"""What a what-if asks: which numbers, changed to what, as the address or a form says it; and a few to begin with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from crm.core.errors import Invalid
from crm.criteria.published import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from werkzeug.datastructures import MultiDict

    from crm.criteria.published import Number

MOST = 6
"""Numbers changed in one trial."""
OFFERED = 4
LONGEST = 40
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(万元|亿元|%)")


@dataclass(frozen=True, slots=True)
class Change:
    """One number and what it is to be."""

    number: Number
    value: str
    error: str = ""


def asked(given: MultiDict[str, str], known: Mapping[str, Number]) -> list[Change]:
    """`target` and `value`, repeated, belong together in their order. Unknown numbers are dropped; the last word on a number counts."""
    pairs = zip(given.getlist("target"), [*given.getlist("value"), ""], strict=False)
    told = {target: value.replace("\x00", "").strip()[:LONGEST] for target, value in pairs if target in known}
    return [Change(known[target], value, _wrong(known[target], value)) for target, value in list(told.items())[:MOST]]


def offers(known: Iterable[Number]) -> list[tuple[Number, str]]:
    """Something to press before one knows the page: a quarter off the first amount or share of a text, a text once."""
    found: dict[str, tuple[Number, str]] = {}
    for number in known:
        written = _WRITTEN.fullmatch(number.value)
        if written is not None and number.source.basis != "default" and (document := number.source.document or "") not in found:
            less = f"{(Decimal(written[1]) * 3 / 4).normalize():f}{written[2]}"
            if not _wrong(number, less):
                found[document] = (number, less)
    return list(found.values())[:OFFERED]


def grouped(known: Iterable[Number]) -> list[tuple[str, list[Number]]]:
    """Numbers of criteria by what they belong to, in the pack's order."""
    found: dict[str, list[Number]] = {}
    for number in known:
        if not number.is_parameter:
            found.setdefault(number.under, []).append(number)
    return list(found.items())


def _wrong(number: Number, value: str) -> str:
    if not value:
        return ""
    try:
        fits(number, value)
    except Invalid as refusal:
        return refusal.message
    return ""
