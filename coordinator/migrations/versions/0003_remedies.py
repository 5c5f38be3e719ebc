"""Plans to choose from, what would help a missing visit, questions to workers, hours beside the weekly ones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("compared_with_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_plans_compared_with_id", "plans", "plans", ["compared_with_id"], ["id"])
    op.create_index("ix_plans_compared_with_id", "plans", ["compared_with_id"])

    op.add_column("availability_exceptions", sa.Column("starts", sa.Time(), nullable=True))
    op.add_column("availability_exceptions", sa.Column("ends", sa.Time(), nullable=True))
    op.create_check_constraint(
        op.f("ck_availability_exceptions_hours_in_pairs"),
        "availability_exceptions",
        "(starts IS NULL) = (ends IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_availability_exceptions_hours_in_order"), "availability_exceptions", "starts < ends"
    )

    op.create_table(
        "plan_studies",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _one_of("studykind_known", "remedies", "shortage"), nullable=False),
        sa.Column(
            "state", _one_of("studystate_known", "queued", "running", "done", "failed"), nullable=False
        ),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("starts", sa.SmallInteger(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("result", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("done BETWEEN 0 AND total", name=op.f("ck_plan_studies_done_of_total")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_studies_plan_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_plan_studies_created_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_studies")),
    )
    op.create_index("uq_plan_studies_plan_id_kind", "plan_studies", ["plan_id", "kind"], unique=True)

    op.create_table(
        "plan_remedies",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("stop_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("edits", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("change", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("before", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("statutory", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("travel_seconds", sa.Integer(), nullable=False),
        sa.Column("effort", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_remedies_plan_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["stop_id"], ["plan_stops.id"], name=op.f("fk_plan_remedies_stop_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_remedies")),
    )
    op.create_index(
        "uq_plan_remedies_stop_id_position", "plan_remedies", ["stop_id", "position"], unique=True
    )
    op.create_index("ix_plan_remedies_plan_id", "plan_remedies", ["plan_id"])

    op.create_table(
        "worker_questions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("elder_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("change", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("visits", sa.SmallInteger(), nullable=False),
        sa.Column(
            "state",
            _one_of("questionstate_known", "asked", "accepted", "declined", "withdrawn", "expired"),
            nullable=False,
        ),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (closed_at IS NULL)", name=op.f("ck_worker_questions_closing_is_dated")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_worker_questions_worker_id")),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_worker_questions_area_id")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_worker_questions_plan_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["elder_id"], ["elders.id"], name=op.f("fk_worker_questions_elder_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["users.id"], name=op.f("fk_worker_questions_asked_by_id")),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["users.id"], name=op.f("fk_worker_questions_closed_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_questions")),
    )
    op.create_index(
        "uq_worker_questions_open",
        "worker_questions",
        ["worker_id", "mark"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index("ix_worker_questions_plan_id", "worker_questions", ["plan_id"])


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def downgrade() -> None:
    for table in ("worker_questions", "plan_remedies", "plan_studies"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_availability_exceptions_hours_in_order"), "availability_exceptions")
    op.drop_constraint(op.f("ck_availability_exceptions_hours_in_pairs"), "availability_exceptions")
    op.drop_column("availability_exceptions", "ends")
    op.drop_column("availability_exceptions", "starts")
    op.drop_index("ix_plans_compared_with_id", "plans")
    op.drop_constraint("fk_plans_compared_with_id", "plans")
    op.drop_column("plans", "compared_with_id")
