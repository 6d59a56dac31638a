"""What can go wrong on the ladder, in the user's words."""

from __future__ import annotations

from crm.core.errors import Conflict, Invalid


class AlreadyMember(Conflict):
    """The firm has an open stay in the register."""


class NotMember(Conflict):
    """The firm has no open stay in the register."""


class MoveDecided(Conflict):
    """Somebody decided the move already."""


class ReasonNeeded(Invalid):
    """Against the verdict, or refusing: a reason must be given."""

    def __init__(self, message: str = "请写明理由。") -> None:
        super().__init__(message, field="reason")
