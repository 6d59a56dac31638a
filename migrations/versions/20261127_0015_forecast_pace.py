"""how all firms grow together in the year so far, measured by the night"""

import sqlalchemy as sa
from alembic import op

revision = "forecast_pace"
down_revision = "case_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("forecast_pace",
    sa.Column("year", sa.Integer(), nullable=False),
    sa.Column("month", sa.Integer(), nullable=False),
    sa.Column("firms", sa.Integer(), nullable=False),
    sa.Column("growth", sa.Integer(), nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("run_id", sa.Integer(), nullable=True),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_pace")),
    )
    op.create_index(op.f("ix_forecast_pace_year_month"), "forecast_pace", ["year", "month"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_forecast_pace_year_month"), table_name="forecast_pace")
    op.drop_table("forecast_pace")
