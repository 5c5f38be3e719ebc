"""The outbox: parcels, group robots, how people want to be told; calendar feeds and revisions of visits."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TRIGGERS = Path(__file__).parent.parent / "sql" / "0004_calendar.sql"


def known(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def moment(name: str, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def number(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def refers(table: str, column: str, other: str, **options: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), **options)


def upgrade() -> None:
    op.add_column("messages", sa.Column("urgent", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("messages", moment("expires_at"))
    op.create_table(
        "group_robots",
        number("id"),
        number("area_id"),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("evening", sa.Boolean(), server_default="true", nullable=False),
        number("added_by_id", nullable=True),
        moment("added_at", nullable=False),
        moment("stopped_at"),
        refers("group_robots", "area_id", "areas"),
        refers("group_robots", "added_by_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_robots")),
    )
    op.create_index("ix_group_robots_area_id", "group_robots", ["area_id"])
    _parcels()
    _deliveries()
    op.create_table(
        "notice_choices",
        number("user_id"),
        sa.Column("email", sa.Boolean(), nullable=False),
        sa.Column("sms", known("smswish_known", "never", "important", "all"), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("digest_at", sa.Time(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=False),
        sa.Column("quiet_to", sa.Time(), nullable=False),
        sa.Column("evening_reminder", sa.Boolean(), nullable=False),
        sa.Column("hour_reminder", sa.Boolean(), nullable=False),
        moment("changed_at", nullable=False),
        refers("notice_choices", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notice_choices")),
    )
    _calendar()


def _parcels() -> None:
    op.create_table(
        "parcels",
        number("id"),
        sa.Column("channel", known("channel_known", "email", "sms", "robot"), nullable=False),
        number("user_id", nullable=True),
        number("robot_id", nullable=True),
        sa.Column("token", sa.String(40), nullable=False),
        sa.Column("dedupe_key", sa.String(120), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column(
            "state",
            known(
                "parcelstate_known", "waiting", "sending", "handed", "sent", "failed", "unclear", "dropped"
            ),
            nullable=False,
        ),
        sa.Column("urgent", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("in_doubt", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        moment("created_at", nullable=False),
        moment("next_try_at"),
        moment("expires_at"),
        moment("handed_at"),
        moment("sent_at"),
        sa.Column("provider_id", sa.String(80), nullable=True),
        sa.Column(
            "problem",
            known("problem_known", "address", "refused", "setup", "away", "late", "unclear"),
            nullable=True,
        ),
        sa.Column("last_error", sa.String(500), nullable=True),
        moment("closed_at"),
        number("closed_by_id", nullable=True),
        sa.CheckConstraint(
            "(channel = 'robot') = (robot_id IS NOT NULL)", name=op.f("ck_parcels_robots_speak_to_groups")
        ),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_parcels_sent_is_dated")
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'unclear')) = (problem IS NOT NULL)",
            name=op.f("ck_parcels_not_arrived_has_a_problem"),
        ),
        refers("parcels", "user_id", "users"),
        refers("parcels", "robot_id", "group_robots"),
        refers("parcels", "closed_by_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcels")),
    )
    op.create_index("uq_parcels_token", "parcels", ["token"], unique=True)
    op.create_index("uq_parcels_dedupe_key", "parcels", ["dedupe_key"], unique=True)
    op.create_index("ix_parcels_user_id_created_at", "parcels", ["user_id", "created_at"])
    op.create_index("ix_parcels_robot_id_sent_at", "parcels", ["robot_id", "sent_at"])
    op.create_index(
        "ix_parcels_not_arrived",
        "parcels",
        ["user_id"],
        postgresql_where="state IN ('failed', 'unclear') AND closed_at IS NULL",
    )


def _deliveries() -> None:
    """What was sent or given up before gets a parcel each; what is owed keeps its job under the new name."""
    op.add_column("deliveries", moment("due_at"))
    op.add_column("deliveries", number("parcel_id", nullable=True))
    op.drop_constraint(op.f("ck_deliveries_channel_known"), "deliveries", type_="check")
    op.drop_constraint(op.f("ck_deliveries_deliverystate_known"), "deliveries", type_="check")
    op.execute(
        "INSERT INTO parcels (channel, user_id, token, state, attempts, created_at, sent_at, problem, last_error)"
        " SELECT d.channel, m.user_id, 'notice-' || d.id, d.state, d.attempts, m.created_at,"
        " CASE WHEN d.state = 'sent' THEN coalesce(d.sent_at, m.created_at) END,"
        " CASE WHEN d.state = 'failed' THEN 'away' END, left(d.last_error, 500)"
        " FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.state <> 'owed'"
    )
    op.execute(
        "UPDATE deliveries d SET parcel_id = p.id, state = 'packed' FROM parcels p"
        " WHERE p.token = 'notice-' || d.id"
    )
    op.execute("UPDATE deliveries d SET due_at = m.created_at FROM messages m WHERE m.id = d.message_id")
    op.alter_column("deliveries", "due_at", nullable=False)
    op.execute(
        "UPDATE owed_jobs SET name = 'coordinator.messages.jobs.pack'"
        " WHERE name = 'coordinator.messages.jobs.send_email'"
    )
    for gone in ("attempts", "sent_at", "last_error"):
        op.drop_column("deliveries", gone)
    op.create_check_constraint(
        op.f("ck_deliveries_channel_known"), "deliveries", "channel IN ('email', 'sms', 'robot')"
    )
    op.create_check_constraint(
        op.f("ck_deliveries_deliverystate_known"), "deliveries", "state IN ('owed', 'packed', 'dropped')"
    )
    op.create_check_constraint(
        op.f("ck_deliveries_packed_has_a_parcel"),
        "deliveries",
        "(state = 'packed') = (parcel_id IS NOT NULL)",
    )
    op.create_foreign_key(op.f("fk_deliveries_parcel_id"), "deliveries", "parcels", ["parcel_id"], ["id"])
    op.create_index("ix_deliveries_parcel_id", "deliveries", ["parcel_id"])


def _calendar() -> None:
    op.create_table(
        "calendar_feeds",
        number("id"),
        number("user_id"),
        sa.Column("kind", known("feedkind_known", "own", "organisation", "area"), nullable=False),
        number("organisation_id", nullable=True),
        number("area_id", nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ending", sa.String(4), nullable=False),
        moment("made_at", nullable=False),
        moment("revoked_at"),
        sa.CheckConstraint(
            "(kind = 'organisation') = (organisation_id IS NOT NULL)",
            name=op.f("ck_calendar_feeds_organisations_feed"),
        ),
        sa.CheckConstraint(
            "(kind = 'area') = (area_id IS NOT NULL)", name=op.f("ck_calendar_feeds_areas_feed")
        ),
        refers("calendar_feeds", "user_id", "users"),
        refers("calendar_feeds", "organisation_id", "organisations"),
        refers("calendar_feeds", "area_id", "areas"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feeds")),
    )
    op.create_index("uq_calendar_feeds_token_hash", "calendar_feeds", ["token_hash"], unique=True)
    op.create_index("ix_calendar_feeds_user_id", "calendar_feeds", ["user_id"])
    op.create_table(
        "visit_revisions",
        number("visit_id"),
        number("revision"),
        moment("changed_at", nullable=False),
        refers("visit_revisions", "visit_id", "visits", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_visit_revisions")),
    )
    op.create_table(
        "assignment_notices",
        number("assignment_id"),
        moment("starts_at", nullable=False),
        sa.Column("off", sa.Boolean(), nullable=False),
        moment("told_at", nullable=False),
        number("told_by_id", nullable=True),
        refers("assignment_notices", "assignment_id", "assignments"),
        refers("assignment_notices", "told_by_id", "users"),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_assignment_notices")),
    )
    op.get_bind().exec_driver_sql(TRIGGERS.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("this revision is not taken back; restore a backup instead")
