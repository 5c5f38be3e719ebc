"""What an earlier version sent, gave up or owed, after the upgrade to the outbox."""

import flask_migrate
from sqlalchemy import text

from coordinator.app import create_app
from coordinator.extensions import db
from tests.serving import ROOT, Servers

MIGRATIONS = str(ROOT / "coordinator" / "migrations")
BEFORE = """
INSERT INTO users (id, username, name, password_hash, password_changed_at, must_change_password, is_active,
                   locale, elder_mode, elder_size, created_at)
    VALUES (1, 'zhou', '周敏', 'x', now(), false, true, 'zh', false, 20, now());
INSERT INTO messages (id, user_id, dedupe_key, title, body, created_at)
    SELECT n, 1, 'k' || n, 't', '', now() FROM generate_series(1, 4) n;
INSERT INTO deliveries (id, message_id, channel, state, attempts, sent_at, last_error) VALUES
    (1, 1, 'email', 'sent', 1, '2026-03-01 10:00Z', NULL),
    (2, 2, 'email', 'failed', 6, NULL, repeat('x', 900)),
    (3, 3, 'email', 'owed', 0, NULL, NULL),
    (4, 4, 'sms', 'sent', 1, NULL, NULL);
INSERT INTO owed_jobs (name, key, queue, payload, state, timeout_seconds, attempts, created_at, run_after)
    VALUES ('coordinator.messages.jobs.send_email', '3', 'default', '{"delivery_id": 3}', 'owed', 60, 0,
            now(), now());
"""


def test_nothing_is_lost_and_nothing_sent_again(servers: Servers) -> None:
    servers.postgres.create_database("tanfang_older", template="template0")
    app = create_app(servers.settings("tanfang_older"))
    try:
        with app.app_context():
            flask_migrate.upgrade(directory=MIGRATIONS, revision="0003")
            with db.engine.begin() as connection:
                connection.exec_driver_sql(BEFORE)
            flask_migrate.upgrade(directory=MIGRATIONS)
            with db.engine.connect() as connection:
                rows = connection.execute(
                    text(
                        "SELECT d.id, d.state, p.state, p.problem, p.sent_at IS NOT NULL, d.due_at IS NOT NULL"
                        " FROM deliveries d LEFT JOIN parcels p ON p.id = d.parcel_id ORDER BY d.id"
                    )
                ).all()
                job = connection.execute(text("SELECT name, payload, state FROM owed_jobs")).one()
            db.engine.dispose()
    finally:
        servers.postgres.drop_database("tanfang_older")
    assert [tuple(row) for row in rows] == [
        (1, "packed", "sent", None, True, True),
        (2, "packed", "failed", "away", False, True),
        (3, "owed", None, None, False, True),
        (4, "packed", "sent", None, True, True),
    ]
    assert tuple(job) == ("coordinator.messages.jobs.pack", {"delivery_id": 3}, "owed")
