"""Divisions (GB/T 2260 and its town level), functional zones and industries (GB/T 4754-2017)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Base


class Region(Base):
    """An administrative division. Codes are 6 digits, towns 9 (county + 3); retired ones name their successor."""

    __tablename__ = "region"
    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    level: Mapped[str] = mapped_column(String(8))  # province | city | county | town
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("region.code"), index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    successor_code: Mapped[str | None] = mapped_column(String(12))
    is_virtual: Mapped[bool] = mapped_column(default=False)  # 市辖区, statistical zones


class Zone(Base):
    """A functional zone (功能区): belongs to a county or city and never adds to its total twice."""

    __tablename__ = "zone"
    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    parent_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)


class Industry(Base):
    """A node of GB/T 4754-2017: section letter, 2-, 3- or 4-digit code. Text: leading zeros count."""

    __tablename__ = "industry"
    code: Mapped[str] = mapped_column(String(4), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    level: Mapped[int]  # 1 section, 2 division, 3 group, 4 class
    parent_code: Mapped[str | None] = mapped_column(String(4), index=True)
    section: Mapped[str] = mapped_column(String(1))
