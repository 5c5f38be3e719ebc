"""Calls of a month's plan, given to people beside their routes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_calls",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("elder_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(240), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("start_seconds", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(20), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(20), nullable=True),
        sa.Column("visit_id", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.String(40), nullable=True),
        sa.CheckConstraint("period_from <= period_to", name=op.f("ck_plan_calls_period_in_order")),
        sa.CheckConstraint("(worker_id IS NULL) = (day IS NULL)", name=op.f("ck_plan_calls_given_for_a_day")),
        sa.CheckConstraint(
            "(worker_id IS NULL) = (start_seconds IS NULL)", name=op.f("ck_plan_calls_given_for_a_time")
        ),
        sa.CheckConstraint(
            "(worker_id IS NULL) = (reason IS NOT NULL)", name=op.f("ck_plan_calls_left_has_a_reason")
        ),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_plan_calls_minutes_positive")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_calls_plan_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["elder_id"], ["elders.id"], name=op.f("fk_plan_calls_elder_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_plan_calls_worker_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_plan_calls_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_calls")),
    )
    op.create_index("ix_plan_calls_plan_id", "plan_calls", ["plan_id"])
    op.create_index("ix_plan_calls_worker_id_day", "plan_calls", ["worker_id", "day"])


def downgrade() -> None:
    raise RuntimeError("this revision is not taken back; restore a backup instead")
