"""Whose certificate sealed a printed record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "record_seal"
down_revision = "calendar_key"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rendered_record", sa.Column("sealed_by", sa.String(200)))


def downgrade() -> None:
    with op.batch_alter_table("rendered_record") as table:
        table.drop_column("sealed_by")
