"""JSON: one module per domain."""
