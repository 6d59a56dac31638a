"""digest times are kept with the held messages"""

import sqlalchemy as sa
from alembic import op

revision = 'no_digest_mark'
down_revision = 'visit_messages'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table('digest_mark')


def downgrade() -> None:
    op.create_table('digest_mark',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('done_to', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_digest_mark_user_id_ab_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_digest_mark'))
    )
