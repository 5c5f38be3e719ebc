"""Orders of the drafts of many streets at once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_batches",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_plan_batches_month_is_a_first_day")),
        sa.CheckConstraint("seconds > 0", name=op.f("ck_plan_batches_seconds_positive")),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_plan_batches_area_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_plan_batches_created_by_id")),
        sa.ForeignKeyConstraint(["stopped_by_id"], ["users.id"], name=op.f("fk_plan_batches_stopped_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_batches")),
    )
    op.create_index("ix_plan_batches_area_id_month", "plan_batches", ["area_id", "month"])
    op.add_column("plans", sa.Column("batch_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_plans_batch_id"), "plans", "plan_batches", ["batch_id"], ["id"])
    op.create_index(
        "ix_plans_batch_id", "plans", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_plans_batch_id", "plans")
    op.drop_constraint(op.f("fk_plans_batch_id"), "plans")
    op.drop_column("plans", "batch_id")
    op.drop_table("plan_batches")
