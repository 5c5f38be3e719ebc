"""Joining, drop-outs, waiting lists: codes, invitations, applications, guardians' links, no-shows, swaps, stand-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tables()
    _columns()


def _tables() -> None:
    op.create_table(
        "phone_codes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "join",
                "sign_in",
                "guardian",
                name="codepurpose_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_phone_codes_tries_counted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_codes")),
    )
    op.create_index("ix_phone_codes_address_sent_at", "phone_codes", ["address", "sent_at"], unique=False)
    op.create_index(
        "ix_phone_codes_phone_hash_sent_at", "phone_codes", ["phone_hash", "sent_at"], unique=False
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "committee_member",
                "grid_member",
                "family_doctor",
                "care_staff",
                "social_worker",
                "volunteer",
                "student",
                "party_member",
                "younger_senior",
                "neighbour",
                "relative",
                "senior_association",
                "owners_committee",
                "property_staff",
                "courier",
                "office_staff",
                "civil_affairs",
                "charity",
                name="workerkind_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("most_uses", sa.SmallInteger(), nullable=True),
        sa.Column("uses", sa.SmallInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_invitations_expires_later")),
        sa.CheckConstraint(
            "uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)",
            name=op.f("ck_invitations_uses_within_limit"),
        ),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_invitations_area_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_invitations_created_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["users.id"], name=op.f("fk_invitations_ended_by_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_invitations_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index("ix_invitations_area_id", "invitations", ["area_id"], unique=False)
    op.create_index("ix_invitations_organisation_id", "invitations", ["organisation_id"], unique=False)
    op.create_index("uq_invitations_token_hash", "invitations", ["token_hash"], unique=True)
    op.create_table(
        "applications",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("invitation_id", sa.BigInteger(), nullable=True),
        sa.Column("phone_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("elder_named", sa.LargeBinary(), nullable=True),
        sa.Column("elder_relation", sa.String(length=30), nullable=True),
        sa.Column("message", sa.String(length=300), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_reason", sa.String(length=200), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(returned_at IS NULL) = (returned_reason IS NULL)",
            name=op.f("ck_applications_returned_with_a_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_applications_invitation_id")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_applications_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index(op.f("ix_applications_invitation_id"), "applications", ["invitation_id"], unique=False)
    op.create_index("uq_applications_worker_id", "applications", ["worker_id"], unique=True)
    op.create_table(
        "no_shows",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "reported",
                "recorded",
                "appealed",
                "upheld",
                "lifted",
                name="noshowstate_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeal", sa.String(length=500), nullable=True),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(state IN ('upheld', 'lifted')) = (decided_at IS NOT NULL) AND (decided_at IS NULL) = (decision IS NULL)",
            name=op.f("ck_no_shows_decision_is_dated"),
        ),
        sa.CheckConstraint(
            "state <> 'appealed' OR appealed_at IS NOT NULL", name=op.f("ck_no_shows_appealed_is_dated")
        ),
        sa.CheckConstraint(
            "(appealed_at IS NULL) = (appeal IS NULL)", name=op.f("ck_no_shows_appeal_in_words")
        ),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_id IS NULL)"
            " AND (state NOT IN ('recorded', 'appealed', 'upheld') OR confirmed_at IS NOT NULL)"
            " AND (state <> 'reported' OR confirmed_at IS NULL)",
            name=op.f("ck_no_shows_stands_on_a_word"),
        ),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_no_shows_assignment_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["users.id"], name=op.f("fk_no_shows_confirmed_by_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_no_shows_decided_by_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["users.id"], name=op.f("fk_no_shows_recorded_by_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_no_shows_visit_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_no_shows_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_no_shows")),
    )
    op.create_index("ix_no_shows_worker_id", "no_shows", ["worker_id"], unique=False)
    op.create_index("ix_no_shows_visit_id", "no_shows", ["visit_id"], unique=False)
    op.create_index("uq_no_shows_assignment_id", "no_shows", ["assignment_id"], unique=True)
    op.create_table(
        "stand_in_searches",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("lost_worker_id", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("started_by_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        sa.Column("next_wave_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "found",
                "stopped",
                "nobody",
                name="searchoutcome_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_stand_in_searches_ended_with_an_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["lost_worker_id"], ["workers.id"], name=op.f("fk_stand_in_searches_lost_worker_id")
        ),
        sa.ForeignKeyConstraint(
            ["started_by_id"], ["users.id"], name=op.f("fk_stand_in_searches_started_by_id")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_stand_in_searches_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stand_in_searches")),
    )
    op.create_index(op.f("ix_stand_in_searches_visit_id"), "stand_in_searches", ["visit_id"], unique=False)
    op.create_index(
        "uq_stand_in_searches_running",
        "stand_in_searches",
        ["visit_id"],
        unique=True,
        postgresql_where="ended_at IS NULL",
    )
    op.create_table(
        "swaps",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("giver_id", sa.BigInteger(), nullable=False),
        sa.Column("taker_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "offered",
                "agreed",
                "done",
                "declined",
                "refused",
                "withdrawn",
                "expired",
                name="swapstate_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "state <> 'refused' OR reason IS NOT NULL", name=op.f("ck_swaps_refusal_needs_a_reason")
        ),
        sa.CheckConstraint("giver_id <> taker_id", name=op.f("ck_swaps_two_different_people")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_swaps_decided_by_id")),
        sa.ForeignKeyConstraint(["giver_id"], ["workers.id"], name=op.f("fk_swaps_giver_id")),
        sa.ForeignKeyConstraint(["taker_id"], ["workers.id"], name=op.f("fk_swaps_taker_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_swaps_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swaps")),
    )
    op.create_index("ix_swaps_giver_id_state", "swaps", ["giver_id", "state"], unique=False)
    op.create_index("ix_swaps_taker_id_state", "swaps", ["taker_id", "state"], unique=False)
    op.create_index(
        "uq_swaps_waiting",
        "swaps",
        ["visit_id", "giver_id"],
        unique=True,
        postgresql_where="state IN ('offered', 'agreed')",
    )
    op.create_table(
        "guardian_links",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("relation", sa.String(length=30), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guardian_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (guardian_id IS NULL)",
            name=op.f("ck_guardian_links_confirmed_is_a_consent"),
        ),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR refused_at IS NULL", name=op.f("ck_guardian_links_one_answer")
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["users.id"], name=op.f("fk_guardian_links_asked_by_id")),
        sa.ForeignKeyConstraint(
            ["guardian_id"], ["guardians.id"], name=op.f("fk_guardian_links_guardian_id")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_guardian_links_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_links")),
    )
    op.create_index("ix_guardian_links_worker_id", "guardian_links", ["worker_id"], unique=False)
    op.create_index("uq_guardian_links_guardian_id", "guardian_links", ["guardian_id"], unique=True)
    op.create_index("uq_guardian_links_token_hash", "guardian_links", ["token_hash"], unique=True)
    op.create_table(
        "stand_in_asks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("search_id", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("added_seconds", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "answer",
            sa.Enum(
                "yes",
                "no",
                "late",
                name="askanswer_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answer IS NULL)", name=op.f("ck_stand_in_asks_answer_is_dated")
        ),
        sa.ForeignKeyConstraint(
            ["search_id"], ["stand_in_searches.id"], name=op.f("fk_stand_in_asks_search_id")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_stand_in_asks_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stand_in_asks")),
    )
    op.create_index("ix_stand_in_asks_worker_id", "stand_in_asks", ["worker_id"], unique=False)
    op.create_index(
        "uq_stand_in_asks_search_id_worker_id", "stand_in_asks", ["search_id", "worker_id"], unique=True
    )


def _columns() -> None:
    op.add_column("claims", sa.Column("by_rule", sa.Boolean(), server_default="false", nullable=False))
    op.create_index(
        "uq_claims_queued",
        "claims",
        ["visit_id", "worker_id"],
        unique=True,
        postgresql_where="state = 'queued'",
    )
    op.add_column("credentials", sa.Column("stands", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("credentials", sa.Column("answers", sa.LargeBinary(), nullable=True))
    op.add_column("credentials", sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("credentials", sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("credentials", sa.Column("refused_reason", sa.String(length=200), nullable=True))
    op.add_column("guardians", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("guardians", sa.Column("birth_date", sa.Date(), nullable=True))
    op.add_column(
        "service_contacts",
        sa.Column(
            "part",
            sa.Enum(
                "main",
                "helper",
                name="contactpart_known",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="main",
            nullable=False,
        ),
    )
    op.create_index(
        "uq_service_contacts_once",
        "service_contacts",
        ["elder_id", "worker_id"],
        unique=True,
        postgresql_where="until IS NULL",
    )
    op.add_column(
        "workers", sa.Column("wanted", sa.ARRAY(sa.String(length=30)), server_default="{}", nullable=False)
    )
    op.add_column("workers", sa.Column("tied_elder_id", sa.BigInteger(), nullable=True))
    op.add_column("workers", sa.Column("identity_verified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("workers", sa.Column("identity_verified_by_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_workers_tied_elder_id"), "workers", ["tied_elder_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_workers_identity_verified_by_id"), "workers", "users", ["identity_verified_by_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_workers_tied_elder_id"), "workers", "elders", ["tied_elder_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_workers_identity_seen_by_somebody"),
        "workers",
        "(identity_verified_at IS NULL) = (identity_verified_by_id IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_credentials_refused_with_a_reason"),
        "credentials",
        "(refused_at IS NULL) = (refused_reason IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_credentials_refused_does_not_stand"), "credentials", "refused_at IS NULL OR NOT stands"
    )
    op.drop_index("uq_service_contacts_current", "service_contacts")
    op.create_index(
        "uq_service_contacts_current",
        "service_contacts",
        ["elder_id"],
        unique=True,
        postgresql_where="until IS NULL AND part = 'main'",
    )
    op.add_column("import_batches", sa.Column("organisation_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_import_batches_organisation_id"), "import_batches", ["organisation_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_import_batches_organisation_id"),
        "import_batches",
        "organisations",
        ["organisation_id"],
        ["id"],
    )
    op.drop_constraint(op.f("ck_import_batches_importkind_known"), "import_batches")
    op.create_check_constraint(
        op.f("ck_import_batches_importkind_known"),
        "import_batches",
        "kind IN ('elders', 'workers', 'roster', 'source_health', 'source_disabled', 'source_relief',"
        " 'source_ability', 'source_other')",
    )
    op.create_check_constraint(
        op.f("ck_import_batches_rosters_have_an_organisation"),
        "import_batches",
        "(kind = 'roster') = (organisation_id IS NOT NULL)",
    )
    op.drop_constraint(op.f("ck_claims_claimstate_known"), "claims")
    # a waiting list of its own state
    op.create_check_constraint(
        op.f("ck_claims_claimstate_known"),
        "claims",
        "state IN ('queued', 'pending', 'approved', 'refused', 'withdrawn')",
    )
    op.drop_constraint(op.f("ck_claims_decision_is_dated"), "claims")
    op.create_check_constraint(
        op.f("ck_claims_decision_is_dated"),
        "claims",
        "(state NOT IN ('approved', 'refused') OR decided_at IS NOT NULL)"
        " AND (state NOT IN ('queued', 'pending') OR decided_at IS NULL)",
    )


def downgrade() -> None:
    raise RuntimeError("this revision is not taken back; restore a backup instead")
