"""The demo city, evaluated, with its alerts."""

from __future__ import annotations

from tests.city import city, city_engines, packs

__all__ = ["city", "city_engines", "packs"]
