"""Pages: one module per domain, templates and static files."""
