"""Every row of a file judged before anything is written: new, changed, same, duplicate or rejected, and what is odd about it."""

from crm.imports.checking.registrations import check_registrations

CHECKS = {"registrations": check_registrations}
"""Kind -> check(session, Check) -> Plan."""
