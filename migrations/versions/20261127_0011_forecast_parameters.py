"""parameters of the forecast learned from the instance's own firms"""

import sqlalchemy as sa
from alembic import op

revision = 'forecast_parameters'
down_revision = 'papers'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('forecast_parameters',
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('firms', sa.Integer(), nullable=False),
    sa.Column('body', sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('run_id', sa.Integer(), nullable=True),
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_forecast_parameters'))
    )
    op.create_index(op.f('ix_forecast_parameters_year'), 'forecast_parameters', ['year'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_forecast_parameters_year'), table_name='forecast_parameters')
    op.drop_table('forecast_parameters')
