"""Packs: one folder a place, nation to county. See docs/packs.md."""
