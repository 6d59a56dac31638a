"""Papers beside the visit record; shorter variants of the record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "papers"
down_revision = "transition_instant"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.add_column("rendered_record", sa.Column("variant", sa.String(12), server_default="full", nullable=False))
    op.create_table(
        "paper",
        sa.Column("id", KEY, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("title", sa.String(160), nullable=False),
        sa.Column("unit", sa.String(128), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("check_code", sa.String(16), nullable=False),
        sa.Column("asked_by", sa.Integer()),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("pages", sa.Integer()),
        sa.Column("path", sa.String(200)),
        sa.Column("made_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["asked_by"], ["ab_user.id"], name=op.f("fk_paper_asked_by_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
        sa.UniqueConstraint("uuid", name=op.f("uq_paper_uuid")),
    )
    op.create_index(op.f("ix_paper_kind_subject_content_digest"), "paper", ["kind", "subject", "content_digest"], unique=True)
    op.create_index(op.f("ix_paper_check_code"), "paper", ["check_code"])
    op.create_index(op.f("ix_paper_asked_by"), "paper", ["asked_by"])


def downgrade() -> None:
    op.drop_table("paper")
    op.drop_column("rendered_record", "variant")
