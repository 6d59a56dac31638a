"""Personal data: who sees a whole phone number, and what never reaches a log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from crm.security.access import Access

HIDDEN = "［已隐去］"
_SECRET = re.compile(r"passw|token|secret|authorization|cookie|phone|contact", re.IGNORECASE)
_NEVER_PERSONAL = frozenset({"request_id", "timestamp", "level", "logger", "_record", "_from_structlog"})
_MOBILE = re.compile(r"(?<!\d)(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(0\d{2,3})[ -]?(\d{3,4})(\d{4})(?!\d)")


def mask_phone(phone: str | None) -> str | None:
    """'13857612345' -> '138****2345'; an area code stays; anything else keeps its last two characters."""
    if not phone:
        return phone
    for pattern in (_MOBILE, _LANDLINE):
        masked, found = pattern.subn(r"\1****\3", phone)
        if found:
            return masked
    return "****" + phone[-2:] if len(phone) > 4 else "****"  # nothing is left to show of a short one


def mask_mobiles(text: str) -> str:
    """Every mobile number in a text masked; the rest stays."""
    return _MOBILE.sub(r"\1****\3", text)


def mask_phones(text: str) -> str:
    """Every mobile and landline number in a text masked; the rest stays."""
    return _LANDLINE.sub(r"\1****\3", mask_mobiles(text))


def mask_name(name: str | None) -> str | None:
    """'张三丰' -> '张**'."""
    return name and name[0] + "*" * (len(name) - 1)


def sees_phone(access: Access, officer_id: int | None) -> bool:
    """Managers, the firm's own officer and the worker see whole numbers; auditors, administrators, others do not."""
    return access.has("manager", "system") or (access.user_id is not None and access.user_id == officer_id)


def phone_for(access: Access, phone: str | None, officer_id: int | None) -> str | None:
    """The number as this user may see it. `officer_id` is the firm's responsible officer."""
    return phone if sees_phone(access, officer_id) else mask_phone(phone)


def scrub(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: secrets by name, phone numbers by shape, at any depth."""
    for key in event.keys() - _NEVER_PERSONAL:
        event[key] = _scrubbed(key, event[key])
    return event


def _scrubbed(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _scrubbed(str(k), v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scrubbed(key, v) for v in value]
    if value is not None and _SECRET.search(key):
        return HIDDEN
    return mask_phones(value) if isinstance(value, str) else value
