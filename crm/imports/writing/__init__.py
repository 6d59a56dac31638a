"""A checked plan into the database, every row written down in `import_change`; and back out again."""

from crm.imports.writing.cases import write_cases
from crm.imports.writing.figures import write_figures
from crm.imports.writing.registrations import write_registrations
from crm.imports.writing.stays import write_register, write_titles

WRITERS = {
    "registrations": write_registrations, "annual": write_figures, "monthly": write_figures, "titles": write_titles, "register": write_register,
    "cases": write_cases,
}
"""Kind -> write(session, plan, mapping, journal) -> ids of the firms touched."""
