"""Names and sentences shared by the pages of visits, cases and records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.security.models import User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session


def names_of(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """Users' names by id, one query."""
    wanted = {i for i in ids if i is not None}
    if not wanted:
        return {}
    rows = session.execute(select(User.id, User.first_name, User.last_name).where(User.id.in_(wanted)))
    return {key: f"{first} {last}".strip() for key, first, last in rows}
