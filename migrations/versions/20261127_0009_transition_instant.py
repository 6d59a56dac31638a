"""the instant a transition was written by: facts as known then give it again"""

import sqlalchemy as sa
from alembic import op

revision = 'transition_instant'
down_revision = 'promises'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('transition', sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('transition', 'recorded_at')
