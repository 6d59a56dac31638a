"""Campaigns with their officers and assignments, and absences. Whether an assignment is done is never stored: visits say it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Base, Instant, Json, Keyed
from crm.enterprises.models import Enterprise


class Campaign(Keyed):
    """A visiting campaign: a place, a window of days, a quota, who takes part and by what rule firms were chosen and shared out."""

    __tablename__ = "visit_campaign"
    name: Mapped[str] = mapped_column(String(80))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    from_on: Mapped[date]
    to_on: Mapped[date]  # the last day; it counts
    opens_at: Mapped[Instant]  # a visit counts that began in [opens_at, closes_at)
    closes_at: Mapped[Instant]
    per_firm: Mapped[int] = mapped_column(default=1)  # visits each firm is owed
    per_officer: Mapped[int | None]  # firms one officer takes at most; none: no bound
    onsite_only: Mapped[bool] = mapped_column(default=False)
    rule: Mapped[dict] = mapped_column(Json)  # see schemas.Rule
    source: Mapped[dict | None] = mapped_column(Json)  # of the template: document, clause, quote, status
    created_at: Mapped[Instant]
    created_by: Mapped[int | None]
    assigned_at: Mapped[Instant | None]  # written first by every sharing-out: two at once go one after the other
    ended_at: Mapped[Instant | None]  # ended before its time
    ended_by: Mapped[int | None]


class CampaignOfficer(Base):
    """An officer who takes part."""

    __tablename__ = "campaign_officer"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("visit_campaign.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), primary_key=True, index=True)


class Assignment(Keyed):
    """A visit somebody owes a firm: the `turn`-th of the campaign. Done when the firm had that many visits in the window, by anyone."""

    __tablename__ = "campaign_assignment"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("visit_campaign.id", ondelete="CASCADE"))
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    turn: Mapped[int] = mapped_column(default=1)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))  # none: nobody could take it, `why` says what stood in the way
    why: Mapped[str | None] = mapped_column(String(16))
    due_on: Mapped[date]
    created_at: Mapped[Instant]
    moved_at: Mapped[Instant | None]  # given to somebody else by hand
    moved_by: Mapped[int | None]
    campaign: Mapped[Campaign] = relationship(lazy="raise")
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    __table_args__ = (
        Index("uq_campaign_assignment_turn", "campaign_id", "enterprise_id", "turn", unique=True),
        Index("ix_campaign_assignment_officer", "officer_id", "due_on", "id"),
        {"extend_existing": False},
    )


class Absence(Keyed):
    """An officer is away from a day to a day, both included; what falls due in that time is owed by the substitute. Ended, not deleted."""

    __tablename__ = "officer_absence"
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    substitute_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[Instant]
    created_by: Mapped[int | None]
    ended_at: Mapped[Instant | None]  # taken back: from then on it never was, for what is owed
    ended_by: Mapped[int | None]
    __table_args__ = (
        Index("ix_officer_absence_user", "user_id", "to_on"),
        Index("ix_officer_absence_substitute", "substitute_id", "to_on"),
        {"extend_existing": False},
    )
