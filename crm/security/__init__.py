"""Who may: users, roles, jurisdictions, sign-in guard, audit trail."""
