"""A visit remembers the message its contents came with, so that the same one sent again changes nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "visit_messages"
down_revision = "ends_recorded"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visit", sa.Column("sent_digest", sa.String(64)))


def downgrade() -> None:
    op.drop_column("visit", "sent_digest")
