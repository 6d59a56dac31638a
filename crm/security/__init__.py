"""Who may: users, roles, jurisdictions, sign-in guard, audit trail."""

from crm.security import trail as _trail

_trail.install()
