"""Visiting campaigns (走访计划): whom to see by when, shared out by rule; and who stands in for whom while away."""
