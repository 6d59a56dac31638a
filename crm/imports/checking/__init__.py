"""Every row of a file judged before anything is written: new, changed, same, duplicate or rejected, and what is odd about it."""

from crm.imports.checking.cases import check_cases
from crm.imports.checking.figures import check_figures
from crm.imports.checking.registrations import check_registrations
from crm.imports.checking.stays import check_register, check_titles

CHECKS = {
    "registrations": check_registrations, "annual": check_figures, "monthly": check_figures, "titles": check_titles, "register": check_register,
    "cases": check_cases,
}
"""Kind -> check(session, Check) -> Plan."""
