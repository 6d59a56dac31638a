"""Whom an alert can be given to: officers and managers who see the firm, as far as the user oversees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select

from crm.alerts.operations import HANDLERS
from crm.ladder.counts import levels
from crm.security.models import User, UserProfile, UserRegion

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.enterprises.models import Enterprise
    from crm.security.access import Access

MOST = 200


def handlers(session: Session, access: Access, firm: Enterprise | None = None) -> list[tuple[int, str]]:
    """(user, name and unit); of one firm those whose jurisdiction holds it, else everybody within the user's own."""
    query = (
        select(User.id, User.first_name, User.last_name, UserProfile.unit)
        .outerjoin(UserProfile, UserProfile.user_id == User.id)
        .where(User.active, User.roles.any(Role.name.in_(HANDLERS)), access.oversees(User.id))
    )
    if firm is not None:
        codes = [*levels(firm.region_code), firm.region_code, *([firm.zone_code] if firm.zone_code else [])]
        query = query.where(User.id.in_(select(UserRegion.user_id).where(UserRegion.code.in_(codes))))
    found = session.execute(query.order_by(User.last_name, User.first_name, User.id).limit(MOST))
    return [(number, f"{first} {last}".strip() + (f"（{unit}）" if unit else "")) for number, first, last, unit in found]
