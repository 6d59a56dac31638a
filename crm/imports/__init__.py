"""Spreadsheets in: map, check, preview, apply, undo."""
