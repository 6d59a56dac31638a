"""Verbs of visits: log, amend, attach, sign off, supplement. They flush; the edge commits."""

from crm.visits.operations.attaching import attach, detach, read_bytes
from crm.visits.operations.logging import amend, log_visit
from crm.visits.operations.signing import sign_off, supplement

__all__ = ["amend", "attach", "detach", "log_visit", "read_bytes", "sign_off", "supplement"]
