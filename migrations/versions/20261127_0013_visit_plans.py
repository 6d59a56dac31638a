"""Visiting campaigns with their officers and assignments, and absences with who stands in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "visit_plans"
down_revision = "case_life"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "visit_campaign",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("opens_at", INSTANT, nullable=False),
        sa.Column("closes_at", INSTANT, nullable=False),
        sa.Column("per_firm", sa.Integer(), nullable=False),
        sa.Column("per_officer", sa.Integer()),
        sa.Column("onsite_only", sa.Boolean(), nullable=False),
        sa.Column("rule", JSON, nullable=False),
        sa.Column("source", JSON),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.Integer()),
        sa.Column("assigned_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.Integer()),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_visit_campaign_region_code_region")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_campaign")),
    )
    op.create_index(op.f("ix_visit_campaign_region_code"), "visit_campaign", ["region_code"])
    op.create_table(
        "campaign_officer",
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["visit_campaign.id"], name=op.f("fk_campaign_officer_campaign_id_visit_campaign"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_campaign_officer_user_id_ab_user")),
        sa.PrimaryKeyConstraint("campaign_id", "user_id", name=op.f("pk_campaign_officer")),
    )
    op.create_index(op.f("ix_campaign_officer_user_id"), "campaign_officer", ["user_id"])
    op.create_table(
        "campaign_assignment",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("enterprise_id", KEY, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer()),
        sa.Column("why", sa.String(16)),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("moved_at", INSTANT),
        sa.Column("moved_by", sa.Integer()),
        sa.ForeignKeyConstraint(["campaign_id"], ["visit_campaign.id"], name=op.f("fk_campaign_assignment_campaign_id_visit_campaign"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_campaign_assignment_enterprise_id_enterprise")),
        sa.ForeignKeyConstraint(["officer_id"], ["ab_user.id"], name=op.f("fk_campaign_assignment_officer_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_assignment")),
    )
    op.create_index(op.f("ix_campaign_assignment_enterprise_id"), "campaign_assignment", ["enterprise_id"])
    op.create_index("ix_campaign_assignment_officer", "campaign_assignment", ["officer_id", "due_on", "id"])
    op.create_index("uq_campaign_assignment_turn", "campaign_assignment", ["campaign_id", "enterprise_id", "turn"], unique=True)
    op.create_table(
        "officer_absence",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("substitute_id", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.Integer()),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.Integer()),
        sa.ForeignKeyConstraint(["substitute_id"], ["ab_user.id"], name=op.f("fk_officer_absence_substitute_id_ab_user")),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_officer_absence_user_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_absence")),
    )
    op.create_index("ix_officer_absence_user", "officer_absence", ["user_id", "to_on"])
    op.create_index("ix_officer_absence_substitute", "officer_absence", ["substitute_id", "to_on"])


def downgrade() -> None:
    for name in ("officer_absence", "campaign_assignment", "campaign_officer", "visit_campaign"):
        op.drop_table(name)
