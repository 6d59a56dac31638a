"""What can go wrong, in the user's words. The edge (web, api, run.py) turns these into an answer."""

from __future__ import annotations


class CrmError(Exception):
    """Base of every error a user may see. `message` is Chinese: what is wrong, where, what to do next."""

    status = 400

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(CrmError):
    """The input breaks a rule. `field` names the form field, when there is one."""

    status = 422

    def __init__(self, message: str, field: str | None = None, **details: object) -> None:
        super().__init__(message, **details)
        self.field = field


class NotFound(CrmError):
    """There is no such object, or it lies outside the user's jurisdiction (never said which)."""

    status = 404


class Forbidden(CrmError):
    """The role does not allow this."""

    status = 403


class Conflict(CrmError):
    """Somebody else was first, or the object is in a state that does not allow this."""

    status = 409
