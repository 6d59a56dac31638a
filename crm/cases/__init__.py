"""They asked us for something (诉求)."""
