"""Files that come with the steps of a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "case_files"
down_revision = "visit_plans"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case_file",
        sa.Column("id", KEY, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("thumb", sa.String(64)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer()),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_file_case_id_case_")),
        sa.ForeignKeyConstraint(["event_id"], ["case_event.id"], name=op.f("fk_case_file_event_id_case_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("uuid", name=op.f("uq_case_file_uuid")),
    )
    for name in ("case_id", "event_id", "sha256", "thumb"):
        op.create_index(op.f(f"ix_case_file_{name}"), "case_file", [name])


def downgrade() -> None:
    op.drop_table("case_file")
