"""Who: identity, industry, address, contacts, officers, duplicates."""
