"""A small demo city evaluated by the taizhou pack, and people of several roles."""

from __future__ import annotations

from crm.ladder.models import Standing
from crm.ladder.queries import Filters
from crm.security.access import Access
from tests.city import AT, ON, city, city_engines, firms, packs

MANAGER = Access(901, "manager", frozenset({"manager"}), ("331000",))
OFFICER = Access(902, "officer", frozenset({"officer"}), ("331000",))
ELSEWHERE = Access(903, "manager", frozenset({"manager"}), ("330800",))


def any_standing(session, **wanted) -> Standing:
    """The first standing with these values."""
    return session.query(Standing).filter_by(**wanted).order_by(Standing.enterprise_id).first()


__all__ = ["AT", "ELSEWHERE", "MANAGER", "OFFICER", "ON", "Filters", "any_standing", "city", "city_engines", "firms", "packs"]
