"""The numbers of an alert rule, as its pack gives them: `settings: {hold: 3日}`. Defaults here are ours, never policy."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from crm.criteria import quantity

if TYPE_CHECKING:
    from crm.criteria.schema import AlertRule


def whole(rule: AlertRule | None, name: str, default: int) -> int:
    """A setting as a whole number of its base unit (日, 元, 月 …)."""
    return int(exact(rule, name, default))


def exact(rule: AlertRule | None, name: str, default: int | Fraction) -> Fraction:
    """A setting in its base unit, exact."""
    given = rule.settings.get(name) if rule is not None else None
    return Fraction(default) if given is None else _parsed(given)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Fraction:
    """A night asks for the same few numbers once a firm."""
    return quantity.parse(text).value
