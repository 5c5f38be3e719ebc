"""The database: migrations equal to the models, protected fields encrypted, rules that hold without the code."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import flask_migrate
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError, IntegrityError

import coordinator.models as _models
from coordinator.app import create_app
from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind, PresenceMethod
from coordinator.hours.models import EntryKind, Evidence, HoursEntry
from coordinator.kernel.crypto import EncryptedBytes, EncryptedJson, EncryptedText
from coordinator.kernel.queue import OwedJob, OwedState
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker
from tests import factories
from tests.serving import ROOT, Servers

MIGRATIONS = ROOT / "coordinator" / "migrations"
assert _models  # mapped, so that metadata is whole

# --- migrations ------------------------------------------------------------------------------------------


def test_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_migrations_equal_the_models_from_empty(servers: Servers) -> None:
    """Upgrade an empty database and compare: nothing left to generate."""
    servers.postgres.create_database("tanfang_upgraded", template="template0")
    app = create_app(servers.settings("tanfang_upgraded"))
    try:
        with app.app_context():
            flask_migrate.upgrade(directory=str(MIGRATIONS))
            flask_migrate.check(directory=str(MIGRATIONS))
            tables = set(inspect(db.engine).get_table_names())
            db.engine.dispose()
        assert tables == {*db.metadata.tables, "alembic_version"}
    finally:
        servers.postgres.drop_database("tanfang_upgraded")


# --- protected fields ------------------------------------------------------------------------------------

# Personal data that a lost database must not give away. A new column of this kind is added here and encrypted.
ENCRYPTED = {
    "applications.elder_named",
    "category_answers.reason",
    "certificates.content",
    "consents.note",
    "credential_papers.content",
    "credentials.answers",
    "credentials.number",
    "disability_certificates.kind",
    "disability_certificates.number",
    "dossier_merges.before",
    "dossier_papers.content",
    "dossier_versions.content",
    "elder_categories.evidence",
    "elder_devices.identifier",
    "elders.id_number",
    "elders.medical_history",
    "elders.notes",
    "elders.only_child",
    "elders.phone",
    "elders.psych_result",
    "elders.relief_given",
    "elders.support_delegate",
    "elders.support_given",
    "elders.upheaval_note",
    "emergency_contacts.phone",
    "external_records.values",
    "first_visiting_contacts.phone",
    "group_robots.key",
    "guardian_links.phone",
    "guardian_links.token",
    "guardians.phone",
    "household_members.health",
    "household_members.id_number",
    "import_files.content",
    "import_rows.cells",
    "import_rows.details",
    "import_rows.problems",
    "import_rows.values",
    "invitations.token",
    "parcels.address",
    "parcels.content",
    "record_revisions.answers",
    "survey_items.note",
    "survey_items.person",
    "users.phone",
    "users.totp_secret",
    "visit_drafts.answers",
    "visit_records.answers",
    "visit_records.follow_up",
    "visits.contact_note",
    "workers.id_number",
    "workers.phone",
}
# Columns that sound personal and are not, or are needed in clear.
IN_CLEAR = {
    "applications.phone_verified_at": "a moment",
    "swaps.note": "what one worker writes to another about a swap",
    "areas.emergency_phone": "printed on route sheets",
    "organisations.issuer_phone": "printed on certificates",
    "elders.health": "good or poor: the rules count by it",
    "users.email": "where mail is sent to; an account's own",
    "notice_choices.email": "a yes or no",
    "import_rows.number": "the number of the row",
    "certificates.number": "printed to be checked",
    "hours_entries.number": "a running number",
    "route_sheets.number": "a running number",
    "workers.volunteer_number": "the number of 志愿汇, shown on lists",
    "workers.student_number": "the school's own number, shown to the school",
    "workers.notes": "what a coordinator notes about availability",
    "availability_exceptions.note": "why a worker is away",
    "presences.note": "why a place is not shown",
    "policy_versions.content": "a public document",
    "presences.phone_at": "a time",
    "dossier_versions.number": "a running number",
    "elder_devices.note": "where a device hangs",
    "external_records.row_number": "the number of the row",
    "surge_events.note": "what is said to everybody",
}
SOUNDS_PERSONAL = (
    "phone",
    "id_number",
    "number",
    "note",
    "health",
    "medical",
    "answers",
    "content",
    "email",
    "secret",
)


def test_protected_columns_are_encrypted() -> None:
    found, doubtful = set(), set()
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            name = f"{table.name}.{column.name}"
            if isinstance(column.type, EncryptedText | EncryptedJson | EncryptedBytes):
                found.add(name)
                assert column.type.context == name, "a ciphertext is bound to its own column"
            elif any(word in column.name for word in SOUNDS_PERSONAL) and not column.name.endswith(
                ("_hash", "_sha256")
            ):
                doubtful.add(name)
    assert found == ENCRYPTED
    assert doubtful == set(IN_CLEAR), "encrypt it, or say why not"


def test_nothing_personal_lies_in_the_database_in_clear(db_session: Any) -> None:
    """What is written by the models cannot be read with a database console."""
    tree = factories.make_area_tree()
    factories.make_elder(
        tree.community, id_number="510502194403024527", phone="13900001234", medical_history="高血压二级"
    )
    row = db_session.execute(text("SELECT * FROM elders")).one()
    bare = b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    for secret in ("510502194403024527", "13900001234", "高血压"):
        assert secret.encode() not in bare


# --- rules of the database -------------------------------------------------------------------------------

DAY = date(2025, 3, 6)


def make_visit(elder: Any, start: time = time(9, 0), **over: Any) -> Visit:
    starts_at, ends_at = factories.visit_times(DAY, start)
    visit = Visit(elder=elder, area_id=elder.area_id, **({"starts_at": starts_at, "ends_at": ends_at} | over))
    db.session.add(visit)
    db.session.flush()
    return visit


def assign(visit: Visit, worker: Worker, **over: Any) -> Assignment:
    assignment = Assignment(
        **({"visit": visit, "worker": worker, "during": Range(visit.starts_at, visit.ends_at)} | over)
    )
    db.session.add(assignment)
    db.session.flush()
    return assignment


def attend(visit: Visit, worker: Worker, kind: PresenceKind, at: datetime) -> None:
    db.session.add(
        Presence(
            visit=visit, worker=worker, kind=kind, method=PresenceMethod.WORD, client_uuid=uuid4(), at=at
        )
    )
    db.session.flush()


def enter(visit: Visit, worker: Worker, minutes: int) -> HoursEntry:
    entry = HoursEntry(
        number=f"S-{uuid4().hex[:8]}",
        worker=worker,
        visit=visit,
        kind=EntryKind.SERVICE,
        service_on=DAY,
        minutes_present=minutes,
        minutes=minutes,
        evidence=Evidence.FAIR,
        position=1,
        hash=b"0" * 32,
    )
    db.session.add(entry)
    db.session.flush()
    return entry


CLOSED = {
    "state": VisitState.COMPLETED,
    "contact_on": DAY,
    "contact_mode": ContactMode.HOME,
    "contact_outcome": ContactOutcome.COMPLETED,
    "sequence": 1,
}


@pytest.fixture
def pair(db_session: Any) -> tuple[Any, Worker]:
    tree = factories.make_area_tree()
    return factories.make_elder(tree.community), factories.make_worker(tree.street)


def test_append_only_tables_refuse_change(pair: tuple[Any, Worker], db_session: Any) -> None:
    """Every table whose trigger says so, with a row in it; the triggers themselves are read from the database."""
    listed = db_session.scalars(
        text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only' ORDER BY 1")
    ).all()
    assert set(listed) == {
        "audit_entries",
        "coverage_snapshots",
        "dossier_merges",
        "dossier_versions",
        "hours_entries",
        "policy_versions",
        "presences",
        "record_revisions",
    }
    elder, worker = pair
    visit = make_visit(elder, **CLOSED)
    attend(visit, worker, PresenceKind.ARRIVED, visit.starts_at)
    attend(visit, worker, PresenceKind.LEFT, visit.starts_at + timedelta(minutes=30))
    enter(visit, worker, 30)
    other = factories.make_elder(elder.area)
    for statement in (
        "INSERT INTO audit_entries (at, actor_name, action, object_type, summary)"
        " VALUES (now(), 'x', 'x', 'x', 'x')",
        "INSERT INTO coverage_snapshots (area_id, month, elders, contacted, all_met, taken_at)"
        " VALUES (:area, '2025-03-01', 1, 1, 1, now())",
        "INSERT INTO dossier_merges (kept_id, closed_id, before, merged_at) VALUES (:elder, :other, 'x', now())",
        "INSERT INTO dossier_versions (elder_id, number, at, actor_name, source, content)"
        " VALUES (:elder, 99, now(), 'x', 'manual', 'x')",
        "INSERT INTO policy_versions (pack, version, valid_from, sha256, content, stored_at)"
        " VALUES ('x', '1', '2025-01-01', 'x', 'x', now())",
        "INSERT INTO visit_records (visit_id, worker_id, client_uuid, form, answers, needs_follow_up, state,"
        " submitted_at) VALUES (:visit, :worker, gen_random_uuid(), 'x', 'x', false, 'submitted', now())",
        "INSERT INTO record_revisions (record_id, answers, reason, replaced_at)"
        " SELECT id, 'x', 'x', now() FROM visit_records",
    ):
        ids = {"area": elder.area_id, "elder": elder.id, "visit": visit.id, "worker": worker.id}
        ids["other"] = other.id
        db_session.execute(text(statement), {name: ids[name] for name in ids if f":{name}" in statement})
    for table in listed:
        column = db_session.scalar(
            text("SELECT attname FROM pg_attribute WHERE attrelid = (:t)::regclass AND attnum = 1"),
            {"t": table},
        )
        for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):  # noqa: S608
            with pytest.raises(DBAPIError, match="never changed or deleted"), db_session.begin_nested():
                db_session.execute(text(change))


class TestHoursNeedEvidence:
    def test_no_closed_visit(self, pair: tuple[Any, Worker]) -> None:
        elder, worker = pair
        with pytest.raises(IntegrityError, match="no hours without"):
            enter(make_visit(elder), worker, 30)

    def test_no_departure(self, pair: tuple[Any, Worker]) -> None:
        elder, worker = pair
        visit = make_visit(elder, **CLOSED)
        attend(visit, worker, PresenceKind.ARRIVED, visit.starts_at)
        with pytest.raises(IntegrityError, match="no hours without"):
            enter(visit, worker, 30)

    @pytest.mark.parametrize(("minutes", "fits"), [(30, True), (31, True), (32, False)])
    def test_never_more_than_the_time_there(self, pair: tuple[Any, Worker], minutes: int, fits: bool) -> None:
        elder, worker = pair
        visit = make_visit(elder, **CLOSED)
        attend(visit, worker, PresenceKind.ARRIVED, visit.starts_at)
        attend(visit, worker, PresenceKind.LEFT, visit.starts_at + timedelta(minutes=30))
        if fits:
            assert enter(visit, worker, minutes).id
        else:
            with pytest.raises(IntegrityError, match="more hours than"):
                enter(visit, worker, minutes)


class TestMinorNeedsAdult:
    """Checked at commit; `SET CONSTRAINTS` brings the check forward."""

    @pytest.fixture
    def minor(self, pair: tuple[Any, Worker]) -> Worker:
        return factories.make_worker(
            pair[1].area, birth_date=DAY.replace(year=DAY.year - 18) + timedelta(days=1)
        )

    def check_now(self, db_session: Any) -> None:
        db_session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))

    def test_alone(self, pair: tuple[Any, Worker], minor: Worker, db_session: Any) -> None:
        assign(make_visit(pair[0]), minor)
        with pytest.raises(IntegrityError, match="a minor is never alone"):
            self.check_now(db_session)

    def test_beside_an_adult(self, pair: tuple[Any, Worker], minor: Worker, db_session: Any) -> None:
        visit = make_visit(pair[0], people=2)
        assign(visit, minor, is_companion=True)
        adult = assign(visit, pair[1])
        self.check_now(db_session)
        with pytest.raises(IntegrityError, match="a minor is never alone"):
            db_session.execute(text(f"UPDATE assignments SET state = 'withdrawn' WHERE id = {adult.id}"))  # noqa: S608

    def test_by_telephone(self, pair: tuple[Any, Worker], minor: Worker, db_session: Any) -> None:
        assign(make_visit(pair[0], mode=ContactMode.PHONE), minor)
        self.check_now(db_session)

    def test_on_the_eighteenth_birthday(self, pair: tuple[Any, Worker], db_session: Any) -> None:
        assign(
            make_visit(pair[0]),
            factories.make_worker(pair[1].area, birth_date=DAY.replace(year=DAY.year - 18)),
        )
        self.check_now(db_session)


class TestOnePlaceAtATime:
    def test_overlapping(self, pair: tuple[Any, Worker]) -> None:
        elder, worker = pair
        assign(make_visit(elder), worker)
        with pytest.raises(IntegrityError, match="one_place_at_a_time"):
            assign(make_visit(elder, time(9, 29)), worker)

    def test_one_after_the_other(self, pair: tuple[Any, Worker]) -> None:
        elder, worker = pair
        assign(make_visit(elder), worker)
        assert assign(make_visit(elder, time(9, 30)), worker).id

    def test_another_worker(self, pair: tuple[Any, Worker]) -> None:
        elder, worker = pair
        assign(make_visit(elder), worker)
        assert assign(make_visit(elder), factories.make_worker(worker.area)).id


def test_one_owed_job_per_name_and_key(db_session: Any) -> None:
    db_session.add(OwedJob(name="a", key="1", state=OwedState.OWED))
    db_session.flush()
    db_session.add(OwedJob(name="a", key="1", state=OwedState.OWED))
    with pytest.raises(IntegrityError, match="uq_owed_jobs_name_key"):
        db_session.flush()
