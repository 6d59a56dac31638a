"""Enterprises: who they are, where they sit, whom we talk to, who looks after them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Base, Instant, Keyed, Money
from crm.regions.models import Industry, Region, Zone
from crm.security.models import User

STATUSES = {"active": "在营", "suspended": "停业", "revoked": "吊销", "cancelled": "注销", "moved_out": "迁出"}
REGION_FOUND = {"declared": "申报", "address": "地址识别", "import": "导入地区列", "manual": "人工", "unknown": "待确认"}
KINDS = {"corporate": "法人单位", "individual": "个体经营户", "branch": "产业活动单位", "cooperative": "农民专业合作社", "other": "其他"}


class Enterprise(Keyed):
    """A firm. `region_code` is the deepest division known: declared or read from the address, never from the USCC."""

    __tablename__ = "enterprise"
    uscc: Mapped[str] = mapped_column(String(18))
    name: Mapped[str] = mapped_column(String(200))
    short_name: Mapped[str | None] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16), default="corporate")
    org_type: Mapped[str | None] = mapped_column(String(128))  # as registered: 有限责任公司 …
    registered_on: Mapped[date | None]
    registered_capital: Mapped[Money | None]
    capital_raw: Mapped[str | None] = mapped_column(String(64))  # as written, currency included
    industry_code: Mapped[str | None] = mapped_column(ForeignKey("industry.code"), index=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    region_found: Mapped[str] = mapped_column(String(12), default="declared")
    zone_code: Mapped[str | None] = mapped_column(ForeignKey("zone.code"), index=True)
    address: Mapped[str | None] = mapped_column(String(300))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    scope: Mapped[str | None] = mapped_column(Text)  # 经营范围
    main_products: Mapped[str | None] = mapped_column(String(300))
    legal_person: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(12), default="active")
    status_on: Mapped[date | None]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)
    name_key: Mapped[str] = mapped_column(String(200), index=True)  # name stripped of place, form and punctuation
    initials: Mapped[str] = mapped_column(String(200), default="")  # pinyin initials of the name, lower case
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    deleted_at: Mapped[Instant | None]
    version: Mapped[int] = mapped_column(default=1)  # optimistic lock

    region: Mapped[Region] = relationship(lazy="raise")
    zone: Mapped[Zone | None] = relationship(lazy="raise")
    industry: Mapped[Industry | None] = relationship(lazy="raise")
    officer: Mapped[User | None] = relationship(lazy="raise")
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index("uq_enterprise_uscc_live", "uscc", unique=True, sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
        Index("ix_enterprise_region", "region_code", "id"),
        Index("ix_enterprise_name", "name"),
        {"extend_existing": False},
    )


class FormerName(Keyed):
    """A name a firm carried until a day."""

    __tablename__ = "former_name"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    until: Mapped[date]


class Contact(Keyed):
    """A person at the firm: personal data, masked by role."""

    __tablename__ = "contact"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    title: Mapped[str | None] = mapped_column(String(64))
    phone: Mapped[str | None] = mapped_column(String(32), index=True)
    is_primary: Mapped[bool] = mapped_column(default=False)
    ended_on: Mapped[date | None]


class EnterpriseEvent(Keyed):
    """Something that happened to a firm on a day: suspended, resumed, new_build_in_production, moved, abnormal_listed …"""

    __tablename__ = "enterprise_event"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    kind: Mapped[str] = mapped_column(String(48))
    on: Mapped[date]
    note: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(24))
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    __table_args__ = (Index(None, "kind", "on"), {"extend_existing": False})


class RegionStay(Base):
    """Which division a firm belonged to until a day, so that yearly totals stay on a fixed cohort."""

    __tablename__ = "region_stay"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), primary_key=True)
    until: Mapped[date] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(String(12))


class EnterpriseSearch(Base):
    """What a firm is found by, folded: names, former names, initials, USCC, phones. Narrow, so that a scan is short.

    PostgreSQL has a trigram index on `text` when pg_trgm is available.
    """

    __tablename__ = "enterprise_search"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
