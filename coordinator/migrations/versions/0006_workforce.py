"""Joining, drop-outs, waiting lists: codes, invitations, applications, guardians' links, no-shows, swaps, stand-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def known(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def moment(name: str, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def number(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def upgrade() -> None:
    _tables()
    _columns()


def _tables() -> None:
    op.create_table(
        "phone_codes",
        number("id"),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "purpose",
            known("codepurpose_known", "join", "sign_in", "guardian", "password"),
            nullable=False,
        ),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=True),
        moment("sent_at", nullable=False),
        moment("expires_at", nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        moment("used_at"),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_phone_codes_tries_counted")),
        key("phone_codes"),
    )
    op.create_index("ix_phone_codes_address_sent_at", "phone_codes", ["address", "sent_at"])
    op.create_index("ix_phone_codes_sent_at", "phone_codes", ["sent_at"])
    op.create_index(
        "ix_phone_codes_phone_hash_sent_at", "phone_codes", ["phone_hash", "sent_at"], unique=False
    )
    op.create_table(
        "invitations",
        number("id"),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        number("area_id"),
        number("organisation_id", nullable=True),
        sa.Column(
            "kind",
            known(
                "workerkind_known",
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
            ),
            nullable=True,
        ),
        sa.Column("label", sa.String(length=80), nullable=False),
        number("created_by_id"),
        moment("created_at", nullable=False),
        moment("expires_at", nullable=False),
        sa.Column("most_uses", sa.SmallInteger(), nullable=True),
        sa.Column("uses", sa.SmallInteger(), nullable=False),
        moment("ended_at"),
        number("ended_by_id", nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_invitations_expires_later")),
        sa.CheckConstraint(
            "uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)",
            name=op.f("ck_invitations_uses_within_limit"),
        ),
        refers("invitations", "area_id", "areas"),
        refers("invitations", "created_by_id", "users"),
        refers("invitations", "ended_by_id", "users"),
        refers("invitations", "organisation_id", "organisations"),
        key("invitations"),
    )
    op.create_index("ix_invitations_area_id", "invitations", ["area_id"])
    op.create_index("ix_invitations_organisation_id", "invitations", ["organisation_id"])
    op.create_index("uq_invitations_token_hash", "invitations", ["token_hash"], unique=True)
    op.create_table(
        "applications",
        number("id"),
        number("worker_id"),
        number("invitation_id", nullable=True),
        moment("phone_verified_at"),
        moment("notice_accepted_at", nullable=False),
        sa.Column("elder_named", sa.LargeBinary(), nullable=True),
        sa.Column("elder_relation", sa.String(length=30), nullable=True),
        sa.Column("message", sa.String(length=300), nullable=True),
        moment("sent_at", nullable=False),
        moment("returned_at"),
        sa.Column("returned_reason", sa.String(length=200), nullable=True),
        moment("closed_at"),
        number("same_as_id", nullable=True),
        sa.CheckConstraint(
            "(returned_at IS NULL) = (returned_reason IS NULL)",
            name=op.f("ck_applications_returned_with_a_reason"),
        ),
        refers("applications", "invitation_id", "invitations"),
        refers("applications", "same_as_id", "workers"),
        refers("applications", "worker_id", "workers"),
        key("applications"),
    )
    op.create_index(op.f("ix_applications_invitation_id"), "applications", ["invitation_id"])
    op.create_index(op.f("ix_applications_same_as_id"), "applications", ["same_as_id"])
    op.create_index("uq_applications_worker_id", "applications", ["worker_id"], unique=True)
    op.create_table(
        "no_shows",
        number("id"),
        number("assignment_id"),
        number("visit_id"),
        number("worker_id"),
        sa.Column(
            "state",
            known("noshowstate_known", "reported", "recorded", "appealed", "upheld", "lifted"),
            nullable=False,
        ),
        sa.Column("what", sa.String(length=200), nullable=False),
        number("recorded_by_id"),
        moment("recorded_at", nullable=False),
        number("confirmed_by_id", nullable=True),
        moment("confirmed_at"),
        sa.Column("appeal", sa.String(length=500), nullable=True),
        moment("appealed_at"),
        number("decided_by_id", nullable=True),
        moment("decided_at"),
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
        refers("no_shows", "assignment_id", "assignments"),
        refers("no_shows", "confirmed_by_id", "users"),
        refers("no_shows", "decided_by_id", "users"),
        refers("no_shows", "recorded_by_id", "users"),
        refers("no_shows", "visit_id", "visits"),
        refers("no_shows", "worker_id", "workers"),
        key("no_shows"),
    )
    op.create_index("ix_no_shows_worker_id", "no_shows", ["worker_id"])
    op.create_index("ix_no_shows_visit_id", "no_shows", ["visit_id"])
    op.create_index(
        "uq_no_shows_standing",
        "no_shows",
        ["assignment_id"],
        unique=True,
        postgresql_where="state <> 'lifted'",
    )
    op.create_table(
        "stand_in_searches",
        number("id"),
        number("visit_id"),
        number("lost_worker_id", nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        number("started_by_id", nullable=True),
        moment("started_at", nullable=False),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        moment("next_wave_at"),
        moment("ended_at"),
        sa.Column(
            "outcome",
            known("searchoutcome_known", "found", "stopped", "nobody"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_stand_in_searches_ended_with_an_outcome")
        ),
        refers("stand_in_searches", "lost_worker_id", "workers"),
        refers("stand_in_searches", "started_by_id", "users"),
        refers("stand_in_searches", "visit_id", "visits"),
        key("stand_in_searches"),
    )
    op.create_index(op.f("ix_stand_in_searches_visit_id"), "stand_in_searches", ["visit_id"])
    op.create_index(
        "uq_stand_in_searches_running",
        "stand_in_searches",
        ["visit_id"],
        unique=True,
        postgresql_where="ended_at IS NULL",
    )
    op.create_table(
        "swaps",
        number("id"),
        number("visit_id"),
        number("giver_id"),
        number("taker_id"),
        sa.Column(
            "state",
            known(
                "swapstate_known", "offered", "agreed", "done", "declined", "refused", "withdrawn", "expired"
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=True),
        moment("offered_at", nullable=False),
        moment("answered_at"),
        number("decided_by_id", nullable=True),
        moment("decided_at"),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "state <> 'refused' OR reason IS NOT NULL", name=op.f("ck_swaps_refusal_needs_a_reason")
        ),
        sa.CheckConstraint("giver_id <> taker_id", name=op.f("ck_swaps_two_different_people")),
        refers("swaps", "decided_by_id", "users"),
        refers("swaps", "giver_id", "workers"),
        refers("swaps", "taker_id", "workers"),
        refers("swaps", "visit_id", "visits"),
        key("swaps"),
    )
    op.create_index("ix_swaps_giver_id_state", "swaps", ["giver_id", "state"])
    op.create_index("ix_swaps_taker_id_state", "swaps", ["taker_id", "state"])
    op.create_index(
        "uq_swaps_waiting",
        "swaps",
        ["visit_id", "giver_id"],
        unique=True,
        postgresql_where="state IN ('offered', 'agreed')",
    )
    op.create_table(
        "guardian_links",
        number("id"),
        number("worker_id"),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("relation", sa.String(length=30), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        number("asked_by_id", nullable=True),
        moment("asked_at", nullable=False),
        moment("expires_at", nullable=False),
        moment("confirmed_at"),
        moment("refused_at"),
        moment("ended_at"),
        number("guardian_id", nullable=True),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (guardian_id IS NULL)",
            name=op.f("ck_guardian_links_confirmed_is_a_consent"),
        ),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR refused_at IS NULL", name=op.f("ck_guardian_links_one_answer")
        ),
        refers("guardian_links", "asked_by_id", "users"),
        refers("guardian_links", "guardian_id", "guardians"),
        refers("guardian_links", "worker_id", "workers"),
        key("guardian_links"),
    )
    op.create_index("ix_guardian_links_worker_id", "guardian_links", ["worker_id"])
    op.create_index("uq_guardian_links_guardian_id", "guardian_links", ["guardian_id"], unique=True)
    op.create_index("uq_guardian_links_token_hash", "guardian_links", ["token_hash"], unique=True)
    op.create_table(
        "stand_in_asks",
        number("id"),
        number("search_id"),
        number("worker_id"),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("added_seconds", sa.Integer(), nullable=True),
        moment("asked_at", nullable=False),
        moment("answered_at"),
        sa.Column(
            "answer",
            known("askanswer_known", "yes", "no", "late"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answer IS NULL)", name=op.f("ck_stand_in_asks_answer_is_dated")
        ),
        refers("stand_in_asks", "search_id", "stand_in_searches"),
        refers("stand_in_asks", "worker_id", "workers"),
        key("stand_in_asks"),
    )
    op.create_index("ix_stand_in_asks_worker_id", "stand_in_asks", ["worker_id"])
    op.create_index(
        "uq_stand_in_asks_search_id_worker_id", "stand_in_asks", ["search_id", "worker_id"], unique=True
    )
    op.create_table(
        "credential_papers",
        number("id"),
        number("credential_id"),
        sa.Column("mime", sa.String(length=40), nullable=False),
        number("size"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        moment("uploaded_at", nullable=False),
        sa.CheckConstraint(
            "mime IN ('image/jpeg', 'image/png', 'application/pdf')",
            name=op.f("ck_credential_papers_kinds_of_file"),
        ),
        refers("credential_papers", "credential_id", "credentials"),
        key("credential_papers"),
    )
    op.create_index(op.f("ix_credential_papers_credential_id"), "credential_papers", ["credential_id"])


def _columns() -> None:
    op.drop_index("uq_availability_worker_id_weekday", "availability")
    op.create_index(
        "uq_availability_worker_id_weekday_starts",
        "availability",
        ["worker_id", "weekday", "starts"],
        unique=True,
    )
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
    op.add_column("credentials", moment("declared_at"))
    op.add_column("credentials", moment("refused_at"))
    op.add_column("credentials", sa.Column("refused_reason", sa.String(length=200), nullable=True))
    op.add_column("guardians", moment("confirmed_at"))
    op.add_column("guardians", sa.Column("birth_date", sa.Date(), nullable=True))
    op.add_column(
        "service_contacts",
        sa.Column(
            "part",
            known("contactpart_known", "main", "helper"),
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
    op.add_column("workers", sa.Column("school_named", sa.String(length=80), nullable=True))
    op.drop_constraint(op.f("ck_workers_students_have_a_school"), "workers")
    op.create_check_constraint(
        op.f("ck_workers_students_have_a_school"),
        "workers",
        "kind <> 'student' OR organisation_id IS NOT NULL OR school_named IS NOT NULL",
    )
    op.add_column("workers", number("tied_elder_id", nullable=True))
    op.add_column("workers", moment("identity_verified_at"))
    op.add_column("workers", number("identity_verified_by_id", nullable=True))
    op.create_index(op.f("ix_workers_tied_elder_id"), "workers", ["tied_elder_id"])
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
    op.add_column("import_batches", number("organisation_id", nullable=True))
    op.create_index(op.f("ix_import_batches_organisation_id"), "import_batches", ["organisation_id"])
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
