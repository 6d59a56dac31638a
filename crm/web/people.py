"""Names of users for lists that hold their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.security.models import User
from crm.web.page import db

if TYPE_CHECKING:
    from collections.abc import Iterable


def people(ids: Iterable[int | None]) -> dict[int, str]:
    """Names of users by id, one query; none when nobody is named."""
    wanted = {i for i in ids if i is not None}
    if not wanted:
        return {}
    return {user.id: user.get_full_name().strip() for user in db().scalars(select(User).where(User.id.in_(wanted)))}
