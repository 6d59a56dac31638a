"""when the end of a stay, a title or a stage was put on file: facts as known on an earlier day"""

import sqlalchemy as sa
from alembic import op

revision = 'ends_recorded'
down_revision = 'notices'
branch_labels = None
depends_on = None

TABLES = ('register_membership', 'title_grant', 'stage_entry')


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column('end_recorded_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, 'end_recorded_at')
