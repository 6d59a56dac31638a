"""one narrow row per verdict, masks of everybody side by side, periods of a range of firms

Verdicts are derived: they are dropped here and given again by the next night (or `run.py evaluate-all`); transitions stay.
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.drop_table('verdict')
    op.create_table('verdict',
    sa.Column('enterprise_id', KEY, autoincrement=False, nullable=False),
    sa.Column('rules_id', sa.Integer(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('enterprise_id', name=op.f('pk_verdict'))
    )
    op.create_table('verdict_rules',
    sa.Column('pack', sa.String(length=32), nullable=False),
    sa.Column('pack_hash', sa.String(length=64), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('turn', sa.Integer(), nullable=False),
    sa.Column('id', KEY, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_verdict_rules'))
    )
    op.create_index(op.f('ix_verdict_rules_pack_hash_year_turn'), 'verdict_rules', ['pack_hash', 'year', 'turn'], unique=True)
    op.create_table('verdict_mask',
    sa.Column('rules_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('block', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('masks', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('rules_id', 'block', name=op.f('pk_verdict_mask'))
    )
    op.create_table('verdict_stale',
    sa.Column('enterprise_id', sa.BigInteger(), nullable=False),
    sa.Column('id', KEY, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_verdict_stale'))
    )
    op.drop_index('ix_filing_period', table_name='filing')
    op.create_index('ix_filing_period', 'filing', ['period_kind', 'period', 'form', 'enterprise_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_filing_period', table_name='filing')
    op.create_index('ix_filing_period', 'filing', ['period_kind', 'period', 'form'], unique=False)
    for name in ('verdict_stale', 'verdict_mask', 'verdict_rules', 'verdict'):
        op.drop_table(name)
    op.create_table('verdict',
    sa.Column('enterprise_id', KEY, nullable=False),
    sa.Column('pack', sa.String(length=32), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('pack_hash', sa.String(length=64), nullable=False),
    sa.Column('outcomes', sa.Text(), nullable=False),
    sa.Column('unmet', sa.LargeBinary(), nullable=False),
    sa.Column('unknown', sa.LargeBinary(), nullable=False),
    sa.Column('scores', sa.Text(), nullable=False),
    sa.Column('evidence', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprise.id'], name=op.f('fk_verdict_enterprise_id_enterprise'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('enterprise_id', 'pack', name=op.f('pk_verdict')),
    sqlite_with_rowid=False
    )
