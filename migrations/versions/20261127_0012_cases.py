"""Cases with a whole life: stages, units, deadlines by rule, the firm's own door. Open ones go on as accepted or with their unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "case_life"
down_revision = "forecast_parameters"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "unit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("contact", sa.String(128)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
    )
    op.create_index(op.f("ix_unit_region_code"), "unit", ["region_code"])
    op.create_index(op.f("ix_unit_region_code_name"), "unit", ["region_code", "name"], unique=True)
    op.create_table(
        "unit_member",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_member_unit_id_unit")),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_unit_member_user_id_ab_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_unit_member")),
    )
    op.create_index(op.f("ix_unit_member_unit_id"), "unit_member", ["unit_id"])
    with op.batch_alter_table("case_") as batch:
        batch.add_column(sa.Column("source", sa.String(12), server_default="officer", nullable=False))
        batch.add_column(sa.Column("external_no", sa.String(64)))
        batch.add_column(sa.Column("contact_name", sa.String(64)))
        batch.add_column(sa.Column("contact_phone", sa.String(32)))
        batch.add_column(sa.Column("stage", sa.String(12), server_default="accepted", nullable=False))
        batch.add_column(sa.Column("accept_by", sa.Date()))
        batch.add_column(sa.Column("due_rule", sa.String(200)))
        batch.add_column(sa.Column("due_provisional", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.add_column(sa.Column("extension", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")))
        batch.add_column(sa.Column("recheck_on", sa.Date()))
        batch.add_column(sa.Column("urged", sa.SmallInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("urged_on", sa.Date()))
        batch.add_column(sa.Column("joined_to", KEY))
        batch.add_column(sa.Column("satisfaction", sa.SmallInteger()))
        batch.add_column(sa.Column("accepted_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch.create_foreign_key(op.f("fk_case__joined_to_case_"), "case_", ["joined_to"], ["id"])
        batch.create_index("ix_case_stage", ["stage", "due_on", "id"])
        batch.create_index("uq_case_external", ["source", "external_no"], unique=True)
    op.execute("UPDATE case_ SET accepted_at = opened_at, source = CASE WHEN visit_id IS NULL THEN 'officer' ELSE 'visit' END")
    op.execute("UPDATE case_ SET stage = 'handling' WHERE state = 'open' AND lead_unit IS NOT NULL")
    op.execute("UPDATE case_ SET stage = CASE WHEN is_resolved THEN 'followed' ELSE 'closed' END WHERE state = 'closed'")
    op.create_table(
        "case_unit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("unit_id", KEY, nullable=False),
        sa.Column("is_lead", sa.Boolean(), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feedback", sa.Text()),
        sa.Column("feedback_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_unit_case_id_case_"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_case_unit_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_unit")),
    )
    op.create_index(op.f("ix_case_unit_case_id"), "case_unit", ["case_id"])
    op.create_index(op.f("ix_case_unit_unit_id"), "case_unit", ["unit_id"])
    op.create_table(
        "case_door",
        sa.Column("id", KEY, nullable=False),
        sa.Column("token", sa.String(43), nullable=False),
        sa.Column("enterprise_id", KEY, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Integer()),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_case_door_enterprise_id_enterprise")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_door")),
        sa.UniqueConstraint("token", name=op.f("uq_case_door_token")),
    )
    op.create_index(op.f("ix_case_door_enterprise_id"), "case_door", ["enterprise_id"])


def downgrade() -> None:
    op.drop_table("case_door")
    op.drop_table("case_unit")
    with op.batch_alter_table("case_") as batch:
        batch.drop_index("uq_case_external")
        batch.drop_index("ix_case_stage")
        batch.drop_constraint(op.f("fk_case__joined_to_case_"), type_="foreignkey")
        for name in (
            "version", "accepted_at", "satisfaction", "joined_to", "urged_on", "urged", "recheck_on", "extension", "due_provisional", "due_rule",
            "accept_by", "stage", "contact_phone", "contact_name", "external_no", "source",
        ):  # fmt: skip
            batch.drop_column(name)
    op.drop_table("unit_member")
    op.drop_table("unit")
