"""alerts as a state machine"""

import sqlalchemy as sa
from alembic import op

revision = 'alert_states'
down_revision = '0002'
branch_labels = None
depends_on = None
STANDS = "state NOT IN ('resolved', 'expired')"


def upgrade() -> None:
    op.create_table('alert_week',
    sa.Column('week', sa.Date(), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('zone_code', sa.String(length=16), nullable=False),
    sa.Column('rule', sa.String(length=32), nullable=False),
    sa.Column('level', sa.String(length=8), nullable=False),
    sa.Column('standing', sa.Integer(), nullable=False),
    sa.Column('waiting', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('week', 'region_code', 'zone_code', 'rule', 'level', name=op.f('pk_alert_week'))
    )
    op.create_table('alert_mute',
    sa.Column('enterprise_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rule', sa.String(length=32), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.Integer(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprise.id'], name=op.f('fk_alert_mute_enterprise_id_enterprise'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_mute'))
    )
    with op.batch_alter_table('alert_mute', schema=None) as batch_op:
        batch_op.create_index('uq_alert_mute_live', ['enterprise_id', 'rule', 'subject'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('alert_outcome',
    sa.Column('enterprise_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rule', sa.String(length=32), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('warned_on', sa.Date(), nullable=True),
    sa.Column('level', sa.String(length=8), nullable=True),
    sa.Column('happened', sa.Boolean(), nullable=True),
    sa.Column('how', sa.String(length=16), nullable=True),
    sa.Column('happened_on', sa.Date(), nullable=True),
    sa.Column('figure', sa.BigInteger(), nullable=True),
    sa.Column('line', sa.BigInteger(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprise.id'], name=op.f('fk_alert_outcome_enterprise_id_enterprise'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('enterprise_id', 'rule', 'year', name=op.f('pk_alert_outcome'))
    )
    with op.batch_alter_table('alert_outcome', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alert_outcome_rule_year'), ['rule', 'year'], unique=False)

    op.create_table('alert_link',
    sa.Column('alert_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('visit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('case_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('text', sa.String(length=200), nullable=True),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.Integer(), nullable=True),
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_link_alert_id_alert'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['case_id'], ['case_.id'], name=op.f('fk_alert_link_case_id_case_'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['visit_id'], ['visit.id'], name=op.f('fk_alert_link_visit_id_visit'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_link'))
    )
    with op.batch_alter_table('alert_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alert_link_alert_id'), ['alert_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_alert_link_alert_id_case_id'), ['alert_id', 'case_id'], unique=True)
        batch_op.create_index(batch_op.f('ix_alert_link_alert_id_visit_id'), ['alert_id', 'visit_id'], unique=True)
        batch_op.create_index(batch_op.f('ix_alert_link_case_id'), ['case_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_alert_link_visit_id'), ['visit_id'], unique=False)

    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.add_column(sa.Column('muted_until', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('expires_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('raised_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('minutes_to_acknowledge', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('waiting_since', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('escalation', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('easing_level', sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column('easing_since', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('version', sa.Integer(), server_default='1', nullable=False))
        batch_op.create_index('ix_alert_raised', ['raised_on', 'id'], unique=False)
        batch_op.drop_index('uq_alert_live', sqlite_where=sa.text("state <> 'resolved'"), postgresql_where=sa.text("state <> 'resolved'"))
        batch_op.create_index('uq_alert_live', ['enterprise_id', 'rule', 'subject'], unique=True, sqlite_where=sa.text(STANDS), postgresql_where=sa.text(STANDS))

    with op.batch_alter_table('alert_event', schema=None) as batch_op:
        batch_op.add_column(sa.Column('state', sa.String(length=12), nullable=True))



def downgrade() -> None:
    op.execute("UPDATE alert SET state = 'resolved' WHERE state = 'expired'")
    op.execute("UPDATE alert SET state = 'acknowledged' WHERE state IN ('in_hand', 'muted')")
    with op.batch_alter_table('alert_event', schema=None) as batch_op:
        batch_op.drop_column('state')

    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.drop_index('uq_alert_live', sqlite_where=sa.text(STANDS), postgresql_where=sa.text(STANDS))
        batch_op.create_index('uq_alert_live', ['enterprise_id', 'rule', 'subject'], unique=True, sqlite_where=sa.text("state <> 'resolved'"), postgresql_where=sa.text("state <> 'resolved'"))
        batch_op.drop_index('ix_alert_raised')
        batch_op.drop_column('version')
        batch_op.drop_column('easing_since')
        batch_op.drop_column('easing_level')
        batch_op.drop_column('escalation')
        batch_op.drop_column('waiting_since')
        batch_op.drop_column('minutes_to_acknowledge')
        batch_op.drop_column('acknowledged_at')
        batch_op.drop_column('raised_at')
        batch_op.drop_column('expires_on')
        batch_op.drop_column('muted_until')

    with op.batch_alter_table('alert_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_alert_link_visit_id'))
        batch_op.drop_index(batch_op.f('ix_alert_link_case_id'))
        batch_op.drop_index(batch_op.f('ix_alert_link_alert_id_visit_id'))
        batch_op.drop_index(batch_op.f('ix_alert_link_alert_id_case_id'))
        batch_op.drop_index(batch_op.f('ix_alert_link_alert_id'))

    op.drop_table('alert_link')
    with op.batch_alter_table('alert_outcome', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_alert_outcome_rule_year'))

    op.drop_table('alert_outcome')
    with op.batch_alter_table('alert_mute', schema=None) as batch_op:
        batch_op.drop_index('uq_alert_mute_live', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.drop_table('alert_mute')
    op.drop_table('alert_week')
